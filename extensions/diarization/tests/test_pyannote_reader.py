from __future__ import annotations

import io
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pyannote_folders
import pytest

from librarian.errors import MissingError, RefusedError


@pytest.fixture
def folder(make_folder, tmp_path):
    """A pipeline's folder that a test may spoil."""
    return shutil.copytree(make_folder(), tmp_path / "model")


@pytest.fixture
def rewrite(library, folder):
    """Change what a checkpoint of the folder holds."""
    from librarian_diarization.pyannote_stack import torch

    def change(part, **changes):
        file = folder / part / "pytorch_model.bin"
        torch.save(torch.load(file, weights_only=False) | changes, file)

    return change


@pytest.mark.parametrize("clustering", ["VBxClustering", "AgglomerativeClustering"])
def test_what_is_read_is_what_the_library_reads(make_folder, library, read_folder, clustering):
    from librarian_diarization.pyannote_folding import folded
    from librarian_diarization.pyannote_stack import torch

    folder = make_folder(clustering=clustering)
    mine, theirs = read_folder(folder), library.Pipeline.from_pretrained(folder)

    for network, other in (
        (mine.segmentation.model, theirs._segmentation.model),
        (mine.embedder._network, folded(theirs._embedding.model_, torch.device("cpu"))),
    ):
        assert type(network) is type(other)
        assert dict(network.hparams) == dict(other.hparams)
        assert network.specifications == other.specifications
        assert not network.training
        assert network.state_dict().keys() == other.state_dict().keys()
        assert all(weight.equal(other.state_dict()[name]) for name, weight in network.state_dict().items())
    assert (mine.segmentation.step, mine.segmentation.duration) == (theirs._segmentation.step, 2.0)
    if clustering == "VBxClustering":
        x = np.random.default_rng(0).standard_normal((5, 256))
        np.testing.assert_array_equal(mine.plda(x), theirs._plda(x))
        np.testing.assert_array_equal(mine.plda.phi, theirs._plda.phi)


def test_a_checkpoint_that_lightning_itself_wrote_is_read(library, folder, read_folder, rewrite):
    """With what training leaves in it: loops, optimizer, callbacks, the loss's own weights."""
    import lightning

    from librarian_diarization.pyannote_stack import contained, torch

    network = pyannote_folders.segmentation_network(pyannote_folders.Made(seed=3))
    file = folder / "segmentation" / "pytorch_model.bin"
    with contained():
        trainer = lightning.Trainer(
            accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, max_epochs=0
        )
        trainer.strategy.connect(network)
        trainer.save_checkpoint(file)
    weights = {**network.state_dict(), "loss_func.W": torch.zeros(3)}
    rewrite("segmentation", state_dict=weights)

    read = read_folder(folder).segmentation.model

    assert all(weight.equal(read.state_dict()[name]) for name, weight in network.state_dict().items())


def test_a_checkpoint_as_the_published_resnet_has_it_is_read(library, folder, read_folder):
    """Converted from WeSpeaker's: full size, no arguments, and the version of torch among those it names."""
    from librarian_diarization.pyannote_folding import folded
    from librarian_diarization.pyannote_stack import torch

    network = pyannote_folders.embedding_network(pyannote_folders.Made(mels=80))
    checkpoint = {"state_dict": network.state_dict(), "pytorch-lightning_version": "2.0.6"}
    network.on_save_checkpoint(checkpoint)
    checkpoint["pyannote.audio"]["versions"]["torch"] = torch.__version__
    torch.save(checkpoint, folder / "embedding" / "pytorch_model.bin")

    read = read_folder(folder).embedder._network

    expected = folded(network, torch.device("cpu")).state_dict()
    assert all(weight.equal(read.state_dict()[name]) for name, weight in expected.items())


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def zipped(content, file):
    from librarian_diarization.pyannote_stack import torch

    torch.save(content, file)


def legacy(content, file):
    from librarian_diarization.pyannote_stack import torch

    torch.save(content, file, _use_new_zipfile_serialization=False)


def plain(content, file):
    file.write_bytes(pickle.dumps(content, 2))  # torch warns of later protocols


PLACES = {
    "the whole": lambda checkpoint, code: code,
    "beside the weights": lambda checkpoint, code: {**checkpoint, "callbacks": code},
    "a weight": lambda checkpoint, code: {**checkpoint, "state_dict": {**checkpoint["state_dict"], "x": code}},
    "an argument": lambda checkpoint, code: {**checkpoint, "hyper_parameters": {"lstm": {"hidden_size": code}}},
    "a class": lambda checkpoint, code: {
        **checkpoint,
        "pyannote.audio": {**checkpoint["pyannote.audio"], "architecture": code},
    },
    "in the specifications": lambda checkpoint, code: {
        **checkpoint,
        "pyannote.audio": {
            **checkpoint["pyannote.audio"],
            "specifications": replace(checkpoint["pyannote.audio"]["specifications"], classes=code),
        },
    },
}


@pytest.mark.parametrize("part", ["segmentation", "embedding"])
@pytest.mark.parametrize("form", [zipped, legacy, plain])
@pytest.mark.parametrize("place", PLACES)
def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(place, form, part, folder, read_folder, tmp_path):
    from librarian_diarization.pyannote_stack import torch

    file, marker = folder / part / "pytorch_model.bin", tmp_path / "made"
    checkpoint = torch.load(file, weights_only=False)
    form(PLACES[place](checkpoint, Runs(marker)), file)

    with pytest.raises(
        RefusedError,
        match=r"pytorch_model\.bin is not loaded: (a checkpoint holds weights, and it|it is no checkpoint)",
    ) as refused:
        read_folder(folder)

    assert not marker.exists()
    assert str(tmp_path) not in str(refused.value)
    if form is not plain:
        torch.load(file, weights_only=False)  # what the library does
        assert marker.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("pyannote.audio.models.segmentation.SSeRiouSS", "SSeRiouSS"),  # fetches another network by its name
        ("pyannote.audio.models.segmentation", "PyanNet"),
        ("pyannote.audio.models.segmentation.PyanNet", "Model"),
        ("pyannote.audio.models.embedding.wespeaker", "WeSpeakerResNet34"),  # of another part
        ("pyannote.audio.core.model", "Model"),
    ],
)
def test_another_network_than_those_known_is_refused_before_it_is_imported(module, name, folder, read_folder, rewrite):
    about = pyannote_folders.checkpoint_of(pyannote_folders.segmentation_network(pyannote_folders.Made()))
    architecture = {"module": module, "class": name}
    rewrite("segmentation", **{"pyannote.audio": about["pyannote.audio"] | {"architecture": architecture}})

    with pytest.raises(RefusedError, match="not among those known: PyanNet"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lstm": {"hidden_size": 10**9, "num_layers": 1}}, "values that none has"),
        ({"lstm": {"hidden_size": 2, "num_layers": 10**6}}, "values that none has"),
        ({"lstm": {"hidden_size": {"a": {"b": 1}}}}, "values that none has"),
        ({"lstm": [1]}, "values that none has"),
        ({"lstm": {"hidden_size": 10**6, "num_layers": 60}}, "not those of the network"),
        ({"lstm": {"hidden_size": -1}}, "not those of the network"),
        ({"sample_rate": "x"}, "not those of the network"),
        ({}, "not those of the network"),
        (None, "not those of the network"),
    ],
)
def test_no_memory_is_taken_for_what_the_weights_are_not(arguments, message, folder, read_folder, rewrite):
    rewrite("segmentation", hyper_parameters=arguments)
    with pytest.raises(RefusedError, match=message):
        read_folder(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": 1e12},
        {"duration": float("nan")},
        {"duration": "10"},
        {"classes": [1, 2]},
        {"powerset_max_classes": 10**6},
        {"problem": 3},
        {"warm_up": "ab"},
    ],
)
def test_specifications_are_looked_at(changes, folder, read_folder, rewrite):
    about = pyannote_folders.checkpoint_of(pyannote_folders.segmentation_network(pyannote_folders.Made()))
    for name, value in changes.items():
        setattr(about["pyannote.audio"]["specifications"], name, value)
    rewrite("segmentation", **{"pyannote.audio": about["pyannote.audio"]})
    with pytest.raises(RefusedError, match="does not describe its network"):
        read_folder(folder)


def test_a_segmentation_that_knows_no_overlaps_is_refused(library, folder, read_folder):
    from librarian_diarization.pyannote_stack import Problem

    made = pyannote_folders.Made()
    network = pyannote_folders.segmentation_network(made)
    network.specifications = replace(
        network.specifications, problem=Problem.MULTI_LABEL_CLASSIFICATION, powerset_max_classes=None
    )
    network.build()
    shutil.rmtree(folder / "segmentation")
    pyannote_folders.save(network, folder / "segmentation")
    with pytest.raises(RefusedError, match="one that knows overlaps"):
        read_folder(folder)


@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"PK\x03\x04" + bytes(100)])
def test_a_damaged_checkpoint_is_one_line(content, folder, read_folder):
    (folder / "embedding" / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(RefusedError, match=r"^pytorch_model\.bin is not loaded"):
        read_folder(folder)


@pytest.mark.parametrize("content", [{}, [], {"state_dict": []}, {"state_dict": {}}])
def test_a_checkpoint_of_something_else_is_one_line(content, library, folder, read_folder):
    from librarian_diarization.pyannote_stack import torch

    torch.save(content, folder / "segmentation" / "pytorch_model.bin")
    with pytest.raises(RefusedError, match=r"no weights of a network|does not describe its network"):
        read_folder(folder)


def test_what_is_missing_is_said(folder, read_folder):
    (folder / "embedding" / "pytorch_model.bin").unlink()
    with pytest.raises(MissingError, match=r"embedding: put it at embedding/pytorch_model\.bin"):
        read_folder(folder)


def test_a_step_of_half_a_sample_is_refused(folder, read_folder):
    config = (folder / "config.yaml").read_text().replace("segmentation_step: 0.25", "segmentation_step: 0.100001")
    (folder / "config.yaml").write_text(config)
    with pytest.raises(RefusedError, match="no whole number of samples"):
        read_folder(folder)


def with_arrays(folder, name, **changes):
    file = folder / "plda" / name
    with np.load(file) as arrays:
        held = {key: arrays[key] for key in arrays} | changes
    np.savez(file, **{key: value for key, value in held.items() if value is not None})


def test_a_pickle_in_the_plda_runs_nothing(folder, read_folder, tmp_path):
    marker = tmp_path / "made"
    with_arrays(folder, "plda.npz", psi=np.array([Runs(marker)] * 24, dtype=object))
    with pytest.raises(RefusedError, match=r"plda\.npz is missing, damaged, or holds anything but numbers"):
        read_folder(folder)
    assert not marker.exists()
    with np.load(folder / "plda" / "plda.npz", allow_pickle=True) as arrays:
        arrays["psi"]
    assert marker.exists()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("plda.npz", {"mu": None}, r"plda\.npz is missing"),
        ("plda.npz", {"mu": np.zeros(24, int)}, r"plda\.npz is missing"),
        ("plda.npz", {"mu": np.full(24, np.nan)}, r"plda\.npz is missing"),
        ("plda.npz", {"mu": np.zeros(23)}, "not one for embeddings of 256 numbers"),
        ("plda.npz", {"mu": np.zeros(())}, "not one for embeddings of 256 numbers"),
        ("plda.npz", {"tr": np.zeros((24, 24))}, "cannot be inverted"),
        ("xvec_transform.npz", {"mean1": np.zeros(100)}, "not one for embeddings of 256 numbers"),
        ("xvec_transform.npz", {"lda": np.zeros((24, 256))}, "not one for embeddings of 256 numbers"),
    ],
)
def test_a_plda_that_does_not_fit_is_refused(name, changes, message, folder, read_folder):
    with_arrays(folder, name, **changes)
    with pytest.raises(RefusedError, match=message):
        read_folder(folder)


def test_an_array_takes_no_more_memory_than_its_file_has_numbers(folder, read_folder):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(folder / "plda" / "plda.npz", "w") as archive:
        archive.writestr("mu.npy", header.getvalue())
    with pytest.raises(RefusedError, match=r"plda\.npz is missing, damaged"):
        read_folder(folder)


def test_nothing_is_sent_and_no_warning_is_left_when_the_library_is_loaded():
    """In a process of its own, told to send: the import turns that off and ends the thread that would."""
    code = (
        "import threading, warnings; warnings.simplefilter('error');"
        "from librarian_diarization import pyannote_stack as stack;"
        "import os, torch; from pyannote.audio.telemetry import metrics;"
        "print(metrics.is_metrics_enabled(), os.environ['HF_HUB_OFFLINE'], os.environ['DO_NOT_TRACK'],"
        " any('Otel' in thread.name for thread in threading.enumerate()))"
    )
    environment = os.environ | {"PYANNOTE_METRICS_ENABLED": "1", "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False 1 1 False\n", "")


def test_precision_and_threads_are_given_back(library):
    from librarian_diarization.precision import full_precision
    from librarian_diarization.pyannote_stack import torch

    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before, threads = (matmul.allow_tf32, cudnn.allow_tf32), torch.get_num_threads()
    matmul.allow_tf32 = cudnn.allow_tf32 = True
    try:
        with full_precision():
            assert not matmul.allow_tf32
            assert not cudnn.allow_tf32
            torch.set_num_threads(threads + 1)
        assert matmul.allow_tf32
        assert cudnn.allow_tf32
        assert torch.get_num_threads() == threads
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
