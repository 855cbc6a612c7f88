from __future__ import annotations

import numpy as np
import pyannote_folders
import pytest

from librarian_diarization.pyannote_config import AgglomerativeNumbers, VBxNumbers

CHUNKS, FRAMES, DIMENSION, SPEAKERS = 400, 20, 64, 4


@pytest.fixture(scope="module")
def conversation(library):
    """Voices of chunks that lie about the embeddings of four speakers, one of whom speaks in a tenth of them only."""
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    rng = np.random.default_rng(5)
    centres = rng.standard_normal((SPEAKERS, DIMENSION))
    truth = np.repeat(rng.integers(0, SPEAKERS - 1, CHUNKS // 8), 8)
    truth[200:240] = SPEAKERS - 1
    embeddings = rng.standard_normal((CHUNKS, 3, DIMENSION)).astype(np.float32)
    embeddings[:, 0] = centres[truth] + 0.3 * rng.standard_normal((CHUNKS, DIMENSION))
    active = np.zeros((CHUNKS, FRAMES, 3), np.uint8)
    active[:, :15, 0] = 1
    feature = SlidingWindowFeature(active, SlidingWindow(start=0.0, duration=10.0, step=1.0))
    return embeddings, feature, truth


@pytest.fixture(scope="module")
def clustered(library, tmp_path_factory, conversation):
    from librarian_diarization.pyannote_clustering import Count, cluster
    from librarian_diarization.pyannote_plda import read_plda

    folder = tmp_path_factory.mktemp("model") / "plda"
    pyannote_folders.save_plda(folder, DIMENSION, seed=1)

    def run(kind, bound, **count):
        vbx = kind == "VBx"
        plda = read_plda(folder, DIMENSION) if vbx else None
        numbers = (
            VBxNumbers(Fa=0.2) if vbx else AgglomerativeNumbers(method="centroid", min_cluster_size=12, threshold=0.7)
        )
        embeddings, active, _ = conversation
        return cluster(numbers, plda, embeddings.copy(), active, Count(**count), bound)

    return run


@pytest.mark.parametrize("kind", ["VBx", "agglomerative"])
def test_beyond_the_bound_the_same_speakers_are_found_and_every_voice_has_one(kind, clustered, conversation):
    whole, bounded = clustered(kind, CHUNKS), clustered(kind, CHUNKS // 4)
    truth = conversation[2]

    assert (whole.share, bounded.share) == (1, 0.25)
    for found in (whole, bounded):
        assert len(found.centroids) == SPEAKERS
        pairs = set(zip(found.of[:, 0].tolist(), truth.tolist(), strict=True))
        assert len(pairs) == SPEAKERS  # each speaker is one number


@pytest.mark.parametrize("kind", ["VBx", "agglomerative"])
def test_beyond_the_bound_a_given_number_holds(kind, clustered):
    assert len(clustered(kind, CHUNKS // 4, given=2).centroids) == 2
    assert len(clustered(kind, CHUNKS // 4, most=3).centroids) == 3


def test_the_bound_is_one_of_work(clustered, monkeypatch):
    """Linkage is given as many voices as the bound, spread over the whole sound."""
    from pyannote.audio.pipelines import clustering

    seen = []
    linkage = clustering.linkage
    monkeypatch.setattr(clustering, "linkage", lambda x, **options: seen.append(len(x)) or linkage(x, **options))
    clustered("VBx", 64)
    clustered("agglomerative", 64)
    assert seen == [64, 64]
