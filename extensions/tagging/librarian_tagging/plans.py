"""The tones of telephone networks: which frequencies, for how long.

ITU-T E.180 (tones in national signalling) and its supplement 2 (those of each country), Q.35 (tones for the national
signalling system), Q.23 and Q.24 (push-button dialling), ANSI T1.401 (precise tones of North America).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TOLERANCE = 0.015
"""Part of a frequency by which a progress tone may be off: generators hold 0.5 % (T1.401), tapes and clocks do not."""
KEYS_TOLERANCE = 0.022
"""Of a key: 1.5 % is to be taken, 3.5 % to be refused (Q.24)."""

LINES = (350.0, 400.0, 425.0, 440.0, 450.0, 480.0, 620.0)
"""Hz, all that progress tones are made of."""


@dataclass(frozen=True)
class Tone:
    """A tone of a network.

    Attributes:
        name: for tests and tables.
        lines: Hz, one or two.
        means: what it can be, by how it comes and goes: `ring`, `busy`, `dial`.
    """

    name: str
    lines: tuple[float, ...]
    means: frozenset[str]


def _tone(name: str, *lines: float, means: str) -> Tone:
    return Tone(name, lines, frozenset(means.split()))


DIAL = _tone("dial", 350, 440, means="dial")
RING_AMERICA = _tone("ring, North America", 440, 480, means="ring")
BUSY_AMERICA = _tone("busy, North America", 480, 620, means="busy")
EUROPE = _tone("Europe", 425, means="ring busy dial")
RING_UK = _tone("ring, UK", 400, 450, means="ring")
BUSY_UK = _tone("busy, UK", 400, means="busy")

PLANS: Mapping[str, tuple[Tone, ...]] = {
    "north-america": (DIAL, RING_AMERICA, BUSY_AMERICA),
    "europe": (EUROPE,),
    "uk": (DIAL, RING_UK, BUSY_UK),
    "all": (DIAL, RING_AMERICA, BUSY_AMERICA, EUROPE, RING_UK, BUSY_UK),
}
"""The tones that are looked for, by the setting `plan`."""

INFORMATION = ((890.0, 1010.0), (1350.0, 1450.0), (1750.0, 1850.0))
"""Hz, ranges of the three tones that follow on each other in the special information tone (E.180, section 5)."""
OFF_HOOK = (1400.0, 2060.0, 2450.0, 2600.0)
"""Hz, together, 0.1 s on and off: a receiver that was not put back (T1.401)."""
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
"""Hz, one of each is a key (Q.23)."""
