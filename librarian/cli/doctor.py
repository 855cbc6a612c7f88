"""`librarian doctor`: whether everything is as it should be, and what to do where it is not."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

import librarian
from librarian import project as projects
from librarian.cli.backup import checked_on, fault_of, irreplaceable
from librarian.cli.common import refuse_shadow
from librarian.cli.place import installed_models, project_option
from librarian.cli.recorded import day
from librarian.cli.words import fitted, plural, say, size
from librarian.cli.working import workers_for
from librarian.errors import LibrarianError
from librarian.files import cache_folder
from librarian.privacy.known import surroundings
from librarian.privacy.scrub import Scrubber
from librarian.project import Project
from librarian.workers.declared import extensions
from librarian.workers.fence import HOOK, SECCOMP, offered

LITTLE_ROOM = 5 << 30
_OUR_ENTRY = b"librarian.cli"
"""Stands in every script that starts this package."""
_GPU_TIMEOUT = 60.0
_GPU = """
import torch
print(torch.__version__)
for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
    print(torch.cuda.get_device_name(number), torch.cuda.get_device_properties(number).total_memory, sep="\\t")
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "warn", "fail"]
    text: str


Check = Callable[[], Iterator[Finding]]


@click.command("doctor")
@click.option(
    "--backup",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look whether this backup of the project holds its keys and its vault.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def command(context: click.Context, backup: Path | None, as_json: bool) -> int:
    """A line each, ok, warn or fail, with the remedy. Ends with 1 if anything fails."""
    scrubber = Scrubber(os.urandom(32))
    scrubber.learn(surroundings())
    checks: tuple[Check, ...] = (
        *(_installation, _shadow, _extensions, _fence, _gpu, _cache),
        lambda: _project(project_option(context), backup),
        lambda: _models(context),
    )
    found = [
        Finding(each.what, each.state, scrubber.scrub(each.text, limit=300)) for check in checks for each in check()
    ]
    failed = any(each.state == "fail" for each in found)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1))
        return int(failed)
    for each in found:
        begin = f"{each.state:<4}  {each.what:<10}  "
        click.echo(fitted(begin + each.text, sys.stdout, hang=len(begin)))
    say("mend what fails, and type the same again" if failed else "nothing fails; next: librarian run job.yaml")
    return int(failed)


def _installation() -> Iterator[Finding]:
    yield Finding("librarian", "ok", f"{librarian.__version__} on Python {platform.python_version()}")


def _shadow() -> Iterator[Finding]:
    try:
        refuse_shadow()
    except LibrarianError as error:
        yield Finding("name", "fail", str(error))
    if (found := shutil.which("librarian")) and not _starts_this(Path(found)):
        remedy = "activate the environment of this one, or type: python -m librarian"
        yield Finding("name", "warn", f"another program called librarian comes first on PATH; {remedy}")


def _starts_this(script: Path) -> bool:
    try:
        return _OUR_ENTRY in script.read_bytes()
    except OSError:
        return False


def _extensions() -> Iterator[Finding]:
    with workers_for(1, lambda line: None) as workers:
        found = extensions(workers)
    if not found:
        yield Finding("extensions", "warn", "none is installed; start with: pip install librarian-normalization")
    for each in found:
        offered = ", ".join(declaration.name for declaration in each.declarations)
        text = f"{each.package} {each.version}: {each.problem or offered}"
        yield Finding("extension", "fail" if each.problem else "ok", text)


def _fence() -> Iterator[Finding]:
    held = offered()
    if HOOK not in held:
        yield Finding("fence", "ok", f"the kernel keeps workers from network and other folders: {', '.join(held)}")
        return
    what = {(HOOK,): "network and other folders", (SECCOMP, HOOK): "other folders"}.get(held, "network")
    remedy = "use Linux 5.13 or later with seccomp and Landlock enabled"
    yield Finding("fence", "warn", f"only their Python code is kept from {what}, native code is not; {remedy}")


def _gpu() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        yield Finding("GPU", "ok", "not looked for: torch is not installed, and nothing that is installed needs it")
        return
    try:
        # In a process of its own: torch is heavy, and a broken driver may take its process with it.
        done = subprocess.run(
            [sys.executable, "-P", "-c", _GPU], capture_output=True, text=True, timeout=_GPU_TIMEOUT, check=True
        )
    except (subprocess.SubprocessError, OSError):
        yield Finding("GPU", "warn", "torch is installed and does not load; type: python -c 'import torch'")
        return
    torch, *devices = done.stdout.splitlines()
    names = (f"{name}, {size(int(memory))}" for name, memory in (device.rsplit("\t", 1) for device in devices))
    none = f"torch {torch} sees none; is the NVIDIA driver there? nvidia-smi"
    yield Finding("GPU", "ok" if devices else "warn", f"{'; '.join(names)}, seen by torch {torch}" if devices else none)


def _cache() -> Iterator[Finding]:
    try:
        writable = os.access(cache_folder(), os.W_OK)
    except OSError:
        writable = False
    if not writable:
        yield Finding("cache", "warn", "no cache folder can be written: every start compiles anew; set XDG_CACHE_HOME")


def _project(named: Path | None, backup: Path | None) -> Iterator[Finding]:
    try:
        root = projects.find(named)
        if root is None:
            yield Finding("project", "ok", "none here or above; make one with: librarian init")
            return
        project = projects.load(root)
    except (LibrarianError, OSError) as error:
        yield Finding("project", "fail", str(error))
        return
    yield Finding("project", "ok", "found, its keys fit")
    yield from _secrets(project)
    yield _backup(project, backup)
    free = shutil.disk_usage(project.library).free
    state: Literal["ok", "warn"] = "warn" if free < LITTLE_ROOM else "ok"
    yield Finding("disk", state, f"{size(free)} free where the library lies{'; make room' if state == 'warn' else ''}")


def _models(context: click.Context) -> Iterator[Finding]:
    try:
        installed = installed_models(context)
    except LibrarianError as error:
        yield Finding("models", "fail", str(error))
        return
    found: dict[str, list[str]] = {"verified": [], "missing": [], "changed": []}
    for model in installed.lock.models:
        faults = {what for _, what in installed.store.faults(model)}
        found["missing" if faults == {"missing"} else "changed" if faults else "verified"].append(model.name)
    if not installed.lock.models:
        return
    words = (f"{', '.join(names)} {what}" for what, names in found.items() if names)
    good = not found["missing"] and not found["changed"]
    remedy = "" if good else "; type: librarian models verify"
    yield Finding("models", "ok" if good else "fail", f"{'; '.join(words)}{remedy}")


def _secrets(project: Project) -> Iterator[Finding]:
    kept = (project.vault, project.words, *(project.state / "keys").glob("*"))
    files = [path for path in kept if path.exists()]
    if open_ones := [path.name for path in files if path.stat().st_mode & 0o077]:
        text = f"{plural(len(open_ones), 'file')} can be read by others: chmod 600 .librarian/*.db .librarian/keys/*"
        yield Finding("secrets", "fail", text)
    else:
        yield Finding("secrets", "ok", "keys, vault and words are their owner's alone")


def _backup(project: Project, folder: Path | None) -> Finding:
    what = irreplaceable(project)
    if folder is not None and (fault := fault_of(project, folder)):
        return Finding("backup", "fail", f"--backup: {fault}; nothing can re-make {what}")
    if when := checked_on(project):
        return Finding("backup", "ok", f"a copy held {what} when it was last looked at, {day(when.isoformat())}")
    return Finding(
        "backup",
        "warn",
        f"nothing can re-make {what}, and no copy was looked at yet; when you have one, type: "
        "librarian doctor --backup FOLDER",
    )
