"""What a project wrote, and any other folder, searched for what names someone: what `librarian privacy audit` does."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from librarian import project as projects
from librarian.cli.passphrase import know
from librarian.cli.place import existing_project
from librarian.cli.progress import ProgressLine
from librarian.cli.recorded import columns
from librarian.cli.scrubbing import listed
from librarian.cli.words import plural, say, size
from librarian.cli.working import workers_for
from librarian.errors import RefusedError
from librarian.files import cache_folder
from librarian.manifest.catalog import Catalog
from librarian.models.lock import read_lock
from librarian.operation import Declaration
from librarian.privacy import RECOGNIZERS
from librarian.privacy.audit import Auditor, Findings, is_text
from librarian.privacy.declared import recognizers_of
from librarian.privacy.known import secrets, surroundings
from librarian.privacy.names import common_names
from librarian.privacy.recognizers import RECOGNIZERS as ALL
from librarian.privacy.recognizers import Recognizer
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.workers.declared import Extension, extensions
from librarian.workers.installed import state_of_all

NAMES = "names.txt"
"""In `.librarian/`: a list of names that is always looked for."""
_OURS = """
library manifests keys logs runs catalog vault words pseudonym checked lock project models staging owner
""".split()
"""What files and folders of a project are called."""
_CLOSED = ("vault.db", "words.")
"""What the names of files begin with whose content is private: of the vault, and of the index over what was said."""
_SILENT = ("lock", "catalog.db-wal", "catalog.db-shm", ".gitignore", ".owner")
"""Files whose content is looked at elsewhere, or is a number."""


@dataclass(frozen=True)
class Lists:
    """The owner's lists that were typed: names to look for, words that name no one."""

    names: Path | None
    allow: Path | None


def audit_folder(context: click.Context, folder: Path | None, lists: Lists, as_json: bool) -> int:
    """Search a project, or a folder that is none.

    Raises:
        UsageError: there is no project and no folder was named, or a list cannot be read.
    """
    project = _project_in(context, folder)
    found = Findings()
    with ProgressLine() as progress:
        if project and (folder is None or folder.resolve() == project.root):
            search_project(project, lists, found, progress)
        elif folder is not None:
            search_folder(folder.resolve(), project, lists, found, progress)
        else:
            from librarian.cli.place import find_root

            find_root(context)  # which says that there is none
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=1))
    else:
        _show(found)
    return RefusedError.exit_code if found.counts else 0


def _project_in(context: click.Context, folder: Path | None) -> Project | None:
    """The project that is meant: that in the folder, else the one from whose place it was asked."""
    if folder is not None and (folder / projects.STATE / "project.toml").exists():
        return know(context, projects.load(folder.resolve()))
    return existing_project(context)


def search_project(project: Project, lists: Lists, found: Findings, progress: ProgressLine) -> None:
    """Search all that a project wrote, but for vault, keys, private results and the index over what was said."""
    with contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
        auditor = _auditor(project, project.root, catalog, lists, found)
        clean = {artifact.file for artifact in catalog.artifacts() if not artifact.private}
    for path in _files(project.library, "library", auditor, progress):
        if path.name not in _SILENT:
            auditor.metadata("embedded metadata", path, counted=True)
            if path.relative_to(project.library).as_posix() in clean:
                _search_clean(auditor, path)
    for path in _files(project.manifests, "manifests", auditor, progress):
        if path.suffix == ".jsonl":
            auditor.lines("manifests", path)
    _search_state(project, auditor, progress)
    for path in _files(cache_folder(), "caches", None, progress):
        auditor.raw("caches", path)


def _search_clean(auditor: Auditor, path: Path) -> None:
    """The content of a result that is said to name no one."""
    if path.suffix == ".json":
        auditor.document("clean contents", path)
    elif is_text(path):
        auditor.text("clean contents", path)


def _search_state(project: Project, auditor: Auditor, progress: ProgressLine) -> None:
    """`.librarian/`, but for vault, keys, and the index over what was said."""
    for path in _files(project.state, projects.STATE, auditor, progress):
        if path.name.startswith(_CLOSED) or path.name in (NAMES, *_SILENT) or path.parent == project.state / "keys":
            continue
        if path == project.catalog:
            auditor.database("catalog", path)
        elif path.suffix == ".json":
            auditor.document("status", path)
        elif path.name in (projects.MODELS_LOCK, "project.toml", "catalog.checked"):
            auditor.raw("project settings", path)
        else:
            auditor.text("logs", path)


def search_folder(folder: Path, project: Project | None, lists: Lists, found: Findings, progress: ProgressLine) -> None:
    """Search a folder of any files: names, embedded metadata, and the content of what is text."""
    if project is None:
        stranger = _stranger(lists)
        auditor = Auditor(stranger, stranger, stranger, folder, found)
    else:
        with contextlib.closing(Catalog(project.catalog, project.manifests, owned=False)) as catalog:
            auditor = _auditor(project, folder, catalog, lists, found)
    for path in _files(folder, "the folder", auditor, progress):
        if auditor.metadata("embedded metadata", path, counted=False):
            continue
        if is_text(path):
            auditor.text("contents", path)
        else:
            found.skipped += 1


def _files(top: Path, what: str, auditor: Auditor | None, progress: ProgressLine) -> Iterator[Path]:
    """Every regular file below a folder, which is called `what`; all names on the way are looked at."""
    number = 0
    for place, folders, names in os.walk(top):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(place, name)
            if auditor:
                auditor.name("file names", path)
            if name in names and path.is_file() and not path.is_symlink():
                number += 1
                progress.show(f"{number:,} files in {what}")
                yield path


def _stranger(lists: Lists) -> Scrubber:
    """For a folder of which nothing is known."""
    more = tuple(each for one in _installed() for each in recognizers_of(one.recognizers))
    known = [*surroundings(), *listed(lists.names, "--names")]
    return _knowing(known, listed(lists.allow, "--allow"), os.urandom(32), more)


def _auditor(project: Project, root: Path, catalog: Catalog, lists: Lists, found: Findings) -> Auditor:
    """An auditor that knows every value that the vault knows."""
    own = project.state / NAMES
    named = [*listed(lists.names, "--names"), *(listed(own, NAMES) if own.exists() else ())]
    with contextlib.closing(Vault(project.vault, owned=False)) as vault:
        labels = vault.public_labels()
        paths, texts = [*map(os.fspath, vault.paths())], [*vault.free_texts()]
    chosen = {*_OURS, *labels, *catalog.chosen_words(), *listed(lists.allow, "--allow"), *_models(project)}
    installed = _installed()
    more = tuple(each for one in installed for each in recognizers_of(one.recognizers))
    types = {each.type for each in (*ALL, *more)} | {"NAME"}
    spoken = {word for one in installed for each in one.declarations for word in _words_of(each)}
    declared = {*chosen, *types, *spoken, *_schema_words()}
    known = [*paths, *texts, *named, *surroundings(), os.fspath(project.root)]
    in_texts, in_words = (_knowing(known, exempt, project.pseudonym_key, more) for exempt in (chosen, declared))
    in_bytes = Scrubber(project.pseudonym_key, exempt=declared)
    in_bytes.know_only()
    in_bytes.learn_secrets(secrets())
    stems = (os.path.splitext(os.path.basename(path))[0] for path in paths)
    in_bytes.learn([*stems, *texts, *named])
    return Auditor(in_texts, in_words, in_bytes, root, found)


def _knowing(values: Iterable[str], exempt: Iterable[str], key: bytes, more: tuple[Recognizer, ...] = ()) -> Scrubber:
    scrubber = Scrubber(key, exempt=exempt, names=common_names(), more=more)
    scrubber.learn(values)
    scrubber.learn_secrets(secrets())
    return scrubber


def _models(project: Project) -> Collection[str]:
    """Names of models: they stand in records."""
    return read_lock(project.models_lock)[0].by_name


def _schema_words() -> Iterator[str]:
    """The names of fields and the words of enumerations in the core's own schemas."""
    folder = files("librarian") / "schema"
    for each in (
        "manifest.json",
        "events.json",
        "turns.json",
        "words.json",
        "spans.json",
        "measurements.json",
        "models.json",
    ):
        yield from _words_in(json.loads((folder / each).read_text(encoding="utf-8")))


def _installed() -> list[Extension]:
    with workers_for(1, lambda line: None) as workers:
        return extensions(workers, remembered=state_of_all())


def _words_of(declaration: Declaration) -> Iterator[str]:
    """What an operation declares: its names, those of settings, outputs and facts, and the words of these."""
    yield from (declaration.extension, declaration.name, declaration.full_name)
    for ports in (declaration.inputs, declaration.outputs or {}):
        yield from (word for name, port in ports.items() for word in (name, port.kind))
    for name, fact in declaration.facts.items():
        yield from (name, *fact["words"])
    yield from (model.name for model in declaration.models)
    yield from _words_in(declaration.settings_schema)


def _words_in(schema: Any) -> Iterator[str]:
    """The names of properties and the enum members in a JSON Schema."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            yield from each.get("properties", {})
            yield from (word for word in each.get("enum", [each.get("const")]) if isinstance(word, str))
            waiting += each.values()


def _show(found: Findings) -> None:
    rows = [
        (place, kind, f"{number:,}", ", ".join(found.at[place, kind]))
        for (place, kind), number in sorted(found.counts.items())
    ]
    for line in columns([("place", "type", "count", "for example in"), *rows]) if rows else ():
        click.echo(line)
    looked = f"searched: {plural(found.files, 'file')}, {size(found.bytes)}"
    skipped = f"; {plural(found.skipped, 'file')} of other kinds left out" if found.skipped else ""
    total = sum(found.counts.values())
    click.echo(f"{plural(total, 'finding')} of what may name someone" if total else "nothing that names anyone")
    click.echo(f"{looked}{skipped}")
    if total:
        say("next: librarian show FILE says what made it; what names no one: --allow FILE")


def _as_json(found: Findings) -> dict[str, Any]:
    findings = [
        {"place": place, "type": kind, "count": number, "files": found.at[place, kind]}
        for (place, kind), number in sorted(found.counts.items())
    ]
    searched = {"files": found.files, "bytes": found.bytes, "left_out": found.skipped}
    return {"findings": findings, **searched, "recognizers": RECOGNIZERS}
