"""`transcribe` against the plain pipeline of transformers, one file at a time, with the same model.

    python benchmarks/transcription.py --repeat 3

Models of small size with random weights, which take as long as trained ones but for where they stop: both write the
same number of tokens a window at the most (Whisper), and neither tries again. Both read the same sound files, give
times for each word, and are measured in turns, in one process; medians. Processor time for a second of sound is what
counts on a busy machine, and says how many times as fast one is. The pipeline is also given batches. What comes out
need not be the same: the pipeline cuts every 30 s, with overlaps, `transcribe` at pauses.

    python benchmarks/transcription.py --only wav2vec2-base --repeat 1

The same with a model as large as wav2vec2-base. One as large as whisper-small is not among them: on two busy cores the
pipeline was not through with it in a quarter of an hour.

    python benchmarks/transcription.py --memory 10 40

Memory: by how much a process that has a small wav2vec2 loaded, and transcribed a file, grows for a sound of so many
minutes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
import torch
from processes import CORES

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import speech_folders  # noqa: E402 (the tests' maker of models)

from librarian.audio.resample import resample  # noqa: E402
from librarian.testing import FileTask, given_models  # noqa: E402
from librarian_transcription import TranscribeSettings  # noqa: E402
from librarian_transcription.transcribe import Transcriber  # noqa: E402

RATE = 16000
SECONDS = (18, 25, 12)
"""Of the files."""
WHISPER = {
    "d_model": 384,
    "encoder_layers": 4,
    "decoder_layers": 4,
    "encoder_attention_heads": 6,
    "decoder_attention_heads": 6,
    "encoder_ffn_dim": 1536,
    "decoder_ffn_dim": 1536,
    "max_target_positions": 128,
}
"""As large as whisper-tiny, but for the vocabulary."""
WAV2VEC2 = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "intermediate_size": 1536,
    "conv_dim": (256,) * 7,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
}
"""An eighth of wav2vec2-base, normalized by layer."""
BASE = WAV2VEC2 | {
    **{"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "conv_dim": (512,) * 7,
}
"""As large as wav2vec2-base, normalized by layer."""
TOKENS = 64
"""Of a window, at the most."""


def files(folder: Path) -> list[Path]:
    """Recordings that ship, as long as is wanted."""
    places = (ROOT / "configs/recordings/conversations").glob("*.flac")
    read = [soundfile.read(path, dtype="float32", always_2d=True) for path in sorted(places)]
    sounds = [resample(np.ascontiguousarray(samples.T[:1]), rate, RATE) for samples, rate in read]
    made = []
    for number, seconds in enumerate(SECONDS):
        made.append(folder / f"{number}.wav")
        soundfile.write(made[-1], np.resize(sounds[number % len(sounds)], seconds * RATE), RATE)
    return made


def ours(place: Path, folder: Path, paths: Sequence[Path]) -> Callable[[], list[str]]:
    """`transcribe`, of all files together."""
    settings = TranscribeSettings(model="own", attempts=1, language="en")
    with given_models({"own": place}, folder / f"store-{place.name}"):
        runner = Transcriber(settings, "cpu")

    def run() -> list[str]:
        tasks = []
        for path in paths:
            task = FileTask(Path(tempfile.mkdtemp(dir=folder)), [], RATE, settings)
            task.inputs = {"audio": (argparse.Namespace(path=path),)}
            tasks.append(task)
        found = runner.compute([runner.read(task) for task in tasks])
        outputs = [runner.write(task, each)["words"] for task, each in zip(tasks, found, strict=True)]
        return [" ".join(word.text for word in output.value.words) for output in outputs]

    return run


def theirs(pipeline: Any, paths: Sequence[Path], size: int, **given: Any) -> Callable[[], list[str]]:
    """The pipeline, file after file."""

    def run() -> list[str]:
        found = []
        for path in paths:
            samples, rate = soundfile.read(path, dtype="float32")
            answer = pipeline({"raw": samples, "sampling_rate": rate}, chunk_length_s=30, batch_size=size, **given)
            found.append(answer["text"])
        return found

    return run


def whisper_pipeline(place: Path) -> Any:
    """As its documentation says."""
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperTokenizer, pipeline

    made = pipeline(
        "automatic-speech-recognition",
        model=WhisperForConditionalGeneration.from_pretrained(place, dtype=torch.float32),
        tokenizer=WhisperTokenizer.from_pretrained(place),
        feature_extractor=WhisperFeatureExtractor(),
    )
    made.tokenizer.pad_token_id = made.model.config.eos_token_id
    return made


def ctc_pipeline(place: Path) -> Any:
    """As its documentation says."""
    from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, pipeline

    return pipeline(
        "automatic-speech-recognition",
        model=Wav2Vec2ForCTC.from_pretrained(place, dtype=torch.float32),
        tokenizer=Wav2Vec2CTCTokenizer(str(place / "vocab.json")),
        feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True),
    )


def measured(run: Callable[[], list[str]]) -> tuple[float, float]:
    """Wall and processor time (s)."""
    wall, processor = time.perf_counter(), time.process_time()
    if not all(run()):
        raise SystemExit("nothing came out, and nothing was measured")
    return time.perf_counter() - wall, time.process_time() - processor


def compare(name: str, ways: dict[str, Callable[[], list[str]]], repeat: int) -> None:
    """Print a table: a row for each way, the first of which is the measure."""
    for run in ways.values():
        run()  # what is compiled or set aside once
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(repeat):
        for way, run in ways.items():
            taken[way].append(measured(run))
    total = sum(SECONDS)
    first = median(processor for _, processor in next(iter(taken.values())))
    print(
        f"{name}: {len(SECONDS)} files, {total} s of sound, {torch.get_num_threads()} threads, {CORES} cores, medians"
    )
    for way, times in taken.items():
        wall, processor = (median(each[part] for each in times) for part in (0, 1))
        print(
            f"  {way:28} processor {processor / total:6.3f}  wall {wall / total:6.3f} of real time"
            f"  {first / processor:5.2f} times as fast"
        )


def memory(minutes: Sequence[float]) -> None:
    """Print by how much this process grows for each length, the shortest first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = speech_folders.wav2vec2(folder / "small")
        (first, *_) = files(folder)
        ours(place, folder, [first])()
        samples, _ = soundfile.read(first, dtype="float32")
        for number, length in enumerate(sorted(minutes)):
            path = folder / f"long{number}.flac"
            with soundfile.SoundFile(path, "w", RATE, 1) as file:
                for _ in range(round(length * 60 * RATE / len(samples))):
                    file.write(samples)
            (again := folder / f"again{number}").mkdir()
            run = ours(place, again, [path])
            before, began = _resident(), time.process_time()
            words = len(run()[0].split())
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            took = time.process_time() - began
            print(
                f"{length:g} minutes: {max(0, peak - before) / 2**20:.0f} MiB on top of {before / 2**20:.0f},"
                f" {words} words, {took:.0f} s of processors"
            )


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Measure both kinds of model."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured")
    parser.add_argument("--memory", type=float, nargs="*", help="minutes of sound: measure memory instead")
    parser.add_argument("--only", choices=("wav2vec2", "wav2vec2-base", "whisper"), help="measure one kind of model")
    options = parser.parse_args()
    repeat = options.repeat
    warnings.simplefilter("ignore")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if options.memory:
        memory(options.memory)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = files(folder)
        if options.only != "whisper":
            kind = options.only or "wav2vec2"
            place = speech_folders.wav2vec2(folder / kind, **(BASE if kind == "wav2vec2-base" else WAV2VEC2))
            pipeline = ctc_pipeline(place)
            ways = {
                "pipeline, a file at a time": theirs(pipeline, paths, 1, return_timestamps="char"),
                "pipeline, batches of 8": theirs(pipeline, paths, 8, return_timestamps="char"),
                "transcribe": ours(place, folder, paths),
            }
            compare(kind, ways, repeat)
        if options.only in (None, "whisper"):
            place = speech_folders.whisper(folder / "whisper", **WHISPER)
            pipeline = whisper_pipeline(place)
            told = {"language": "en", "task": "transcribe", "max_new_tokens": TOKENS}
            given = {"return_timestamps": "word", "generate_kwargs": told}
            ways = {
                "pipeline, a file at a time": theirs(pipeline, paths, 1, **given),
                "pipeline, batches of 8": theirs(pipeline, paths, 8, **given),
                "transcribe": ours(place, folder, paths),
            }
            compare("whisper", ways, repeat)


if __name__ == "__main__":
    main()
