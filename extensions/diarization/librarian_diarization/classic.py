"""Who spoke when, by the sound of the voices alone: units of speech, clusters of them, then frame by frame.

Of voices over each other it tells one only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from librarian import Turn
from librarian_diarization import DiarizeSettings
from librarian_diarization.cepstra import COUNT, Cepstra
from librarian_diarization.counting import voices_in
from librarian_diarization.dvectors import DIMENSIONS, Encoder
from librarian_diarization.found import MILLISECONDS, Certainty, Counted, Features, Found
from librarian_diarization.hearing import Heard
from librarian_diarization.likelihood import FEWEST, by_likelihood
from librarian_diarization.resegmentation import Labels, resegmented
from librarian_diarization.silero import WINDOW
from librarian_diarization.sound import RATE, Sound, cut
from librarian_diarization.spectral import graph_of, means_of, parted
from librarian_diarization.units import HOP, LONGEST, Unit, units

MOST_GROUPS = 250
"""Units that are clustered by likelihood; all others join the voices that were found."""
MOST_VECTORS = 600
"""Units that are clustered by d-vectors; all others join the nearest voice."""
FEWEST_VECTORS = 8
"""Units that a graph is made of; fewer are told apart by cepstra."""
SURE = 50.0
"""Nats: beyond all doubt."""
BATCH = 32
"""Units that are described together."""


@dataclass(frozen=True)
class Described:
    """What the second pass found out.

    Attributes:
        frames: cepstra of all units, one after another.
        spoken: which of them say something of a voice.
        vectors: d-vectors of the units; none without the encoder.

    Shape:
        - frames: `[frames, 19]`
        - spoken: `[frames]`
        - vectors: `[units, 256]`
    """

    frames: NDArray[np.float16]
    spoken: NDArray[np.bool_]
    vectors: NDArray[np.float32]


def classic(sound: Sound, heard: Heard, settings: DiarizeSettings, seed: int) -> Found:
    """The method `classic`."""
    cut_up = units(heard.stretches())
    by_vectors = settings.features == "d_vectors" and len(cut_up) >= FEWEST_VECTORS
    features: Features = "d_vectors" if by_vectors else "cepstra" if cut_up else "none"
    turns: list[Turn] = []
    if cut_up:
        described = _describe(sound, cut_up, heard.level(), Encoder() if by_vectors else None)
        guess = (_by_vectors if by_vectors else _by_likelihood)(described, cut_up, settings.bounds, seed)
        labels, margins = resegmented(described.frames, described.spoken, guess)
        turns = list(_turns(cut_up, labels, margins, heard))
    counted: Counted = "given" if settings.speakers else "guessed"
    return Found(turns, "classic", counted, _certainty(turns, settings, features), features)


def _certainty(turns: Sequence[Turn], settings: DiarizeSettings, features: Features) -> Certainty:
    """How far the number of voices can be relied on: less where fewer were found than there are said to be."""
    if settings.speakers and len({turn.speaker for turn in turns}) == settings.speakers:
        return "certain"
    return "low" if features == "cepstra" else "fair"


def _describe(sound: Sound, cut_up: Sequence[Unit], level: float, encoder: Encoder | None) -> Described:
    cepstra = Cepstra(level)
    total = sum(unit.hops for unit in cut_up)
    frames, spoken = np.empty((total, COUNT), np.float16), np.empty(total, np.bool_)
    vectors = np.zeros((len(cut_up) if encoder else 0, DIMENSIONS), np.float32)
    windows = cut(sound.blocks(mixed=True), (unit.window for unit in cut_up))
    batch = np.zeros((BATCH, LONGEST), np.float32)
    done = 0
    for number, (unit, (window,)) in enumerate(zip(cut_up, windows, strict=True)):
        here = slice(done, done + unit.hops)
        values, loud = cepstra.of(window[unit.start - unit.window[0] :][: unit.hops * HOP])
        frames[here], spoken[here] = values[: unit.hops], loud[: unit.hops]
        done += unit.hops
        place = number % BATCH
        batch[place] = np.pad(window, (0, LONGEST - len(window)))
        if encoder and (place + 1 == BATCH or number + 1 == len(cut_up)):
            vectors[number - place : number + 1] = encoder.vectors(batch[: place + 1])
    return Described(frames, spoken, vectors)


def _by_likelihood(described: Described, cut_up: Sequence[Unit], bounds: tuple[int, int], seed: int) -> Labels:
    """Labels of the frames; −1 where they are left open."""
    parts = _parts(cut_up)
    labels = np.full(len(described.frames), -1, np.intp)
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
    vectors = described.vectors[chosen]
    graph, parts = graph_of(vectors), _parts(cut_up)
    number, most = bounds
    if number < most:
        number = voices_in(graph, vectors, _groups(described, [parts[place] for place in chosen]), bounds, seed)
    means = means_of(vectors, parted(graph, number, seed))
    return np.repeat((described.vectors @ means.T).argmax(axis=1), [unit.hops for unit in cut_up])


def _parts(cut_up: Sequence[Unit]) -> list[slice]:
    """Where the cepstra of each unit are."""
    return [slice(*edges) for edges in pairwise(accumulate((unit.hops for unit in cut_up), initial=0))]


def _groups(described: Described, parts: Sequence[slice]) -> list[NDArray[np.float32]]:
    """Of each part the cepstra that say something of a voice; all of it where none does."""
    chosen = (described.spoken[part] if described.spoken[part].any() else slice(None) for part in parts)
    return [described.frames[part][which].astype(np.float32) for part, which in zip(parts, chosen, strict=True)]


def evenly(places: Sequence[int], most: int) -> list[int]:
    """As many of them as there may be, from the first to the last at the same distance."""
    if len(places) <= most:
        return list(places)
    return [places[round(place)] for place in np.linspace(0, len(places) - 1, most)]


def _turns(cut_up: Sequence[Unit], labels: Labels, margins: NDArray[np.floating], heard: Heard) -> Iterator[Turn]:
    probabilities = heard.speech.max(axis=0)
    for start, end, frames in _runs(cut_up, labels):
        spoken = probabilities[start // WINDOW : -(-end // WINDOW)].mean()
        likelier = 1.0 / (1.0 + np.exp(-np.clip(margins[frames].mean(), -SURE, SURE)))
        yield Turn(
            start=round(start / RATE, MILLISECONDS),
            end=round(end / RATE, MILLISECONDS),
            speaker=int(labels[frames.start]) + 1,
            confidence=round(float(min(1.0, spoken * likelier)), 3),
        )


def _runs(cut_up: Sequence[Unit], labels: Labels) -> Iterator[tuple[int, int, slice]]:
    """Where one voice goes on within a stretch: first and last frame of the sound, and its frames of cepstra."""
    starts = np.concatenate([unit.start + HOP * np.arange(unit.hops) for unit in cut_up])
    stretch = np.repeat([unit.stretch for unit in cut_up], [unit.hops for unit in cut_up])
    edges = np.flatnonzero((np.diff(labels) != 0) | (np.diff(stretch) != 0)) + 1
    for first, behind in pairwise([0, *edges.tolist(), len(labels)]):
        yield int(starts[first]), int(starts[behind - 1]) + HOP, slice(first, behind)
