"""One gain that brings a recording, or those of a group together, to a level, with no peak above a ceiling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from librarian import Artifact, Measurement, Measurements, Output, Task
from librarian.audio.interpolated import IdealPeak
from librarian.audio.limiter import Limiter, Reduction
from librarian.audio.moments import to_rms
from librarian.audio.peak import amplitude, decibels
from librarian.audio.progress import Progress
from librarian.media import Sampled
from librarian_normalization import NormalizeSettings
from librarian_normalization.decision import Decision, Search, decide
from librarian_normalization.levels import LevelMeter, Levels, reported, together
from librarian_normalization.sound import Samples, Source, amplified, cleaned, limited

Facts = dict[str, float | bool | str | None]

SURE = 0.04
"""dB that a limited sound stays under its ceiling by ideal interpolation: more than is missed between its points."""


class Normalizer:
    """The operation `normalize`.

    What is reported as "after" holds for the samples handed over for writing. Rounding them to the file's bits, with
    dither, comes later: it moves a peak by a step or two of the format, loudness by less.
    """

    def __init__(self, settings: NormalizeSettings, device: str) -> None:
        self.settings = settings

    def __call__(self, task: Task) -> Mapping[str, Output]:
        """Normalize one recording."""
        ((path, change),) = normalized(task, self.settings, ["audio"])
        return {"audio": Output(path, change.facts()), "report": Output(change.report())}


class GroupNormalizer:
    """The operation `normalize_group`."""

    def __init__(self, settings: NormalizeSettings, device: str) -> None:
        self.settings = settings

    def __call__(self, task: Task) -> Mapping[str, list[Output]]:
        """Normalize the recordings of one group."""
        made = normalized(task, self.settings, task.inputs["audio"])
        return {"audio": [Output(path, change.facts()) for path, change in made]}


@dataclass(frozen=True)
class Change:
    """What became of a recording.

    Attributes:
        settings: what was asked for.
        decision: what was done.
        before: the levels of the recording.
        after: the levels of the result.
        offset: the direct current that was taken off, `[channels, 1]`.
        reduction: by the limiter; None where none was needed.
    """

    settings: NormalizeSettings
    decision: Decision
    before: Levels
    after: Levels
    offset: Samples
    reduction: Reduction | None

    def facts(self) -> Facts:
        """For the record."""
        found: Facts = {"gain": self.decision.gain, "result": self.decision.result}
        for when, levels in (("before", self.before), ("after", self.after)):
            found[f"loudness_{when}"] = reported(levels.loudness)
            found[f"true_peak_{when}"] = reported(levels.true_peak)
            if self.settings.by == "rms":
                found[f"rms_{when}"] = reported(to_rms(levels.power))
        if self.settings.remove_dc:
            found["dc_removed"] = float(np.abs(self.offset).max())
        if self.reduction:
            found["reduction_max"] = reported(self.reduction.greatest)
            found["reduction_mean"] = reported(self.reduction.mean)
            found["limited_share"] = reported(self.reduction.share)
        return found

    def report(self) -> Measurements:
        """All levels before and after, and the gain."""
        return Measurements(
            measurements=[
                *self.before.measurements("before"),
                *self.after.measurements("after"),
                Measurement(name="gain", value=self.decision.gain, unit="dB"),
            ]
        )


def normalized(task: Task, settings: NormalizeSettings, ports: Sequence[str | Artifact]) -> list[tuple[Path, Change]]:
    """Measure sounds, decide on one gain for all, write them, and say where they lie and what became of them."""
    sources = [Source(task, port) for port in ports]
    passes = 3 if settings.remove_dc or settings.high_pass else 2
    progress = Progress(task.progress, passes * sum(source.frames for source in sources))
    return _Normalization(task, settings, progress).all_of(sources)


@dataclass(frozen=True)
class _Member:
    """A recording that was measured: as it is, and without direct current and rumble where that is asked for."""

    source: Source
    before: Levels
    cleaned: Levels
    offset: Samples


@dataclass(frozen=True)
class _Written:
    """A result, and its levels."""

    path: Path
    after: Levels
    reduction: Reduction | None = None
    over: float = 0.0
    """dB that an ideal interpolation of it rises above the ceiling, −inf to any."""


class _Normalization:
    """The passes over the sounds."""

    def __init__(self, task: Task, settings: NormalizeSettings, progress: Progress) -> None:
        self._task, self._settings, self._progress = task, settings, progress
        self._below = 0.0
        """dB below the ceiling that the limiter is set to."""

    def all_of(self, sources: Iterable[Source]) -> list[tuple[Path, Change]]:
        members = [self._measured(source) for source in sources]
        decision = decide(together([member.cleaned for member in members]), self._settings)
        if decision.result == "limited":
            decision, written = self._limited(members, decision.gain)
        else:
            written = [self._amplified(member, decision.gain) for member in members]
        return [
            (each.path, Change(self._settings, decision, member.before, each.after, member.offset, each.reduction))
            for member, each in zip(members, written, strict=True)
        ]

    def _measured(self, source: Source) -> _Member:
        meter = self._meter(source)
        before = meter.all_of(source.blocks(self._progress))
        offset = meter.moments.offset()
        if not (self._settings.remove_dc or self._settings.high_pass):
            return _Member(source, before, before, offset)
        return _Member(source, before, self._meter(source).all_of(self._cleaned(source, offset)), offset)

    def _amplified(self, member: _Member, gain: float) -> _Written:
        path = self._write(member.source, self._cleaned(member.source, member.offset), amplitude(gain))
        return _Written(path, member.cleaned.amplified(gain))

    def _limited(self, members: Sequence[_Member], wanted: float) -> tuple[Decision, list[_Written]]:
        search = Search(self._settings.target, wanted)
        while True:
            written = [self._amplified_and_limited(member, search.gain) for member in members]
            over = max(each.over for each in written)
            if over <= 0.0:
                search.add(together([each.after for each in written]).value(self._settings.by))
                if search.ended:
                    return Decision(search.gain, "limited" if search.found else "held_by_ceiling"), written
                search.go_on()
            else:
                self._below += over + SURE
            for each in written:
                each.path.unlink()

    def _amplified_and_limited(self, member: _Member, gain: float) -> _Written:
        source, ceiling = member.source, self._settings.ceiling
        limiter, meter = Limiter(source.rate, source.channels, ceiling - self._below), self._meter(source)
        ideal = IdealPeak(source.channels, amplitude(ceiling))
        blocks = limited(amplified(self._cleaned(source, member.offset), gain), limiter)
        path = self._write(source, ideal.heard(meter.heard(blocks)))
        over = decibels(ideal.end()) - (ceiling - SURE)
        return _Written(path, meter.levels(), limiter.reduction(), over)

    def _cleaned(self, source: Source, offset: Samples) -> Iterable[Sampled]:
        return cleaned(source.blocks(self._progress), source, self._settings, offset)

    def _write(self, source: Source, blocks: Iterable[Sampled], factor: float = 1.0) -> Path:
        with self._task.create_audio("audio", source.rate, source.channels, source.places) as writer:
            for samples in blocks:
                writer.write(samples, factor)
        return writer.path

    def _meter(self, source: Source) -> LevelMeter:
        return LevelMeter(self._settings, source.rate, source.channels, source.layout)
