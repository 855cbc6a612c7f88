"""Frame by frame: a mixture of Gaussians for each voice, and the likeliest path through them, a few times in turn.

Every change of voice costs, so that none is for a moment only (as in Tranter & Reynolds (2006), An overview of
automatic speaker diarization systems). At the end two may speak at once: what two voices sound like together is learnt
from frames of each of them, added up at random levels (as in Gales & Young (1996), Robust continuous speech recognition
using parallel model combination).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from librarian_diarization.cepstra import cepstra
from librarian_diarization.paths import Path
from librarian_diarization.spool import Spool

ROUNDS, ROUNDS_TOGETHER = 4, 2
PARTS, PARTS_TOGETHER = 6, 12
"""Gaussians of a voice; and of a voice or two of them where two may speak at once."""
FRAMES_EACH = 30
"""Frames that a Gaussian needs."""
MOST_FRAMES = 6000
"""Of a voice that its mixture learns from: 2 min, evenly taken from all of it."""
FRAMES_TOGETHER = 3000
"""Of two voices at once, that are made."""
FEWEST_TOGETHER = 150
"""Frames of a voice, from which on it can be told what it sounds like with another: 3 s."""
LEVELS = 8.0
"""By how much, up or down, one of two voices is louder than it is alone (dB)."""
MOST_PAIRS = 10
"""Voices that speak at once: those that follow each other most often."""
CHANGE, CHANGE_TOGETHER, JOINS = 45.0, 40.0, 25.0
"""What a change of voice costs, in log likelihood; the same where two may speak at once; and that one more or less
speaks."""

Labels = NDArray[np.int16]
State = tuple[int, ...]
"""The voices that speak."""


@dataclass(frozen=True)
class Speaking:
    """Who speaks in each frame.

    Attributes:
        voices: their numbers; −1 where no second one speaks.
        margins: by how much likelier it is that each of these speaks than that it does not (nats; may be below 0;
            infinite where there is no other voice).

    Shape:
        - voices, margins: `[frames, 2]`
    """

    voices: NDArray[np.int16]
    margins: NDArray[np.float16]


def resegmented(frames: Spool, spoken: NDArray[np.bool_], labels: Labels) -> Speaking:
    """Whose each frame is, after a first guess.

    Args:
        frames: logarithmic bands.
        spoken: those to learn from.
        labels: the guess: numbers from 0; −1 where nothing is known.

    Shape:
        - frames: `[frames, 32]`
        - spoken, labels: `[frames]`
    """
    for _ in range(ROUNDS):
        labels = _numbered(labels)
        own = _own(labels, spoken)
        mixtures = [_mixture(cepstra(frames.rows(_thinned(each))), PARTS) for each in own]
        found = _followed(frames, mixtures, [(voice,) for voice in range(len(own))])
        before, labels = labels, found.voices[:, 0]
        if np.array_equal(before, labels):
            break
    labels = _numbered(labels)
    own, pairs = _own(labels, spoken), _neighbours(labels)
    if not pairs:
        return Speaking(np.stack([labels, np.full_like(labels, -1)], axis=1), found.margins)
    for _ in range(ROUNDS_TOGETHER):
        found = _together(frames, own, pairs)
        alone = np.where(found.voices[:, 1] < 0, found.voices[:, 0], -1)
        own = [
            now if len(now := np.flatnonzero((alone == voice) & spoken)) >= FEWEST_TOGETHER else before
            for voice, before in enumerate(own)
        ]
    return found


def _own(labels: Labels, spoken: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """The frames that each voice is learnt from."""
    found = []
    for voice in range(int(labels.max()) + 1):
        its = labels == voice
        rich = np.flatnonzero(its & spoken)
        found.append(rich if len(rich) else np.flatnonzero(its))
    return found


def _thinned(places: NDArray[np.intp]) -> NDArray[np.intp]:
    return places[:: max(1, -(-len(places) // MOST_FRAMES))]


def _numbered(labels: Labels) -> Labels:
    """The numbers without gaps, −1 as it is."""
    known = np.unique(labels[labels >= 0])
    return np.where(labels < 0, -1, np.searchsorted(known, labels)).astype(np.int16)


def _neighbours(labels: Labels) -> list[State]:
    """The voices that follow each other most often, of those that are heard for long enough."""
    heard = np.bincount(labels) >= FEWEST_TOGETHER
    changes = np.flatnonzero(np.diff(labels))
    both = Counter(
        tuple(sorted(pair)) for pair in zip(labels[changes].tolist(), labels[changes + 1].tolist(), strict=True)
    )
    return [pair for pair, _ in both.most_common() if heard[list(pair)].all()][:MOST_PAIRS]


def _together(frames: Spool, own: Sequence[NDArray[np.intp]], pairs: Sequence[State]) -> Speaking:
    """Who speaks where two may at once."""
    rng = np.random.default_rng(0)
    learnt = [frames.rows(_thinned(each)) for each in own]
    mixtures = [_mixture(cepstra(each), PARTS_TOGETHER) for each in learnt]
    for one, other in pairs:
        drawn = [learnt[voice][rng.integers(len(learnt[voice]), size=FRAMES_TOGETHER)] for voice in (one, other)]
        nats = rng.uniform(-LEVELS, LEVELS, (FRAMES_TOGETHER, 1)) * np.log(10) / 10
        mixtures.append(_mixture(cepstra(np.logaddexp(drawn[0] + nats, drawn[1])), PARTS_TOGETHER))
    return _followed(frames, mixtures, [*((voice,) for voice in range(len(own))), *pairs])


def _followed(frames: Spool, mixtures: Sequence[Any], states: Sequence[State]) -> Speaking:
    """The likeliest path through states, each with what it sounds like."""
    path = Path(_costs(states))
    voices = np.full((len(frames), 2), -1, np.int16)
    margins = np.zeros((len(frames), 2), np.float16)
    having = _having(states)
    done = 0
    for block in chain(frames.blocks(), [None]):
        if block is None:
            found, scores = path.end()
        else:
            heard = cepstra(block)
            found, scores = path.add(
                np.stack([each.score_samples(heard) for each in mixtures], axis=1).astype(np.float32)
            )
        for state in np.unique(found):
            places = done + np.flatnonzero(found == state)
            for column, voice in enumerate(states[state]):
                own = having[:, voice]
                voices[places, column] = voice
                margins[places, column] = _best(scores[places - done], own) - _best(scores[places - done], ~own)
        done += len(found)
    return Speaking(voices, margins)


def _having(states: Sequence[State]) -> NDArray[np.bool_]:
    """Which states have which voice, `[states, voices]`."""
    number = 1 + max(voice for state in states for voice in state)
    return np.array([[voice in state for voice in range(number)] for state in states])


def _best(scores: NDArray[np.float32], which: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The greatest score of some of the states, `[frames]`."""
    return np.asarray(scores[:, which].max(axis=1, initial=-np.inf))


def _costs(states: Sequence[State]) -> NDArray[np.float64]:
    """What changing between states costs."""
    alone = all(len(state) == 1 for state in states)
    change, joins = (CHANGE, CHANGE) if alone else (CHANGE_TOGETHER, JOINS)
    by_number = {0: 0.0, 1: joins, 2: change}
    costs = np.array([[by_number.get(len({*one} ^ {*other}), change + joins) for other in states] for one in states])
    pairs = np.array([len(state) for state in states]) > 1
    costs[np.ix_(pairs, pairs)] = (change + joins) * ~np.eye(pairs.sum(), dtype=bool)
    return costs


def _mixture(frames: NDArray[np.float32], most: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    parts = max(1, min(most, len(frames) // FRAMES_EACH))
    mixture = GaussianMixture(parts, covariance_type="diag", reg_covar=1e-2, max_iter=20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # twenty steps are near enough
        return mixture.fit(frames.astype(np.float64) if len(frames) > 1 else np.repeat(frames, 2, axis=0))
