"""Written for LIBRARIAN_API 1. NEVER EDIT IT: see pyproject.toml."""

from __future__ import annotations

import numpy as np

from librarian import Measurement, Measurements, Output, UnusableInputError
from librarian_frozen import Peaks


class Louden:
    def __init__(self, settings, device):
        self.batch = 2
        self.factor = 10 ** (settings.gain / 20)

    def read(self, task):
        with task.open_audio("audio") as sound:
            blocks = list(sound.blocks())
            return np.concatenate(blocks, axis=1), sound.sample_rate

    def compute(self, given):
        return [(samples * self.factor, rate) for samples, rate in given]

    def write(self, task, result):
        samples, rate = result
        if not np.abs(samples).max(initial=0.0) > 0:
            raise UnusableInputError("silent", "nothing is heard in it")
        task.progress(0.5)
        task.state.value = {"half": True}
        task.state.save()
        path = task.write_audio("audio", samples, rate)
        peaks = [float(peak) for peak in np.abs(samples).max(axis=1)]
        report = Measurements(measurements=[Measurement(name="peak", value=max(peaks))])
        facts = {"gain": task.settings.gain, "result": "raised" if self.factor >= 1 else "lowered"}
        return {"audio": Output(path, facts), "report": report, "peaks": Peaks(peaks=peaks)}


def halves(task):
    samples, rate = task.read_audio("audio")
    half = samples.shape[1] // 2
    if not half:
        raise UnusableInputError("too_short", "there are no halves of it")
    made = []
    for part in (samples[:, :half], samples[:, half:]):
        with task.create_audio("pieces", rate, len(part)) as writer:
            writer.write(part)
        made.append(writer.path)
    return {"pieces": made}


def describe(task):
    path = task.folder / "described.txt"
    lines = [f"{each.recording} {each.item} {each.sample_rate} {each.channels}\n" for each in task.inputs["audio"]]
    path.write_text("".join(lines) + f"{task.unit} {task.seed} {task.device}\n")
    return {"text": path}
