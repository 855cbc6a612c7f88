"""How much later one sound starts than another that holds the same, and whether their clocks run apart.

Windows of one sound are looked for in the other by normalized cross-correlation of the samples. A shift counts as found
where many windows say the same, on one line: a window's time in the other sound is a + (1 + b) t.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from librarian.audio.spans import cut
from librarian_editing.places import FAINT, Place, Samples, loudest

RATE = 8000
"""Hz, at which sounds are compared."""
APART = 0.05
"""Seconds from the highest peak of a correlation from which on another one speaks against it."""
AGREE = 0.001
"""Seconds that a window may be off the line."""
PIECE, NEAR = 1.0, 0.005
"""Seconds of the pieces of windows that a line is drawn through in the end, and how far from it they are looked for."""
OUTLIERS = 4.0
"""Times the median distance from the line, and a sample: what lies farther off is left out."""
MOST_DRIFT = 300e-6
"""Of clocks that are compared."""
LEAST_WINDOWS, LEAST_SECONDS = 3, 10.0
"""That must lie on the line, and that they must span, for a drift to be told from it. Fewer windows prove little."""
PRE_EMPHASIS = 0.95
"""Of first differences: speech falls off by 6 dB an octave, and what is flat has the narrower peak."""
FLOOR = 0.01
"""Of the mean energy in a window of the other sound: what is fainter correlates by chance."""


@dataclass(frozen=True)
class Alignment:
    """Where one sound lies in another.

    Attributes:
        shift: how much later it starts than the other (s).
        slower: by how much its clock is slower (0.00005: by 50 ppm); None where nobody can tell.
        confidence: 0 to 1: the mean over all windows, and three at the least, of how far the peak stands above the next
            one; 0 for those that are not on the line.
    """

    shift: float
    slower: float | None
    confidence: float


@dataclass(frozen=True)
class Hit:
    """What one window says.

    Attributes:
        time: of its middle in its sound (s).
        lag: how much later it is in the other (s).
        weight: by how much its peak stands above the next one, 0 to 1.
    """

    time: float
    lag: float
    weight: float


NOTHING = Alignment(0.0, None, 0.0)
Blocks = Callable[[], Iterable[Samples]]


def align(sound: Blocks, other: Blocks, frames: int, within: float) -> Alignment:
    """Find a sound in another.

    Args:
        sound: makes the blocks of the sound, at `RATE`.
        other: makes those of the other.
        frames: length of the sound at `RATE`, about.
        within: the most that it may start earlier or later (s).

    Shape:
        - sound, other: blocks `[1, frames]`
    """
    places = loudest(sound(), RATE, frames)
    margin = round(within * RATE)
    around = [(place.start - margin, place.start + len(place.samples) + margin) for place in places]
    regions = list(_regions(other(), around))
    found = fitted([hit(place, region, margin) for place, region in zip(places, regions, strict=True)])
    return found if found.slower is None else refined(found, places, regions, margin)


def _regions(blocks: Iterable[Samples], spans: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """Parts of a sound, with silence where they reach beyond its ends. `[frames]` each."""
    for (start, end), part in zip(spans, cut(blocks, [(max(0, start), end) for start, end in spans]), strict=True):
        before = max(0, -start)
        samples = part[0] if len(part) else np.zeros(0, np.float32)
        yield np.pad(samples, (before, end - start - before - len(samples)))


def hit(place: Place, region: Samples, margin: int) -> Hit:
    """Where a window is found in a region that begins `margin` frames before it and ends as much behind it."""
    found = correlation(place.samples, region)
    peak = int(np.argmax(found))
    near = round(APART * RATE)
    others = np.concatenate([found[: max(0, peak - near)], found[peak + near + 1 :]])
    highest, second = float(found[peak]), float(others.max(initial=0.0))
    weight = max(0.0, 1.0 - second / highest) if highest > 0 else 0.0
    lag = (peak + _between(found, peak) - margin) / RATE
    return Hit((place.start + len(place.samples) / 2) / RATE, lag, weight)


def correlation(window: Samples, region: Samples) -> NDArray[np.float64]:
    """Normalized cross-correlation of a window with each part of a region that is as long, −1 to 1.

    Shape:
        - window: `[frames]`
        - region: `[longer]`
        - output: `[longer − frames + 1]`
    """
    x, y = _emphasized(window), _emphasized(region)
    size = 1 << (len(y) + len(x)).bit_length()
    products = np.fft.irfft(np.fft.rfft(y, size) * np.conj(np.fft.rfft(x, size)), size)[: len(y) - len(x) + 1]
    sums = np.concatenate([[0.0], np.cumsum(np.square(y))])
    energies = sums[len(x) :] - sums[: -len(x)]
    energies = np.maximum(energies, FLOOR * energies.mean() + np.finfo(np.float64).tiny)
    return np.asarray(products / np.sqrt(energies * max(np.square(x).sum(), np.finfo(np.float64).tiny)))


def _emphasized(samples: Samples) -> NDArray[np.float64]:
    x = samples.astype(np.float64)
    return x - PRE_EMPHASIS * np.concatenate([[0.0], x[:-1]])


def _between(found: NDArray[np.float64], peak: int) -> float:
    """By how many frames the top of a parabola through a peak and its neighbours lies beside it."""
    if not 0 < peak < len(found) - 1:
        return 0.0
    before, at, after = found[peak - 1 : peak + 2]
    bend = before - 2 * at + after
    return float((before - after) / (2 * bend)) if bend < 0 else 0.0


def fitted(hits: Sequence[Hit]) -> Alignment:
    """The line on which most of what the windows say lies."""
    lines = [(hit.lag, 0.0) for hit in hits] + [_through(*pair) for pair in combinations(hits, 2)]
    lines = [(shift, slower) for shift, slower in lines if abs(slower) <= MOST_DRIFT]
    if not lines:
        return NOTHING
    best = max(lines, key=lambda line: (_agreement(hits, *line), -abs(line[1])))
    agreeing = [hit for hit in hits if _agrees(hit, *best)]
    confidence = sum(hit.weight for hit in agreeing) / max(LEAST_WINDOWS, len(hits))
    times, lags = np.array([hit.time for hit in agreeing]), np.array([hit.lag for hit in agreeing])
    if len(agreeing) < LEAST_WINDOWS or times.max() - times.min() < LEAST_SECONDS:
        return Alignment(float(np.median(lags)), None, confidence)
    slower, shift = np.polyfit(times, lags, 1)
    return Alignment(float(shift), float(slower), confidence)


def _through(first: Hit, second: Hit) -> tuple[float, float]:
    slower = (second.lag - first.lag) / (second.time - first.time)
    return first.lag - slower * first.time, slower


def _agrees(hit: Hit, shift: float, slower: float) -> bool:
    return abs(hit.lag - shift - slower * hit.time) <= AGREE


def _agreement(hits: Sequence[Hit], shift: float, slower: float) -> float:
    return sum(hit.weight for hit in hits if _agrees(hit, shift, slower))


def refined(found: Alignment, places: Sequence[Place], regions: Sequence[Samples], margin: int) -> Alignment:
    """The same line, drawn through pieces of the windows that are so short that no clock runs apart in them.

    Args:
        found: the line.
        places: windows of the sound.
        regions: of the other sound, one for each.
        margin: frames of a region before its window, and behind it.
    """
    size, near = round(PIECE * RATE), round(NEAR * RATE)
    least = FAINT * max(place.power for place in places)
    hits = []
    for place, region in zip(places, regions, strict=True):
        for start in range(0, len(place.samples) - size + 1, size):
            piece = Place(place.start + start, place.samples[start : start + size])
            lag = round((found.shift + (found.slower or 0.0) * piece.start / RATE) * RATE)
            first = margin + start + lag - near
            if piece.power >= least and first >= 0 and first + size + 2 * near <= len(region):
                hits.append(hit(piece, region[first : first + size + 2 * near], near - lag))
    agreeing = [each for each in hits if _agrees(each, found.shift, found.slower or 0.0)]
    if len(agreeing) < LEAST_WINDOWS:
        return found
    times, lags = np.array([each.time for each in agreeing]), np.array([each.lag for each in agreeing])
    slower, shift = np.polyfit(times, lags, 1)
    left = np.abs(lags - shift - slower * times)
    kept = left <= OUTLIERS * np.median(left) + 1.0 / RATE
    slower, shift = np.polyfit(times[kept], lags[kept], 1)
    return Alignment(float(shift), float(slower), found.confidence)
