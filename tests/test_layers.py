"""The house keeps its rooms apart: who may import whom, and what start-up may load."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import RECORDINGS, TOP, Archive

CORE = TOP / "librarian"
FILES = sorted(path for path in CORE.rglob("*.py") if "templates" not in path.parts)
"""Templates are packages of their own."""
EVERYTHING = frozenset({"*"})
CONTRACT = {"errors", "operation", "task", "quantity", "kinds", "hookspecs", "models", "privacy"}
MAY_IMPORT: dict[str, frozenset[str] | set[str]] = {
    "__init__": CONTRACT,
    "apis": set(),
    "authoring": {"errors", "operation"},
    "errors": set(),
    "files": set(),
    "compiled": {"files"},
    "ulid": set(),
    "machine": {"keys"},
    "patterns": {"files"},
    "document": {"job"},
    "servers": {"errors"},
    "kinds": {"errors"},
    "quantity": set(),
    "task": {"errors", "kinds"},
    "operation": {"errors", "kinds", "models", "quantity"},
    "hookspecs": {"errors", "operation"},
    "keys": {"errors"},
    "project": {"errors", "files", "keys"},
    "job": {"errors", "files", "operation", "quantity", "kinds"},
    "recordings": {"errors", "files", "job", "keys", "patterns", "privacy", "workers"},
    "plan": {"errors", "operation", "job", "keys", "manifest", "models"},
    "run": {
        *("errors", "files", "project", "job", "plan", "recordings", "workers", "manifest", "privacy", "events"),
        *("acts", "keys", "machine", "models", "operation", "patterns"),
    },
    "find": {"errors", "files", "keys", "manifest", "privacy", "project", "quantity", "view"},
    "acts": {"errors", "files", "find", "keys", "machine", "manifest", "privacy", "project", "view"},
    "workers": {
        *("__init__", "errors", "operation", "task", "kinds", "hookspecs", "events", "media", "models", "privacy"),
        *("apis", "audio", "files", "keys"),
    },
    "manifest": {"errors", "files", "keys", "privacy", "ulid"},
    "privacy": {"errors", "files", "keys"},
    "media": {"compiled", "errors", "files", "kinds"},
    "audio": {"compiled", "errors", "media"},
    "models": {"errors", "files"},
    "events": {"errors", "privacy"},
    "view": {"errors", "files", "keys", "manifest", "privacy", "project"},
    "cli": EVERYTHING,
    "testing": EVERYTHING,
    "__main__": {"cli"},
}
HEAVY = {"torch", "torchaudio", "numba", "numpy", "scipy", "soundfile", "transformers", "librosa", "av", "requests"}


def room(path: Path) -> str:
    """The room that a file of the core belongs to."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    """The rooms that a file imports from, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == "librarian":
                part = rest.partition(".")[0]
                inside = (CORE / part).is_dir() or (CORE / f"{part}.py").is_file()
                yield part if part and inside else "__init__"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    here = room(path)
    allowed = MAY_IMPORT[here]
    strangers = {each for each in imported_rooms(path) if each != here and each not in allowed}
    assert allowed is EVERYTHING or not strangers


def loaded_by(script: str, archive: Archive | None = None) -> set[str]:
    """The top-level modules that a command line loads in its own process."""
    code = (
        "import sys\n"
        f"sys.argv = ['librarian', *{script.split()!r}]\n"
        "from librarian.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "print('MODULES', code, *{name.partition('.')[0] for name in sys.modules})\n"
    )
    environment = {**os.environ, **(archive.environment if archive else {})}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, cwd=archive.root if archive else None
    )
    marker, code_word, *names = done.stdout.splitlines()[-1].split()
    assert (marker, code_word) == ("MODULES", "0"), done.stderr
    return set(names)


def test_help_loads_click_and_nothing_else_from_outside() -> None:
    outside = loaded_by("--help") - sys.stdlib_module_names - {"librarian", "click", "__main__"}
    assert {name for name in outside if not name.startswith(("_", "sitecustomize"))} == set()


def test_extensions_loads_no_extension_and_nothing_heavy() -> None:
    loaded = loaded_by("extensions")
    assert "pydantic" in loaded  # the check looks at the right process
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("librarian_")}


def test_plan_loads_no_extension_and_nothing_heavy(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    loaded = loaded_by("plan job.yaml", calls)
    assert "ruamel" in loaded
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("librarian_")}


def test_models_are_listed_without_what_fetches_or_loads_them(calls: Archive) -> None:
    loaded = loaded_by("models list --known", calls)
    assert "pydantic" in loaded
    assert not loaded & {*HEAVY, "safetensors"}


def test_measure_decodes_nothing_in_its_own_process(calls: Archive) -> None:
    loaded = loaded_by("measure calls", calls)
    assert "rich" in loaded
    assert not loaded & {*HEAVY, "matplotlib", "ruamel"}


def test_a_run_with_nothing_to_do_loads_nothing_heavy(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    assert not loaded_by("run job.yaml", calls) & HEAVY


def test_only_the_command_line_prints_or_exits() -> None:
    for path in FILES:
        if room(path) in ("cli", "testing"):
            continue
        calls_made = {
            ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        }
        assert not calls_made & {"print", "sys.exit", "exit", "click.echo"}, path


def test_the_recordings_that_ship_are_small_and_licensed() -> None:
    files = [path for path in RECORDINGS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    assert (RECORDINGS / "LICENSES.md").is_file()
