"""The operation `tones`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from librarian import Event, Events, Measurement, Measurements, Output, Task, UnusableInputError
from librarian_tagging import LABELS, TonesSettings
from librarian_tagging.cadence import Found
from librarian_tagging.hearing import heard
from librarian_tagging.line import Line
from librarian_tagging.lines import RATE

DECIMALS = 3
"""Of a time (s) and of a score."""


def tones(task: Task) -> Mapping[str, Output]:
    """Find what a telephone line says, by rules.

    Raises:
        UnusableInputError: `unsupported` below 8 kHz, where keys have no room.
    """
    settings: TonesSettings = task.settings
    mix = settings.channels == "mix"
    frames = 0
    with task.open_audio("audio") as stream:
        rate = stream.sample_rate
        if rate < RATE:
            raise UnusableInputError("unsupported", f"its sample rate is {rate} Hz, and tones need {RATE} Hz")
        lines = [Line(rate, settings) for _ in range(1 if mix else stream.channels)]
        for block in heard(task, stream, mix=mix):
            frames += block.shape[1]
            for line, samples in zip(lines, block, strict=True):
                line.add(samples)
    duration = frames / rate
    numbered = [None] if mix or len(lines) == 1 else range(len(lines))
    found = [each for line, number in zip(lines, numbered, strict=True) for each in _events(line, number, duration)]
    events = [event for event in found if event.label in settings.find]
    events.sort(key=lambda each: (each.start, each.end, each.label, each.channel or 0))
    counts = Counter(event.label for event in events)
    facts: dict[str, float | bool | str | None] = {label: counts[label] for label in LABELS}
    report = Measurements(measurements=list(_measured(events, len(lines), numbered)))
    return {
        "events": Output(Events(events=events), {**facts, "duration": round(duration, DECIMALS)}),
        "report": Output(report),
    }


def _events(line: Line, channel: int | None, duration: float) -> Iterator[Event]:
    for each in line.end():
        start, end = (round(min(time, duration), DECIMALS) for time in (each.start, each.end))
        yield Event(start=start, end=end, label=each.label, score=_score(each), channel=channel)


def _score(found: Found) -> float | None:
    return None if found.score is None else round(found.score, DECIMALS)


def _measured(events: Sequence[Event], lines: int, numbered: Sequence[int | None]) -> Iterator[Measurement]:
    """How many there are of each, and how long, for each channel."""
    for channel in numbered:
        for label in LABELS:
            own = [event for event in events if event.label == label and event.channel == channel]
            lasted = sum(event.end - event.start for event in own)
            yield Measurement(name=f"{label}_events", value=len(own), channel=channel)
            yield Measurement(name=f"{label}_time", value=round(lasted, DECIMALS), unit="s", channel=channel)
