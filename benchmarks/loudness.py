"""Loudness and true peak against pyloudnorm, on the same decoded files, in the same run.

    python benchmarks/loudness.py --folder recordings --rounds 5

All is measured in one thread, after one warming-up; every round runs every row once. The first call of a process
pays for loading its compiled kernels too: it is printed by itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from numpy.typing import NDArray

from librarian.audio import loudness, peak

Sound = tuple[NDArray[np.float32], int]


def read(path: Path) -> Sound:
    """One file as `[channels, frames]` float32, and its rate (Hz)."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T), rate


def pyloudnorm_integrated(samples: NDArray[np.float32], rate: int) -> float:
    """The peer, with the same analog filters as ours."""
    import pyloudnorm

    return float(pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.T))


def levels(samples: NDArray[np.float32], rate: int) -> tuple[float, float]:
    """All that `measure` wants to know."""
    return loudness.integrated(samples, rate), peak.true_peak(samples, rate)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print medians, and how often each row goes into pyloudnorm's time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="WAV and FLAC files, mono or stereo")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    paths = sorted(p for p in options.folder.rglob("*") if p.suffix.lower() in {".wav", ".flac"})
    if not paths:
        parser.error(f"no .wav or .flac under {options.folder}")
    print(f"first call: {seconds(lambda: levels(np.zeros((2, 48000), np.float32), 48000)):.2f} s")

    sounds = [read(path) for path in paths]
    rows: dict[str, Callable[[], object]] = {
        "decode (limit)": lambda: [read(path) for path in paths],
        "integrated": lambda: [loudness.integrated(*sound) for sound in sounds],
        "integrated + true peak": lambda: [levels(*sound) for sound in sounds],
        "pyloudnorm integrated": lambda: [pyloudnorm_integrated(*sound) for sound in sounds],
    }
    times: dict[str, list[float]] = {row: [] for row in rows}
    for round_ in range(options.rounds + 1):
        for row, work in rows.items():
            took = seconds(work)
            if round_:
                times[row].append(took)

    length = sum(samples.shape[1] / rate for samples, rate in sounds)
    apart = max(abs(loudness.integrated(*sound) - pyloudnorm_integrated(*sound)) for sound in sounds)
    print(f"{len(paths)} files, {length:.0f} s of sound, median of {options.rounds}")
    for row, took_all in times.items():
        ratio = median(times["pyloudnorm integrated"]) / median(took_all)
        print(f"{row:24} {median(took_all):8.4f} s   {ratio:6.1f} × pyloudnorm")
    print(f"farthest from pyloudnorm: {apart:.5f} LU")


if __name__ == "__main__":
    main()
