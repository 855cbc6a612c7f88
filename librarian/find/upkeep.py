"""The index over what was said follows what is current: transcripts that came since are read, others taken out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from librarian.find.index import WordIndex
from librarian.find.transcript import KIND, UnreadableError, read
from librarian.keys import IdKey
from librarian.manifest.catalog import Catalog
from librarian.manifest.holdings import CurrentArtifact

AT_ONCE = 500
"""Transcripts that are kept together: what is cut off loses no more."""


@dataclass
class Changes:
    """What was done: transcripts that came and went, and how many cannot be read."""

    added: int = 0
    removed: int = 0
    unreadable: int = 0


def transcripts(catalog: Catalog) -> dict[str, list[CurrentArtifact]]:
    """The current transcripts: artifact → it, once for each job and step of which it is current."""
    found: dict[str, list[CurrentArtifact]] = {}
    for each in catalog.current_artifacts(KIND):
        found.setdefault(each.id, []).append(each)
    return found


def follow(
    words: WordIndex,
    wanted: Mapping[str, CurrentArtifact],
    library: Path,
    id_key: IdKey,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Changes:
    """Bring the index up to date.

    A transcript that cannot be read is left out, and tried again the next time; one that was read before stays.

    Args:
        words: the index.
        wanted: the current transcripts.
        library: where they lie.
        id_key: what their digests are made with.
        progress: told how many of how many are read.
    """
    changes, held = Changes(), words.held()
    for artifact, (number, digest) in held.items():
        if artifact not in wanted or wanted[artifact].digest != digest:
            words.drop(number)
            changes.removed += 1
    new = [each for each in wanted.values() if each.id not in held or held[each.id][1] != each.digest]
    for number, made in enumerate(new, 1):
        try:
            words.add(made.id, made.digest, read(made, library, id_key))
            changes.added += 1
        except UnreadableError:
            changes.unreadable += 1
        if number % AT_ONCE == 0:
            words.commit()
        progress(number, len(new))
    words.commit()
    return changes
