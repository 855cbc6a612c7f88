"""Who spoke when, by the sound of the voices alone: units of speech, clusters of them, then frame by frame.

Of voices over each other it tells two at the most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from librarian import Turn
from librarian.audio.silero import WINDOW
from librarian.audio.spans import cut
from librarian_diarization import DiarizeSettings
from librarian_diarization.cepstra import Bands, cepstra
from librarian_diarization.counting import voices_in
from librarian_diarization.dvectors import DIMENSIONS
from librarian_diarization.found import MILLISECONDS, Certainty, Counted, Features, Found
from librarian_diarization.hearing import Heard
from librarian_diarization.likelihood import FEWEST, by_likelihood
from librarian_diarization.resegmentation import Labels, Speaking, resegmented
from librarian_diarization.sound import RATE, Samples, Sound
from librarian_diarization.spectral import graph_of, means_of, parted
from librarian_diarization.spool import Spool
from librarian_diarization.units import HOP, LONGEST, Unit, units

MOST_GROUPS = 250
"""Units that are clustered by likelihood; all others join the voices that were found."""
MOST_VECTORS = 600
"""Units that are clustered by d-vectors; all others join the nearest voice."""
FEWEST_VECTORS = 8
"""Units that a graph is made of; fewer are told apart by cepstra."""
SURE = 50.0
"""Nats: beyond all doubt."""


@dataclass(frozen=True)
class Described:
    """What the second pass found out.

    Attributes:
        frames: logarithmic bands of all units, one after another.
        spoken: which of them say something of a voice.
        vectors: d-vectors of the units; none without the encoder.

    Shape:
        - frames: `[frames, 32]`
        - spoken: `[frames]`
        - vectors: `[units, 256]`
    """

    frames: Spool
    spoken: NDArray[np.bool_]
    vectors: NDArray[np.float16]


class Classic:
    """The method for one sound.

    Args:
        sound: what is listened to once more.
        heard: what was heard at first.
        settings: which features, how many speakers.
        frames: an empty spool, closed once the turns are found.
    """

    def __init__(self, sound: Sound, heard: Heard, settings: DiarizeSettings, frames: Spool) -> None:
        self.sound, self._heard, self._settings, self._frames = sound, heard, settings, frames
        self._units = units(heard.stretches())
        self._spoken = np.empty(sum(unit.hops for unit in self._units), np.bool_)
        self._by_vectors = settings.features == "d_vectors" and len(self._units) >= FEWEST_VECTORS
        self._vectors = np.zeros((len(self._units) if self._by_vectors else 0, DIMENSIONS), np.float16)
        self._added = 0

    def pieces(self) -> Iterator[Samples]:
        """The windows that d-vectors are wanted of, `[25600]` each; none where voices are told apart by cepstra."""
        if not self._units:
            return
        bands = Bands(self._heard.level())
        windows = cut(self.sound.blocks(mixed=True), (unit.window for unit in self._units))
        for unit, (window,) in zip(self._units, windows, strict=True):
            values, loud = bands.of(window[unit.start - unit.window[0] :][: unit.hops * HOP])
            self._spoken[len(self._frames) :][: unit.hops] = loud[: unit.hops]
            self._frames.append(values[: unit.hops])
            if self._by_vectors:
                yield np.pad(window, (0, LONGEST - len(window)))

    def add(self, made: NDArray[np.float32]) -> None:
        """Take the d-vector of the next window."""
        self._vectors[self._added] = made
        self._added += 1

    def found(self) -> Found:
        """Its turns."""
        settings, turns = self._settings, list[Turn]()
        features: Features = "d_vectors" if self._by_vectors else "cepstra" if self._units else "none"
        with self._frames:
            if self._units:
                guess = _by_vectors if self._by_vectors else _by_likelihood
                described = self.described()
                labels = guess(described, self._units, settings.bounds, self.sound.task.seed)
                speaking = resegmented(self._frames, self._spoken, labels)
                turns = list(_turns(self._units, speaking, self._heard))
        counted: Counted = "given" if settings.speakers else "guessed"
        return Found(turns, "classic", counted, _certainty(turns, settings, features), features)

    def described(self) -> Described:
        """What was found out, once all pieces were read and came back."""
        return Described(self._frames, self._spoken, self._vectors)


def _certainty(turns: Sequence[Turn], settings: DiarizeSettings, features: Features) -> Certainty:
    """How far the number of voices can be relied on: less where fewer were found than there are said to be."""
    if settings.speakers and len({turn.speaker for turn in turns}) == settings.speakers:
        return "certain"
    return "low" if features == "cepstra" else "fair"


def _by_likelihood(described: Described, cut_up: Sequence[Unit], bounds: tuple[int, int], seed: int) -> Labels:
    """Labels of the frames; −1 where they are left open."""
    parts = _parts(cut_up)
    labels = np.full(len(described.frames), -1, np.int16)
    rich = [place for place, part in enumerate(parts) if described.spoken[part].sum() >= FEWEST]
    chosen = [parts[place] for place in evenly(rich, MOST_GROUPS)]
    if not chosen:
        return np.zeros_like(labels)
    for part, label in zip(chosen, by_likelihood(_groups(described, chosen), *bounds), strict=True):
        labels[part] = label
    return labels


def _by_vectors(described: Described, cut_up: Sequence[Unit], bounds: tuple[int, int], seed: int) -> Labels:
    """The same by d-vectors; units that were not clustered go to the nearest mean."""
    chosen = evenly(range(len(cut_up)), MOST_VECTORS)
    vectors = described.vectors[chosen].astype(np.float32)
    graph, parts = graph_of(vectors), _parts(cut_up)
    number, most = bounds
    if number < most:
        number = voices_in(graph, vectors, _groups(described, [parts[place] for place in chosen]), bounds, seed)
    means = means_of(vectors, parted(graph, number, seed))
    nearest = (described.vectors @ means.T).argmax(axis=1).astype(np.int16)
    return np.repeat(nearest, [unit.hops for unit in cut_up])


def _parts(cut_up: Sequence[Unit]) -> list[slice]:
    """Where the cepstra of each unit are."""
    return [slice(*edges) for edges in pairwise(accumulate((unit.hops for unit in cut_up), initial=0))]


def _groups(described: Described, parts: Sequence[slice]) -> list[NDArray[np.float32]]:
    """Of each part the cepstra that say something of a voice; all of it where none does."""
    spoken = described.spoken
    places = (part.start + np.flatnonzero(spoken[part] if spoken[part].any() else ~spoken[part]) for part in parts)
    return [cepstra(described.frames.rows(each)) for each in places]


def evenly(places: Sequence[int], most: int) -> list[int]:
    """As many of them as there may be, from the first to the last at the same distance."""
    if len(places) <= most:
        return list(places)
    return [places[round(place)] for place in np.linspace(0, len(places) - 1, most)]


def _turns(cut_up: Sequence[Unit], speaking: Speaking, heard: Heard) -> Iterator[Turn]:
    probabilities = heard.speech.max(axis=0)
    places = _Places(cut_up)
    for voice in range(int(speaking.voices.max()) + 1):
        its = speaking.voices == voice
        for first, behind in places.runs(its.any(axis=1)):
            start, end = places.start(first), places.start(behind - 1) + HOP
            spoken = probabilities[start // WINDOW : -(-end // WINDOW)].mean()
            margin = speaking.margins[first:behind][its[first:behind]].mean(dtype=np.float64)
            likelier = 1.0 / (1.0 + np.exp(-np.clip(margin, -SURE, SURE)))
            yield Turn(
                start=round(start / RATE, MILLISECONDS),
                end=round(end / RATE, MILLISECONDS),
                speaker=voice + 1,
                confidence=round(float(min(1.0, spoken * likelier)), 3),
            )


class _Places:
    """Where the frames of units are in the sound."""

    def __init__(self, cut_up: Sequence[Unit]) -> None:
        self._units = cut_up
        self._edges = np.cumsum([0, *(unit.hops for unit in cut_up)])
        stretches = np.array([unit.stretch for unit in cut_up])
        self._breaks = self._edges[1:-1][np.diff(stretches) != 0]

    def start(self, frame: int) -> int:
        """The first frame of the sound (16 kHz) of a frame of a unit."""
        unit = int(np.searchsorted(self._edges, frame, side="right")) - 1
        return self._units[unit].start + HOP * (frame - int(self._edges[unit]))

    def runs(self, speaks: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
        """Where somebody goes on speaking within a stretch: the first frame, and that behind the last."""
        changes = np.flatnonzero(np.diff(speaks, prepend=False, append=False))
        for first, behind in zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True):
            within = self._breaks[np.searchsorted(self._breaks, first, "right") : np.searchsorted(self._breaks, behind)]
            yield from pairwise([first, *within.tolist(), behind])
