"""The one door to pyannote.audio: no telemetry, no hub, none of the warnings of its import.

Everything of it that this package uses is imported from here, so that the variables stand before it is loaded.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator

from librarian.errors import MissingError

QUIET = {
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}

os.environ.update(QUIET)
try:
    # Warnings while it is imported are of others' affairs: torchcodec, which is not used here, or what is deprecated in
    # lightning. An import that fails is an error all the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from pyannote.audio.core.inference import Inference
        from pyannote.audio.core.model import Model
        from pyannote.audio.core.plda import PLDA
        from pyannote.audio.core.task import Problem, Resolution, Specifications
        from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
        from pyannote.audio.models.embedding.xvector import XVectorSincNet
        from pyannote.audio.pipelines.clustering import AgglomerativeClustering, VBxClustering
        from pyannote.audio.pipelines.speaker_verification import PyannoteAudioPretrainedSpeakerEmbedding
        from pyannote.audio.pipelines.utils.diarization import set_num_speakers
        from pyannote.audio.telemetry import metrics
        from pyannote.core import SlidingWindow, SlidingWindowFeature
except ModuleNotFoundError as error:
    raise MissingError(
        f"the method pyannote needs {(error.name or 'pyannote.audio').partition('.')[0]}:"
        " pip install 'librarian-diarization[pyannote]'"
    ) from None

metrics.provider.shutdown()  # the thread that sends, which the import has started

__all__ = [
    "PLDA",
    "AgglomerativeClustering",
    "BaseWeSpeakerResNet",
    "Inference",
    "Model",
    "Problem",
    "PyannoteAudioPretrainedSpeakerEmbedding",
    "Resolution",
    "SlidingWindow",
    "SlidingWindowFeature",
    "Specifications",
    "VBxClustering",
    "XVectorSincNet",
    "contained",
    "set_num_speakers",
    "torch",
]


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Call into the library where it prints, or where a mean of nothing is what it wants."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        for message in ("Mean of empty slice", "invalid value encountered", r"std\(\): degrees of freedom"):
            warnings.filterwarnings("ignore", message=message)
        yield
