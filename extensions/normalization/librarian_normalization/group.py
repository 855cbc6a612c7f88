"""One gain for recordings that belong together, so that their balance stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from librarian import Output, Task
from librarian.audio import loudness
from librarian_normalization import NormalizeSettings
from librarian_normalization.measure import Levels, measured
from librarian_normalization.normalize import Normalizer, applied, change


class GroupNormalizer:
    """The operation `normalize_group`. One recording is in memory at a time."""

    def __init__(self, settings: NormalizeSettings, device: str) -> None:
        self._normalizer = Normalizer(settings, device)

    def __call__(self, task: Task) -> Mapping[str, list[Output]]:
        """Normalize the recordings of one group."""
        members = task.inputs["audio"]
        levels = [measured(*task.read_audio(each)) for each in members]
        gain, result = self._normalizer.gain(together(levels))
        outputs = []
        for number, (each, before) in enumerate(zip(members, levels, strict=True), 1):
            samples, rate = task.read_audio(each)
            samples, after = applied(samples, rate, before, gain)
            facts = change(before, after, gain) | {"result": result}
            outputs.append(Output(task.write_audio("audio", samples, rate), facts))
            task.progress(number / len(members))
        return {"audio": outputs}


def together(levels: Sequence[Levels]) -> Levels:
    """The levels of recordings played one after the other: all gating blocks, the highest peak."""
    powers = np.concatenate([each.powers for each in levels])
    value = loudness.gated(powers)
    peaks = [each.true_peak for each in levels if each.true_peak is not None]
    return Levels(
        result="too_short" if not len(powers) else "measured" if np.isfinite(value) else "silent",
        powers=powers,
        loudness=value if np.isfinite(value) else None,
        true_peak=max(peaks, default=None),
        sample_peak=max((each.sample_peak for each in levels if each.sample_peak is not None), default=None),
    )
