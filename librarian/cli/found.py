"""What was found: a line each, or JSON. The words around a hit are shown as they were said, to who asked for them."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from librarian.cli.asked import Asked
from librarian.cli.facts import MINUS
from librarian.cli.recorded import columns
from librarian.cli.words import duration, fitted
from librarian.find.query import QUANTITIES
from librarian.find.search import Hit
from librarian.find.tokens import between
from librarian.manifest.holdings import CurrentArtifact

_SOUGHT = ("\ue000", "\ue001")
"""Before and behind a word that was looked for, until it is printed: private characters, which no text keeps."""
AT_ONCE = 1000
"""Lines of which the columns are as wide as each other's."""
_BOLD, _PLAIN = "\x1b[1m", "\x1b[22m"


@dataclass(frozen=True, slots=True)
class Found:
    """A place, or a recording.

    Attributes:
        unit: the recording, group or whole job.
        items: the numbers in lists of what was transcribed, from the outermost on.
        results: the transcript; or the results that were asked for.
        values: fact that was asked about → its value, and the result that says so.
        hit: where it is said; None of a recording.
    """

    unit: str
    items: tuple[int, ...]
    results: Sequence[CurrentArtifact]
    values: Mapping[str, tuple[Any, str | None]]
    hit: Hit | None


@dataclass(frozen=True)
class Shown:
    """What is shown of it: the words around it, names of files, JSON."""

    text: bool
    names: bool
    as_json: bool


def show(project: Asked, found: Sequence[Found], shown: Shown, *, more: bool, transcripts: int | None) -> None:
    """Print it.

    Args:
        project: where it was found.
        found: what.
        shown: how.
        more: whether there is more than is shown.
        transcripts: how many were looked through; None where it was about no words.
    """
    if shown.as_json:
        click.echo('{\n "hits": [', nl=False)
        for number, each in enumerate(found):  # one by one: there may be very many
            hit = json.dumps(_json(project, each, shown.text), indent=1)
            click.echo(f"{',' * bool(number)}\n{textwrap.indent(hit, '  ')}", nl=False)
        end = json.dumps({"more": more, "transcripts": transcripts}, indent=1)
        click.echo(f"\n ],{end[1:]}")
        return
    for first in range(0, len(found), AT_ONCE):
        rows = [_row(project, each, shown) for each in found[first : first + AT_ONCE]]
        used = [number for number in range(len(rows[0]) - 1) if any(row[number] for row in rows)]
        for line in columns((*(row[number] for number in used), row[-1]) for row in rows):
            click.echo(_marked(fitted(line, sys.stdout)))


def _row(project: Asked, found: Found, shown: Shown) -> tuple[str, ...]:
    """What a unit is called and what is known of it is scrubbed; ids and numbers need not be."""
    hit = found.hit
    called = _named(project, found.unit) if shown.names else ""
    facts = ", ".join(_fact(name, value) for name, (value, _) in found.values.items())
    of_facts = dict.fromkeys(each for _, each in found.values.values() if each)
    results = [each.id for each in found.results] or list(of_facts)
    several = f" and {len(results) - 1:,} more" if len(results) > 1 else ""
    item = f" (item {'.'.join(map(str, found.items))})" if found.items else ""
    cells = [
        time_of(hit.start) if hit and hit.start is not None else "",
        f"speaker {hit.speaker}" if hit and hit.speaker is not None else "",
        project.scrubber.scrub(hit.language) if hit and hit.start is None else "",
        f"channel {hit.channel}" if hit and hit.channel is not None else "",
        f"{results[0]}{several}{item}" if results else "",
        project.scrubber.scrub(facts),
    ]
    called = called or project.scrubber.scrub(project.called(found.unit))
    return (called, *cells, _words(hit, _SOUGHT) if hit and shown.text else "")


def _named(project: Asked, unit: str) -> str:
    """What its file is called, else its label."""
    seen = project.vault.sightings(unit)
    return safe(seen[0].name if seen else project.vault.label(unit)[0])


def time_of(seconds: float) -> str:
    """A time in a recording: `1:02:03.4`."""
    tenths = int(seconds * 10 + 1e-6)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def _fact(name: str, value: Any) -> str:
    if name == "length":
        return f"length {duration(value)}"
    if name in QUANTITIES:
        return f"{name} {value:.1f} {QUANTITIES[name].unit}".replace("-", MINUS)
    if isinstance(value, bool):
        return f"{name} {'yes' if value else 'no'}"
    return f"{name} {value:.4g}".replace("-", MINUS) if isinstance(value, float) else f"{name} {value}"


def _words(hit: Hit, marks: tuple[str, str] = ("", "")) -> str:
    """The words around a place, those that were looked for between marks."""
    text, before = "", ""
    for number, word in enumerate(map(safe, hit.words)):
        begin, end = marks if number in hit.sought else ("", "")
        text += f"{between(before, word) if number else ''}{begin}{word}{end}"
        before = word
    return text


def safe(text: str) -> str:
    """A text without what would steer a terminal."""
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "?"
        for char in text
        if unicodedata.category(char) not in ("Cf", "Co")
    )


def _marked(line: str) -> str:
    bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for mark, code in zip(_SOUGHT, (_BOLD, _PLAIN), strict=True):
        line = line.replace(mark, code if bold else "")
    return line


def _json(project: Asked, found: Found, with_text: bool) -> dict[str, Any]:
    label, public = project.vault.label(found.unit)
    plain: dict[str, Any] = {
        "unit": found.unit,
        "label": label if public else None,
        "items": found.items,
        "results": list(_results(found.results)),
        "facts": {name: {"value": value, "artifact": artifact} for name, (value, artifact) in found.values.items()},
    }
    hit = found.hit
    if hit is not None:
        plain |= {"language": hit.language, "start": hit.start, "end": hit.end}
        plain |= {"speaker": hit.speaker, "channel": hit.channel}
    said = {"text": _words(hit)} if hit is not None and with_text and hit.words else {}
    return {**project.scrubbed(plain), **said}


def _results(results: Sequence[CurrentArtifact]) -> Iterator[dict[str, str]]:
    for each in results:
        yield {"artifact": each.id, "job_name": each.job_name, "step": each.step, "output": each.output}
