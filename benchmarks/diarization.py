"""What each stage of diarization takes, and the memory that hours take.

    python benchmarks/diarization.py --hours 3

Printed is the real-time factor of each stage (seconds that it takes for a second of sound; medians), on the CPU with as
many threads as OMP_NUM_THREADS says: reading and resampling, voice activity by Silero (and, beside it, by the model of
the wheel, a window at a time as its own loop does it), bands, d-vectors where resemblyzer is installed, clustering by
each, resegmentation. Then a recording of so many hours is diarized in a process of its own: its time, and the most
memory that it held beyond what it had once everything was imported and ten minutes were diarized. Recordings are made
by repeating a conversation that ships (16 kHz, FLAC); `--file` takes another.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from diarization_error import Reader, diarized

from librarian.audio.silero import WINDOW, Listener, Silero, one_thread
from librarian_diarization import DiarizeSettings
from librarian_diarization.cepstra import BANDS
from librarian_diarization.classic import Classic, Described, _by_likelihood, _by_vectors
from librarian_diarization.diarize import TOGETHER
from librarian_diarization.dvectors import Encoder
from librarian_diarization.hearing import Heard, hear
from librarian_diarization.packages import file_of
from librarian_diarization.resegmentation import resegmented
from librarian_diarization.sound import RATE, Sound
from librarian_diarization.spool import Spool
from librarian_diarization.together import through
from librarian_diarization.units import Unit, units

CONVERSATION = Path(__file__).parent.parent / "configs/recordings/conversations/two_speakers.flac"
STAGE_SECONDS = 300.0
WARM_SECONDS = 600.0
BOUNDS = (1, 10)


def repeated(source: Path, seconds: float, folder: Path) -> Path:
    """A recording of a length, by repeating another."""
    samples, rate = soundfile.read(source, dtype="int16", always_2d=True)
    path = folder / f"{seconds:.0f}.flac"
    with soundfile.SoundFile(path, "w", rate, samples.shape[1], "PCM_16") as file:
        left = round(seconds * rate)
        while left > 0:
            file.write(samples[:left])
            left -= len(samples)
    return path


def timed(work: Callable[[], object], repeat: int) -> float:
    """Seconds that it takes: the median, after once that does not count."""
    work()
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def one_by_one(samples: np.ndarray) -> None:
    """Voice activity with the wheel's model, a window at a time."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.load(file_of("silero_vad", "data/silero_vad.jit", "silero-vad"))
    with torch.inference_mode():
        for start in range(0, len(samples) - WINDOW, WINDOW):
            model(torch.from_numpy(samples[start : start + WINDOW]), RATE)


def stages(path: Path, repeat: int) -> Iterator[tuple[str, float]]:
    """Each stage, and the seconds that it takes."""
    sound = Sound(Reader(path), 1)
    yield "read, resample", timed(lambda: sum(block.shape[1] for block in sound.blocks(mixed=True)), repeat)
    samples = np.concatenate(list(sound.blocks(mixed=True)), axis=1)[0]
    whole = samples[: len(samples) // WINDOW * WINDOW]
    silero = Silero()
    parts = np.split(whole, range(256 * WINDOW, len(whole), 256 * WINDOW))
    with one_thread():
        yield "voice activity", timed(lambda: [*map(Listener(silero).add, parts)], repeat)
        minute = whole[: 60 * RATE]
        yield "  as the wheel's loop does it", timed(lambda: one_by_one(minute), 1) * len(whole) / len(minute)
    heard = hear(sound, mixed=True)
    encoder = Encoder() if find_spec("resemblyzer") else None

    def describe() -> None:
        with Spool(sound.folder, BANDS) as frames:
            described(sound, heard, frames, None)

    yield "read again, bands", timed(describe, repeat)
    with Spool(sound.folder, BANDS) as frames:
        found = described(sound, heard, frames, encoder)
        yield from clustering(found, units(heard.stretches()), encoder, repeat)


def described(sound: Sound, heard: Heard, frames: Spool, encoder: Encoder | None) -> Described:
    """What the second pass finds out."""
    way = Classic(sound, heard, DiarizeSettings(features="d_vectors" if encoder else "cepstra"), frames)
    (found,) = through(lambda windows: encoder.vectors(np.stack(windows)), [lambda: way], TOGETHER)
    if isinstance(found, Exception):
        raise found
    return found.described()


def clustering(
    described: Described, cut_up: Sequence[Unit], encoder: Encoder | None, repeat: int
) -> Iterator[tuple[str, float]]:
    """The stages behind what was read."""
    if encoder:
        windows = np.zeros((len(cut_up), 25600), np.float32)
        yield (
            "d-vectors",
            timed(lambda: [encoder.vectors(part) for part in np.array_split(windows, len(windows) // TOGETHER)], 1),
        )
        yield "clustering by d-vectors", timed(lambda: _by_vectors(described, cut_up, BOUNDS, 0), repeat)
    yield "clustering by likelihood", timed(lambda: _by_likelihood(described, cut_up, BOUNDS, 0), repeat)
    guess = _by_likelihood(described, cut_up, (2, 2), 0)
    yield "resegmentation, overlaps", timed(lambda: resegmented(described.frames, described.spoken, guess), repeat)


def memory_of(path: Path, warm: Path, features: str) -> None:
    """Diarize in this process and print what that took (a process of its own, started by `main`)."""
    import resource

    settings = DiarizeSettings(method="classic", model="none", features=features)
    diarized(warm, settings)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    found = diarized(path, settings).turns
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "before": before / 1024, "after": after / 1024, "turns": len(found.turns)}))


@contextmanager
def made(source: Path, *lengths: float) -> Iterator[list[Path]]:
    """Recordings of these lengths (s)."""
    with tempfile.TemporaryDirectory() as folder:
        yield [repeated(source, length, Path(folder)) for length in lengths]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=CONVERSATION, help="recording that is repeated")
    parser.add_argument(
        "--hours", type=float, default=3.0, help="of the recording that memory is measured with; 0: none"
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--features", choices=("cepstra", "d_vectors"), default="cepstra", help="of the long recording")
    parser.add_argument("--memory-of", type=Path, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        memory_of(*arguments.memory_of, arguments.features)
        return
    if arguments.repeat:
        with made(arguments.file, STAGE_SECONDS) as (path,):
            for name, seconds in stages(path, arguments.repeat):
                print(
                    f"{name:32} {seconds / STAGE_SECONDS:8.4f}  {STAGE_SECONDS / seconds:8.0f} × real time", flush=True
                )
    if arguments.hours:
        with made(arguments.file, 3600 * arguments.hours, WARM_SECONDS) as paths:
            command = [sys.executable, __file__, "--features", arguments.features, "--memory-of", *map(str, paths)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"{arguments.hours:g} h by {arguments.features}: {found['seconds']:.0f} s, {found['turns']} turns; "
            f"{found['after']:.0f} MiB at the most, {found['after'] - found['before']:.0f} more than with 10 min"
        )


if __name__ == "__main__":
    main()
