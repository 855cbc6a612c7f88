"""Errors that nobody expected: one line, and a report that names no one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import Archive

NAME = "Ottilie Brandstätter"
REPORTED = re.compile(
    r"librarian: internal error: (\w+); paste (\S+)/(error-[0-9a-z]{26}\.txt), which names no one, "
    r"into a bug report; --debug shows more here"
)


@pytest.fixture
def failing(calls: Archive, tmp_path: Path) -> Archive:
    """An archive in which no job file can be read: an error in somebody's own file, whose message and path name him."""
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import librarian.job\n"
        "class OttilieError(ZeroDivisionError): pass\n"
        "def ottilie(path):\n"
        f"    raise OttilieError('{NAME}, +44 7700 900123') from KeyError('{NAME}')\n"
        "def broken(path, *more):\n"
        "    try: ottilie(path)\n"
        f"    except ZeroDivisionError: raise LookupError('{NAME}')\n"
        "broken.__globals__.update(librarian.job.read.__globals__, ottilie=ottilie, OttilieError=OttilieError)\n"
        "librarian.job.read.__code__ = broken.__code__\n"
        "librarian.job.read.__globals__.update(ottilie=ottilie, OttilieError=OttilieError)\n"
    )
    (tmp_path / "cache").mkdir()
    calls.environment |= {
        **{"PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        **{"USER": "ottilie", "LOGNAME": "ottilie"},
    }
    return calls


def report_of(archive: Archive, folder: Path, *arguments: str) -> str:
    """The one report that a command leaves in a folder, which names no one and is its owner's alone."""
    (line,) = archive.librarian(*arguments, code=6).stderr.splitlines()
    assert NAME not in line
    said = REPORTED.fullmatch(line)
    assert said, line
    (path,) = folder.glob("error-*")
    assert path.name == said[3]
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    for word in ("ottilie", "brandst", "randst", "7700", "900123", str(archive.root), "/tmp", "job.yaml", "root"):
        assert word not in text.lower(), word
    return text


def test_an_error_that_nobody_expected_is_one_line_and_a_report_that_names_no_one(
    failing: Archive, tmp_path: Path
) -> None:
    text = report_of(failing, tmp_path / "cache" / "librarian", "run", "job.yaml")
    lines = text.splitlines()
    assert lines[0].startswith("librarian-media ")
    assert lines[0].endswith(", command: run")
    assert re.match(r"CPython 3\.\d+\.\d+, ", lines[1])
    assert re.search(r"^packages: .*click \d", text, re.MULTILINE)
    assert re.search(
        r"^extensions: librarian-cleaning \d+\.\d+\.\d+,.* librarian-normalization \d+\.\d+", text, re.MULTILINE
    )
    assert re.search(r"^LookupError\n  librarian/cli/__init__\.py:\d+ in main: \S", text, re.MULTILINE)
    assert re.search(r"^  click/core\.py:\d+ in \S+$", text, re.MULTILINE)
    assert re.search(r"^  librarian/cli/run\.py:\d+ in command: \S", text, re.MULTILINE)
    assert text.count("  somewhere else\n") >= 2
    assert "caused by an error of another kind" in text
    assert "caused by KeyError" in text


def test_within_a_project_the_report_lies_with_its_logs(failing: Archive, tmp_path: Path) -> None:
    site = failing.environment.pop("PYTHONPATH")
    failing.librarian("init")
    failing.environment["PYTHONPATH"] = site
    logs = failing.root / ".librarian" / "logs"
    report_of(failing, logs, "run", "job.yaml")
    next(logs.glob("error-*")).unlink()
    elsewhere = Archive(tmp_path, failing.environment)
    report_of(elsewhere, logs, "--project", str(failing.root), "run", str(failing.root / "job.yaml"))
    assert not list((tmp_path / "cache").rglob("error-*"))


@pytest.mark.parametrize(
    "broken",
    [
        "import librarian.privacy.scrub as module; module.Scrubber._spans = None",
        "import librarian.privacy.known as module; module.surroundings = None",
        "import librarian.files as module; module.cache_folder = lambda: module.Path('/dev/null/nowhere')",
    ],
    ids=["scrubber", "what is known", "nowhere to write"],
)
def test_what_cannot_be_scrubbed_or_written_is_left_out(failing: Archive, tmp_path: Path, broken: str) -> None:
    site = Path(failing.environment["PYTHONPATH"]) / "sitecustomize.py"
    site.write_text(f"{site.read_text()}{broken}\n")
    said = failing.librarian("run", "job.yaml", code=6).stderr
    assert said == "librarian: internal error: LookupError; --debug shows where it comes from\n"
    assert not list(tmp_path.rglob("error-*"))


def test_debug_shows_where_an_error_comes_from(failing: Archive) -> None:
    shown = failing.librarian("--debug", "run", "job.yaml", code=6).stderr
    assert "Traceback" in shown
    assert REPORTED.fullmatch(shown.splitlines()[-1])
