"""The method `pyannote` against the library's own pipeline, one file at a time; and memory for hours of sound.

    python benchmarks/diarization_neural.py --seconds 16 --repeat 3 --hours 1 3

Speed: networks of full size (PyanNet with 4 layers, WeSpeakerResNet34, chunks of 10 s, a step of 1 s) with random
weights, which take as long as trained ones; both read the same folder and are given the same sound, in turns. Each
stage's time as a part of the sound's length, medians. Memory: networks that are next to nothing, in processes of their
own, so that what is seen is what else is held; "beside" is the peak less what the process held when it had everything
loaded and no sound.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import soundfile
from numpy.typing import NDArray
from processes import CORES, take

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import pyannote_folders  # noqa: E402 (the tests' maker of pipelines)

from librarian import model_folder  # noqa: E402
from librarian.audio.resample import resample  # noqa: E402
from librarian.media import open_audio, read_audio  # noqa: E402
from librarian.testing import given_models  # noqa: E402
from librarian_diarization.diarize import CHUNKS_ON_CPU, TOGETHER  # noqa: E402

RATE = 16000
FULL = pyannote_folders.Made(mels=80, duration=10.0, step=0.1, hidden=128, layers=4, batch=32)
STAGES = ("segmentation", "embedding", "clustering", "rest")
LEVELS = (0.0, 0.3, -0.3, 0.6)
"""Of nobody and of each speaker: by their mean the stand-ins tell them apart."""


def conversation(seconds: float) -> NDArray[np.float32]:
    """A real one, as often as needed, `[1, frames]`."""
    samples, rate = read_audio(ROOT / "configs/recordings/conversations/two_speakers.flac")
    sound = resample(samples[:1], rate, RATE)
    return np.resize(sound, (1, round(seconds * RATE)))


def stock_stages(pipeline: Any, samples: NDArray[np.float32]) -> dict[str, float]:
    """Wall time of each stage of the library's own pipeline (s)."""
    import torch

    marks: dict[str, float] = {}

    def hook(step: str, *_: Any, **__: Any) -> None:
        marks[step] = time.perf_counter()

    began, processor = time.perf_counter(), time.process_time()
    pipeline({"waveform": torch.from_numpy(samples), "sample_rate": RATE, "uri": "x"}, hook=hook)
    ended = time.perf_counter()
    return {
        "segmentation": marks["segmentation"] - began,
        "embedding": marks["embeddings"] - marks["speaker_counting"],
        "rest": ended - marks["embeddings"],
        "all": ended - began,
        "processor": time.process_time() - processor,
    }


def our_stages(networks: Any, sound: Path, size: int) -> dict[str, float]:
    """Wall time of each of ours (s)."""
    began, processor = time.perf_counter(), time.process_time()
    with clocked(networks) as seconds:
        diarized(networks, sound, size)
    taken, processed = time.perf_counter() - began, time.process_time() - processor
    return {**seconds, "rest": taken - sum(seconds.values()), "all": taken, "processor": processed}


@contextmanager
def clocked(networks: Any) -> Iterator[dict[str, float]]:
    """The wall time that each stage takes within (s)."""
    from librarian_diarization import pyannote_pipeline

    seconds: dict[str, float] = {}
    stages = (networks.segmentation, "infer"), (type(networks.embedder), "__call__"), (pyannote_pipeline, "cluster")
    with ExitStack() as stack:
        for name, (owner, attribute) in zip(STAGES, stages, strict=False):
            timed = _timed(getattr(owner, attribute), seconds, name)
            stack.enter_context(patch.object(owner, attribute, timed))
        yield seconds


def _timed(work: Callable[..., Any], seconds: dict[str, float], name: str) -> Callable[..., Any]:
    seconds[name] = 0.0

    def run(*given: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*given)
        finally:
            seconds[name] += time.perf_counter() - began

    return run


def diarized(networks: Any, sound: Path, size: int) -> Any:
    """A sound, with so many chunks at once."""
    from librarian_diarization.precision import full_precision
    from librarian_diarization.pyannote_pipeline import Listening, hear
    from librarian_diarization.together import through

    listening = Listening(networks, open_audio(sound), lambda _: None)
    with full_precision():
        (found,) = through(partial(hear, networks), [lambda: listening], size)
        if isinstance(found, Exception):
            raise found
        return found.diarized()


def speed(seconds: float, repeat: int, device: str, batch: int) -> None:
    """Both on one device, in turns; the library with that embedding batch (the published configs say 32)."""
    from librarian_diarization.pyannote_reader import read_pipeline
    from librarian_diarization.pyannote_stack import contained

    samples = conversation(seconds)
    with tempfile.TemporaryDirectory() as top, contained():
        sound = Path(top) / "sound.wav"
        soundfile.write(sound, samples[0], RATE, subtype="FLOAT")
        folder = pyannote_folders.make(Path(top) / "model", FULL)
        with given_models({"pipeline": folder}, Path(top) / "store"):
            networks = read_pipeline(model_folder("pipeline"), device)
        stock = _stock(folder, device)
        stock.embedding_batch_size = batch
        size = CHUNKS_ON_CPU if device == "cpu" else TOGETHER
        runs: list[tuple[dict[str, float], dict[str, float]]] = []
        for turn in range(repeat + 1):
            pair = (
                our_stages(networks, sound, size),
                stock_stages(stock, samples),
            )
            runs += [pair] if turn else []
        applied = networks.embedder.applied / (repeat + 1)
    print(f"{device}, the library's embedding batch {batch}:")
    _speed_table(seconds, runs)
    print(f"  chunks in which anybody speaks, so that librarian embeds them: {applied:g} of {_chunks(seconds)}")


def _chunks(seconds: float) -> int:
    """Chunks of 10 s, a second apart, of a sound that is no shorter."""
    return 1 + math.ceil(seconds - FULL.duration)


def _stock(folder: Path, device: str) -> Any:
    """The library's own pipeline; telemetry is off, for the door to the library has been opened before."""
    import torch
    from pyannote.audio import Pipeline

    pipeline = Pipeline.from_pretrained(folder)
    pipeline.to(torch.device(device))
    return pipeline


def _speed_table(seconds: float, runs: list[tuple[dict[str, float], dict[str, float]]]) -> None:
    ours, stock = ({name: median(run[side][name] for run in runs) for name in runs[0][side]} for side in (0, 1))
    print(f"  time per second of sound, {seconds:g} s, medians of {len(runs)}, {CORES} cores")
    print("  librarian: " + ", ".join(f"{name} {ours[name] / seconds:.4f}" for name in (*STAGES, "all", "processor")))
    print("  library:   " + ", ".join(f"{name} {value / seconds:.4f}" for name, value in stock.items()))
    for name in ("all", "processor", "embedding"):
        ratios = sorted(theirs[name] / mine[name] for mine, theirs in runs)
        print(f"  library by librarian, {name}: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def write_hours(path: Path, hours: float) -> None:
    """Three people who take turns of some seconds, 16 bits."""
    rng = np.random.default_rng(3)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        left = round(hours * 3600 * RATE)
        while left > 0:
            frames = min(left, int(rng.integers(1, 6) * RATE))
            level = LEVELS[rng.integers(len(LEVELS))]
            file.write(level + np.float32(0.05) * rng.standard_normal(frames, np.float32))
            left -= frames


def stand_ins() -> tuple[Any, Any]:
    """A segmentation and an embedding network that are next to nothing: they tell speakers by their level."""
    import torch
    from pyannote.audio.core.model import Model
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.blocks.pooling import StatsPool

    class Segmentation(Model):
        def receptive_field_size(self, num_frames: int = 1) -> int:
            return 991 + (num_frames - 1) * 270

        def receptive_field_center(self, frame: int = 0) -> int:
            return 495 + frame * 270

        def forward(self, sounds: torch.Tensor) -> torch.Tensor:
            levels = torch.nn.functional.avg_pool1d(sounds, 991, 270).transpose(1, 2)
            alone = -((levels - torch.tensor(LEVELS)) ** 2)
            return torch.cat([alone, torch.full((*alone.shape[:2], 3), -9.0)], dim=2)

    class Embedding(Model):
        dimension = 64

        def __init__(self) -> None:
            super().__init__()
            self.features, self.pool = torch.nn.Conv1d(1, 32, 400, 160), StatsPool()

        def forward(self, sounds: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
            return self.pool(self.features(sounds), weights=weights)

    torch.manual_seed(1)
    segmentation, embedding = Segmentation(), Embedding()
    segmentation.specifications = Specifications(
        Problem.MONO_LABEL_CLASSIFICATION, Resolution.FRAME, 10.0, classes=["1", "2", "3"], powerset_max_classes=2
    )
    embedding.specifications = Specifications(Problem.REPRESENTATION, Resolution.CHUNK, 10.0)
    return segmentation.eval(), embedding.eval()


def our_hours(top: Path) -> Callable[[Path], Any]:
    """What a worker does with a sound."""
    from ruamel.yaml import YAML

    from librarian_diarization.pyannote_config import Config
    from librarian_diarization.pyannote_embedding import Embedder
    from librarian_diarization.pyannote_plda import read_plda
    from librarian_diarization.pyannote_reader import Networks
    from librarian_diarization.pyannote_stack import Inference

    segmentation, embedding = stand_ins()
    config = Config.model_validate(YAML(typ="safe").load(FULL.config()))
    inference = Inference(segmentation, step=1.0, skip_aggregation=True)
    embedder = Embedder(embedding, exclude_overlap=True)
    networks = Networks(config, inference, embedder, read_plda(top / "plda", embedding.dimension), RATE)

    def run(sound: Path) -> tuple[int, int, Mapping[str, float], float]:
        with clocked(networks) as seconds:
            found = diarized(networks, sound, CHUNKS_ON_CPU)
        return len(found.turns), len(found.embeddings), seconds, found.share

    return run


def stock_hours(top: Path) -> Callable[[Path], Any]:
    """What a script with the library does with it."""
    import torch
    from pyannote.audio.core.plda import PLDA
    from pyannote.audio.pipelines import SpeakerDiarization

    segmentation, embedding = stand_ins()
    plda = PLDA(top / "plda" / "xvec_transform.npz", top / "plda" / "plda.npz")
    pipeline = SpeakerDiarization(
        segmentation=segmentation,
        embedding=embedding,
        plda=plda,
        embedding_exclude_overlap=True,
        segmentation_batch_size=32,
        embedding_batch_size=32,
    )
    pipeline.instantiate({"segmentation": {"min_duration_off": 0.0}, "clustering": _numbers()})

    def run(sound: Path) -> tuple[int, int, Mapping[str, float], float]:
        samples, rate = read_audio(sound)
        marks: dict[str, float] = {}
        file = {"waveform": torch.from_numpy(samples), "sample_rate": rate, "uri": "x"}
        found = pipeline(file, hook=lambda step, *_, **__: marks.update({step: time.perf_counter()}))
        clustering = marks["discrete_diarization"] - marks["embeddings"]
        turns = len(list(found.speaker_diarization.itertracks()))
        return turns, len(found.speaker_embeddings), {"clustering and frames": clustering}, 1.0

    return run


def _numbers() -> dict[str, float]:
    return {"threshold": 0.3, "Fa": 5.0, "Fb": 0.8}


def child(kind: str, sound: Path, top: Path) -> None:
    """One process: load everything, remember what it holds, do the work, tell."""
    from librarian_diarization.pyannote_stack import contained

    with contained():
        run = (our_hours if kind == "librarian" else stock_hours)(top)
    held = _resident()
    began = time.perf_counter()
    with contained():
        turns, speakers, seconds, share = run(sound)
    told = {"held": held, "seconds": time.perf_counter() - began, "turns": turns, "speakers": speakers}
    print(json.dumps(told | {"stages": dict(seconds), "share": share}))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory(hours: list[float], stock: list[float]) -> None:
    """Peak memory and time for hours of sound."""
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        pyannote_folders.save_plda(top / "plda", 64, seed=1)
        for length in sorted({*hours, *stock}):
            sound = top / "sound.wav"
            write_hours(sound, length)
            for kind in ["librarian"] * (length in hours) + ["library"] * (length in stock):
                command = [sys.executable, __file__, "--child", kind, str(sound), str(top)]
                taken = take(command, ROOT, {"OMP_NUM_THREADS": "1"})
                told = json.loads(taken.printed.splitlines()[-1])
                beside = (taken.peak - told["held"]) / (1 << 20)
                stages = ", ".join(f"{name} {value:.1f}" for name, value in told["stages"].items())
                print(
                    f"{length:g} h, {kind}: {beside:.0f} MiB beside {told['held'] >> 20} MiB loaded,"
                    f" {told['seconds']:.0f} s ({stages}), {told['turns']} turns, {told['speakers']} speakers,"
                    f" linked {told['share']:.2f}",
                    flush=True,
                )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=16.0, help="of sound, for speed; 0 leaves it out")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="*", default=[32, 1], help="of the library's embedding stage")
    parser.add_argument("--hours", type=float, nargs="*", default=[1.0, 3.0], help="of sound, for memory")
    parser.add_argument("--stock-hours", type=float, nargs="*", default=[1.0], help="likewise, of the library itself")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, sound, top = options.child
        return child(kind, Path(sound), Path(top))
    if options.seconds:
        import torch

        devices = ["cpu"] + ["cuda:0"] * torch.cuda.is_available()
        for device, batch in itertools.product(devices, options.batch):
            speed(options.seconds, options.repeat, device, batch)
        if len(devices) == 1:
            print("cuda: not measured")
    memory(options.hours, options.stock_hours)
    return None


if __name__ == "__main__":
    main()
