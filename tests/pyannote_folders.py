"""pyannote pipelines of random weights, in the layouts of community-1 and of 3.1, as folders that any loader can read.

The networks are the library's own, small or of full size. Random ones find no voices, but their output hangs on the
sound like that of trained ones: it changes with time, differs between voices, and overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

VBX = "{threshold: 0.3, Fa: 5.0, Fb: 0.8}"
AHC = "{method: centroid, min_cluster_size: 2, threshold: 0.5}"
"""Numbers with which random networks have more than one speaker."""


@dataclass(frozen=True)
class Made:
    """What a folder is made of.

    Args:
        clustering: `VBxClustering` (community-1) or `AgglomerativeClustering` (3.1).
        numbers: of the clustering.
        embedding: class of the embedding network.
        mels: of a ResNet; with 80 it has its full size.
        duration: of a chunk (s).
        step: part of a chunk.
        hidden: units of the segmentation network; with 128 and 4 layers it has its full size.
        layers: of its LSTM.
        batch: of the config.
        exclude_overlap: of the config.
        gap: `min_duration_off` (s).
        seed: of all weights.
    """

    clustering: str = "VBxClustering"
    numbers: str = ""
    embedding: str = "WeSpeakerResNet34"
    mels: int = 8
    duration: float = 2.0
    step: float = 0.25
    hidden: int = 8
    layers: int = 1
    batch: int = 8
    exclude_overlap: bool = True
    gap: float = 0.0
    seed: int = 0

    def config(self) -> str:
        """The `config.yaml`."""
        vbx = self.clustering == "VBxClustering"
        return f"""\
dependencies: {{pyannote.audio: 4.0.0}}
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: {self.clustering}
    segmentation: $model/segmentation
    segmentation_step: {self.step}
    segmentation_batch_size: {self.batch}
    embedding: $model/embedding
    embedding_batch_size: {self.batch}
    embedding_exclude_overlap: {str(self.exclude_overlap).lower()}
    plda: $model/plda
params:
  clustering: {self.numbers or (VBX if vbx else AHC)}
  segmentation: {{min_duration_off: {self.gap}}}
"""


def make(folder: Path, made: Made = Made()) -> Path:
    """Write one."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(made.seed)
        embedding = embedding_network(made)
        save(segmentation_network(made), folder / "segmentation")
        save(embedding, folder / "embedding")
    save_plda(folder / "plda", embedding.dimension, made.seed)
    (folder / "config.yaml").write_text(made.config())
    return folder


def segmentation_network(made: Made) -> Any:
    """A PyanNet of three voices, two of which may speak at once."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    units, linear = (
        {"hidden_size": made.hidden, "num_layers": layers} for layers in (made.layers, min(made.layers, 2))
    )
    specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=made.duration,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    network = _set_up(PyanNet(lstm=units, linear=linear), specifications)
    with torch.no_grad():  # else one class is always the likeliest
        network.sincnet.norm1d[-1].weight.mul_(4)
        for layer in (*network.linear, network.classifier):
            layer.bias.zero_()
    return network


def embedding_network(made: Made) -> Any:
    """A network that embeds voices."""
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models import embedding

    arguments = {"num_mel_bins": made.mels} if made.embedding.startswith("WeSpeaker") else {"dimension": 32}
    network = getattr(embedding, made.embedding)(**arguments)
    return _set_up(network, Specifications(Problem.REPRESENTATION, Resolution.CHUNK, duration=made.duration))


def _set_up(network: Any, specifications: Any) -> Any:
    network.specifications = specifications
    network.setup()
    return network.eval()


def checkpoint_of(network: Any) -> dict[str, Any]:
    """What pytorch-lightning writes of a network."""
    checkpoint = {
        "epoch": 1,
        "global_step": 10,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": network.state_dict(),
        "hparams_name": "kwargs",
        "hyper_parameters": dict(network.hparams),
    }
    network.on_save_checkpoint(checkpoint)
    return checkpoint


def save(network: Any, folder: Path) -> None:
    """Write its checkpoint."""
    import torch

    folder.mkdir(parents=True)
    torch.save(checkpoint_of(network), folder / "pytorch_model.bin")


def save_plda(folder: Path, dimension: int, seed: int, reduced: int = 24) -> None:
    """Write the two files of a PLDA."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    lda = np.linalg.qr(rng.standard_normal((dimension, reduced)))[0]
    mean1, mean2 = rng.standard_normal(dimension) * 1e-3, np.zeros(reduced)
    np.savez(folder / "xvec_transform.npz", mean1=mean1, mean2=mean2, lda=lda)
    transform = np.eye(reduced) + 0.1 * rng.standard_normal((reduced, reduced))
    np.savez(folder / "plda.npz", mu=np.zeros(reduced), tr=transform, psi=np.linspace(8, 1, reduced))
