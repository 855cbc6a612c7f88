"""torch and its relatives as doctor sees them, and who has the GPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import holding, lay_torch, suspend
from harness import TOP, Archive

from librarian.cli.doctor import gpu
from librarian.cli.doctor.finding import Finding
from librarian.workers.gpus import Gpu, Lease

DYING = ["import os; os.kill(os.getpid(), 11)", "raise ImportError('libcudart')", "print('odd'); raise SystemExit"]
TWO = [Gpu("cuda:0", "GPU-a-test-of-doctor"), Gpu("cuda:1", "GPU-another-test-of-doctor")]


@pytest.fixture
def look(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """What is found beside a torch that exists for a test."""

    def looked(shown=(), cards=tmp_path, **torch) -> dict[str, Finding]:  # type: ignore[no-untyped-def]
        lay_torch(archive, tmp_path / "site", **torch)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
        return {each.what: each for each in gpu.findings(lambda: shown, cards)}

    return looked


def card(folder: Path, vendor: str, kind: str) -> Path:
    device = folder / "0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    return folder


def test_gpus_are_asked_of_torch_in_a_process_of_its_own(look) -> None:  # type: ignore[no-untyped-def]
    found = look(TWO, gpus=2)["GPU"]
    assert found.state == "ok"
    assert found.text.startswith("NVIDIA H0, 139.7 GiB; NVIDIA H1, 139.7 GiB, seen by torch 2.14.1+cu130")


def test_why_torch_sees_no_gpu_is_said(look, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = look()["GPU"]
    assert (found.state, found.text.partition(":")[0]) == ("ok", "none on this machine")
    found = look(cards=card(tmp_path / "amd", "0x1002", "0x030000"))["GPU"]
    assert found.state == "ok"
    found = look(cards=card(tmp_path / "cards", "0x10de", "0x030200"))["GPU"]
    assert (found.state, "its driver is not" in found.text) == ("warn", True)
    found = look(TWO)["GPU"]
    assert (found.state, "sees none of 2" in found.text, "upgrade the driver" in found.text) == ("warn", True, True)
    found = look(TWO, cuda=None)["GPU"]
    assert (found.state, "built without CUDA" in found.text) == ("warn", True)


def test_a_driver_that_is_older_than_torch_wants_is_named() -> None:
    found = gpu._gpu({"torch": "2.14.1", "cuda": "13.0", "gpus": [], "driver": 12040}, 1, True)
    assert found.text.startswith("torch 2.14.1 sees none of 1; the driver has CUDA 12.4, this torch wants 13.0;")


@pytest.mark.parametrize("code", DYING)
def test_a_torch_that_does_not_load_fails(look, code: str) -> None:  # type: ignore[no-untyped-def]
    found = look(torch=code)["GPU"]
    assert (found.state, found.code, "type: python -c 'import torch'" in found.text) == ("fail", 5, True)


@pytest.mark.parametrize("code", DYING)
def test_relatives_that_do_not_load_are_named(look, code: str) -> None:  # type: ignore[no-untyped-def]
    found = look(torchcodec=code)["versions"]
    assert (found.state, "sound is read without it" in found.text) == ("warn", True)
    assert look(torchaudio=code)["GPU"].state == "ok"
    broken = [each for each in gpu.findings(lambda: (), Path("nowhere")) if each.state == "fail"]
    assert [(each.code, each.text.split()[0]) for each in broken] == [(5, "torchaudio")]


@pytest.mark.parametrize(
    ("versions", "strange"),
    [
        ({"torch": "2.14.1", "torchaudio": "2.11.1", "torchcodec": "0.16.0"}, ""),
        ({"torch": "2.11.0"}, ""),
        ({"torch": "2.12.0+cu130", "torchaudio": "2.11.0", "torchcodec": "0.13"}, ""),
        ({"torch": "2.15.0", "torchaudio": "2.11.1"}, "(torch)"),
        ({"torch": "2.14.1", "torchaudio": "2.10.0"}, "(torchaudio)"),
        ({"torch": "2.11.0", "torchaudio": "2.11.0", "torchcodec": "0.16.0"}, "(torchcodec)"),
        ({"torch": "nonsense"}, "(torch)"),
    ],
)
def test_versions_are_compared_by_their_metadata(versions: dict[str, str], strange: str) -> None:
    (found,) = gpu._agreement(versions)
    assert (found.state, strange in found.text) == ("warn" if strange else "ok", True)


def test_the_versions_are_those_of_the_constraints() -> None:
    lines = (TOP / "constraints.txt").read_text().splitlines()
    for name, ((major, first), (_, last)) in gpu.KNOWN.items():
        some = f"{name}>={major}.{first},<{major}.{last + 1}"
        assert (f"{name}=={major}.{first}.*" if first == last else some) in lines
    assert "# One torchcodec for each torch: 0.11 with torch 2.11, up to 0.16 with torch 2.14." in lines
    assert gpu.PAIRS == {(2, 11): (0, 11), (2, 14): (0, 16)}


@pytest.fixture
def leased() -> Iterator[Lease]:
    lease = Lease(TWO[0])
    assert lease.take()
    yield lease
    lease.give_back()
    lease.path.unlink()


def test_who_has_a_gpu_is_said(leased: Lease) -> None:
    (found,) = gpu.lease(TWO[0])
    assert (found.state, f"held by process {os.getpid()}; a run that wants it waits" in found.text) == ("ok", True)
    leased.give_back()
    assert list(gpu.lease(TWO[0])) == []
    assert list(gpu.lease(TWO[1])) == []


def test_a_lease_whose_holder_is_suspended_is_stale(leased: Lease) -> None:
    leased.give_back()
    with holding(leased.path) as holder:
        suspend(holder)
        (found,) = gpu.lease(TWO[0])
    assert (found.state, f"kill -9 {holder.pid}" in found.text) == ("warn", True)


def test_a_lease_that_is_no_file_fails() -> None:
    place = Lease(TWO[1]).path
    place.symlink_to("/dev/null")
    try:
        (found,) = gpu.lease(TWO[1])
    finally:
        place.unlink()
    assert (found.state, found.code, "remove it" in found.text) == ("fail", 6, True)
