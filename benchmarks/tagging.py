"""`tag` against plain calls of transformers: the same windows, the same model, one after the other.

    python benchmarks/tagging.py --minutes 2

A model as large as clap-htsat-unfused with random weights, which takes as long as a trained one, on one thread.
`transformers`: ClapFeatureExtractor and ClapModel for four windows of 10 s at a time, the two prompts with them, as its
pipeline has them; `tag` reads the sound from a file and makes events beside. Processor time for a minute of sound at a
hop of 5 s, and by how much the probabilities differ at the most.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "extensions" / "tagging" / "tests")]

import clap_folders  # noqa: E402 (the tests' maker of models)

from librarian.testing import FileTask, given_models, voice_like  # noqa: E402
from librarian_tagging import Probabilities, TagSettings  # noqa: E402
from librarian_tagging.tag import Tagger  # noqa: E402

RATE = 48000
SETTINGS = TagSettings(model="own", sounds={"bell": {"prompt": "a bell"}}, batch=4)


def tagged(model: Path, sound: np.ndarray, folder: Path) -> tuple[Probabilities, float]:
    """Probabilities, and processor time (s)."""
    with given_models({"own": model}, folder / "store"):
        tagger = Tagger(SETTINGS, "cpu")
        (folder / "task").mkdir()
        task = FileTask(folder / "task", [sound], RATE, SETTINGS)
        began = time.process_time()
        (result,) = tagger.compute([tagger.read(task)])  # type: ignore[arg-type]
        made = tagger.write(task, result)  # type: ignore[arg-type]
        took = time.process_time() - began
    found = made["probabilities"].value
    assert isinstance(found, Probabilities)
    return found, took


def compare(minutes: float) -> None:
    """Print both."""
    sound = voice_like(60 * minutes, RATE)
    with tempfile.TemporaryDirectory() as folder:
        model = clap_folders.clap(Path(folder) / "model", full=True)
        told, ours = tagged(model, sound, Path(folder))
        windows = [sound[0, round(start * RATE) :][: 10 * RATE] for start in told.starts]
        plain = clap_folders.Plain(model)
        began = time.process_time()
        batches = [windows[start : start + 4] for start in range(0, len(windows), 4)]
        values = [plain(batch, ["a bell", "background noise"]) for batch in batches]
        theirs = time.process_time() - began
    error = np.abs(np.concatenate(values) - told.sounds["bell"]).max()
    print(f"transformers {theirs / minutes:.2f} s, tag {ours / minutes:.2f} s a minute; {error:.1e} apart at the most")


def main() -> None:
    """Print it all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    compare(options.minutes)


if __name__ == "__main__":
    main()
