"""How wrong each way to diarize is: DER and JER of every recording in a folder that has its truth beside it.

    python benchmarks/diarization_error.py ../shared/audio/conversations --sample

Diarization and Jaccard error rates of pyannote.metrics, with a collar of 0.25 s on each side of every boundary of the
truth (which pyannote.metrics calls `collar=0.5`), speech of several people at once included, over the whole length of
the recording. Each RTTM is the truth of the sound of the same name. `given`: the number of speakers was said before;
else it was found out. `mean`: each recording counts as much; `pooled`: all their time together, what pyannote.metrics
accumulates. `--sample` adds the conversation that is part of pyannote.audio. The thresholds of the methods were chosen
on other voices than any of these.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from tempfile import gettempdir
from typing import Any

from pyannote.core import Annotation, Segment, Timeline
from pyannote.database.util import load_rttm
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

from librarian.media import AudioStream, open_audio, probe
from librarian_diarization import DiarizeSettings
from librarian_diarization.diarize import Diarized, Diarizer

COLLAR = 0.5
"""Seconds around a boundary, half of it on each side."""
SUFFIXES = (".flac", ".wav")
WAYS: dict[str, dict[str, Any]] = {
    "channels": {"method": "channels"},
    "auto": {"features": "cepstra"},
    "classic, given": {"method": "classic", "features": "cepstra", "speakers": True},
    "classic": {"method": "classic", "features": "cepstra"},
    "d-vectors, given": {"method": "classic", "features": "d_vectors", "speakers": True},
    "d-vectors": {"method": "classic", "features": "d_vectors"},
}


class Reader:
    """What a method needs of a task."""

    seed = 0

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, Path(gettempdir())

    def open_audio(self, port: str) -> AbstractContextManager[AudioStream]:
        """The recording."""
        return open_audio(self.path)

    def progress(self, fraction: float) -> None:
        """Nobody asks."""


def diarized(path: Path, settings: DiarizeSettings) -> Diarized:
    """A recording, as the operation does it on a CPU."""
    diarizer = Diarizer(settings, "cpu")
    (found,) = diarizer.compute([diarizer.read(Reader(path))])
    if isinstance(found, Exception):
        raise found
    return found


@dataclass
class Score:
    """What came of one way on one recording: rates, and the number of speakers."""

    der: float
    jer: float
    missed: float
    false_alarm: float
    confusion: float
    speakers: int


def metrics() -> list[DiarizationErrorRate]:
    """DER and JER; each adds up what it is called with."""
    return [metric(collar=COLLAR, skip_overlap=False) for metric in (DiarizationErrorRate, JaccardErrorRate)]


def score(path: Path, truth: Annotation, way: dict[str, Any], rates: list[DiarizationErrorRate]) -> Score:
    """Diarize a recording and compare, by the metrics of this way."""
    speakers = len(truth.labels())
    settings = DiarizeSettings(**{**way, "model": "none", "speakers": speakers if way.get("speakers") else 0})
    turns = diarized(path, settings).turns
    found = Annotation()
    for number, turn in enumerate(turns.turns):
        found[Segment(turn.start, turn.end), number] = str(turn.speaker)
    info = probe(path)
    whole = Timeline([Segment(0, info.frames / info.sample_rate)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts, jaccard = (rate(truth, found, uem=whole, detailed=True) for rate in rates)
    total = parts["total"] or 1.0
    shares = [parts[name] / total for name in ("missed detection", "false alarm", "confusion")]
    return Score(parts["diarization error rate"], jaccard["jaccard error rate"], *shares, turns.speakers)


def recordings(folder: Path | None, sample: bool) -> Iterator[tuple[Path, Annotation]]:
    """Each recording with its truth."""
    folders = [folder] if folder else []
    spec = find_spec("pyannote") if sample else None
    if spec and spec.submodule_search_locations:
        folders.append(Path(next(iter(spec.submodule_search_locations))) / "audio" / "sample")
    for each in folders:
        for rttm in sorted(each.glob("*.rttm")):
            (truth,) = load_rttm(rttm).values()
            for path in (rttm.with_suffix(suffix) for suffix in SUFFIXES):
                if path.is_file():
                    yield path, truth


def ways_for(path: Path, chosen: list[str]) -> Iterator[str]:
    """The ways that this recording can be diarized in with what is installed."""
    for way in chosen:
        if way == "channels" and probe(path).channels == 1:
            continue
        if way.startswith("d-vectors") and find_spec("resemblyzer") is None:
            continue
        yield way


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="recordings with an RTTM of the same name each")
    parser.add_argument("--sample", action="store_true", help="the conversation inside pyannote.audio too")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="which to try")
    arguments = parser.parse_args()
    print(f"collar {COLLAR / 2} s on each side, overlap included; miss, false alarm and confusion are parts of DER (%)")
    print(f"{'recording':24} {'way':18} {'DER':>6} {'JER':>6} {'miss':>6} {'false':>6} {'conf.':>6}  speakers")
    scores: dict[str, list[Score]] = {}
    added = {way: metrics() for way in arguments.ways}
    for path, truth in recordings(arguments.folder, arguments.sample):
        for way in ways_for(path, arguments.ways):
            one = score(path, truth, WAYS[way], added[way])
            scores.setdefault(way, []).append(one)
            rates = (one.der, one.jer, one.missed, one.false_alarm, one.confusion)
            numbers = " ".join(f"{100 * rate:6.1f}" for rate in rates)
            print(f"{path.stem:24} {way:18} {numbers}  {one.speakers} of {len(truth.labels())}", flush=True)
    for way, each in scores.items():
        print(f"{'mean':24} {way:18} {100 * mean(s.der for s in each):6.1f} {100 * mean(s.jer for s in each):6.1f}")
    for way in scores:
        print(f"{'pooled':24} {way:18} " + " ".join(f"{100 * abs(rate):6.1f}" for rate in added[way]))


if __name__ == "__main__":
    main()
