"""Stems: librarian beside the demucs command, as whole processes, with the same weights.

    python benchmarks/separation.py --repeat 3

The network is a Hybrid Transformer Demucs of full size (42 million parameters) with random weights from a seed, saved
as a local repository; what it separates is noise in bursts with partials, stereo, 44.1 kHz. Both get the same files in
turns, start-up included; printed are medians, the processor time of all their processes, which says more than seconds
where a machine does something else beside, and the most memory that a process held with all below it. Both write
float WAV; both are asked for no shift, with which demucs would draw from a generator that nobody has seeded.

* demucs: `demucs --repo … --shifts 0 --float32`, all files in one call.
* librarian: `librarian run` of a job with one worker, durable and recorded; as it is (fp32, equal to demucs: the
  greatest difference is printed), without the segments at the end of which all is covered (short), and with bf16.

On the CPU: 60 s, and 8 × 15 s. On a GPU, where there is one: 8 × 4 min and 100 × 30 s, and the share of the time in
which it was busy (nvidia-smi).
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from statistics import mean, median

import numpy as np
import soundfile
from processes import Taken, take

RATE = 44_100
LONG_AGO = 1_600_000_000
STEMS = ("drums", "bass", "other", "vocals")
NAME = "bench"
CPU = "cpu"
CASES = {
    "long": (1, 60.0, CPU),
    "short": (8, 15.0, CPU),
    "gpu-long": (8, 240.0, "cuda"),
    "gpu-short": (100, 30.0, "cuda"),
}
"""Files, seconds of each, device."""
SHORT, BF16 = ", ending: short", ", precision: bf16"
VARIANTS = {"fp32": "", "short": SHORT, "bf16": BF16, "bf16, short": SHORT + BF16}
"""What the job says beside the model and its stems."""
JOB = """librarian: 1
name: bench
audio: {{format: wav, bits: 32}}
recordings:
  - {{id: songs, path: 'songs/*.wav'}}
steps:
  - {{id: stems, use: separate, with: {{model: {name}, stems: [drums, bass, other, vocals]{more}}}}}
run: {{workers: 1, device: {device}}}
"""


@dataclass
class Runs:
    """What several runs of one program took, their processor time with all below them (s), and how busy the GPU was."""

    taken: list[Taken] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median."""
        return median(each.seconds for each in self.taken)


def save_network(folder: Path) -> None:
    """A network of full size with random weights, as demucs saves it."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(0)
    model = HTDemucs(
        sources=list(STEMS),
        bottom_channels=512,
        dconv_mode=3,
        segment=Fraction(39, 5),
    )
    args, kwargs = model._init_args_kwargs
    torch.save({"klass": HTDemucs, "args": args, "kwargs": kwargs, "state": model.state_dict()}, folder / f"{NAME}.th")


def song(seconds: float, seed: int) -> np.ndarray:
    """Partials that come and go, and noise in bursts, `[frames, 2]`."""
    rng = np.random.default_rng(seed)
    time_ = np.arange(round(seconds * RATE)) / RATE
    made = np.zeros((len(time_), 2))
    for frequency in rng.uniform(60, 4000, 12):
        swell = np.clip(np.sin(2 * np.pi * rng.uniform(0.05, 0.5) * time_ + rng.uniform(0, 6)), 0, 1)
        made += (swell * np.sin(2 * np.pi * frequency * time_))[:, np.newaxis] * rng.uniform(0, 0.08, 2)
    bursts = np.clip(np.sin(2 * np.pi * 2 * time_), 0, 1)[:, np.newaxis] ** 4
    return (made + 0.05 * bursts * rng.standard_normal(made.shape)).astype(np.float32)


def prepare(folder: Path, number: int, seconds: float, device: str) -> dict[str, list[str]]:
    """The songs, a project for each way to run librarian, and every command."""
    (folder / "songs").mkdir()
    for index in range(number):
        path = folder / "songs" / f"{index:03d}.wav"
        soundfile.write(path, song(seconds, index), RATE, "PCM_16")
        os.utime(path, (LONG_AGO, LONG_AGO))  # a file that has just changed waits for the next run
    songs = sorted(map(str, (folder / "songs").iterdir()))
    demucs = [sys.executable, "-m", "demucs", "--repo", str(folder.parent / "repo"), "-n", NAME, "-d", device]
    commands = {"demucs": [*demucs, "--shifts", "0", "--float32", "-o", str(folder / "out"), *songs]}
    for name, more in VARIANTS.items():
        job = JOB.format(name=NAME, more=more, device=device if device == CPU else "auto")
        (folder / name).mkdir()
        (folder / name / "job.yaml").write_text(job)
        commands[f"librarian, {name}"] = [sys.executable, "-m", "librarian", "--project", ".", "run", "job.yaml"]
    return commands


def librarian(command: str, project: Path, *more: str) -> None:
    """Run a command of librarian on a project."""
    line = [sys.executable, "-m", "librarian", "--project", str(project), command, *more]
    subprocess.run(line, cwd=project, check=True, capture_output=True)


def clear(folder: Path, name: str) -> Path:
    """Take away what the run before left; where the program runs."""
    if name == "demucs":
        shutil.rmtree(folder / "out", ignore_errors=True)
        return folder
    project = folder / name.partition(", ")[2]
    job = (project / "job.yaml").read_text()
    shutil.rmtree(project)
    project.mkdir()
    (project / "job.yaml").write_text(job)
    (project / "songs").symlink_to(folder / "songs")
    librarian("init", project)
    librarian("models", project, "add", str(folder.parent / "repo"), "--name", NAME, "--loader", "demucs")
    return project


def difference(folder: Path, project: Path) -> tuple[float, float]:
    """The greatest difference of both from the greatest sample, and the error in dB below the sound, over all files."""
    sums = sorted((folder / "out" / NAME).glob("*/*.wav"))
    made: dict[str, list[np.ndarray]] = {stem: [] for stem in STEMS}
    for path in project.glob("library/*/*/*/*.wav"):
        made[path.name.split(".")[-2]].append(soundfile.read(path, dtype="float32")[0])
    worst, error, power = 0.0, 0.0, 0.0
    for path in sums:
        theirs = soundfile.read(path, dtype="float32")[0]
        same = [each for each in made[path.stem] if each.shape == theirs.shape]
        nearest = min((np.abs(each - theirs).max() / np.abs(theirs).max(), index) for index, each in enumerate(same))
        ours = same[nearest[1]]
        worst = max(worst, nearest[0])
        error += float(np.square(ours - theirs, dtype=np.float64).sum())
        power += float(np.square(theirs, dtype=np.float64).sum())
    return worst, 10 * np.log10(power / max(error, 1e-30))


class Busy:
    """Asks nvidia-smi how busy a GPU is, twice a second."""

    def __init__(self) -> None:
        self._shares: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
        while not self._ended.wait(0.5):
            self._shares.append(float(subprocess.run(ask, capture_output=True, text=True, check=True).stdout) / 100)

    def around(self, work: Callable[[], Taken]) -> tuple[Taken, float]:
        """What the work took, and the mean share."""
        self._thread.start()
        try:
            return work(), mean(self._shares or [0.0])
        finally:
            self._ended.set()
            self._thread.join()


def processor_time() -> float:
    """Of all processes that were started here and have ended (s)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(folder: Path, number: int, seconds: float, device: str, repeat: int) -> None:
    """Run all in turns, and print what they took."""
    commands = prepare(folder, number, seconds, device)
    runs = {name: Runs() for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            run_one(runs[name], command, clear(folder, name), device)
    print(f"\n{number} × {seconds:g} s on {device}")
    print(f"  {'':22} {'s':>7} {'sound/s':>7} {'faster':>6} {'CPU s':>7} {'MB':>6} {'GPU':>4}  difference from demucs")
    theirs = runs["demucs"]
    for name, run in runs.items():
        same = ""
        if name != "demucs":
            worst, decibels = difference(folder, folder / name.partition(", ")[2])
            same = f"{worst:.1e} of the peak, −{decibels:.0f} dB"
        busy = f"{mean(run.busy):.0%}" if run.busy else "–"
        print(
            f"  {name:22} {run.seconds:7.1f} {number * seconds / run.seconds:7.2f} {theirs.seconds / run.seconds:6.2f}",
            f"{median(run.cpu):7.1f} {max(each.together for each in run.taken) / 1e6:6.0f} {busy:>4}  {same}",
            flush=True,
        )


def run_one(runs: Runs, command: list[str], place: Path, device: str) -> None:
    """Run a command once more."""
    before = processor_time()
    if device == CPU:
        runs.taken.append(take(command, place))
    else:
        taken, busy = Busy().around(lambda: take(command, place))
        runs.taken.append(taken)
        runs.busy.append(busy)
    runs.cpu.append(processor_time() - before)


def has_gpu() -> bool:
    """Whether torch finds one."""
    ask = "import torch; print(torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout == "True\n"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each")
    parser.add_argument("--only", choices=CASES, help="one of the comparisons")
    options = parser.parse_args()
    began = time.perf_counter()
    for name, (number, seconds, device) in CASES.items():
        if options.only not in (None, name):
            continue
        if device != CPU and not has_gpu():
            print(f"\n{number} × {seconds:g} s on a GPU: not measured, there is none")
            continue
        with tempfile.TemporaryDirectory() as made:
            os.environ["LIBRARIAN_MODELS"] = os.path.join(made, "models")
            (Path(made) / "repo").mkdir()
            save_network(Path(made) / "repo")
            (Path(made) / name).mkdir()
            compare(Path(made) / name, number, seconds, device, options.repeat)
    print(f"\nin {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
