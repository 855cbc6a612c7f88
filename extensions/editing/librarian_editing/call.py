"""The operation `call`: the sides of a call over each other, in stereo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from librarian import Artifact, Output, Task, UnusableInputError
from librarian.audio.progress import Progress
from librarian_editing.alignment import NOTHING, RATE, Alignment, align
from librarian_editing.settings import CallSettings
from librarian_editing.sound import Samples, Source, later, side_by_side, written

UNSHIFTED = 0.001
"""Seconds of a shift that is none: what windows of real sounds disagree by."""
PARTS_PER_MILLION = 1e6

Found = Literal["aligned", "unsure", "not_asked", "one_side"]


@dataclass(frozen=True)
class Sides:
    """The files of a call; None where there is none."""

    left: Source | None
    right: Source | None
    both: Source | None

    @property
    def there(self) -> list[Source]:
        """Those of one side."""
        return [side for side in (self.left, self.right) if side]


@dataclass(frozen=True)
class Laid:
    """How the sides lie to each other.

    Attributes:
        found: how that is known.
        left, right: where each lies.
        confidence: that it is so, 0 to 1.
    """

    found: Found
    left: Alignment = NOTHING
    right: Alignment = NOTHING
    confidence: float | None = None

    @property
    def shift(self) -> float:
        """How much later the right side starts than the left one (s); 0 where that is not known."""
        shift = self.right.shift - self.left.shift if self.found == "aligned" else 0.0
        return shift if abs(shift) >= UNSHIFTED else 0.0

    @property
    def drift(self) -> float | None:
        """By how much the right side's clock is slower (ppm); None where that is not known."""
        if self.found != "aligned" or self.left.slower is None or self.right.slower is None:
            return None
        return PARTS_PER_MILLION * (self.right.slower - self.left.slower)


def call(task: Task) -> Mapping[str, Output]:
    """The operation `call`.

    Raises:
        UnusableInputError: `unsupported` where there is no side, or two files of one role.
    """
    settings: CallSettings = task.settings
    sides = sides_of(task, task.inputs["audio"])
    rate = round(settings.rate) or max(side.rate for side in sides.there)
    laid = laid_over(sides, settings)
    corrects = settings.drift == "correct" and laid.drift is not None
    fits = not corrects and all(side.fits(rate) and side.channels == 1 for side in sides.there)
    progress = Progress(task.progress, (1 if fits else 2) * sum(side.frames for side in sides.there))
    path, gain = written(task, rate, 2, lambda: stereo(sides, laid, rate, corrects, progress), fits=fits)
    return {"audio": Output(path, {**_facts(sides, laid), "corrected": corrects, "gain": gain})}


def sides_of(task: Task, files: Sequence[Artifact]) -> Sides:
    """The files by their roles, or by their numbers where that is what the settings say.

    Raises:
        UnusableInputError: there is no side, two files of one role, or one file that is named twice.
    """
    settings: CallSettings = task.settings
    roles = [each.role for each in files if each.role]
    if len({*roles}) < len(roles):
        raise UnusableInputError("unsupported", "two files of the call have one role; which one is meant?")
    known = {str(number): each for number, each in enumerate(files, 1)} | {each.role: each for each in files}
    found = [known.get(place) for place in (settings.left, settings.right, settings.both)]
    if any(one is other for one, other in combinations(filter(None, found), 2)):
        raise UnusableInputError("unsupported", "one file has a role and is named by its number too; name it once")
    sides = Sides(*(Source(task, each) if each else None for each in found))
    if not sides.there:
        raise UnusableInputError(
            "unsupported", "no file has the role of a side; say which in the settings left and right"
        )
    return sides


def laid_over(sides: Sides, settings: CallSettings) -> Laid:
    """How the sides lie to each other: each looked for in what holds both, or else one in the other."""
    if not (sides.left and sides.right):
        return Laid("one_side")
    if settings.align == "no":
        return Laid("not_asked")
    if sides.both:
        left, right = (_within(side, sides.both, settings) for side in (sides.left, sides.right))
    else:
        left, right = _by_leakage(sides.left, sides.right, settings)
    confidence = min(left.confidence, right.confidence)
    return Laid("aligned" if confidence >= settings.certainty else "unsure", left, right, confidence)


def _by_leakage(left: Source, right: Source, settings: CallSettings) -> tuple[Alignment, Alignment]:
    """Where what leaks from one side into the other is heard, in the direction in which it is heard better."""
    there, back = _within(left, right, settings), _within(right, left, settings)
    if back.confidence >= there.confidence:
        return _origin_of(back), back
    return there, _origin_of(there)


def _origin_of(found: Alignment) -> Alignment:
    """Where that lies in which something was found."""
    return Alignment(0.0, None if found.slower is None else 0.0, found.confidence)


def _within(sound: Source, other: Source, settings: CallSettings) -> Alignment:
    frames = sound.frames * RATE // sound.rate
    return align(lambda: sound.blocks(RATE, 1), lambda: other.blocks(RATE, 1), frames, settings.within)


def stereo(sides: Sides, laid: Laid, rate: int, corrects: bool, progress: Progress) -> Iterator[Samples]:
    """Both sides, from the start of the one that starts first until both have ended.

    Shape:
        - output: `[2, frames]`
    """
    frames = round(laid.shift * rate)
    waits = (max(0, -frames), max(0, frames))
    sounds = []
    for side, lies, wait in zip((sides.left, sides.right), (laid.left, laid.right), waits, strict=True):
        slower = (lies.slower or 0.0) if corrects else 0.0
        sounds.append(later(side.blocks(rate, 1, progress, slower), wait, 1) if side else _nothing())
    for left, right in side_by_side(sounds):
        yield np.concatenate([_row(left, right), _row(right, left)])


def _nothing() -> Iterable[Samples]:
    return iter(())


def _row(side: Samples | None, other: Samples | None) -> Samples:
    if side is not None:
        return side
    return np.zeros_like(other if other is not None else np.zeros((1, 0), np.float32))


def _facts(sides: Sides, laid: Laid) -> dict[str, float | bool | str | None]:
    missing = "left" if sides.left is None else "right" if sides.right is None else "none"
    return {
        "alignment": laid.found,
        "shift": round(laid.shift, 6),
        "confidence": None if laid.confidence is None else round(laid.confidence, 4),
        "drift": None if laid.drift is None else round(laid.drift, 2),
        "missing": missing,
    }
