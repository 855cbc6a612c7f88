"""What cutting, assembling, mixing and joining take, and how near shifts and drifts are found.

    python benchmarks/editing.py [--hours 1] [--calls ../shared/audio/calls]

An hour of stereo (48 kHz, 16 bits, WAV), and of a call an hour of three files (8 kHz): processor time of one operation,
and the most memory of its process, with all that it imports. With `--calls`, a folder of calls as
three files each (`out` both sides, `recv_out` and `trans_out` one each): one side is shifted, and given another clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from processes import take

from librarian import Artifact
from librarian.audio.resample import resample
from librarian.testing import FileTask, voice_like

SHIFTS, DRIFTS = (0.0, 0.75, -0.75, 4.0, -9.5), (0, 20, 50, -100)
RATE = 8000
SLOWER = 50
"""By how much the clock of the right side of the call is slower (ppm)."""


def files(folder: Path, hours: float) -> dict[str, Path]:
    """The sounds: `tape` in stereo, and the sides of a call."""
    minute = {"tape": voice_like(60, 48000, channels=2)}
    minute |= {role: voice_like(60, 8000, seed=seed) for seed, role in enumerate(("left", "right"))}
    minute["both"] = 0.5 * (minute["left"] + minute["right"])
    minute["right"] = resample(minute["right"], RATE * 10**6, RATE * (10**6 - SLOWER))
    found = {}
    for name, samples in minute.items():
        found[name] = folder / f"{name}.wav"
        rate = 48000 if name == "tape" else 8000
        with soundfile.SoundFile(found[name], "w", rate, len(samples), "PCM_16") as file:
            for _ in range(round(60 * hours)):
                file.write(samples.T)
    return found


def beginnings(given: dict[str, Path], folder: Path) -> dict[str, Path]:
    """The first seconds of the sounds."""
    for name, path in given.items():
        samples, rate = soundfile.read(path, frames=20 * soundfile.info(path).samplerate, dtype="int16")
        soundfile.write(folder / f"{name}.wav", samples, rate, "PCM_16")
    return {name: folder / f"{name}.wav" for name in given}


def operations(given: dict[str, Path]) -> Iterator[tuple[str, Callable[[Any], Any], Any, dict[str, Any]]]:
    """What is measured: its name, the operation, its settings, its inputs."""
    from librarian_editing.call import call
    from librarian_editing.cut import cut
    from librarian_editing.join import join
    from librarian_editing.mix import mix
    from librarian_editing.settings import CallSettings, CutSettings, JoinSettings, MixSettings

    tape = Artifact(given["tape"], "audio")
    sides = tuple(Artifact(given[role], "audio", role=role) for role in ("left", "right", "both"))
    yield "cut by length", cut, CutSettings(by="length", length="10 min"), {"audio": tape}
    yield "cut by silence", cut, CutSettings(silence="500 ms", padding="1 s"), {"audio": tape}
    yield "call", call, CallSettings(), {"audio": sides}
    yield "call, clocks corrected", call, CallSettings(drift="correct"), {"audio": sides}
    yield "mix of two, and a bed", mix, MixSettings(), {"audio": (tape, tape), "bed": (tape,)}
    yield "join of two", join, JoinSettings(fade="1 s"), {"audio": (tape, tape)}


def measure(number: int, given: dict[str, Path], folder: Path) -> None:
    """One operation, in this process: what it takes, on a small sound first."""
    with tempfile.TemporaryDirectory(dir=folder) as small:
        *_, (_, run, settings, inputs) = list(operations(beginnings(given, Path(small))))[: number + 1]
        _once(run, settings, inputs, Path(small))
    before = time.process_time()
    *_, (name, run, settings, inputs) = list(operations(given))[: number + 1]
    with tempfile.TemporaryDirectory(dir=folder) as place:
        _once(run, settings, inputs, Path(place))
    print(f"| {name} | {time.process_time() - before:.1f} |", end=" ")


def _once(run: Callable[[Any], Any], settings: Any, inputs: dict[str, Any], folder: Path) -> None:
    task = FileTask(folder, [], 8000, settings)
    task.inputs, task.bits = inputs, 16
    run(task)


def found_in(folder: Path) -> None:
    """How near shifts and drifts of real calls are found."""
    names = sorted(path.name.partition("-")[2] for path in folder.glob("recv_out-*.wav"))
    sounds = {
        (name, role): soundfile.read(folder / f"{role}-{name}", dtype="float32", always_2d=True)[0].T
        for name in names
        for role in ("recv_out", "trans_out", "out")
    }
    sides = [(name, sounds[name, role]) for name in names for role in ("recv_out", "trans_out")]
    for shifts, drifts in ((SHIFTS[:3], DRIFTS[:3]), (SHIFTS, DRIFTS)):
        off = np.array([_off(side, sounds[name, "out"], s, d) for name, side in sides for s in shifts for d in drifts])
        shift, drift, confidence = np.nanmax(off[:, 0]), np.nanmax(off[:, 1]), off[:, 2].min()
        said = f"up to {max(map(abs, shifts)):g} s and {max(map(abs, drifts))} ppm, {len(off)} cases"
        print(f"{said}: off by {1000 * shift:.2f} ms, {drift:.1f} ppm; confidence from {confidence:.2f}")
    wrong = [_aligned(side, sounds[other, "out"]) for name, side in sides for other in names if other != name]
    print(f"sides of other calls: confidence up to {max(each.confidence for each in wrong):.2f}")


def _aligned(side: Any, other: Any) -> Any:
    from librarian_editing.alignment import align

    return align(lambda: [side], lambda: [other], side.shape[1], 10.0)


def _off(side: Any, both: Any, shift: float, drift: int) -> tuple[float, float, float]:
    """By how much a shift (s) and a drift (ppm) are missed, and the confidence."""
    slower, frames = resample(both, RATE * 10**6, RATE * (10**6 + drift)), round(abs(shift) * RATE)
    found = _aligned(side, np.pad(slower, ((0, 0), (frames, 0))) if shift >= 0 else slower[:, frames:])
    return (
        abs(found.shift - shift),
        float("nan") if found.slower is None else abs(found.slower * 1e6 - drift),
        found.confidence,
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--calls", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        measure(given.one, {path.stem: path for path in given.folder.glob("*.wav")}, given.folder)
        return
    with tempfile.TemporaryDirectory() as place:
        made = files(Path(place), given.hours)
        print(
            f"{time.strftime('%d %B %Y')}, {given.hours:g} h\n\n| | processor time (s) | memory (MiB) |\n|---|---|---|",
            flush=True,
        )
        for number in range(len(list(operations(made)))):
            command = [sys.executable, os.path.abspath(__file__), "--one", str(number), "--folder", place]
            taken = take(command, Path(place))
            print(f"{taken.printed.decode()}{taken.peak >> 20} |", flush=True)
    if given.calls:
        found_in(given.calls)


if __name__ == "__main__":
    main()
