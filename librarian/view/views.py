"""The views of a project: folders of links, listed in the vault, so that whoever removes results finds them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from librarian.errors import UsageError
from librarian.manifest.catalog import Catalog
from librarian.privacy.vault import Vault, View
from librarian.project import Project
from librarian.view.links import Changed, Links
from librarian.view.names import Layout, Namer, named
from librarian.view.results import results

_DEPTH = 4
"""Of a file in a library: shard, unit, task, name."""


@dataclass(frozen=True)
class Options:
    """What a view shows: its layout, its steps and its jobs; none for all."""

    layout: Layout = "folders"
    steps: Sequence[str] = ()
    jobs: Sequence[str] = ()


def refresh(project: Project, catalog: Catalog, vault: Vault, folder: Path, options: Options | None = None) -> Changed:
    """Make a view, or bring it up to date. The caller holds the project's lock.

    Args:
        project: the project.
        catalog: the index, caught up.
        vault: knows names, and keeps the list of links.
        folder: the view.
        options: what it shows; None: what it showed the last time, else everything.

    Raises:
        UsageError: no view can be there.
        OSError: the disk failed; what was made by then is listed.
    """
    known = vault.view(folder)
    if known is None:
        check_place(project, vault, folder)
    shown = options or (_options(known) if known else Options())
    check_steps(catalog, shown.steps)
    paths = vault.places()
    library = _library_from(project, folder)
    text = json.dumps({**asdict(shown), "mark": _mark(catalog, vault, paths, library)})
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if known and text == known.options:  # all that names and results hang on is as it was: only the links are looked at
        changed = _bring(vault, folder, known, text, known.links)
    else:
        found = results(catalog, shown.jobs, shown.steps)
        wanted = named(found, Namer(catalog, vault, project.root, paths).places, shown.layout)
        links = {link: f"{_up(library, link)}/{each.made.file}" for link, each in wanted.items()}
        changed = _bring(vault, folder, known or View("", {}, set()), text, links)
    changed.dropped = dropped_of(catalog, shown.steps, shown.jobs)
    return changed


def _options(known: View) -> Options:
    stored = json.loads(known.options)
    return Options(stored["layout"], stored["steps"], stored["jobs"])


def _mark(catalog: Catalog, vault: Vault, paths: Mapping[str, Sequence[str]], library: str) -> str:
    """One word for all that the names and targets of links hang on."""
    said = hashlib.sha256(os.fsencode(library))
    for rows in (catalog.current_keys(), catalog.dropped_keys(), sorted(paths.items()), vault.labels()):
        said.update(repr(list(rows)).encode(errors="surrogateescape"))
    return said.hexdigest()


def check_steps(catalog: Catalog, steps: Sequence[str]) -> None:
    """Refuse steps of which nothing is current.

    Raises:
        UsageError: which, and which there are.
    """
    if not steps:
        return
    there = {(each.job_name, each.step, each.output) for each in catalog.current_artifacts()}
    there |= catalog.dropped_results().keys()
    known = {step for _, step, _ in there} | {f"{step}.{output}" for _, step, output in there}
    if unknown := [each for each in steps if each not in known]:
        raise UsageError(f"{unknown[0]}: nothing is current of that step; there are {', '.join(sorted(known))}")


def dropped_of(catalog: Catalog, steps: Sequence[str], jobs: Sequence[str] = ()) -> int:
    """How many results of steps (or `step.output`; none for all) are current and dropped."""
    return sum(
        number
        for (job_name, step, output), number in catalog.dropped_results().items()
        if (not jobs or job_name in jobs) and (not steps or step in steps or f"{step}.{output}" in steps)
    )


def _bring(vault: Vault, folder: Path, known: View, options: str, links: Mapping[str, str]) -> Changed:
    """Bring a folder to what it should hold. A link is listed before it is made and until it is removed."""
    gone = {link: target for link, target in known.links.items() if links.get(link) != target}
    there = Links(folder, set(known.folders))
    there.remove(gone)
    more = {link: target for link, target in links.items() if known.links.get(link) != target}
    there.expect(more)
    if gone or more or options != known.options:
        vault.note_view(folder, options, more=more, less=gone.keys() - links.keys())
        vault.note_view_folders(folder, there.folders)
        vault.commit()
    there.make(links)
    if there.changed.foreign:
        vault.note_view(folder, _unmarked(options), more={}, less=there.changed.foreign)
        vault.commit()
    return there.changed


def _unmarked(options: str) -> str:
    """The options of a view that lacks a link: it is put together anew the next time."""
    return json.dumps({**json.loads(options), "mark": ""})


def _library_from(project: Project, folder: Path) -> str:
    """The library as seen from a folder: within the project by a way that stays when the project is moved."""
    inside = _is_below(folder, project.root) and _is_below(project.library, project.root)
    return os.path.relpath(project.library, folder) if inside else os.fspath(project.library)


def _up(library: str, link: str) -> str:
    """The library as seen from where a link lies."""
    return library if os.path.isabs(library) else "../" * link.count("/") + library


def remove(vault: Vault, folder: Path) -> Changed:
    """Take a view away: its links, and the folders that were made for them where nothing else lies in them."""
    known = vault.view(folder)
    if known is None:
        raise UsageError("that folder is no view of this project; which there are: librarian view --list")
    changed = _bring(vault, folder, known, known.options, {})
    vault.drop_view(folder)
    vault.commit()
    return changed


def drop_gone(catalog: Catalog, vault: Vault) -> None:
    """Take links to results that are no more out of all views, and off their lists. The caller commits the vault."""
    there = {artifact.file for artifact in catalog.artifacts()}
    for folder in vault.views():
        known = vault.view(folder)
        if known is None:
            continue
        gone = {link: target for link, target in known.links.items() if _artifact_of(target) not in there}
        links = Links(folder, set(known.folders))
        links.remove(gone)
        vault.note_view(folder, _unmarked(known.options), more={}, less=gone)
        vault.note_view_folders(folder, links.folders)


def _artifact_of(target: str) -> str:
    """The file that a link leads to, relative to the library."""
    return "/".join(target.split("/")[-_DEPTH:])


def check_place(project: Project, vault: Vault, folder: Path) -> None:
    """Refuse a folder that holds what is ours or the owner's.

    Raises:
        UsageError: it is, or lies in, the project's own folders or one with recordings, or holds the project.
    """
    for own in (project.library, project.manifests, project.state):
        if _is_below(folder, own) or _is_below(own, folder):
            raise UsageError("that folder belongs to the project, or holds it; name another one")
    homes = {os.path.dirname(path) for path in map(os.fspath, vault.paths())} - {os.fspath(project.root)}
    if any(_is_below(folder, Path(home)) for home in homes):
        raise UsageError("recordings lie in that folder, and the next run would take what is put there; name another")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError("that is a link, or no folder; name another one")


def _is_below(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or lies in it, wherever links lead."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
