"""The levels of many sounds, on a GPU in batches: tiles of several sounds are measured together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from librarian.audio import loudness, peak
from librarian.audio.energies import SILENT, whole_steps
from librarian.audio.layout import weights
from librarian.audio.meter import Levels, Meter, Tally
from librarian.audio.rows import k_weighted, peaks, step_energies
from librarian.audio.tiles import Tiles
from librarian.errors import UnusableInputError
from librarian.media import Sampled

if TYPE_CHECKING:
    import torch

MOST_BYTES = 32 << 20
"""Samples (float32) in a batch. The GPU needs some 20 times as much to measure them."""


class Stream(Protocol):
    """What is needed of a `librarian.media.AudioStream`."""

    sample_rate: int
    channels: int
    layout: str

    def sampled_blocks(self) -> Iterator[Sampled]:
        """`[channels, frames]` each."""


Sound = AbstractContextManager[Stream]
Outcome = Levels | UnusableInputError | ValueError | OSError


def measure_all(sounds: Iterable[Sound], device: str = "cpu") -> Iterator[Outcome]:
    """The levels of each sound, in their order. One sound is open at a time.

    Args:
        sounds: such as `map(librarian.media.open_audio, paths)`.
        device: `cpu` (compiled kernels, sound after sound) or a GPU for torch, such as `cuda:0`.

    Yields:
        The levels of a sound, or the error that opening or reading it raised, or that its layout or rate did: the
        others are measured all the same. On a GPU they differ from those of the CPU by less than 0.001 LU or dB.
    """
    return map(_alone, sounds) if device == "cpu" else in_batches(sounds, device)


def _alone(sound: Sound) -> Outcome:
    try:
        with sound as stream:
            meter = Meter(stream.sample_rate, weights(stream.channels, stream.layout))
            for block in stream.sampled_blocks():
                meter.add(block)
            return meter.levels()
    except (UnusableInputError, ValueError, OSError) as error:
        return error


def in_batches(sounds: Iterable[Sound], device: str, most_bytes: int = MOST_BYTES) -> Iterator[Outcome]:
    """The same with torch, on any of its devices. While one batch is measured the next is read.

    Args:
        sounds: see `measure_all`.
        device: of torch.
        most_bytes: of samples in a batch; one tile at least is in it.
    """
    waiting: deque[_Reading] = deque()
    running = _started([], device)
    for batch in _batches(_pieces(sounds, waiting), most_bytes):
        started = _started(batch, device)
        running.tell()
        running = started
        yield from _told(waiting)
    running.tell()
    yield from _told(waiting)


def _told(waiting: deque[_Reading]) -> Iterator[Outcome]:
    while waiting and (outcome := waiting[0].outcome) is not None:
        waiting.popleft()
        yield outcome


@dataclass
class _Reading:
    """A sound whose outcome is not told yet."""

    rate: int = 0
    weights: tuple[float, ...] = ()
    tally: Tally = field(default_factory=Tally)
    outcome: Outcome | None = None


@dataclass(frozen=True)
class _Piece:
    """A tile of a sound, with the `lead` frames before it; zeros follow the last one."""

    reading: _Reading
    tile: NDArray[np.float32]
    lead: int
    last: bool

    @property
    def frames(self) -> int:
        return int(self.tile.shape[1]) - self.lead

    @property
    def points(self) -> int:
        """How many points between samples can be told, from `peak.CONTEXT` frames before the tile on."""
        return self.frames + peak.CONTEXT * self.last


def _pieces(sounds: Iterable[Sound], waiting: deque[_Reading]) -> Iterator[_Piece]:
    for sound in sounds:
        reading = _Reading()
        waiting.append(reading)
        try:
            with sound as stream:
                reading.rate, reading.weights = stream.sample_rate, weights(stream.channels, stream.layout)
                loudness.k_weighting(reading.rate)
                tiles = Tiles(stream.sample_rate, stream.channels)
                for block in stream.sampled_blocks():
                    for tile in tiles.add(block):
                        yield _Piece(reading, tile.copy(), tiles.lead, last=False)
            yield _Piece(reading, tiles.rest(), tiles.lead, last=True)
        except (UnusableInputError, ValueError, OSError) as error:
            reading.outcome = error


def _batches(pieces: Iterable[_Piece], most_bytes: int) -> Iterator[list[_Piece]]:
    """Pieces of one sample rate, as many as fit when all are as long as the longest."""
    batch: list[_Piece] = []
    for piece in pieces:
        rows = sum(len(each.tile) for each in (*batch, piece))
        longest = max(each.tile.shape[1] for each in (*batch, piece))
        if batch and (piece.reading.rate != batch[0].reading.rate or 4 * rows * longest > most_bytes):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch


def _started(batch: list[_Piece], device: str) -> _Running:
    import torch

    if not batch:
        return _Running(batch, torch.zeros(0, 0), torch.zeros(2, 0))
    rate, lead = batch[0].reading.rate, batch[0].lead
    hops = max(-(-piece.frames // lead) for piece in batch)
    rows = torch.zeros(sum(len(piece.tile) for piece in batch), lead * (1 + hops) + peak.CONTEXT)
    points = torch.tensor([piece.points for piece in batch for _ in piece.tile])
    for piece, at in _placed(batch):
        rows[at, : piece.tile.shape[1]] = torch.from_numpy(piece.tile)
    if device.startswith("cuda"):  # only then does the copy go on beside the reading
        rows, points = rows.pin_memory(), points.pin_memory()
    x = rows.to(device, non_blocking=True).double()
    steps = step_energies(k_weighted(x[:, : lead * (1 + hops)], rate)[:, lead:], lead)
    found = peaks(x[:, lead - peak.CONTEXT :], points.to(device, non_blocking=True), rate)
    return _Running(batch, steps, found)


def _placed(batch: list[_Piece]) -> Iterator[tuple[_Piece, slice]]:
    """Each piece and the rows of its channels."""
    at = 0
    for piece in batch:
        yield piece, slice(at, at := at + len(piece.tile))


@dataclass(frozen=True)
class _Running:
    """A batch that is being measured.

    Shape:
        - steps: `[rows, steps]`, energies of 10 ms
        - peaks: `[2, rows]`, sample peak and true peak, linear
    """

    batch: list[_Piece]
    steps: torch.Tensor
    peaks: torch.Tensor

    def tell(self) -> None:
        """Wait for the batch, and give each sound what was measured of it."""
        steps, found = self.steps.cpu().numpy(), self.peaks.cpu().numpy()
        for piece, rows in _placed(self.batch):
            reading = piece.reading
            energies = np.asarray(reading.weights) @ steps[rows, : whole_steps(piece.frames, piece.lead)]
            energies[energies < SILENT] = 0.0
            both = found[:, rows].max(axis=1, initial=0.0)
            reading.tally = reading.tally.after(energies, peak.Peaks(*both.tolist()))
            if piece.last:
                reading.outcome = reading.tally.levels(reading.rate)
