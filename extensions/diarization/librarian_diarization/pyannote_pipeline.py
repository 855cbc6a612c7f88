"""Who spoke when, by a pyannote pipeline, from a stream: what the library's own pipeline gives, in less time.

The sound is cut into overlapping chunks as it is read; of each there remains who of its few voices speaks when (a bit
a frame) and how they sound. Clustering sees all of those at the end. Three hours leave 50 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from librarian.audio.progress import Progress
from librarian_diarization.pyannote_chunks import Chunks, mono
from librarian_diarization.pyannote_clustering import BOUND, Count, Speakers, cluster
from librarian_diarization.pyannote_frames import Run, TimeLine, chosen, counted, runs, votes
from librarian_diarization.pyannote_reader import Networks
from librarian_diarization.pyannote_stack import SlidingWindowFeature, torch
from librarian_diarization.rows import Rows

if TYPE_CHECKING:
    from librarian import AudioStream


@dataclass(frozen=True)
class Diarized:
    """Who spoke when.

    Attributes:
        turns: by start; they may overlap.
        exclusive: by start; never more than one at a time.
        embeddings: one for each speaker, in their order; biometric data. Zeros where no chunk has enough of one.
        share: part of the voices that the speakers were found among; 1 for all.

    Shape:
        - embeddings: `[speakers, dimension]`
    """

    turns: list[Run]
    exclusive: list[Run]
    embeddings: NDArray[np.float32]
    share: float = 1.0


class Heard(NamedTuple):
    """What remains of a chunk: who of its voices speaks when, and how they sound.

    Shape:
        - active: `[frames, voices]`
        - embeddings: `[voices, dimension]`
    """

    active: NDArray[np.uint8]
    embeddings: NDArray[np.float32]


def hear(networks: Networks, chunks: Sequence[NDArray[np.float32]]) -> Iterable[Heard]:
    """Apply the networks to chunks, of one sound or several, at once."""
    sounds = torch.from_numpy(np.stack(chunks))[:, None]
    speaks = networks.segmentation.infer(sounds)
    return map(Heard, speaks.astype(np.uint8), networks.embedder(sounds, speaks))


class Listening:
    """A sound on its way through the networks: its chunks go out, and what `hear` makes of each comes back.

    Args:
        networks: the pipeline.
        sound: of any sample rate and number of channels; it is opened and read once.
        progress: is told how much is read, 0 to 1.

    Attributes:
        seconds: length of the sound, once it is read.
    """

    def __init__(
        self, networks: Networks, sound: AbstractContextManager[AudioStream], progress: Callable[[float], None]
    ) -> None:
        self._networks, self._sound, self._progress = networks, sound, progress
        self._active, self._embeddings = Rows(np.uint8), Rows(np.float32)
        self.seconds = 0.0

    def pieces(self) -> Iterator[NDArray[np.float32]]:
        """The chunks, `[samples]` each."""
        rate, chunk = self._networks.rate, self._networks.chunk
        step = round(chunk.step * rate)
        with self._sound as stream:
            progress = Progress(self._progress, stream.frames * rate // stream.sample_rate)
            chunks = Chunks(mono(stream, rate), round(chunk.duration * rate), step)
            for each in chunks:
                yield each
                progress.add(step)
        self.seconds = chunks.frames / rate

    def add(self, heard: Heard) -> None:
        """Keep what remains of the next chunk."""
        self._active.add(heard.active)
        self._embeddings.add(heard.embeddings)

    def diarized(self, count: Count = Count(), bound: int = BOUND) -> Diarized:  # noqa: B008 (frozen)
        """Who speaks when, once all chunks have been heard.

        Args:
            count: how many speakers there are.
            bound: voices of chunks that speakers are found among, at most.
        """
        if not self._active:
            return self._nobody()
        networks, active = self._networks, self._active.all()
        line = TimeLine(len(active), active.shape[1], networks.chunk, networks.frame)
        number, covered = counted(line, active)
        if not number.any():
            return self._nobody()
        windows, params = SlidingWindowFeature(active, networks.chunk), networks.config.params
        speakers = cluster(params.clustering, networks.plda, self._embeddings.all(), windows, count, bound)
        number = np.minimum(number, count.bounds()[2]).astype(np.int8)
        voted = votes(line, active, _without_silent(speakers.of, active))
        agreement = voted / np.maximum(covered, np.float32(1))[:, None]
        turns, exclusive = (
            runs(line, chosen(voted, some), agreement, params.segmentation.min_duration_off, self.seconds)
            for some in (number, np.minimum(number, 1))
        )
        return _numbered(turns, exclusive, speakers)

    def _nobody(self) -> Diarized:
        return Diarized([], [], np.zeros((0, self._networks.embedder.dimension), np.float32))


def _without_silent(of: NDArray[np.integer], active: NDArray[np.uint8]) -> NDArray[np.integer]:
    """The speaker of each voice, below 0 where a voice of a chunk never speaks."""
    return np.where(active.any(axis=1), of, -2)


def _numbered(turns: list[Run], exclusive: list[Run], speakers: Speakers) -> Diarized:
    """Speakers who do speak, in the order of their first turn."""
    number = {speaker: new for new, speaker in enumerate(dict.fromkeys(run.speaker for run in turns))}
    beyond = max(0, max(number, default=-1) + 1 - len(speakers.centroids))  # more speak at once than were found
    centroids = np.pad(np.nan_to_num(speakers.centroids, nan=0.0), ((0, beyond), (0, 0)))
    return Diarized(
        [replace(run, speaker=number[run.speaker]) for run in turns],
        [replace(run, speaker=number[run.speaker]) for run in exclusive],
        centroids[list(number)].astype(np.float32),
        speakers.share,
    )
