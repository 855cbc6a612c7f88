"""What `template_function` does. Loaded in workers only, so that what is heavy may be imported here."""

from __future__ import annotations

import numpy as np
from librarian import Output, Task
from numpy.typing import NDArray


def swing(task: Task) -> dict[str, Output]:
    """One task: block by block, in constant memory, however long the recording is."""
    settings, done = task.settings, 0
    with (
        task.open_audio("audio") as sound,
        task.create_audio("audio", sound.sample_rate, sound.channels, sound.layout) as writer,
    ):
        for block in sound.blocks():
            times = (done + np.arange(block.shape[1])) / sound.sample_rate
            writer.write(block * gains(times, settings.rate, settings.depth))
            done += block.shape[1]
            if sound.frames_exact:
                task.progress(done / sound.frames)
    return {"audio": Output(writer.path, {"swings": done / sound.sample_rate * settings.rate})}


def gains(times: NDArray[np.float64], rate: float, depth: float) -> NDArray[np.float32]:
    """Factors that fall from 1 to `1 - depth` and rise again, in straight lines.

    Args:
        times: s.
        rate: swings in a second (Hz).
        depth: 0 to 1.

    Shape:
        - times, output: `[frames]`
    """
    return (1 - depth * (1 - np.abs(2 * (times * rate % 1) - 1))).astype(np.float32)
