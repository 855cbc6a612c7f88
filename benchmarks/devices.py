"""Hours of sound measured in a second, from memory and from disk, on the CPU and on each GPU.

    python benchmarks/devices.py --hours 10

Loudness, its maxima and range, and true peak, by `librarian.audio.batch.measure_all`: on the CPU with compiled kernels
in one thread beside the decoder's, on a GPU in batches of several sounds. The files of `benchmarks/loudness.py` are
read again and again until there are so many hours; they are in the disk's cache. From memory the samples are there as
float32, so what is left is measuring, and on a GPU copying. `only decoded` is the limit from disk, whatever measures.
Medians, after one round that does not count.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from loudness import as_flac, make
from numpy.typing import NDArray

from librarian.audio.batch import Sound, measure_all
from librarian.audio.meter import Levels
from librarian.media import open_audio, read_audio

BLOCK_FRAMES = 1 << 16

Work = Callable[[Sequence[Sound], str], None]


@dataclass
class Held:
    """A sound in memory, `[channels, frames]`."""

    samples: NDArray[np.float32]
    sample_rate: int
    layout: str = ""

    @property
    def channels(self) -> int:
        """Their number."""
        return len(self.samples)

    def sampled_blocks(self) -> Iterator[NDArray[np.float32]]:
        """All of it."""
        for start in range(0, self.samples.shape[1], BLOCK_FRAMES):
            yield self.samples[:, start : start + BLOCK_FRAMES]


def devices() -> list[str]:
    """The CPU, and each GPU that torch finds."""
    try:
        import torch
    except ImportError:
        return ["cpu"]
    return ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]


def measured(sounds: Sequence[Sound], device: str) -> None:
    """Measure all."""
    for outcome in measure_all(iter(sounds), device):
        if not isinstance(outcome, Levels):
            raise outcome


def decoded(sounds: Sequence[Sound], device: str) -> None:
    """Decode all, on the CPU."""
    for sound in sounds:
        with sound as stream:
            for _ in stream.sampled_blocks():
                pass


def hours_per_second(work: Work, sounds: Sequence[Sound], device: str, hours: float, repeat: int) -> float:
    """How much is done in a second."""
    took = []
    for turn in range(repeat + 1):
        began = time.perf_counter()
        work(sounds, device)
        if turn:
            took.append(time.perf_counter() - began)
    return hours / median(took)


class Again(contextlib.AbstractContextManager[object]):
    """A file that can be opened any number of times."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> object:
        self._open = open_audio(self._path)
        return self._open.__enter__()

    def __exit__(self, *error: object) -> None:
        self._open.__exit__(*error)  # type: ignore[arg-type]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        make(top / "wav", 20, 60)
        wav = sorted((top / "wav").glob("*.wav"))
        flac = as_flac(wav, top / "flac")
        number = max(len(wav), round(options.hours * 60))
        held = [Held(*read_audio(path)) for path in wav]
        memory = [contextlib.nullcontext(each) for each in itertools.islice(itertools.cycle(held), number)]
        wavs = [Again(path) for path in itertools.islice(itertools.cycle(wav), number)]
        flacs = [Again(path) for path in itertools.islice(itertools.cycle(flac), number)]
        rows: dict[str, tuple[Work, Sequence[Sound]]] = {
            "from memory": (measured, memory),
            "from disk, WAV": (measured, wavs),
            "only decoded, WAV": (decoded, wavs),
            "from disk, FLAC": (measured, flacs),
            "only decoded, FLAC": (decoded, flacs),
        }
        found = devices()
        print(f"hours of stereo sound (48 kHz) measured in a second; medians of {options.repeat} × {number / 60:.1f} h")
        print(f"{'':18}" + "".join(f"{each:>10}" for each in (*found, *(["cuda"] if len(found) == 1 else []))))
        for name, (work, sounds) in rows.items():
            speeds = [hours_per_second(work, sounds, device, number / 60, options.repeat) for device in found]
            cells = [f"{speed:10.2f}" for speed in speeds] + (["  not measured"] if len(found) == 1 else [])
            print(f"{name:18}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
