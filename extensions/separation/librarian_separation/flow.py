"""Sounds through networks: cut, batched, joined; decoding and joining go on while a network works. Constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from librarian import Task
from librarian.audio.resample import Resampler, frames_at
from librarian_separation.arrangement import Group
from librarian_separation.cutting import Cutter, Part, Passing
from librarian_separation.ensemble import Ensemble
from librarian_separation.joining import Lane, Sum
from librarian_separation.results import Choice, Spool

Samples = NDArray[np.float32]

AHEAD = 2
"""Batches that are being joined at the most, while the next is computed."""


class Standard(NamedTuple):
    """Mean and deviation of a sound."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Order:
    """A sound that is to be separated.

    Attributes:
        task: whose port `audio` it is.
        ensemble: by what.
        groups: of its channels.
        standard: of its mono mix, where the ensemble wants it standardized.
        choice: what comes out.
        shifts: see `Ensemble.lanes`.
        to_the_end: see `Cutter`.
    """

    task: Task
    ensemble: Ensemble
    groups: tuple[Group, ...]
    standard: Standard
    choice: Choice
    shifts: int = 0
    to_the_end: bool = True


class Separation:
    """One sound on its way: `parts` in a thread, `add` and `end` in another.

    Attributes:
        spool: what came out.
    """

    def __init__(self, order: Order, rate: int, channels: int, frames: int) -> None:
        self._order, self._rate, self._channels = order, rate, channels
        ensemble = order.ensemble
        self._model_rate = ensemble.sample_rate or rate
        self._kept = order.choice.kept(len(ensemble.stems))
        wanted = np.isin(np.arange(len(ensemble.stems)), self._kept)
        self._lanes = list(ensemble.lanes(order.groups, wanted, order.shifts, order.task.seed))
        self._sum = Sum(len(ensemble.stems), channels, len(self._lanes))
        self._back = Resampler(self._model_rate, rate, len(self._kept) * channels)
        self._mix: deque[Samples] = deque()
        self._waiting = np.zeros((len(self._kept), channels, 0), np.float32)
        self._frames_of_all = max(1, frames_at(frames, rate, self._model_rate) * len(self._lanes))
        self._frames, self._told = 0, 0.0
        self.spool = Spool(order.task.folder)

    def parts(self) -> Generator[tuple[Lane, Part]]:
        """All segments of all lanes; what is behind comes first."""
        with self._order.task.open_audio("audio") as sound:
            passing = Passing(self._at_the_models_rate(sound.blocks()), self._channels)
            going = {
                lane: Cutter(passing, lane.model, lane.delay, to_the_end=self._order.to_the_end) for lane in self._lanes
            }
            while going:
                lane = min(going, key=lambda each: going[each].offset - each.delay)
                if part := going[lane].next():
                    yield lane, part
                else:
                    del going[lane]
                passing.forget(min((cutter.needs for cutter in going.values()), default=0))

    def _at_the_models_rate(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        resampler = Resampler(self._rate, self._model_rate, self._channels)
        mean, deviation = self._order.standard
        for block in blocks:
            self._mix.append(block)
            yield (resampler.add(block) - np.float32(mean)) / np.float32(deviation)
        yield (resampler.end() - np.float32(mean)) / np.float32(deviation)

    def add(self, lane: Lane, part: Part, estimates: Samples) -> None:
        """Take what a lane's model made of its next part, `[stems, channels, frames]`."""
        lane.add(part, estimates, self._sum)
        self._take(self._sum.ready())
        self._tell(min(part.length, lane.model.hop))

    def end(self) -> None:
        """Nothing more comes."""
        for lane in self._lanes:
            lane.end(self._sum)
        self._take(self._sum.ready())
        self._put(self._back.end())
        if missing := sum(block.shape[1] for block in self._mix):  # a frame, by the rounding of two rates
            self._put(np.zeros((len(self._waiting) * self._channels, missing), np.float32))

    def _take(self, ready: Samples) -> None:
        mean, deviation = self._order.standard
        ready = ready[self._kept] * np.float32(deviation) + np.float32(mean)
        self._put(self._back.add(ready.reshape(len(ready) * self._channels, ready.shape[-1])))

    def _put(self, rows: Samples) -> None:
        """Make the outputs of stems at the sound's own rate, as far as the mix is known."""
        stems = rows.reshape(*self._waiting.shape[:2], rows.shape[-1])
        stems = np.concatenate([self._waiting, stems], axis=-1) if self._waiting.shape[-1] else stems
        at = 0
        while self._mix and at < stems.shape[-1]:
            mix = self._mix.popleft()
            frames = min(mix.shape[1], stems.shape[-1] - at)
            self.spool.add(self._order.choice.outputs(stems[..., at : at + frames], mix[:, :frames]))
            at += frames
            if frames < mix.shape[1]:
                self._mix.appendleft(mix[:, frames:])
        self._waiting = stems[..., at:]

    def _tell(self, frames: int) -> None:
        self._frames += frames
        fraction = min(1.0, self._frames / self._frames_of_all)
        if fraction >= self._told + 0.01:
            self._told = fraction
            self._order.task.progress(fraction)


class _Waiting(NamedTuple):
    separation: Separation
    lane: Lane
    part: Part


class Batches:
    """Segments, of one sound or several, that go through a network together.

    Args:
        size: how many, at the most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: dict[int, list[_Waiting]] = {}
        self._joining: deque[Future[None]] = deque()
        self._joiner = ThreadPoolExecutor(1, "join")

    def run(self, separations: Sequence[Separation]) -> None:
        """Bring sounds through their networks, one after the other; the end of one and the next share a batch."""
        with self._joiner:
            for separation in separations:
                with closing(separation.parts()) as parts, closing(_ahead(parts)) as coming:
                    for lane, part in coming:
                        self._put(_Waiting(separation, lane, part))
            for waiting in self._waiting.values():
                self._compute(waiting)
            self._join(0)
        for separation in separations:
            separation.end()

    def _put(self, given: _Waiting) -> None:
        waiting = self._waiting.setdefault(id(given.lane.model), [])
        if waiting and waiting[0].part.samples.shape != given.part.samples.shape:
            self._compute(waiting)
        waiting.append(given)
        if len(waiting) >= self._size:
            self._compute(waiting)

    def _compute(self, waiting: list[_Waiting]) -> None:
        if not waiting:
            return
        model = waiting[0].lane.model
        estimates = model(np.stack([each.lane.group.given(each.part.samples) for each in waiting]))
        self._joining.append(self._joiner.submit(_deliver, list(waiting), estimates))
        waiting.clear()
        self._join(AHEAD)

    def _join(self, most: int) -> None:
        while len(self._joining) > most:
            self._joining.popleft().result()


def _ahead(parts: Iterator[tuple[Lane, Part]]) -> Generator[tuple[Lane, Part]]:
    """The same, the next one decoded, resampled and cut by a thread while one is worked on."""
    with ThreadPoolExecutor(1, "cut") as thread:
        coming = thread.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = thread.submit(next, parts, None)
            yield part


def _deliver(batch: Sequence[_Waiting], estimates: Any) -> None:
    rows = estimates if isinstance(estimates, np.ndarray) else estimates.float().cpu().numpy()
    for (separation, lane, part), row in zip(batch, rows, strict=True):
        separation.add(lane, part, row)
