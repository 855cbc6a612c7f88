from __future__ import annotations

import re

import pyannote_folders
import pytest

from librarian.errors import MissingError, RefusedError
from librarian_diarization.pyannote_config import AgglomerativeNumbers, VBxNumbers, find, read_config

COMMUNITY_1 = """\
dependencies:
  pyannote.audio: 4.0.0

pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda

params:
  clustering: {threshold: 0.6, Fa: 0.07, Fb: 0.8}
  segmentation:
    min_duration_off: 0.0
"""
V3_1 = """\
version: 3.1.0

pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: pyannote/wespeaker-voxceleb-resnet34-LM
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    segmentation: pyannote/segmentation-3.0
    segmentation_batch_size: 32

params:
  clustering:
    method: centroid
    min_cluster_size: 12
    threshold: 0.7045654963945799
  segmentation:
    min_duration_off: 0.0
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "config.yaml").write_bytes(data)
        return tmp_path

    return write


def test_both_published_layouts_are_read(written):
    community = read_config(written(COMMUNITY_1))
    assert community.params.clustering == VBxNumbers(threshold=0.6, Fa=0.07, Fb=0.8)
    assert community.networks.embedding_exclude_overlap
    older = read_config(written(V3_1))
    assert older.params.clustering == AgglomerativeNumbers(
        method="centroid", min_cluster_size=12, threshold=0.7045654963945799
    )
    assert older.networks.segmentation_step == 0.1


def test_what_the_tests_write_is_a_published_layout(written):
    made = read_config(
        written(pyannote_folders.Made(step=0.1, batch=32, numbers="{threshold: 0.6, Fa: 0.07, Fb: 0.8}").config())
    )
    assert made == read_config(written(COMMUNITY_1))


def changed(old, new, text=COMMUNITY_1):
    assert old in text
    return text.replace(old, new)


NAME = "pyannote.audio.pipelines.SpeakerDiarization"
REFUSED = {
    "preprocessors": (
        COMMUNITY_1 + "preprocessors: {audio: {name: subprocess.Popen, params: {args: [touch, MARKER]}}}",
        r"^config.yaml: holds an unknown key$",
    ),
    "another class": (changed(NAME, "subprocess.Popen"), r"pipeline.name: input should be 'pyannote"),
    "a sibling": (changed(NAME, "pyannote.audio.pipelines.SpeechSeparation"), r"pipeline.name"),
    "its arguments": (changed("    plda:", "    token: secret\n    plda:"), r"pipeline.params: holds an unknown key"),
    "a device": (COMMUNITY_1 + "device: cuda", r"^config.yaml: holds an unknown key$"),
    "a network in place": (
        changed("$model/embedding", "{checkpoint: x, hparams_file: y}"),
        r"pipeline.params.embedding: input should be a valid string",
    ),
    "an absolute path": (changed("$model/embedding", "/etc/model"), r"pipeline.params.embedding: must match"),
    "a way out": (changed("$model/embedding", "$model/../other"), r"pipeline.params.embedding: must match"),
    "a hidden folder": (changed("$model/embedding", "$model/.hidden"), r"pipeline.params.embedding: must match"),
    "a revision": (changed("$model/embedding", "pyannote/embedding@main"), r"pipeline.params.embedding: must match"),
    "other clustering": (changed("VBxClustering", "OracleClustering"), r"pipeline.params.clustering: input should be"),
    "numbers of the other": (changed("VBxClustering", "AgglomerativeClustering"), r"the numbers of another clustering"),
    "a number out of bounds": (changed("Fa: 0.07", "Fa: .inf"), r"params.clustering.Fa: input should be"),
    "no pipeline": ("params: {}", r"pipeline: is missing"),
    "a list": ("[1, 2]", r"a valid mapping"),
    "nothing": ("", r"a valid mapping"),
    "a tag that runs": ('!!python/object/apply:os.system ["touch MARKER"]', r"no plain YAML"),
    "a tag inside": (changed("0.07", '!!python/object/apply:os.system ["touch MARKER"]'), r"no plain YAML"),
    "a key twice": (COMMUNITY_1 + "params: {}", r"no plain YAML"),
    "not YAML": ("{", r"no plain YAML"),
    "not text": (b"\xff\xfe\x00", r"no plain YAML"),
    "depth": ("[" * 3000, r"no plain YAML"),
    "size": ("a: 1\n" + "#" * (1 << 16), r"larger than 64 KiB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_config_that_names_anything_else_is_refused_and_runs_nothing(case, written, tmp_path):
    text, message = REFUSED[case]
    marker = tmp_path / "made"
    folder = written(text.replace("MARKER", str(marker)) if isinstance(text, str) else text)

    with pytest.raises(RefusedError, match=message) as refused:
        read_config(folder)

    assert not marker.exists()
    assert str(tmp_path) not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_aliases_cannot_grow(written):
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    with pytest.raises(RefusedError, match=r"holds an unknown key|pipeline: is missing"):
        read_config(written(bomb))


def test_a_folder_without_a_config_says_what_belongs_there(tmp_path):
    with pytest.raises(MissingError, match=r"no config\.yaml"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("place", "lies"),
    [
        ("$model/segmentation", "segmentation/pytorch_model.bin"),
        ("$model/a/b.bin", "a/b.bin"),
        ("pyannote/segmentation-3.0", "pyannote/segmentation-3.0/pytorch_model.bin"),
        ("pyannote/segmentation-3.0", "segmentation-3.0/pytorch_model.bin"),
        ("pyannote/segmentation-3.0", "segmentation/pytorch_model.bin"),
    ],
)
def test_a_part_is_found_by_its_place_or_by_what_it_is(place, lies, tmp_path):
    file = tmp_path / lies
    file.parent.mkdir(parents=True)
    file.touch()
    assert find(tmp_path, place, "segmentation") == file


def test_a_part_that_is_not_there_is_named_with_its_place(tmp_path):
    with pytest.raises(MissingError, match=re.escape("put it at embedding/pytorch_model.bin")):
        find(tmp_path, "pyannote/wespeaker", "embedding")
    with pytest.raises(MissingError, match="put it at plda/"):
        find(tmp_path, "$model/plda", "plda")
