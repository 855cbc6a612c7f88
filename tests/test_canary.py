"""Personal data of every type, planted wherever a run can meet it, is in no byte of what it leaves but the vault's.

A good run, one whose extensions raise, print, crash and are told names by a server, one with `--debug`, and one that
ends with an error of the core's own. Contents of private results are what they are; nothing else may hold any of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import soundfile
from canaries import KNOWN, STRANGE, forms, found_in
from conftest import MakeExtension
from harness import Archive
from tagged import MAKERS, sound

TALKING = """
import os, sys, warnings, logging
from librarian import Audio, Data, Field, Measurements, Operation, Settings, hookimpl

class TalkSettings(Settings):
    note: str = Field(description="What is said.")
    way: str = Field("print", description="How.")
    port: int = Field(0, description="Of the server.")

class Note(Data):
    word = "note/1"
    text: str

class SaidError(Exception):
    pass

def shown_to_others():
    import resource, tempfile
    seen = [tempfile.gettempdir(), os.getcwd()]
    for process in (os.getpid(), os.getppid()):
        with open(f"/proc/{process}/cmdline") as file:
            seen.append(file.read())
    assert "librarian.workers.keeper" in seen[-1]
    assert not any(word in each.lower() for each in seen for word in ("ottilie", "brandst", "8822", "giulia"))
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)

def talk(task):
    note, path = task.settings.note, task.inputs["audio"].path
    if task.settings.way == "print":
        shown_to_others()
    print(note, path, os.environ.get("ARCHIVE_TOKEN"))
    print(note.encode("utf-16"), repr(note), ascii(note), file=sys.stderr)
    warnings.warn(note)
    logging.getLogger("talk").error("%s %s", note, path)
    if task.settings.way == "raise":
        try:
            try:
                raise KeyError(note)
            except KeyError as error:
                error.add_note(str(path))
                raise ValueError({"note": note}) from error
        except ValueError as error:
            raise SaidError(f"{path}: {note}") from error
    if task.settings.way == "crash":
        sys.stdout.flush()
        os.abort()
    if task.settings.way == "exit":
        sys.exit(note)
    return {"report": Measurements(measurements=[])}

def ask(task):
    import urllib.request, urllib.error
    where = f"http://127.0.0.1:{task.settings.port}/"
    try:
        with urllib.request.urlopen(where, data=task.settings.note.encode(), timeout=10) as answer:
            return {"note": Note(text=answer.read().decode())}
    except urllib.error.HTTPError as error:
        raise SaidError(f"{error.reason} {dict(error.headers)} {error.read().decode()}") from error

@hookimpl
def librarian_operations():
    common = {"version": "1", "settings": TalkSettings, "inputs": {"audio": Audio}, "description": "For a test."}
    return [Operation(name="talk", run=f"{__name__}:talk", outputs={"report": Measurements}, **common),
            Operation(name="ask", run=f"{__name__}:ask", outputs={"note": Note}, hosts=("127.0.0.1",), **common)]
"""
SAID = " | ".join(STRANGE.values())
SEEN = " | ".join(KNOWN.values())


@pytest.fixture
def server() -> Iterator[int]:
    """A server that answers with names, in its reason, its headers and its body; every second time with an error."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(418 if self.server.times % 2 else 200, STRANGE["PHONE"])  # type: ignore[attr-defined]
            self.server.times += 1  # type: ignore[attr-defined]
            self.send_header("X-For", STRANGE["EMAIL"])
            self.end_headers()
            self.wfile.write(SAID.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        found.times = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found.server_port
        found.shutdown()
        thread.join()


@pytest.fixture
def planted(archive: Archive, make_extension: MakeExtension, tmp_path: Path) -> Archive:
    """An archive whose folders, file names, tags and environment hold everything."""
    make_extension("talking", TALKING)
    folder = archive.root / f"{KNOWN['NAME']} {KNOWN['PHONE']}" / KNOWN["EMAIL"]
    folder.mkdir(parents=True)
    for number, (kind, canary) in enumerate(KNOWN.items()):
        soundfile.write(folder / f"{kind.lower()} {canary}.wav", sound(0.05 + number / 1000).T, 48_000)
    for ending in ("wav", "flac", "mp3", "opus", "m4a", "webm"):
        MAKERS[ending](folder / f"{KNOWN['NAME']}.{ending}", list(KNOWN.values()))
    (folder / f"{KNOWN['CARD']}.wav").write_bytes(b"no sound: " + SEEN.encode())
    archive.environment |= {
        "USER": "ottilie",
        "LOGNAME": "ottilie",
        "ARCHIVE_TOKEN": "tok-93k2-brandst-55501",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    (tmp_path / "tmp").mkdir()
    return archive


def job(archive: Archive, steps: list[object], **more: object) -> None:
    recordings = [{"id": "all", "path": "**/*.{wav,flac,mp3,opus,m4a,webm}"}]
    archive.job(
        json.dumps(
            {"librarian": 1, "name": "planted", "recordings": recordings, "steps": steps, **more}, ensure_ascii=False
        )
    )


def assert_clean(archive: Archive, *said: str) -> None:
    """No canary in what was said, in any name, or in any byte but the vault's and those of private results."""
    assert found_in("\n".join(said).encode()) == set()
    private = set()
    for line in (
        line for path in (archive.root / "manifests").glob("*.jsonl") for line in path.read_text().splitlines()
    ):
        body = json.loads(line)["body"]
        private |= {f"{body['folder']}/{each['file']}" for each in body.get("produced", ()) if each["private"]}
    for top in ("library", "manifests", ".librarian"):
        for name, content in archive.files(top).items():
            is_sound = name in private and not name.endswith(".json")
            if not name.startswith("vault.db") and (is_sound or name not in private):
                assert found_in(name.encode() + b"\n" + content) == set(), f"{top}/{name}"
    for place in (archive.root.parent / "cache", archive.root.parent / "tmp"):
        for path in place.rglob("*"):
            assert found_in(path.name.encode() + (path.read_bytes() if path.is_file() else b"")) == set(), path
    vault = b"".join(content for name, content in archive.files(".librarian").items() if name.startswith("vault.db"))
    assert found_in(vault) >= {"NAME", "PHONE", "EMAIL", "IBAN"}  # it was met


def typed(archive: Archive, *commands: str, code: int | None = None) -> list[str]:
    found = []
    for command in commands:
        done = archive.librarian(*command.split(), code=code)
        found += [done.stdout, done.stderr]
    return found


def test_a_good_run_leaves_none_of_it(planted: Archive) -> None:
    talking = [{"id": f"t{n}", "use": "talk", "with": {"note": each}} for n, each in enumerate((SEEN, SAID))]
    job(planted, [*talking, {"id": "bare", "use": "clean"}, {"id": "voice", "use": "normalize"}])
    said = typed(planted, "plan job.yaml", "run job.yaml --workers 2 --events -")
    said += typed(planted, "plan job.yaml --tasks --json", "jobs --json", "status", "doctor", "verify --read-data")
    (manifest,) = (planted.root / "manifests").glob("*.jsonl")
    failed = next(line for line in manifest.read_text().splitlines() if '"failed"' in line)
    unit, done = json.loads(failed)["body"]["unit"], sorted(planted.files())[-1]
    said += typed(
        planted, f"show {unit} --json", f"show library/{done}", f"trace library/{done}", f"show {manifest.stem}"
    )
    assert_clean(planted, *said)
    log = "".join(path.read_text() for path in (planted.root / ".librarian" / "logs").iterdir())
    assert "<PHONE:" in log and "<NAME:" in log
    audit = json.loads(planted.librarian("privacy", "audit", "--json").stdout)
    assert audit["findings"] == []


@pytest.mark.parametrize("way", ["raise", "crash", "exit"])
def test_what_an_extension_says_in_its_last_moment_is_kept_out(planted: Archive, way: str) -> None:
    steps = [{"id": f"t{n}", "use": "talk", "with": {"note": each, "way": way}} for n, each in enumerate((SEEN, SAID))]
    job(planted, steps)
    said = typed(planted, "run job.yaml --workers 2 --sample 3 --events -", code=1)
    assert_clean(planted, *said)
    if way == "raise":
        assert "SaidError" in "".join(path.read_text() for path in (planted.root / "manifests").iterdir())


def test_debugging_shows_no_more(planted: Archive) -> None:
    job(planted, [{"id": "told", "use": "talk", "with": {"note": f"{SEEN} {SAID}", "way": "raise"}}])
    said = typed(planted, "--debug run job.yaml --workers 0 --sample 3", code=1)
    assert "SaidError" in "".join(path.read_text() for path in (planted.root / "manifests").iterdir())
    assert_clean(planted, *said)


def test_an_error_of_the_core_itself_shows_no_more(planted: Archive) -> None:
    job(planted, [{"id": "levels", "use": "measure"}])
    planted.librarian("run", "job.yaml", code=1)
    site = Path(planted.environment["PYTHONPATH"])
    (site / "sitecustomize.py").write_text(
        "import os\n"
        "if 'BREAK' in os.environ:\n"
        "    import librarian.run.start as start\n"
        "    def broken(*args, **more):\n"
        f"        try: raise KeyError({SEEN!r})\n"
        f"        except KeyError as error: raise RuntimeError({SEEN + ' ' + SAID!r}) from error\n"
        "    start.run = broken\n"
    )
    planted.environment["BREAK"] = "1"
    for options in ("", "--debug "):
        said = typed(planted, f"{options}run job.yaml --redo levels --redo-ok", code=6)
        assert "internal error: RuntimeError" in "".join(said)
        assert_clean(planted, *said)


def test_what_a_server_answers_is_private_and_its_errors_are_scrubbed(planted: Archive, server: int) -> None:
    job(
        planted, [{"id": "asked", "use": "ask", "with": {"note": SEEN, "port": server}}], allow={"hosts": ["127.0.0.1"]}
    )
    said = typed(planted, "run job.yaml --private --sample 4 --workers 1", code=1)
    assert_clean(planted, *said)
    notes = [content for name, content in planted.files().items() if name.endswith(".note.json")]
    assert notes
    assert all(found_in(each) >= {"NAME", "IBAN"} for each in notes)  # which is private, and said to be


def test_every_form_of_a_canary_would_be_noticed() -> None:
    for kind, each in {**KNOWN, **{f"{kind} said": value for kind, value in STRANGE.items()}}.items():
        for form in forms(each):
            assert found_in(b"before " + form + b" behind"), (kind, form)
    assert found_in(b"nothing of anyone: rec_abcdefghijklm 2024-02-10 48000 Hz") == set()
