"""A pyannote pipeline from its folder, part by part: nothing in it is loaded that was not looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from librarian.errors import RefusedError
from librarian_diarization.pyannote_checkpoint import read_network
from librarian_diarization.pyannote_config import Config, find, read_config
from librarian_diarization.pyannote_embedding import Embedder
from librarian_diarization.pyannote_folding import folded
from librarian_diarization.pyannote_plda import read_plda
from librarian_diarization.pyannote_stack import PLDA, Inference, Model, SlidingWindow, torch

WHOLE = 1e-6
"""How far a step may be from a whole number of samples."""


@dataclass(frozen=True)
class Networks:
    """What a pipeline is made of, on its device.

    Attributes:
        config: its numbers.
        segmentation: says who of a few voices speaks when in a chunk.
        embedder: says how a voice of a chunk sounds.
        plda: what VBx compares embeddings with; None where it is not used.
        rate: Hz, of the sound that the networks take.
    """

    config: Config
    segmentation: Inference
    embedder: Embedder
    plda: PLDA | None
    rate: int

    @property
    def chunk(self) -> SlidingWindow:
        """Length and step of the chunks (s)."""
        return SlidingWindow(start=0.0, duration=self.segmentation.duration, step=self.segmentation.step)

    @property
    def frame(self) -> SlidingWindow:
        """Length and step of the frames that the segmentation speaks of (s)."""
        return self.segmentation.model.receptive_field


def read_pipeline(folder: Path, device: str = "cpu") -> Networks:
    """The pipeline of a folder with a `config.yaml`, in the layout of community-1 or of 3.1.

    Args:
        folder: holds `config.yaml` and what it names; from `librarian.model_folder`.
        device: `cpu`, `cuda:0` …

    Raises:
        ModelMissingError: a part is not there, or not what models.lock says.
        RefusedError: a part holds what is not known, or does not fit the others.
    """
    config = read_config(folder)
    parts = config.networks
    segmentation = read_network(find(folder, parts.segmentation, "segmentation"), "segmentation")
    embedding = read_network(find(folder, parts.embedding, "embedding"), "embedding")
    plda = None
    if parts.clustering == "VBxClustering":
        plda = read_plda(find(folder, parts.plda or "$model/plda", "plda"), embedding.dimension)
    rate = _rate(segmentation, embedding)
    step = parts.segmentation_step * segmentation.specifications.duration
    if abs(step * rate - round(step * rate)) > WHOLE:
        raise RefusedError("config.yaml: pipeline.params.segmentation_step: the step is no whole number of samples")
    where = torch.device(device)
    inference = Inference(segmentation, step=step, skip_aggregation=True, device=where)
    embedder = Embedder(folded(embedding, where), exclude_overlap=parts.embedding_exclude_overlap)
    return Networks(config, inference, embedder, plda, rate)


def _rate(segmentation: Model, embedding: Model) -> int:
    if not segmentation.specifications.powerset:
        raise RefusedError("the segmentation network is of before 3.0; one that knows overlaps (powerset) is needed")
    rates = {int(network.hparams.sample_rate) for network in (segmentation, embedding)}
    if len(rates) > 1 or not 4000 <= min(rates) <= 48000:  # noqa: PLR2004 (Hz)
        raise RefusedError("the segmentation and the embedding network take sounds of different sample rates")
    return min(rates)
