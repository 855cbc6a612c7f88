"""Measuring and normalizing an hour of recordings: librarian beside what people use today, as whole processes.

    python benchmarks/loudness.py --peers FOLDER --repeat 3

Everyone gets the same files, in turns, start-up included; printed are medians of time and of processor time, which
a busy machine spoils less, and the most memory that a process held with all below it. Measuring: WAV, and the same as
FLAC. Normalizing to −16 LUFS under −1 dBTP: WAV, 16 bits in and out.

* `decode`, `decode + encode`: soundfile reading blocks of int16, and writing them: the limits.
* librarian.audio: a script around `open_audio` and `Meter`: loudness, range, all peaks; the decoder has its thread.
  Then the same without peaks.
* librarian: `librarian measure` (the same and the quality of the recording, in one pass, in a process of its own that
  may reach nothing else), and `librarian run` of a job that normalizes, durable and recorded; with one worker, and with
  one for each core.
* libebur128: the C library, found by ctypes and fed with int16; ffmpeg: a process a file, as a shell's loop does it.
* pyloudnorm, torchaudio: a script that reads, measures (and normalizes by hand, with no true peak at all).
* ffmpeg-normalize: all files in one call, its two passes with one gain (`--keep-loudness-range-target` off).

What is not installed is left out. pyloudnorm and ffmpeg-normalize live in a virtual environment of their own: see
`--peers`; torchaudio takes part where this environment holds it. What normalizing takes in a process that runs already:
normalizing.py. The files are made from a seed: partials that come and go, noise in bursts, pauses; `--folder` takes
yours (WAV, 16 bits, mono or stereo) instead.
"""

from __future__ import annotations

import argparse
import ctypes.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from numpy.typing import NDArray
from processes import CORES, Taken, compile_ours, find_peers, take

RATE = 48_000
TARGET, CEILING = -16, -1
PEERS = {"pyloudnorm": "pyloudnorm", "soundfile": "soundfile", "ffmpeg-normalize": "ffmpeg_normalize"}

DECODE = """
import sys, soundfile
for path in sys.argv[1:]:
    with soundfile.SoundFile(path) as file:
        while len(file.read(1 << 18, dtype="int16")): pass
"""
COPY = """
import sys, pathlib, soundfile
for path in map(pathlib.Path, sys.argv[1:]):
    with soundfile.SoundFile(path) as file, \
         soundfile.SoundFile(f"out/{path.name}", "w", file.samplerate, file.channels, "PCM_16") as out:
        while len(block := file.read(1 << 18, dtype="int16")): out.write(block)
"""
METER = """
import json, pathlib, sys
from librarian.audio.layout import weights
from librarian.audio.meter import Meter
from librarian.media import open_audio
found = []
for path in map(pathlib.Path, sys.argv[1:]):
    with open_audio(path) as sound:
        meter = Meter(sound.sample_rate, weights(sound.channels, sound.layout))
        for block in sound.sampled_blocks():
            meter.add(block)
    levels = meter.levels()
    found.append([levels.integrated, levels.true_peak])
print(json.dumps(found))
"""
LOUDNESS = METER.replace("sound.layout))", "sound.layout), peaks=False)")
EBUR128 = """
import ctypes, ctypes.util, json, math, sys, soundfile
library = ctypes.CDLL(ctypes.util.find_library("ebur128"))
library.ebur128_init.restype = ctypes.c_void_p
peak = sys.argv[1] == "peak"
found = []
for path in sys.argv[2:]:
    with soundfile.SoundFile(path) as file:
        state = ctypes.c_void_p(library.ebur128_init(file.channels, ctypes.c_ulong(file.samplerate), 5 | 48 * peak))
        while len(block := file.read(1 << 18, dtype="int16", always_2d=True)):
            library.ebur128_add_frames_short(state, block.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(block)))
        loudness, true_peak, most = ctypes.c_double(), ctypes.c_double(), 0.0
        library.ebur128_loudness_global(state, ctypes.byref(loudness))
        for channel in range(file.channels * peak):
            library.ebur128_true_peak(state, channel, ctypes.byref(true_peak))
            most = max(most, true_peak.value)
        library.ebur128_destroy(ctypes.byref(state))
    found.append([loudness.value, 20 * math.log10(most) if most else None])
print(json.dumps(found))
"""
PYLOUDNORM = """
import json, sys, soundfile, pyloudnorm
found = []
for path in sys.argv[1:]:
    samples, rate = soundfile.read(path)
    found.append([pyloudnorm.Meter(rate).integrated_loudness(samples), None])
print(json.dumps(found))
"""
PYLOUDNORM_NORMALIZE = """
import pathlib, sys, soundfile, pyloudnorm
for path in map(pathlib.Path, sys.argv[1:]):
    samples, rate = soundfile.read(path)
    loudness = pyloudnorm.Meter(rate).integrated_loudness(samples)
    soundfile.write(f"out/{path.name}", pyloudnorm.normalize.loudness(samples, loudness, -16.0).clip(-1, 1), rate)
"""
TORCHAUDIO = """
import json, sys, soundfile, torch, torchaudio.functional
torch.set_num_threads(1)
found = []
for path in sys.argv[1:]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    found.append([float(torchaudio.functional.loudness(torch.from_numpy(samples.T), rate)), None])
print(json.dumps(found))
"""
JOB = f"""
librarian: 1
name: loudness
audio: {{format: wav, bits: 16}}
recordings:
  - {{id: all, path: 'recordings/*.wav'}}
steps:
  - {{id: louder, use: normalize, from: all, with: {{target: {TARGET} LUFS, ceiling: {CEILING} dBTP}}}}
"""


@dataclass
class Row:
    """Somebody who does the work: a name, and how it is started in an empty folder.

    Attributes:
        name: as it is printed.
        run: does all of it, and says what it took.
        made: where it leaves its files; empty where it makes none.
    """

    name: str
    run: Callable[[Path, list[Path]], Taken]
    made: str = ""
    taken: list[Taken] = field(default_factory=list)


def script(python: Path | str, code: str, *first: str) -> Callable[[Path, list[Path]], Taken]:
    """A script that is given all files."""
    return lambda folder, files: take([python, "-c", code, *first, *files], folder)


def ffmpeg(filters: str) -> Callable[[Path, list[Path]], Taken]:
    """A shell's loop over all files."""
    loop = f'for f; do ffmpeg -nostdin -v quiet -threads 1 -i "$f" -af {filters} -f null - || exit 1; done'
    return lambda folder, files: take(["sh", "-c", loop, "sh", *files], folder)


def measure(workers: int) -> Callable[[Path, list[Path]], Taken]:
    """`librarian measure`."""
    command = [sys.executable, "-P", "-m", "librarian", "measure", "--json", "--workers", str(workers)]
    return lambda folder, files: take([*command, *files], folder)


def normalize(workers: int) -> Callable[[Path, list[Path]], Taken]:
    """`librarian run`, in a project that it makes."""

    def run(folder: Path, files: list[Path]) -> Taken:
        (folder / "job.yaml").write_text(JOB)
        (folder / "recordings").symlink_to(files[0].parent)
        return take([sys.executable, "-P", "-m", "librarian", "run", "job.yaml", "--workers", str(workers)], folder)

    return run


def measuring(peers: Path) -> list[Row]:
    """Who measures; the limit first."""
    python = peers / "bin" / "python"
    rows = [
        Row("decode (limit)", script(sys.executable, DECODE)),
        Row("librarian.audio, one script", script(sys.executable, METER)),
        Row("the same, no peaks", script(sys.executable, LOUDNESS)),
        Row("librarian measure, 1 worker", measure(1)),
        Row(f"librarian measure, {CORES} workers", measure(CORES)),
        Row("pyloudnorm, no true peak", script(python, PYLOUDNORM)),
    ]
    if ctypes.util.find_library("ebur128"):
        rows += [
            Row("libebur128, no true peak", script(sys.executable, EBUR128, "loudness")),
            Row("libebur128", script(sys.executable, EBUR128, "peak")),
        ]
    if shutil.which("ffmpeg"):
        rows += [
            Row("ffmpeg ebur128, no true peak", ffmpeg("ebur128")),
            Row("ffmpeg ebur128", ffmpeg("ebur128=peak=true")),
        ]
    if find_spec("torchaudio"):
        rows += [Row("torchaudio, no true peak", script(sys.executable, TORCHAUDIO))]
    return rows


def normalizing(peers: Path) -> list[Row]:
    """Who normalizes; the limit first."""
    rows = [
        Row("decode + encode (limit)", script(sys.executable, COPY), "out"),
        Row("librarian run, 1 worker", normalize(1), "library"),
        Row(f"librarian run, {CORES} workers", normalize(CORES), "library"),
        Row("pyloudnorm by hand", script(peers / "bin" / "python", PYLOUDNORM_NORMALIZE), "out"),
    ]
    if shutil.which("ffmpeg"):
        tool = [os.fspath(peers / "bin" / "ffmpeg-normalize"), "-q", "-t", str(TARGET), "-tp", str(CEILING)]
        more = ["-ext", "wav", "-of", "out", "-ar", str(RATE)]
        rows.append(Row("ffmpeg-normalize", lambda folder, files: take([*tool, *files, *more], folder), "out"))
    return rows


def compare(rows: Sequence[Row], files: list[Path], top: Path, repeat: int) -> None:
    """Let everyone do it, in turns; the first turn is for the caches and does not count."""
    for turn in range(repeat + 1):
        for row in (*rows[turn % len(rows) :], *rows[: turn % len(rows)]):
            folder = top / "work"
            (folder / "out").mkdir(parents=True)
            os.sync()
            taken = row.run(folder, files)
            if row.made and (made := len(list((folder / row.made).rglob("*.wav")))) != len(files):
                raise RuntimeError(f"{row.name}: {made} files of {len(files)}")
            if turn:
                row.taken.append(taken)
            shutil.rmtree(folder)


def table(title: str, rows: Sequence[Row]) -> None:
    """Print one table."""
    print(f"\n{title:30} seconds  × limit  × first of ours  processor s  × first of ours  peak MB")
    limit, ours = (median(each.seconds for each in row.taken) for row in rows[:2])
    busy = median(each.processor for each in rows[1].taken)
    for row in rows:
        took = median(each.seconds for each in row.taken)
        used = median(each.processor for each in row.taken)
        peak = max(each.together for each in row.taken) / 1e6
        print(
            f"{row.name:30} {took:7.2f}  {took / limit:7.1f}  {took / ours:16.2f}"
            f"  {used:11.2f}  {used / busy:16.2f}  {peak:7.0f}",
            flush=True,
        )


def differences(rows: Sequence[Row]) -> None:
    """Print how far librarian is from libebur128, file by file."""
    found = {row.name: json.loads(row.taken[-1].printed) for row in rows if row.name in ("libebur128", rows[1].name)}
    if len(found) == 2:
        theirs, ours = found["libebur128"], found[rows[1].name]
        print(
            f"farthest from libebur128: {max(abs(a[0] - b[0]) for a, b in zip(ours, theirs, strict=True)):.6f} LU",
            end=", ",
        )
        print(f"true peak {max(abs(a[1] - b[1]) for a, b in zip(ours, theirs, strict=True)):.3f} dB")


def make(folder: Path, number: int, seconds: int) -> None:
    """Stereo files of 16 bits, the same at every call."""
    folder.mkdir()
    for index in range(number):
        random = np.random.default_rng(index)
        soundfile.write(folder / f"{index:03}.wav", _sound(random, seconds * RATE), RATE, "PCM_16")


def _sound(random: np.random.Generator, frames: int) -> NDArray[np.float32]:
    time = np.arange(frames, dtype=np.float32) / RATE
    grid = np.linspace(0, frames, frames // RATE * 4 + 1)
    sound = np.zeros((frames, 2), np.float32)
    for partial in range(1, 9):
        tone = np.sin(2 * np.pi * random.uniform(60, 900) * partial * time + random.uniform(0, 6))
        swell = np.interp(np.arange(frames), grid, random.gamma(0.5, 1, len(grid)) / partial)
        sound += (tone * swell)[:, np.newaxis] * random.uniform(0.2, 1, 2)
    hiss = np.interp(np.arange(frames), grid, random.gamma(0.2, 0.3, len(grid)))
    sound += hiss[:, np.newaxis] * random.standard_normal((frames, 2), np.float32)
    level = np.float32(random.uniform(0.1, 0.9) / np.abs(sound).max())
    return np.asarray(sound * level, np.float32)


def as_flac(files: Sequence[Path], folder: Path) -> list[Path]:
    """The same as FLAC."""
    folder.mkdir()
    made = [folder / f"{path.stem}.flac" for path in files]
    for path, flac in zip(files, made, strict=True):
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(flac, samples, rate, "PCM_16")
    return made


def arguments() -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="virtual environment with the peers; made where missing")
    parser.add_argument("--folder", type=Path, help="your WAV files instead of those that are made")
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=60, help="of each file")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], help="rows, by how their names begin")
    return parser.parse_args()


def main() -> None:
    """Print three tables."""
    options = arguments()
    with tempfile.TemporaryDirectory() as made:
        top = Path(made).resolve()
        peers = options.peers.absolute() if options.peers else top / "peers"
        print(", ".join(find_peers(peers, PEERS)))
        compile_ours()
        if not options.folder:
            make(top / "made", options.files, options.seconds)
        files = sorted((options.folder or top / "made").absolute().glob("*.wav"))
        length = sum(soundfile.info(path).duration for path in files)
        print(f"{len(files)} files, {length:.0f} s; {CORES} cores; medians of {options.repeat}")
        sets = [
            ("measure WAV", files, measuring(peers)),
            ("measure FLAC", as_flac(files, top / "flac"), measuring(peers)),
            ("normalize WAV", files, normalizing(peers)),
        ]
        for title, given, rows in sets:
            taking_part = [row for row in rows if not any(row.name.startswith(each) for each in options.skip)]
            compare(taking_part, given, top, options.repeat)
            table(title, taking_part)
            if "measure" in title:
                differences(taking_part)


if __name__ == "__main__":
    main()
