"""`librarian extensions new`: what it writes works at once, whatever it is called."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import RECORDINGS, TOP, Archive
from scaffolded import lay

from librarian.authoring.scaffold import Name, variants
from librarian.errors import UsageError

BIN = Path(sys.executable).parent
KINDS = ["function", "model", "client", "recognizer"]
LONG = "a-name-of-some-length-and-more"


def made(archive: Archive, name: str, kind: str) -> Path:
    """A package that the command wrote, installed for the archive's command line."""
    archive.librarian("extensions", "new", name, "--kind", kind)
    package = archive.root / f"librarian-{name}"
    site = archive.root.parent / "site"
    lay(package, site)
    archive.environment["PYTHONPATH"] = str(site)
    return package


def run_in(package: Path, archive: Archive, *command: str) -> str:
    """What a command says in the folder of a package; it has to succeed."""
    environment = {**os.environ, **archive.variables()}
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def sound(archive: Archive) -> str:
    shutil.copy(next((RECORDINGS / "calls").glob("*.wav")), archive.root / "a.wav")
    return "a.wav"


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_are_green(archive: Archive, kind: str) -> None:
    package = made(archive, "slow-fade", kind)
    few = ["-k", "not WithAModel or outputs"]  # the whole suite with both of its models takes long
    said = run_in(package, archive, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *few)
    assert re.search(r"\d+ passed", said)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x", LONG])
def test_it_is_clean_whatever_it_is_called(archive: Archive, kind: str, name: str) -> None:
    archive.librarian("extensions", "new", name, "--kind", kind)
    package = archive.root / f"librarian-{name}"
    run_in(package, archive, str(BIN / "ruff"), "check", "--no-cache")
    run_in(package, archive, str(BIN / "ruff"), "format", "--no-cache", "--check")
    texts = [path.read_text() for path in package.rglob("*") if path.is_file()]
    assert not any("template" in f"{path}".lower() for path in package.rglob("*"))
    assert not any("template" in text.lower() for text in texts)


def test_a_function_is_listed_and_tried(archive: Archive, sound: str) -> None:
    made(archive, "slow-fade", "function")
    assert "librarian-slow-fade 0.1.0\n  slow_fade " in archive.librarian("extensions").stdout
    said = archive.librarian("try", "slow_fade", sound, "--with", "rate=2 Hz").stdout
    assert "swings" in said
    assert (archive.root / "librarian-try" / "slow_fade.audio.flac").is_file()


def test_a_model_is_tried_without_weights_and_with_some(archive: Archive, sound: str) -> None:
    from safetensors.torch import save_file
    from torch import full

    made(archive, "hum", "model")
    archive.librarian("try", "hum", sound)
    (archive.root / "made").mkdir()
    save_file({"weight": full((1, 1, 1), 0.5)}, archive.root / "made" / "model.safetensors")
    archive.librarian("init")
    archive.librarian("models", "add", "made", "--name", "hum")
    archive.librarian("try", "hum", sound, "--with", "model=hum")
    made_by = [(archive.root / "librarian-try" / f"{name}.audio.flac").read_bytes() for name in ("hum", "hum-2")]
    assert made_by[0] != made_by[1]


def test_a_client_is_tried_with_the_server_of_its_tests(archive: Archive, sound: str) -> None:
    package = made(archive, "echo", "client")
    script = "import little_server, sys\nwith little_server.serving() as at: print(at, flush=True); sys.stdin.read()"
    serving = [sys.executable, "-c", script]
    with subprocess.Popen(
        serving, cwd=package / "tests", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        assert server.stdin
        at = server.stdout.readline().strip()
        setting = ("--with", f"server={at}")
        refused = archive.librarian("try", "echo", sound, *setting, code=4).stderr
        assert f"--allow {at}" in refused
        archive.librarian("try", "echo", sound, *setting, "--allow", at, "--private")
        server.stdin.close()
    assert (archive.root / "librarian-try" / "echo.audio.flac").is_file()


def test_what_a_recognizer_looks_for_is_kept_out_of_messages(calls: Archive, make_extension) -> None:
    raising = "from librarian import Audio, Operation, Settings, hookimpl\nclass No(Settings): pass\n"
    raising += 'def fail(task): raise LookupError("the member no. AB-123456 is away")\n'
    raising += "@hookimpl\ndef librarian_operations():\n"
    raising += '    return [Operation(name="fail", version="1", run=f"{__name__}:fail", settings=No,\n'
    raising += '                      inputs={"audio": Audio}, outputs={"audio": Audio})]\n'
    make_extension("failing", raising)
    made(calls, "members", "recognizer")
    assert "looks in texts for MEMBER, SHELF" in calls.librarian("extensions").stdout
    job = calls.root / "job.yaml"
    job.write_text(job.read_text().split("steps:")[0] + "steps:\n  - {id: failing, use: fail}\n")
    said = calls.librarian("run", "job.yaml", code=1).stderr
    assert "<MEMBER:" in said
    assert "AB-123456" not in said


@pytest.mark.parametrize("kind", KINDS)
def test_the_job_of_its_readme_is_one(archive: Archive, sound: str, kind: str) -> None:
    package = made(archive, "slow-fade", kind)
    jobs = re.findall(r"```yaml\n(.*?)```", (package / "README.md").read_text(), re.DOTALL)
    (archive.root / "recordings").mkdir()
    shutil.move(archive.root / sound, archive.root / "recordings" / "a.wav")
    for job in jobs:
        archive.job(job)
        archive.librarian("plan", "job.yaml", *(["--private"] if kind == "client" else []))
    assert len(jobs) == (kind != "recognizer")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Fade", "begins with a letter, such as fade"),
        ("slow_fade", "such as slow-fade"),
        ("9lives", "begins with a letter"),
        ("fade-", "such as fade"),
        ("fädeln", "begins with a letter"),
        ("../fade", "such as fade"),
        ("", "begins with a letter"),
        ("librarian-", "begins with a letter"),
        ("a" * 33, "at most 32 characters"),
    ],
)
def test_what_nothing_may_be_called_is_refused(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Name.read(name)


def test_a_name_may_have_the_prefix() -> None:
    assert Name.read("librarian-slow-fade") == Name("slow-fade") == Name.read("slow-fade")
    assert Name("class").title == "Class"


def test_what_is_there_or_taken_is_refused_in_one_line(archive: Archive) -> None:
    archive.librarian("extensions", "new", "fade")
    before = archive.files("librarian-fade")
    for name, why in (
        ("fade", "librarian-fade is here already"),
        ("normalization", "librarian-normalization is installed already"),
        ("media", "librarian-media is installed already"),
        ("normalize", "librarian-normalization has an operation normalize already"),
    ):
        said = archive.librarian("extensions", "new", name, code=2).stderr
        assert re.fullmatch(rf"librarian: {why}; take another name.*\n", said)
    assert archive.files("librarian-fade") == before
    assert sorted(path.name for path in archive.root.iterdir()) == ["librarian-fade"]


def test_it_goes_into_a_folder_that_is_named(archive: Archive) -> None:
    said = archive.librarian("extensions", "new", "fade", "--into", "mine")
    files = said.stdout.split()
    assert "mine/librarian-fade/pyproject.toml" in files
    assert all((archive.root / file).is_file() for file in files)
    assert "next: pip install -e 'mine/librarian-fade[test]'" in said.stderr


def test_every_template_is_offered() -> None:
    assert variants() == sorted(KINDS)


def test_git_ignores_no_file_of_a_template() -> None:
    """What git ignores is in no wheel."""
    templates = TOP / "librarian" / "authoring" / "templates"
    files = [path.relative_to(templates).as_posix() for path in templates.rglob("*") if path.is_file()]
    ignoring = ["git", "check-ignore", "--stdin"]
    done = subprocess.run(ignoring, cwd=templates, input="\n".join(files), capture_output=True, text=True, check=False)
    assert not [each for each in done.stdout.split() if "cache" not in each]


def test_help_says_what_there_is(archive: Archive) -> None:
    said = archive.librarian("extensions", "new", "--help").stdout
    assert json.dumps(KINDS)[1:-1].replace('"', "").replace(", ", "|") in said
