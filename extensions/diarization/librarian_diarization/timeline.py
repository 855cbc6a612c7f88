"""A picture of who speaks when: a row for each speaker, fainter where it is less sure, and a row of what overlaps.

Plain SVG, a rectangle a turn: it stays small for hours, and the same turns give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from librarian import Turns
from librarian_diarization.formats import label
from librarian_diarization.found import overlaps

WIDTH, LEFT, RIGHT, TOP = 1100, 90, 30, 34
ROW, BAR = 26, 16
"""Pixels."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8c6d31", "#5e4fa2")
"""After Okabe & Ito (2008): told apart also by those who see fewer colours."""
FAINTEST = 0.25
"""Opacity of what is not sure at all."""
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between two marks of time."""
MOST_MARKS = 12
NARROWEST = 0.5
"""Pixels of a turn at the least."""


def timeline(turns: Turns, seconds: float) -> str:
    """The picture of a recording.

    Args:
        turns: who spoke when.
        seconds: length of the recording.
    """
    length = max([seconds, 0.001, *(turn.end for turn in turns.turns)])
    rows = turns.speakers + 1
    height = TOP + rows * ROW + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_marks(length, height),
        *(_name(speaker - 1, label(speaker)) for speaker in range(1, rows)),
        *_bars(turns, length),
        _name(rows - 1, "overlap"),
        *(_bar(start, end, length, rows - 1, "#444444", 1.0) for start, end in overlaps(turns.turns)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _bars(turns: Turns, length: float) -> Iterator[str]:
    for turn in turns.turns:
        sure = 1.0 if turn.confidence is None else turn.confidence
        colour = COLOURS[(turn.speaker - 1) % len(COLOURS)]
        yield _bar(turn.start, turn.end, length, turn.speaker - 1, colour, FAINTEST + (1.0 - FAINTEST) * sure)


def _bar(start: float, end: float, length: float, row: int, colour: str, opacity: float) -> str:
    left = _place(start, length)
    width = max(NARROWEST, _place(end, length) - left)
    top = TOP + row * ROW + (ROW - BAR) / 2
    return (
        f'<rect x="{left:.2f}" y="{top:g}" width="{width:.2f}" height="{BAR}" fill="{colour}" '
        f'fill-opacity="{opacity:.2f}"/>'
    )


def _name(row: int, name: str) -> str:
    return f'<text x="{LEFT - 8}" y="{TOP + row * ROW + ROW / 2 + 4:g}" text-anchor="end">{name}</text>'


def _marks(length: float, height: int) -> Iterator[str]:
    step = next((step for step in STEPS if length / step <= MOST_MARKS), STEPS[-1])
    for mark in (number * step for number in range(int(length / step) + 1)):
        place = f"{_place(mark, length):.2f}"
        yield f'<line x1="{place}" y1="{TOP}" x2="{place}" y2="{height - 8}" stroke="#dddddd"/>'
        yield f'<text x="{place}" y="{TOP - 10}" text-anchor="middle" fill="#555555">{_clock(mark)}</text>'


def _place(time: float, length: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * time / length


def _clock(seconds: float) -> str:
    """A time as people write it.

    >>> _clock(0.5), _clock(75), _clock(3661)
    ('0:00.5', '1:15', '1:01:01')
    """
    whole = int(seconds)
    tenths = round(10 * (seconds - whole))
    hours, rest = divmod(whole, 3600)
    clock = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    return f"{clock}.{tenths}" if tenths else clock
