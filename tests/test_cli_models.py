"""`librarian models`: what is added, listed, verified, packed and removed, and what is refused."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from harness import Archive
from scaling import GAINS, folder_of, scaling

from librarian.cli.doctor import models


@pytest.fixture
def project(archive: Archive, tmp_path: Path) -> Archive:
    """A project with an extension that knows the models `loud` and `quiet`."""
    scaling(tmp_path / "site", archive)
    archive.librarian("init")
    return archive


def listed(archive: Archive, *more: str) -> list[dict]:
    return json.loads(archive.librarian("models", "list", "--json", *more).stdout)


def store(archive: Archive) -> Path:
    return Path(archive.environment["LIBRARIAN_MODELS"])


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_becomes_a_model(project: Archive, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "Anna Oberhauser's models", "loud")
    done = project.librarian("models", "add", str(folder))
    assert done.stderr.startswith("loud: 4 B, CC0-1.0, in models.lock\n")  # name, licence and loader are known
    (model,) = listed(project)
    assert (model["name"], model["licence"], model["loader"], model["state"]) == ("loud", "CC0-1.0", "gain", "here")
    assert (model["source"], [file["name"] for file in model["files"]]) == ("", ["gain.txt"])
    assert project.librarian("models", "list").stdout == "  loud  gain  CC0-1.0  1 file, 4 B  here\n"
    written = [*project.files(".").values(), *files_in(store(project)).values()]
    assert not any(b"Oberhauser" in each for each in written)
    assert not any("Oberhauser" in name for name in (*project.files("."), *files_in(store(project))))


def test_a_model_that_nobody_knows_says_itself_what_it_is(project: Archive, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "mine")
    said = project.librarian("models", "add", str(folder.parent / "site"), code=2).stderr
    assert "no extension knows these files; say what it is: --name NAME" in said
    more = ["--licence", "CC-BY-NC-4.0", "--loader", "gain"]
    project.librarian("models", "add", str(folder), "--name", "mine", *more)
    (model,) = listed(project)
    assert (model["name"], model["licence"], model["loader"]) == ("mine", "CC-BY-NC-4.0", "gain")
    assert "must match" in project.librarian("models", "add", str(folder), "--name", "My Own", code=2).stderr


def test_a_name_that_reads_like_somebodys_is_refused(project: Archive, tmp_path: Path) -> None:
    said = project.librarian("models", "add", str(folder_of(tmp_path, "mine")), "--name", "m15550148822", code=4)
    assert "reads like a name" in said.stderr
    assert listed(project) == []


def test_a_known_model_has_the_files_that_it_is_known_by(project: Archive, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "loud")
    (folder / "config.py").write_text("import os")
    said = project.librarian("models", "add", str(folder), code=4).stderr
    assert "loud is known without config.py; leave out what does not belong to it" in said
    project.librarian("models", "add", str(folder), "--also", "config.py")
    (folder / "config.py").unlink()
    (folder / "gain.txt").write_text("9.0\n")
    said = project.librarian("models", "add", str(folder), "--replace", code=4).stderr
    assert "gain.txt is not the file that loud is known by: its sha256 begins with" in said
    said = project.librarian("models", "add", str(folder), "--name", "quiet", code=5).stderr
    assert said == "librarian: of quiet there is no more/notes.txt\n"
    said = project.librarian("models", "add", str(folder), "--name", "quiet", "--loader", "other", code=2).stderr
    assert "quiet is known as gain" in said
    assert [len(model["files"]) for model in listed(project)] == [2]


def test_a_name_is_not_given_to_other_files_unasked(project: Archive, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "mine")
    add = ["models", "add", str(folder), "--name", "mine"]
    project.librarian(*add)
    (first,) = listed(project)
    project.librarian(*add)  # the same again changes nothing
    (folder / "gain.txt").write_text("1.6\n")
    assert "in models.lock with other files" in project.librarian(*add, code=4).stderr
    assert listed(project) == [first]
    folder_of(tmp_path, "mine")
    said = project.librarian(*add, "--loader", "gain", code=4).stderr
    assert "mine is in models.lock with the loader (none); give these files another --name" in said
    (folder / "gain.txt").write_text("1.6\n")
    project.librarian(*add, "--replace")
    assert listed(project)[0]["digest"] != first["digest"]


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: (folder / "x").symlink_to("/etc/passwd"), id="a link"),
        pytest.param(lambda folder: (folder / "x").symlink_to("/etc"), id="a link to a folder"),
        pytest.param(lambda folder: os.mkfifo(folder / "x"), id="a pipe"),
        pytest.param(lambda folder: (folder / ".git").mkdir() or (folder / ".git" / "x").touch(), id="hidden"),
        pytest.param(lambda folder: (folder / "Anna Oberhauser.bin").touch(), id="a name"),
    ],
)
def test_what_is_no_models_file_is_refused(project: Archive, tmp_path: Path, spoil: Spoil) -> None:
    folder = folder_of(tmp_path, "mine")
    spoil(folder)
    said = project.librarian("models", "add", str(folder), "--name", "mine", code=4).stderr
    assert said.count("\n") == 1
    assert "Oberhauser" not in said
    assert listed(project) == []
    assert files_in(store(project)) == {}


def tar(path: Path, *entries: tarfile.TarInfo, content: bytes = b"1.5\n") -> Path:
    with tarfile.open(path, "w") as archive:
        for entry in entries:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content))
    return path


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([entry("../gain.txt")], id="above"),
        pytest.param([entry("/tmp/gain.txt")], id="absolute"),
        pytest.param([entry("gain.txt", tarfile.SYMTYPE, "/etc/passwd")], id="a link"),
        pytest.param([entry("gain.txt"), entry("x", tarfile.LNKTYPE, "gain.txt")], id="a hard link"),
        pytest.param([entry("gain.txt", tarfile.CHRTYPE)], id="a device"),
        pytest.param([entry("gain.txt", tarfile.FIFOTYPE)], id="a pipe"),
        pytest.param([entry("gain.txt"), entry("./gain.txt")], id="twice"),
    ],
)
def test_an_archive_that_reaches_out_is_refused(
    project: Archive, tmp_path: Path, entries: list[tarfile.TarInfo]
) -> None:
    path = tar(tmp_path / "in.tar", *entries)
    project.librarian("models", "add", str(path), "--name", "mine", code=4)
    assert files_in(store(project)) == {}


def test_an_archive_of_plain_files_becomes_a_model(project: Archive, tmp_path: Path) -> None:
    path = tar(tmp_path / "in.tar", entry("./more", tarfile.DIRTYPE), entry("./more/gain.txt"))
    project.librarian("models", "add", str(path), "--name", "mine")
    assert [file["name"] for file in listed(project)[0]["files"]] == ["more/gain.txt"]


def test_an_archive_that_is_none_is_said_to_be(project: Archive, tmp_path: Path) -> None:
    path = tar(tmp_path / "in.tar", entry("gain.txt"), content=b"x" * 100_000)
    whole = path.read_bytes()
    header = bytearray(whole[:512])  # of a size that no header has
    header[156:157] = tarfile.XHDTYPE
    header[124:136] = b"%011o\0" % (1 << 32)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    for content in (b"", b"no archive", whole[:50_000], bytes(header) + whole):
        path.write_bytes(content)
        said = project.librarian("models", "add", str(path), "--name", "mine", code=None)
        assert said.returncode in (2, 5), content[:10]
        assert "internal error" not in said.stderr
        assert listed(project) == []


def test_what_is_packed_is_the_same_on_a_machine_without_network(project: Archive, tmp_path: Path) -> None:
    for name in GAINS:
        project.librarian("models", "add", str(folder_of(tmp_path, name)), "--name", name)
    pack = project.root / "models.tar"
    said = project.librarian("models", "pack", "models.tar").stderr
    assert said == "2 models, 22 B: loud, quiet\nnext, on the other machine: librarian models add models.tar\n"
    assert "file of that name" in project.librarian("models", "pack", "models.tar", code=2).stderr
    other = Archive(tmp_path / "other", {**project.environment, "LIBRARIAN_MODELS": str(tmp_path / "other models")})
    other.root.mkdir()
    other.librarian("init")
    other.librarian("models", "add", str(pack), "--name", "quiet")
    assert [model["name"] for model in listed(other)] == ["quiet"]
    other.librarian("models", "add", str(pack))
    assert listed(other) == listed(project)
    assert files_in(store(other)) == files_in(store(project))
    first = pack.read_bytes()
    pack.unlink()
    other.librarian("models", "pack", str(pack))
    assert pack.read_bytes() == first  # nothing of who made it, and when


def test_a_pack_that_was_changed_is_refused(project: Archive, tmp_path: Path) -> None:
    project.librarian("models", "add", str(folder_of(tmp_path, "mine")), "--name", "mine")
    project.librarian("models", "pack", "models.tar")
    project.librarian("models", "remove", "mine", "--files")
    pack = project.root / "models.tar"
    content = pack.read_bytes()
    pack.write_bytes(content.replace(b"1.5\n", b"1.6\n"))
    assert "not what the archive says" in project.librarian("models", "add", "models.tar", code=4).stderr
    pack.write_bytes(content.replace(b'"mine"', b'"m"'))  # and is shorter than it says
    project.librarian("models", "add", "models.tar", code=2)
    assert listed(project) == []
    assert files_in(store(project)) == {}


def test_a_pack_of_a_known_model_is_held_to_what_is_known(project: Archive, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "loud")
    (folder / "more.py").write_text("import os")
    project.librarian("models", "add", str(folder), "--also", "more.py")
    project.librarian("models", "pack", "models.tar")
    project.librarian("models", "remove", "loud", "--files")
    assert "known without more.py" in project.librarian("models", "add", "models.tar", code=4).stderr
    project.librarian("models", "add", "models.tar", "--also", "more.py")
    assert len(listed(project)[0]["files"]) == 2
    description = project.librarian("extensions", "scale").stdout
    assert "loud   Twice as loud, CC0-1.0" in description


def test_two_files_that_some_disks_hold_for_one_are_refused(project: Archive, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "mine")
    (folder / "Gain.txt").write_text("1\n")
    said = project.librarian("models", "add", str(folder), "--name", "mine", code=4).stderr
    assert said == "librarian: mine cannot be kept: two files have one name\n"
    assert files_in(store(project)) == {}


def test_verify_reads_every_byte(project: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(project, monkeypatch) == []
    for name in GAINS:
        project.librarian("models", "add", str(folder_of(tmp_path, name)), "--name", name)
    said = project.librarian("models", "verify").stdout
    assert said == "loud: as in models.lock\nquiet: as in models.lock\n2 models, 22 B, every byte read\n"
    assert findings(project, monkeypatch) == ["ok loud, quiet verified"]
    (path,) = store(project).glob("loud/*/gain.txt")
    path.chmod(0o600)
    path.write_text("2.1\n")
    done = project.librarian("models", "verify", code=1)
    assert done.stdout.startswith("loud: 1 file changed\nquiet: as in models.lock\n")
    project.librarian("models", "verify", "quiet")
    rows = json.loads(project.librarian("models", "verify", "--json", code=1).stdout)
    assert rows == [
        {"name": "loud", "faults": [{"file": "gain.txt", "what": "changed"}]},
        {"name": "quiet", "faults": []},
    ]
    assert done.stderr == "next: librarian models add FOLDER --name loud, or: librarian models fetch loud\n"
    assert findings(project, monkeypatch) == ["fail quiet verified; loud changed; type: librarian models verify"]
    path.unlink()
    assert findings(project, monkeypatch) == ["fail quiet verified; loud missing; type: librarian models verify"]
    assert "models verify loud" in project.librarian("models", "pack", "x.tar", code=5).stderr
    assert not [path for path in project.root.iterdir() if "x.tar" in path.name]
    project.librarian("models", "add", str(folder_of(tmp_path, "mine")), "--name", "mine")
    (mine,) = store(project).glob("mine/*/gain.txt")
    mine.unlink()
    done = project.librarian("models", "verify", "mine", code=1)
    assert done.stderr == "next: librarian models add FOLDER --name mine\n"  # it cannot be fetched from anywhere
    project.librarian("models", "remove", "mine")
    project.librarian("models", "add", str(tmp_path / "loud"))  # mends it
    project.librarian("models", "verify")


def findings(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What doctor says of models when it reads every byte; all of it would look for a GPU too."""
    monkeypatch.setenv("LIBRARIAN_MODELS", archive.environment["LIBRARIAN_MODELS"])
    context = click.Context(click.Command("doctor"), obj={"project": str(archive.root)})
    return [f"{each.state} {each.text}" for each in models.findings(context, digests=True)]


def test_projects_share_one_copy(project: Archive, tmp_path: Path) -> None:
    project.librarian("models", "add", str(folder_of(tmp_path, "loud")))
    other = Archive(tmp_path / "other", dict(project.environment))
    other.root.mkdir()
    other.librarian("init")
    assert listed(other) == []
    other.librarian("models", "fetch", "loud")  # it is there: nothing is fetched
    assert listed(other) == listed(project)
    assert len(list(store(project).glob("loud/*/gain.txt"))) == 1
    other.librarian("models", "remove", "loud")
    assert listed(other) == []
    assert listed(project)[0]["state"] == "here"
    project.librarian("models", "remove", "loud", "--files")
    assert files_in(store(project)) == {}


def test_what_extensions_know_is_listed_when_asked_for(project: Archive, tmp_path: Path) -> None:
    done = project.librarian("models", "list")
    assert (done.stdout, "models list --known" in done.stderr) == ("", True)
    done = project.librarian("models", "list", "--known")
    ours = [line.split(maxsplit=5) for line in done.stdout.splitlines() if " gain " in line]
    assert ours == [
        ["loud", "gain", "CC0-1.0", "1", "file", "not installed"],
        ["quiet", "gain", "CC0-1.0", "2", "files", "not installed"],
    ]
    assert "next: librarian models fetch " in done.stderr
    assert {each["state"] for each in listed(project, "--known")} == {"not installed"}


def test_without_a_project_models_are_this_machines(calls: Archive, tmp_path: Path) -> None:
    scaling(tmp_path / "site", calls)
    said = calls.librarian("models", "add", str(folder_of(tmp_path, "loud"))).stderr
    assert "on this machine; no project here" in said
    assert not (calls.root / ".librarian").exists()
    file = next((calls.root / "calls").iterdir())
    assert "scale.audio.flac" in calls.librarian("try", "scale", str(file)).stdout
    calls.job("librarian: 1\nname: a\nrecordings: [{id: a, path: calls/*.wav}]\nsteps: [{id: b, use: scale}]\n")
    calls.librarian("run", "job.yaml")  # which makes a project, and notes what it used
    assert [model["name"] for model in listed(calls)] == ["loud"]
    said = calls.librarian("run", "job.yaml").stderr
    assert "3 done before" in said


def test_the_store_cannot_lie_where_no_worker_can_read_it(project: Archive, tmp_path: Path) -> None:
    project.environment["LIBRARIAN_MODELS"] = str(project.root / ".librarian" / "models")
    assert "no worker can read" in project.librarian("models", "list", code=4).stderr


@pytest.mark.parametrize("command", ["pack x.tar nothing", "verify nothing", "remove nothing"])
def test_a_name_that_is_not_there_is_said(project: Archive, command: str) -> None:
    said = project.librarian("models", *command.split(), code=2).stderr
    assert "no model is called nothing; what is there: librarian models list" in said


def test_a_subcommand_is_completed_and_its_slip_noticed(project: Archive) -> None:
    assert "Did you mean verify?" in project.librarian("models", "verfy", code=2).stderr
    for name in ("list", "add", "fetch", "pack", "verify", "remove"):
        assert "Usage: librarian models" in project.librarian("models", name, "--help").stdout
