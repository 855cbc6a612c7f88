"""`librarian voices`: where a voice is heard again, by what the vault keeps of how speakers sound."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

import click

from librarian.cli.asked import Asked, asked, kind_of
from librarian.cli.recorded import columns
from librarian.cli.words import plural, say
from librarian.errors import UsageError

KIND = "voices/1"
ALIKE = 0.78
"""Cosine from which on two voices count as one: with d-vectors of 8 s or more of thirteen speakers, also of one over a
telephone and one not, all pairs of one speaker were above it, and at most 1.3 % of those of two."""


@dataclass(frozen=True)
class Kept:
    """A voice in the vault."""

    unit: str
    speaker: int
    seconds: float
    encoder: str
    vector: Sequence[float]

    def like(self, other: Kept) -> float:
        """The cosine of both; −1 where their numbers mean different things."""
        if (self.encoder, len(self.vector)) != (other.encoder, len(other.vector)):
            return -1.0
        return float(sum(map(mul, self.vector, other.vector)))


@dataclass(frozen=True)
class Pair:
    """A voice, another one, and how alike they are."""

    voice: Kept
    other: Kept
    alike: float


@click.command("voices")
@click.argument("what", required=False)
@click.option("--speaker", type=click.IntRange(min=1), help="Only this speaker of the recording.")
@click.option(
    "--alike",
    type=click.FloatRange(-1.0, 1.0),
    default=ALIKE,
    show_default=True,
    help="How alike two voices are that count as one: the cosine, up to 1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(context: click.Context, what: str | None, speaker: int | None, alike: float, as_json: bool) -> int:
    """WHAT is a recording: an id or its beginning, its path or its name. Without it: which recordings have voices.
    Voices are kept, in the vault alone, where a job asks for them (use: diarize, with: {voices: true}); nothing but
    ids, numbers and how alike two are is shown. That two are alike is a hint to listen, and no proof.
    """
    if what is None and speaker is not None:
        raise UsageError("--speaker is of a recording; type: librarian voices RECORDING --speaker N")
    with asked(context) as project:
        kept = list(_kept(project))
        if what is None:
            return _list(project, kept, as_json)
        own = _own(kept, project.resolve(what), speaker)
        pairs = _pairs(own, kept, alike)
        if as_json:
            project.say_json([_pair_json(pair) for pair in pairs])
            return 0
        project.say(columns(map(_row, pairs)))
    if pairs:
        say(f"next: librarian show {pairs[0].other.unit}")
    else:
        others = plural(sum(each.unit != own[0].unit for each in kept), "voice")
        say(f"none of {others} in other recordings is as alike; less so: --alike {alike - 0.1:.2f}")
    return 0


def _kept(project: Asked) -> Iterator[Kept]:
    """The voices of what is current: what a newer diarization has taken the place of has other numbers."""
    for key, unit, text in project.vault.secrets(KIND):
        if any(each.good for each in project.catalog.ended(key=key)):
            yield from _read(unit, text)


def _read(unit: str, text: str) -> Iterator[Kept]:
    document = json.loads(text)
    try:
        for each in document["voices"]:
            yield Kept(unit, each["speaker"], each["seconds"], document["encoder"], each["vector"])
    except (KeyError, TypeError):  # an extension has a kind of its own that is called so
        return


def _own(kept: Iterable[Kept], unit: str, speaker: int | None) -> list[Kept]:
    """The voices that others are compared with.

    Raises:
        UsageError: there is none.
    """
    found = [each for each in kept if each.unit == unit]
    if not found:
        raise UsageError(
            f"no voice is kept of that {kind_of(unit)}; ask for it in a job: use: diarize, with: {{voices: true}}"
        )
    own = [each for each in found if speaker in (None, each.speaker)]
    if not own:
        numbers = ", ".join(str(each.speaker) for each in found)
        raise UsageError(f"of that speaker no voice is kept; there are: {numbers}")
    return own


def _pairs(own: Sequence[Kept], kept: Iterable[Kept], least: float) -> list[Pair]:
    """The voices of other units that are alike enough, for each of those: the most alike first."""
    units = {each.unit for each in own}
    others = [each for each in kept if each.unit not in units]
    pairs = (Pair(voice, other, voice.like(other)) for voice in own for other in others)
    return sorted((pair for pair in pairs if pair.alike >= least), key=lambda pair: (pair.voice.speaker, -pair.alike))


def _row(pair: Pair) -> tuple[str, ...]:
    other = pair.other
    return (
        f"speaker {pair.voice.speaker}",
        f"{pair.alike:.2f}",
        f"{other.unit}  speaker {other.speaker}, of {other.seconds:.0f} s",
    )


def _pair_json(pair: Pair) -> dict[str, Any]:
    return {
        "speaker": pair.voice.speaker,
        "alike": round(pair.alike, 3),
        "other": {"unit": pair.other.unit, "speaker": pair.other.speaker, "seconds": pair.other.seconds},
    }


def _list(project: Asked, kept: Sequence[Kept], as_json: bool) -> int:
    units: dict[str, list[Kept]] = {}
    for each in kept:
        units.setdefault(each.unit, []).append(each)
    if as_json:
        rows = {unit: [{"speaker": each.speaker, "seconds": each.seconds} for each in of] for unit, of in units.items()}
        project.say_json([{"unit": unit, "voices": voices} for unit, voices in rows.items()])
        return 0
    project.say(columns((unit, plural(len(of), "voice")) for unit, of in units.items()))
    if kept:
        say(f"next: librarian voices {kept[0].unit}")
    else:
        say("no voice is kept; ask for them in a job: use: diarize, with: {voices: true}")
    return 0
