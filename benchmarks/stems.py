"""How well voices, tones and strokes are separated without weights; and HPSS and REPET-SIM beside librosa's.

    python benchmarks/stems.py FOLDER --rounds 3

FOLDER holds a folder a song with `vocals`, `drums`, `bass` and `other` (wav or flac, of one rate and length).

* The first table: SDR in dB over whole songs, all channels, without a filter or a level being forgiven
  (`librarian.testing.sdr`). The voice in the song as it is and as loud as the music (0 dB); tones (bass and other) and
  strokes (drums) in the song without the voice. `mixture` is the song itself as the estimate, `oracle` what masks can
  reach that know the true stems: their magnitudes' ratio, in the windows of the method. librosa: see below.
* The second: seconds for a minute of mono sound, the songs one after the other, in turns, medians; and how far the
  results lie apart. librosa's as in its documentation: `effects.hpss`, and a median over neighbours
  (`decompose.nn_filter`, 2 s apart) with soft masks. Windows, widths and neighbours are the same for both; `as it
  comes` is what `separate` does. librosa takes the nearest neighbours only where the links have distances
  (`mode="distance"`): so its results are compared, and both are timed.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import librosa
import numpy as np
from numpy.typing import NDArray

from librarian.audio.masks import soft_mask
from librarian.audio.networks import median_of_rows
from librarian.audio.similarity import similar_frames
from librarian.audio.spectral import istft, stft
from librarian.media import read_audio
from librarian.testing import sdr
from librarian_separation.centre import Centre
from librarian_separation.hpss import Hpss
from librarian_separation.masking import Masking
from librarian_separation.repet import CentredRepet, Repet

Samples = NDArray[np.float32]
Song = dict[str, Samples]
Method = Callable[[Samples], Samples]

SIZE, HOP, WIDTH = 2048, 512, 31
NEIGHBOURS, APART = 100, 2.0
"""And s."""


def songs(folder: Path) -> Iterator[tuple[str, Song, int]]:
    """Name, stems and sample rate of each."""
    for place in sorted(path.parent for path in folder.glob("*/vocals.*")):
        stems = {}
        for name in ("vocals", "drums", "bass", "other"):
            (path,) = place.glob(f"{name}.*")
            stems[name], rate = read_audio(path)
        yield place.name, stems, rate


def oracle(part: Samples, rest: Samples, size: int) -> Samples:
    """The part as a mask cuts it out of the mix that knows both."""
    spectra = [stft(each, size, size // 4, "constant") for each in (part, rest)]
    mask = soft_mask(abs(spectra[0]), abs(spectra[1]), 1.0)
    return istft(sum(spectra) * mask, size // 4, part.shape[-1])


def estimate(model: Masking, stem: str) -> Method:
    """One stem of a method."""
    return lambda mix: model(mix[None])[0, model.stems.index(stem)]


def scores(part: Samples, rest: Samples, methods: Mapping[str, Method], size: int) -> dict[str, float]:
    """SDR of a part by each method, between the mixture and the oracle."""
    mix = part + rest
    found = {name: sdr(part, method(mix)) for name, method in methods.items()}
    return {"mixture": sdr(part, mix), **found, "oracle": sdr(part, oracle(part, rest, size))}


def table_of(song: Song, rate: int) -> Iterator[tuple[str, dict[str, float]]]:
    """The rows of a song."""
    music = song["drums"] + song["bass"] + song["other"]
    tones, strokes = song["bass"] + song["other"], song["drums"]
    loud = song["vocals"] * np.float32(np.sqrt(np.square(music).mean() / np.square(song["vocals"]).mean()))
    models = {"centre": Centre.at(rate), "repet": Repet.at(rate), "repet_centre": CentredRepet.at(rate)}
    voice = {name: estimate(model, "vocals") for name, model in models.items()}
    voice["librosa"] = lambda mix: librosas_voice(mix, rate, "connectivity")
    rest = {name: estimate(model, "accompaniment") for name, model in models.items()}
    hpss, size = Hpss.at(rate), models["repet"].size
    yield "voice", scores(song["vocals"], music, voice, size)
    yield "voice, 0 dB", scores(loud, music, voice, size)
    yield "music", scores(music, song["vocals"], rest, size)
    both = {"hpss": estimate(hpss, "harmonic"), "librosa": librosa.effects.harmonic}
    yield "tones", scores(tones, strokes, both, hpss.size)
    both = {"hpss": estimate(hpss, "percussive"), "librosa": librosa.effects.percussive}
    yield "strokes", scores(strokes, tones, both, hpss.size)


def librosas_voice(mix: Samples, rate: int, mode: str) -> Samples:
    """The recipe of librosa's documentation, with its margin."""
    spectra = librosa.stft(mix, n_fft=SIZE, hop_length=HOP)
    repeating = librosas_repetition(abs(spectra), rate, mode)
    levels = abs(spectra)
    mask = librosa.util.softmask(levels - repeating, 10 * repeating, power=2)
    return librosa.istft(spectra * mask, hop_length=HOP, length=mix.shape[-1])


def librosas_repetition(levels: Samples, rate: int, mode: str) -> Samples:
    """The median over neighbours, and no more than there is."""
    width = round(APART * rate / HOP)
    links = librosa.segment.recurrence_matrix(
        levels, k=NEIGHBOURS, width=width, metric="cosine", mode=mode, sparse=True
    )
    return np.minimum(levels, librosa.decompose.nn_filter(levels, rec=links, aggregate=np.median))


def our_repetition(levels: Samples, rate: int) -> Samples:
    """The same by ours, of magnitudes as they are."""
    rows = np.ascontiguousarray(levels.T)
    return np.minimum(rows, median_of_rows(rows, similar_frames(rows, NEIGHBOURS, round(APART * rate / HOP)))).T


def seconds(rows: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Medians of each, in turns, after one round that does not count."""
    took: dict[str, list[float]] = {name: [] for name in rows}
    for turn in range(rounds + 1):
        for name, work in rows.items():
            start = time.perf_counter()
            work()
            if turn:
                took[name].append(time.perf_counter() - start)
    return {name: median(each) for name, each in took.items()}


def show_speed(title: str, rows: Mapping[str, Callable[[], object]], minutes: float, rounds: int) -> None:
    """The first row is librosa's."""
    took = seconds(rows, rounds)
    first = next(iter(took.values()))
    print(f"\n{title}")
    for name, each in took.items():
        print(f"  {name:44} {each / minutes:8.2f} s a minute {first / each:8.1f} x")


def beside_librosa(mono: Samples, rate: int, rounds: int) -> None:
    """Times and differences, of mono sound."""
    minutes, mix = mono.shape[-1] / rate / 60, mono[None, None]
    same = Hpss(rate, SIZE, WIDTH, WIDTH)
    rows = {
        "librosa.effects.hpss": lambda: librosa.effects.hpss(mono),
        "librarian, the same windows and widths": lambda: same(mix),
        "librarian, as it comes": lambda: Hpss.at(rate)(mix),
    }
    show_speed("HPSS", rows, minutes, rounds)
    theirs, ours = np.stack(librosa.effects.hpss(mono)), same(mix)[0, :2, 0]
    ends = WIDTH // 2 * HOP + 2 * SIZE
    print(f"  SDR between them {sdr(theirs, ours):.0f} dB; but for the ends, which librosa mirrors,", end=" ")
    print(f"they differ by {abs(theirs - ours)[:, ends:-ends].max():.1e} of full scale at most")
    same_windows = Repet(rate, SIZE, NEIGHBOURS, round(APART * rate / HOP))
    show_speed(
        "REPET-SIM",
        {
            "librosa's recipe": lambda: librosas_voice(mono, rate, "connectivity"),
            "librosa's recipe, nearest neighbours": lambda: librosas_voice(mono, rate, "distance"),
            "librarian, the same windows and neighbours": lambda: same_windows(mix),
            "librarian, as it comes": lambda: Repet.at(rate)(mix),
        },
        minutes,
        rounds,
    )
    levels = abs(librosa.stft(mono, n_fft=SIZE, hop_length=HOP))
    theirs, ours = librosas_repetition(levels, rate, "distance"), our_repetition(levels, rate)
    print(f"  the repeating part: {np.mean(theirs == ours):.2%} of all bins the same, SDR {sdr(theirs, ours):.0f} dB")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with a folder a song")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality-only", action="store_true", help="the first table alone")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    whole, rate = [], 0
    for name, song, rate in songs(options.folder):
        print(name)
        for row, cells in table_of(song, rate):
            print(f"  {row:12}" + "".join(f"  {method} {score:.1f}" for method, score in cells.items()))
        whole.append(sum(song.values()).mean(axis=0, dtype=np.float32))
    if not options.quality_only:
        beside_librosa(np.concatenate(whole), rate, options.rounds)


if __name__ == "__main__":
    main()
