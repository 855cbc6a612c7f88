"""The record in words: times, facts, settings, counts, and what changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from librarian.cli.facts import MINUS
from librarian.cli.words import duration
from librarian.manifest.records import OutcomeLine, RungRecord
from librarian.manifest.revisions import Revision
from librarian.plan import differences

TEXT = "text:"
"""How the digest begins that stands in the record for a text of the owner's."""
_ORDER = {"done": "done", "degraded": "degraded", "cached": "done before", "failed": "failed", "skipped": "skipped"}


def day(record: str) -> str:
    """The day (UTC) of a time of the record: `3 May 2026`."""
    when = datetime.fromisoformat(record)
    return f"{when.day} {when:%B %Y}"


def moment(record: str, *, short: bool = False) -> str:
    """A time of the record: `3 May 2026, 14:02 UTC`; in a table, months by three letters."""
    when = datetime.fromisoformat(record)
    return f"{when.day:2} {when:%b %Y, %H:%M} UTC" if short else f"{day(record)}, {when:%H:%M} UTC"


def tally(counts: Iterable[Mapping[str, int]]) -> str:
    """`4 done, 1 failed`, over all steps."""
    counts = list(counts)
    totals = {words: sum(found.get(outcome, 0) for found in counts) for outcome, words in _ORDER.items()}
    return ", ".join(f"{tasks:,} {words}" for words, tasks in totals.items() if tasks) or "nothing done"


def operation_of(line: OutcomeLine) -> str:
    """`normalize 1`: what made a thing, and its version; empty where it could not be known."""
    document = line.document or {"operation": "", "version": ""}
    return f"{document['operation'].rpartition('/')[2]} {document['version']}".strip()


def sound_of(facts: Mapping[str, Any]) -> str:
    """`18.2 s, 8 kHz, mono, flac pcm_24`; empty where it is not known."""
    if not facts.keys() >= {"container", "codec", "sample_rate", "channels", "frames"}:
        return ""
    rate, channels = facts["sample_rate"], facts["channels"]
    width = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
    return f"{duration(facts['frames'] / rate)}, {rate / 1000:g} kHz, {width}, {facts['container']} {facts['codec']}"


def settings_of(settings: Mapping[str, Any], given: Collection[str]) -> str:
    """`target −20, ceiling −1 (default)`."""
    shown = (f"{name} {_value(value)}{'' if name in given else ' (default)'}" for name, value in settings.items())
    return ", ".join(shown) or "none"


def rung_of(rung: RungRecord) -> str:
    """`segment 3.9`, `on the cpu` or `by itself`: how a task was done that memory did not suffice for."""
    words = [f"{name} {_value(value)}" for name, value in rung.settings.items()]
    words += [f"on the {rung.device}"] * bool(rung.device) + ["by itself"] * rung.singly
    return ", ".join(words)


def changes(before: OutcomeLine, after: OutcomeLine) -> str:
    """How two results were made differently: `target −20 → −24`."""
    if before.revises or after.revises:
        return "revised by hand" if after.revises else "the revision was taken back"
    return ", ".join(
        "its input changed" if part == "inputs" else f"{name or part} {_value(old)} → {_value(new)}"
        for part, name, old, new in differences(before.document or {}, after.document or {})
    )


def newer_lines(revisions: Iterable[Revision]) -> Iterator[str]:
    """Where the machine has made something newer than what a person revised, and how to take it."""
    for each in revisions:
        if each.newer:
            yield f"the machine has made {each.now} since; to take it: librarian revise --undo {each.artifact}"


def revision_json(each: Revision) -> dict[str, Any]:
    """A revision as data."""
    return {**asdict(each), "item": each.item or None}


def _value(value: Any) -> str:
    if TEXT in str(value):
        return "(a text)"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:.12g}".replace("-", MINUS) if is_number else str(value)


def columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Indented rows, every column but the last as wide as its widest cell."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {'  '.join(f'{cell:<{width}}' for cell, width in zip(row, widths, strict=True))}".rstrip() for row in rows
    ]
