"""The shared pieces of `librarian.audio` on the CPU, each beside its limit and its peers, in the same run.

    python benchmarks/pieces.py --seconds 60 --rounds 5

Every round runs every row once, in one thread, after one warming-up. The limit is what the piece is made of and
cannot go below: soxr's own one call, as many FFTs of windows in the cache, a copy of the sound. Peers that
are not installed (librosa, torchaudio, julius) are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median

import numpy as np
import scipy.ndimage
import scipy.signal
import soxr
import torch
from numpy.typing import NDArray

from librarian.audio import overlap, spectral, vad
from librarian.audio.medians import running_median
from librarian.audio.resample import Resampler, resample

Rows = dict[str, Callable[[], object]]
RATE, SIZE, HOP, WIDTH = 44100, 2048, 512, 31
LIMIT, OURS = "limit", "ours"


def installed(name: str) -> bool:
    """Whether a peer is there."""
    return importlib.util.find_spec(name) is not None


def streamed(samples: NDArray[np.float32], to: int) -> None:
    """A sound through a resampler, as it comes from a file."""
    resampler = Resampler(RATE, to, len(samples))
    for start in range(0, samples.shape[1], 65536):
        resampler.add(samples[:, start : start + 65536])
    resampler.end()


def resampling(samples: NDArray[np.float32], to: int) -> Rows:
    """At the same quality (VHQ) for soxr; scipy, torchaudio and julius as they come."""
    interleaved, tensor = np.ascontiguousarray(samples.T), torch.from_numpy(samples)
    rows: Rows = {
        f"{LIMIT}: soxr": lambda: soxr.resample(interleaved, RATE, to, quality="VHQ"),
        f"{OURS}, streamed": lambda: streamed(samples, to),
        f"{OURS}, tensor": lambda: resample(tensor, RATE, to),
        "scipy resample_poly": lambda: scipy.signal.resample_poly(samples, to // 100, RATE // 100, axis=1),
    }
    if installed("torchaudio"):
        from torchaudio.functional import resample as theirs

        rows["torchaudio, width 64"] = lambda: theirs(tensor, RATE, to, lowpass_filter_width=64)
    if installed("julius"):
        import julius

        rows["julius, 64 zeros"] = lambda: julius.resample_frac(tensor, RATE, to, zeros=64)
    return rows


def transforms(samples: NDArray[np.float32]) -> Rows:
    """Forth and back."""
    tensor, frames = torch.from_numpy(samples), samples.shape[1]
    window, spectra = torch.hann_window(SIZE), spectral.stft(samples, SIZE, HOP)
    windows, times = samples[0, : 64 * SIZE].reshape(64, SIZE), round(samples.size / HOP / 64)
    room = np.empty((64, SIZE // 2 + 1), np.complex64)
    rows: Rows = {
        f"{LIMIT}: numpy rfft": lambda: [np.fft.rfft(windows, out=room) for _ in range(times)],
        f"{OURS}, stft": lambda: spectral.stft(samples, SIZE, HOP),
        f"{OURS}, stft of a tensor": lambda: spectral.stft(tensor, SIZE, HOP),
        f"{OURS}, istft": lambda: spectral.istft(spectra, HOP, frames),
        "torch.stft": lambda: torch.stft(tensor, SIZE, HOP, window=window, return_complex=True),
        "torch.istft": lambda: torch.istft(torch.from_numpy(spectra), SIZE, HOP, window=window, length=frames),
    }
    if installed("librosa"):
        import librosa

        rows["librosa.stft"] = lambda: librosa.stft(samples, n_fft=SIZE, hop_length=HOP)
        rows["librosa.istft"] = lambda: librosa.istft(spectra, hop_length=HOP, length=frames)
    return rows


def medians(samples: NDArray[np.float32], axis: int) -> Rows:
    """Over a spectrogram, along frequency (0) or time (1)."""
    levels = np.ascontiguousarray(np.abs(spectral.stft(samples[0], SIZE, HOP)))
    size = (WIDTH, 1) if axis == 0 else (1, WIDTH)
    return {
        f"{LIMIT}: a copy": levels.copy,
        OURS: lambda: running_median(levels, WIDTH, axis),
        f"{OURS}, tensor": lambda: running_median(torch.from_numpy(levels), WIDTH, axis),
        "scipy median_filter": lambda: scipy.ndimage.median_filter(levels, size=size, mode="reflect"),
    }


def rejoin(samples: NDArray[np.float32], size: int) -> None:
    """Cut and put together, as demucs does it, around a model that does nothing."""
    joiner = overlap.Joiner(overlap.triangle(size), size * 3 // 4)
    for part in overlap.segments([samples], size, size * 3 // 4):
        joiner.add(part, part.samples)
    joiner.end()


def probabilities(count: int) -> Iterator[float]:
    """Of speech, in turns of a second."""
    return (float(number // 31 % 2) for number in range(count))


def others(samples: NDArray[np.float32]) -> Rows:
    """Segments of 7.8 s; windows of 512 frames, and the stretches of speech in ten hours of them."""
    return {
        f"{LIMIT}: a copy": samples.copy,
        f"{OURS}, segments and back": lambda: rejoin(samples, int(7.8 * RATE)),
        f"{OURS}, windows of 512": lambda: list(vad.windows([samples])),
        f"{OURS}, stretches in 10 h": lambda: list(vad.speech(islice(probabilities(10**8), 10 * 112_500), 16000)),
    }


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(title: str, rows: Rows, rounds: int) -> None:
    """Print medians, and how often the limit goes into each."""
    times: dict[str, list[float]] = {row: [] for row in rows}
    for round_ in range(rounds + 1):
        for row, work in rows.items():
            took = seconds(work)
            if round_:
                times[row].append(took)
    limit = median(next(iter(times.values())))
    print(f"\n{title}")
    for row, took_all in times.items():
        print(f"  {row:28} {1000 * median(took_all):9.1f} ms {median(took_all) / limit:8.2f} x limit")


def main() -> None:
    """Print a table for each piece."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of stereo sound")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    samples = np.random.default_rng(0).uniform(-1, 1, (2, options.seconds * RATE)).astype(np.float32)
    print(f"{options.seconds} s of stereo at {RATE} Hz, median of {options.rounds}, one thread")
    show("resampling to 16 kHz", resampling(samples, 16000), options.rounds)
    show("resampling to 48 kHz", resampling(samples, 48000), options.rounds)
    show(f"transforms, {SIZE} every {HOP}", transforms(samples), options.rounds)
    show(f"medians of {WIDTH} along frequency, one channel", medians(samples, 0), options.rounds)
    show(f"medians of {WIDTH} along time, one channel", medians(samples, 1), options.rounds)
    show("segments and speech", others(samples), options.rounds)


if __name__ == "__main__":
    main()
