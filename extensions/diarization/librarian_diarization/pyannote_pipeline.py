"""Who spoke when, by a pyannote pipeline, from a stream: what the library's own pipeline gives, in less time.

The sound is cut into overlapping chunks as it is read; of each there remains who of its few voices speaks when (a bit
a frame) and how they sound. Clustering sees all of those at the end. Three hours leave 50 MB.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from librarian_diarization.pyannote_chunks import Chunks, mono
from librarian_diarization.pyannote_clustering import BOUND, Count, Speakers, cluster
from librarian_diarization.pyannote_frames import Run, TimeLine, chosen, counted, runs, votes
from librarian_diarization.pyannote_reader import Networks
from librarian_diarization.pyannote_stack import SlidingWindowFeature, full_precision, torch

if TYPE_CHECKING:
    from librarian import AudioStream


@dataclass(frozen=True)
class Diarized:
    """Who spoke when.

    Attributes:
        turns: by start; they may overlap.
        exclusive: by start; never more than one at a time.
        embeddings: one for each speaker, in their order; biometric data. Zeros where no chunk has enough of one.
        length: of the sound (s).
        share: part of the voices that the speakers were found among; 1 for all.
        seconds: wall time of each stage.

    Shape:
        - embeddings: `[speakers, dimension]`
    """

    turns: list[Run]
    exclusive: list[Run]
    embeddings: NDArray[np.float32]
    length: float
    share: float = 1.0
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Heard:
    """What remains of all chunks: who speaks when, how they sound, and the length of the sound.

    Shape:
        - active: `[chunks, frames, voices]`
        - embeddings: `[chunks, voices, dimension]`
    """

    active: NDArray[np.uint8]
    embeddings: NDArray[np.float32]
    seconds: float


class _Watch:
    """Adds up the wall time of stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start


def _no_progress(_: float) -> None:
    pass


def diarize(
    networks: Networks,
    sound: AudioStream,
    count: Count = Count(),  # noqa: B008 (frozen)
    *,
    progress: Callable[[float], None] = _no_progress,
    bound: int = BOUND,
) -> Diarized:
    """Find who speaks when in a sound.

    Args:
        networks: the pipeline.
        sound: of any sample rate and number of channels; read once.
        count: how many speakers there are.
        progress: is told how much is done, 0 to 1.
        bound: voices of chunks that speakers are found among, at most.
    """
    watch = _Watch()
    with full_precision():
        heard = _hear(networks, sound, watch, progress)
        if not len(heard.active):
            return _nobody(networks, heard, watch)
        line = TimeLine(len(heard.active), heard.active.shape[1], networks.chunk, networks.frame)
        number, covered = counted(line, heard.active)
        if not number.any():
            return _nobody(networks, heard, watch)
        with watch("clustering"):
            active = SlidingWindowFeature(heard.active, networks.chunk)
            numbers = networks.config.params.clustering
            speakers = cluster(numbers, networks.plda, heard.embeddings, active, count, bound)
    with watch("turns"):
        number = np.minimum(number, count.bounds()[2]).astype(np.int8)
        voted = votes(line, heard.active, _without_silent(speakers.of, heard.active))
        agreement = voted / np.maximum(covered, np.float32(1))[:, None]
        gap = networks.config.params.segmentation.min_duration_off
        turns, exclusive = (
            runs(line, chosen(voted, some), agreement, gap, heard.seconds) for some in (number, np.minimum(number, 1))
        )
    return _numbered(turns, exclusive, speakers, heard.seconds, watch)


def _hear(networks: Networks, sound: AudioStream, watch: _Watch, progress: Callable[[float], None]) -> _Heard:
    """Apply the networks to all chunks of a sound."""
    rate, chunk, infer = networks.rate, networks.chunk, networks.segmentation.infer
    window, step = round(chunk.duration * rate), round(chunk.step * rate)
    chunks = Chunks(mono(sound, rate), window, step, networks.segmentation.batch_size)
    total = max(1.0, sound.frames * rate / sound.sample_rate)
    active, embeddings = [], []
    for batch in _watched(chunks, watch):
        sounds = torch.from_numpy(batch)[:, None]
        with watch("segmentation"):
            speaks = infer(sounds)
        with watch("embedding"):
            embeddings.append(networks.embedder(sounds, speaks))
        active.append(speaks.astype(np.uint8))
        progress(min(0.95, chunks.frames / total))
    if not active:
        return _Heard(np.zeros((0, 0, 0), np.uint8), np.zeros((0, 0, 0), np.float32), 0.0)
    return _Heard(np.concatenate(active), np.concatenate(embeddings), chunks.frames / rate)


def _watched(chunks: Chunks, watch: _Watch) -> Iterator[NDArray[np.float32]]:
    """The batches of chunks; the time that reading takes counts as such."""
    batches = iter(chunks)
    while True:
        with watch("reading"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _nobody(networks: Networks, heard: _Heard, watch: _Watch) -> Diarized:
    nothing = np.zeros((0, networks.embedder.dimension), np.float32)
    return Diarized([], [], nothing, heard.seconds, seconds=dict(watch.seconds))


def _without_silent(of: NDArray[np.integer], active: NDArray[np.uint8]) -> NDArray[np.integer]:
    """The speaker of each voice, below 0 where a voice of a chunk never speaks."""
    return np.where(active.any(axis=1), of, -2)


def _numbered(turns: list[Run], exclusive: list[Run], speakers: Speakers, length: float, watch: _Watch) -> Diarized:
    """Speakers who do speak, in the order of their first turn."""
    number = {speaker: new for new, speaker in enumerate(dict.fromkeys(run.speaker for run in turns))}
    beyond = max(0, max(number, default=-1) + 1 - len(speakers.centroids))  # more speak at once than were found
    centroids = np.pad(np.nan_to_num(speakers.centroids, nan=0.0), ((0, beyond), (0, 0)))
    return Diarized(
        [replace(run, speaker=number[run.speaker]) for run in turns],
        [replace(run, speaker=number[run.speaker]) for run in exclusive],
        centroids[list(number)].astype(np.float32),
        length,
        speakers.share,
        dict(watch.seconds),
    )
