"""The operation `join`: parts one after another, in constant memory, and where each of them is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from librarian import Output, Task, UnusableInputError
from librarian.audio.progress import Progress
from librarian_editing import PartEvent, Timeline
from librarian_editing.chapters import CUE, FFMETADATA, NOTES, cue_sheet, ffmetadata, notes
from librarian_editing.crossing import Chain, Place, Rounding
from librarian_editing.settings import JoinSettings
from librarian_editing.sound import STEREO, WHOLE, Samples, Source, written


def join(task: Task) -> Mapping[str, Output]:
    """The operation `join`.

    Raises:
        UnusableInputError: `too_short` where no part is long enough.
    """
    settings: JoinSettings = task.settings
    sources = [Source(task, each) for each in task.inputs["audio"]]
    parts = [source for source in sources if seconds(source) >= settings.shortest]
    if not parts:
        raise UnusableInputError("too_short", f"none of {len(sources)} parts is as long as {settings.shortest:g} s")
    joined = Joined(task, parts)
    path, gain = written(task, joined.rate, joined.channels, joined.blocks, fits=joined.fits)
    facts = {"parts": len(parts), "left_out": len(sources) - len(parts), "straight": joined.chain.straight}
    return {"audio": Output(path, {**facts, "gain": gain}), **_listed(task, joined, path.suffix)}


def seconds(source: Source) -> float:
    """How long a sound is; counted where its container does not know."""
    if source.frames_exact:
        return source.frames / source.rate
    frames: int = sum(samples.shape[1] for samples in source.blocks(source.rate, source.channels))
    return frames / source.rate


class Joined:
    """The parts as one sound.

    Args:
        task: the task.
        parts: in their order.

    Attributes:
        rate: Hz.
        channels: 1 or 2.
        fits: whether it is known not to rise above full scale.
        chain: how the parts were put together the last time.
    """

    def __init__(self, task: Task, parts: Sequence[Source]) -> None:
        self._settings: JoinSettings = task.settings
        self._parts = parts
        self.rate = round(self._settings.rate) or max(part.rate for part in parts)
        self.channels = min(STEREO, max(part.channels for part in parts))
        self.fits = all(part.fits(self.rate) for part in parts)
        self._rounds = task.bits == WHOLE[0] and all(part.bits == WHOLE[0] for part in parts) and self.fits
        self._seed = task.seed
        self.chain = self._chain()
        self._progress = Progress(task.progress, (1 if self.fits else 2) * sum(part.frames for part in parts))

    def blocks(self) -> Iterator[Samples]:
        """All of it, from its beginning."""
        self.chain = self._chain()
        return self.chain.blocks(part.blocks(self.rate, self.channels, self._progress) for part in self._parts)

    def _chain(self) -> Chain:
        fade, gap = round(self._settings.fade * self.rate), round(self._settings.gap * self.rate)
        return Chain(self.channels, fade, gap, Rounding(self._seed) if self._rounds else np.asarray)

    @property
    def places(self) -> Sequence[Place]:
        """Of the parts, once it was gone through."""
        return self.chain.places


def _listed(task: Task, joined: Joined, suffix: str) -> dict[str, Output]:
    places, rate = joined.places, joined.rate
    texts = {
        "chapters": (ffmetadata(places, rate, places[-1].end), FFMETADATA),
        "cue": (cue_sheet(places, rate, f"{task.unit}.join.audio{suffix}"), CUE),
        "notes": (notes(places, rate), NOTES),
    }
    found: dict[str, Output] = {}
    for output, (text, ending) in texts.items():
        path = task.folder / f"{output}.{ending}"
        path.write_text(text, encoding="utf-8")
        found[output] = Output(path)
    return {**found, "events": Output(timeline(places, rate))}


def timeline(places: Sequence[Place], rate: int) -> Timeline:
    """The parts as events."""
    return Timeline(
        events=[
            PartEvent(label=f"part {number}", start=round(place.start / rate, 6), end=round(place.end / rate, 6))
            for number, place in enumerate(places, 1)
        ]
    )
