"""What every operation must keep to, a function a check. Each is given a subject and an empty folder.

A check that finds nothing wrong may say what it measured; one that does raises a `Fault` with the remedy.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from librarian.files import user_cache
from librarian.operation import Resolved
from librarian.testing.subject import Fault, NotApplicable, Subject
from librarian.testing.trial import trying

_LIGHT = frozenset({"librarian", "pydantic", "pydantic_core", "pluggy", "annotated_types", "typing_extensions"})
_SCRATCH = "tmp/librarian-"
"""Of the worker itself: what a task leaves there goes with it."""
_LIGHT_TOO = frozenset({"typing_inspection", "sitecustomize", "usercustomize"})


def import_is_light(subject: Subject, folder: Path) -> str:
    """Importing the package loads itself, librarian and what that stands on, and nothing else from outside."""
    module = subject.entry_point.module
    script = f"import sys; before = set(sys.modules); import {module}; print('\\n', *set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Fault(f"import {module} fails: {why}; mend it")
    tops = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    outside = tops - sys.stdlib_module_names - _LIGHT - _LIGHT_TOO - {module.partition(".")[0]}
    if strangers := sorted(name for name in outside if not name.startswith("_")):
        raise Fault(f"import {module} loads {', '.join(strangers)}; put that into the module that `run` names")
    return "loads itself, librarian and what that stands on"


def settings_are_described(subject: Subject, folder: Path) -> str:
    """The operation and every setting say what they are, and settings that were resolved resolve to themselves."""
    with trying(subject, folder) as trial:
        declaration = trial.declaration
        if not declaration.description:
            raise Fault(f"{declaration.name} says not what it does; give the Operation a description")
        schemas = declaration.settings_schema.get("properties", {})
        if dumb := [name for name, schema in schemas.items() if not schema.get("description")]:
            raise Fault(f"describe the setting {dumb[0]}: Field(…, description=…)")
        again = trial.resolve(trial.resolved.settings)
    if not isinstance(again, Resolved) or again.public != trial.resolved.public:
        raise Fault("settings that were resolved resolve to others the second time; let validators take what they gave")
    return f"{len(schemas)} described"


def outputs_are_as_declared(subject: Subject, folder: Path) -> str:
    """The files that come out are those that the operation declares, and no others."""
    with trying(subject, folder) as trial:
        answer, task = trial.done()
        ports = trial.resolved.outputs
    made = {each["file"]: each for each in answer["outputs"] if "file" in each}
    if left := sorted({each.name for each in task.iterdir()} - made.keys()):
        raise Fault(f"it leaves {len(left)} more in its folder than it returns; remove that, or declare it as outputs")
    for each in made.values():
        port = ports[each["output"]]
        if each["kind"] != port.kind and port.kind not in ("data", "file"):
            raise Fault(f"the output {each['output']} is {each['kind']}, declared as {port.kind}; declare what it is")
    return ", ".join(f"{name} ({port.kind})" for name, port in ports.items())


def writes_only_in_its_folder(subject: Subject, folder: Path) -> str:
    """Home, current and temporary folder, and the inputs, are the same afterwards."""
    outside = folder / "outside"
    for name in ("home", "tmp", "here", "inputs"):
        (outside / name).mkdir(parents=True)
    with _living_in(outside, folder / "cache"), trying(subject, folder) as trial:
        given = subject.inputs(trial.declaration, outside / "inputs")
        trial.resolved  # noqa: B018 (what it lacks is said before the look at the folders)
        before = snapshot(outside).items()
        trial.done(given)
    changed = {name.split("/")[0] for name, _ in before ^ snapshot(outside).items() if not name.startswith(_SCRATCH)}
    if changed:
        where = " and ".join(sorted({"home": "home", "tmp": "temporary"}.get(each, "current") for each in changed))
        what = "its inputs" if "inputs" in changed else f"the {where} folder"
        raise Fault(f"it changes {what}; write below task.folder only, and read inputs only")
    return "home, current and temporary folder and its inputs are the same afterwards"


@contextlib.contextmanager
def _living_in(outside: Path, cache: Path) -> Iterator[None]:
    kept = (user_cache() or cache / "none").parent
    places = {"HOME": outside / "home", "TMPDIR": outside / "tmp", "XDG_CACHE_HOME": kept}
    with (
        mock.patch.dict(os.environ, {name: os.fspath(place) for name, place in places.items()}),
        mock.patch.object(tempfile, "tempdir", os.fspath(outside / "tmp")),
        contextlib.chdir(outside / "here"),
    ):
        yield


def same_bytes_twice(subject: Subject, folder: Path) -> str:
    """Where the operation promises `bytes`, two fresh workers make the same files."""
    made = []
    for name in ("first", "second"):
        (folder / name).mkdir()
        with trying(subject, folder / name) as trial:
            if trial.declaration.reproducible != "bytes":
                raise NotApplicable(f"it promises {trial.declaration.reproducible}, not bytes")
            made.append(snapshot(trial.done()[1]))
    if made[0] != made[1]:
        raise Fault(
            "two workers make other bytes of the same; draw from task.seed, sort what has no order, write no clock, "
            "or declare reproducible='tolerance'"
        )
    return "two workers make the same files"


def snapshot(folder: Path) -> dict[str, str]:
    """Every path below a folder, and the digest of what lies there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }


def texts_of(answer: Any) -> Iterator[str]:
    """Every text in an answer, at any depth."""
    waiting = [answer]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, (list, tuple)):
            waiting += each
