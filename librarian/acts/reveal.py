"""Pseudonyms back to what they stand for, as far as the vault holds it; and the record of who was shown what."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from librarian.acts.act import Say, act
from librarian.manifest.act_lines import RevealedLine
from librarian.privacy.scrub import Scrubber
from librarian.privacy.vault import Vault
from librarian.project import Project

_WORDS = re.compile(r"[^\W_]+")


def values_of(
    pseudonyms: Collection[str], vault: Vault, scrubber: Scrubber, more: Iterable[str]
) -> dict[str, set[str]]:
    """Pseudonym → the values in the vault that it stands for.

    Every name and text of the vault is scrubbed as a whole, and by its words and neighbouring words, for a message may
    have held only these.

    Args:
        pseudonyms: `<TYPE:xxxxxxxx>`.
        vault: holds paths, labels and texts.
        scrubber: the project's; has learnt the paths.
        more: other texts that may hold a value.
    """
    found: dict[str, set[str]] = {each: set() for each in pseudonyms}
    for text in dict.fromkeys((*_texts(vault), *more)) if found else ():
        for piece in _pieces(text):
            for pseudonym, value in scrubber.stand_ins(piece):
                if pseudonym in found:
                    found[pseudonym].add(value)
    return found


def _texts(vault: Vault) -> Iterator[str]:
    for path in vault.paths():
        yield from os.fspath(path).split("/")
    yield from vault.free_texts()


def _pieces(text: str) -> Iterator[str]:
    yield text
    words = list(_WORDS.finditer(text))
    yield from (word[0] for word in words)
    yield from (text[one.start() : other.end()] for one, other in itertools.pairwise(words))


def record(project: Project, units: Sequence[str], pseudonyms: Sequence[str], values: int, say: Say) -> str:
    """Record that the owner is shown something, before he is. The caller holds the project's lock.

    Args:
        project: the project.
        units: the ids that were asked for.
        pseudonyms: `<TYPE:xxxxxxxx>`, those that were asked for.
        values: how many values are shown.
        say: told what was mended first.

    Returns:
        The job's id.
    """
    with act(project, "reveal", say) as doing:
        doing.record(
            RevealedLine(units=list(units), pseudonyms=[each.strip("<>") for each in pseudonyms], values=values)
        )
    return doing.job
