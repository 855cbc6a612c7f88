"""The operation `tag`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from librarian import Event, Events, Output, Task, model_folder
from librarian_tagging import Probabilities, TagSettings
from librarian_tagging.clap import Clap, probabilities
from librarian_tagging.hearing import Samples, heard, resampled
from librarian_tagging.placing import Rules, Window, borders, events, windows
from librarian_tagging.sounds import sounds_of

CPU = "cpu"
FILES_TOGETHER = 8
ON_GPU, ON_CPU = 32, 4
"""Windows together."""
SILENT = 1e-4
"""Greatest sample (−80 dBFS) of a window that holds no sound: what a model makes of nothing is not asked."""
DECIMALS = 6
"""Of a time (s) and of a probability."""


@dataclass
class Listened:
    """A recording on its way.

    Attributes:
        task: whose input `audio` it is.
        starts: of the windows that were judged (s).
        rows: how probable each sound is in each window of each channel, channel by channel of a window.
        frames: of the recording, at the model's rate.
        channels: that are heard by themselves; 0 where all are one.
        silent: windows of channels without sound.
    """

    task: Task
    starts: list[float] = field(default_factory=list)
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    frames: int = 0
    channels: int = 0
    silent: int = 0


class Waiting(NamedTuple):
    """A channel of a window that is to be judged: of which recording, where its answer goes, its samples."""

    recording: Listened
    row: int
    samples: Samples


class Tagger:
    """The operation `tag`.

    Attributes:
        batch: recordings that are listened to together.
    """

    def __init__(self, settings: TagSettings, device: str) -> None:
        self._clap = Clap(model_folder(settings.model), device, settings.precision)
        self._sounds = dict(sorted(sounds_of(settings.presets, settings.sounds).items()))
        self._directions = self._clap.directions(self._sounds.values(), settings.contrast)
        self._size = settings.batch or (ON_CPU if device == CPU else ON_GPU)
        self.batch = FILES_TOGETHER

    def read(self, task: Task) -> Listened:
        """Nothing is held: the sound is read as it is judged."""
        return Listened(task)

    def compute(self, given: Sequence[Listened]) -> list[Listened]:
        """Judge all windows; the end of one recording and the next share a batch."""
        recordings = [Listened(each.task) for each in given]
        coming = (each for recording in recordings for each in self._windows(recording))
        while batch := list(islice(coming, self._size)):
            places = self._clap.embed([each.samples for each in batch])
            for each, row in zip(batch, probabilities(places, self._directions), strict=True):
                each.recording.rows[each.row] = row
        return recordings

    def _windows(self, recording: Listened) -> Iterator[Waiting]:
        """The windows of a recording that hold any sound; of the others it is known what is in them."""
        settings: TagSettings = recording.task.settings
        rate = self._clap.form.sampling_rate
        size = min(round(settings.window * rate), self._clap.form.frames)
        for window in self._cut(recording, size, min(size, round(settings.hop * rate))):
            recording.starts.append(window.start / rate)
            for samples in window.samples:
                recording.rows.append(np.zeros(len(self._sounds)))
                if np.abs(samples).max() < SILENT:
                    recording.silent += 1
                else:
                    yield Waiting(recording, len(recording.rows) - 1, samples.copy())

    def _cut(self, recording: Listened, size: int, hop: int) -> Iterator[Window]:
        mix = recording.task.settings.channels == "mix"
        with recording.task.open_audio("audio") as stream:
            channels = 1 if mix else stream.channels
            recording.channels = 0 if mix else channels
            sound = heard(recording.task, stream, mix=mix)
            for window in windows(
                resampled(sound, stream.sample_rate, self._clap.form.sampling_rate, channels), size, hop
            ):
                recording.frames = window.start + window.samples.shape[1]
                yield window

    def write(self, task: Task, result: Listened) -> Mapping[str, Output]:
        """Make events of what was judged."""
        table = np.stack(result.rows).reshape(len(result.starts), max(1, result.channels), len(self._sounds))
        table = table.round(DECIMALS)
        found = sorted(self._events(task.settings, result, table), key=lambda each: (each.start, each.end, each.label))
        task.progress(1.0)
        facts: dict[str, float | bool | str | None] = {
            "events": len(found),
            "sounds": len(self._sounds),
            "found": len({event.label for event in found}),
            "windows": len(result.rows),
            "silent": result.silent,
            "covered": round(sum(event.end - event.start for event in found), 3),
            "duration": round(result.frames / self._clap.form.sampling_rate, 3),
        }
        return {
            "events": Output(Events(events=found), facts),
            "probabilities": Output(self._told(task.settings, result, table)),
        }

    def _events(self, settings: TagSettings, result: Listened, table: NDArray[np.float64]) -> Iterator[Event]:
        end = result.frames / self._clap.form.sampling_rate
        places = [round(each, DECIMALS) for each in borders(result.starts, self._window(settings, end), end)]
        for number, (label, sound) in enumerate(self._sounds.items()):
            release = max(0.0, sound.threshold - settings.release)
            rules = Rules(sound.threshold, release, settings.gap, settings.minimum)
            for channel in range(table.shape[1]):
                for each in events(table[:, channel, number].tolist(), places, rules):
                    where = channel if result.channels else None
                    yield Event(start=each.start, end=each.end, label=label, score=each.score, channel=where)

    def _window(self, settings: TagSettings, end: float) -> float:
        return min(settings.window, self._clap.form.frames / self._clap.form.sampling_rate, end)

    def _told(self, settings: TagSettings, result: Listened, table: NDArray[np.float64]) -> Probabilities:
        starts = [round(start, DECIMALS) for start in result.starts]
        channels = range(result.channels) if result.channels else [None]
        return Probabilities(
            window=round(self._window(settings, result.frames / self._clap.form.sampling_rate), DECIMALS),
            starts=tuple(start for start in starts for _ in channels),
            channels=tuple(channel for _ in starts for channel in channels),
            sounds={label: tuple(table[:, :, number].ravel().tolist()) for number, label in enumerate(self._sounds)},
        )
