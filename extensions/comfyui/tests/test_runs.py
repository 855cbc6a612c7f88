"""Whole runs through the command line: presets, names that must not leave, and runs that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_comfyui import VERSIONS, FakeComfy, Handler
from harness import KEY, TOP, Archive
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from librarian.privacy import tags

PRESETS = TOP / "configs" / "comfyui"
NAME = "Jane Doe"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    root = tmp_path / "archive"
    root.mkdir()
    return Archive(root, {"LIBRARIAN_KEY": KEY})


@pytest.fixture
def fake() -> Iterator[FakeComfy]:
    with FakeComfy().running() as found:
        yield found


@pytest.fixture
def pictures(archive: Archive) -> Archive:
    """Recordings that are pictures, with a name in theirs and within them."""
    told = PngInfo()
    told.add_text("Author", NAME)
    for number in range(2):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(archive.root / f"{NAME} {number}.png", pnginfo=told)
    shutil.copy(PRESETS / "invert.json", archive.root)
    (archive.root / "names.txt").write_text(f"{NAME}\n")
    return archive


def inverting(archive: Archive, fake: FakeComfy, **more: Any) -> None:
    settings = {
        "servers": [fake.address],
        "workflow": "invert.json",
        "set": {"Load.image": {"from": "image"}},
        "outputs": {"picture": {"kind": "image", "many": False}},
        **more,
    }
    step = {"id": "inverted", "use": "comfyui", "from": {"image": "scans"}, "with": settings}
    document = {
        **{"librarian": 1, "name": "scans", "recordings": [{"id": "scans", "path": "*.png"}], "steps": [step]},
        **{"privacy": {"names": "names.txt"}, "allow": {"hosts": [fake.address], "deletes": ["inverted"]}},
    }
    archive.job(json.dumps(document))


def results(archive: Archive) -> list[bytes]:
    return [content for name, content in archive.files().items() if name.endswith(".png")]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_preset_runs_on_any_server(archive: Archive, fake: FakeComfy, version: str) -> None:
    job, fake.version = "there-and-back.yaml", tuple(map(int, version.split(".")))
    shutil.copytree(TOP / "configs", archive.root / "configs")
    path = archive.root / "configs" / "comfyui" / job
    text = path.read_text().replace("127.0.0.1:8188", fake.address)
    path.write_text(text.replace("with: {", f"with: {{servers: ['{fake.address}'], "))
    archive.librarian("run", "--private", f"configs/comfyui/{job}")
    archive.librarian("verify", "--read-data")
    assert len(fake.graphs) == 4
    media = [content for name, content in archive.files().items() if name.endswith((".png", ".flac"))]
    assert len(media) == 4
    assert not any(word in content for content in media for word in (b"class_type", b"Jane", b"librarian"))
    archive.librarian("run", "--private", f"configs/comfyui/{job}")
    assert len(fake.graphs) == 4, "nothing is done twice"


def test_text_to_image(archive: Archive, fake: FakeComfy) -> None:
    shutil.copytree(TOP / "configs", archive.root / "configs")
    path = archive.root / "configs" / "comfyui" / "text-to-image.yaml"
    text = path.read_text().replace("127.0.0.1:8188", fake.address)
    path.write_text(text.replace("    with:\n", f"    with:\n      servers: ['{fake.address}']\n"))
    archive.librarian("run", "configs/comfyui/text-to-image.yaml")
    (sent,) = fake.graphs
    assert sent["prompt"]["2"]["inputs"]["text"] == "an old telephone on a wooden table, morning light"
    assert sent["prompt"]["5"]["inputs"]["seed"] > 0
    assert len(results(archive)) == 1


def test_no_name_leaves_and_none_comes_back(pictures: Archive, fake: FakeComfy) -> None:
    inverting(pictures, fake, forget=True)
    pictures.librarian("run", "job.yaml", "--private")
    assert len(fake.graphs) == 2
    assert not fake.history, "what was asked to be forgotten is"
    assert not [each for each in fake.received if b"Jane" in each or b"Doe" in each]
    assert len(results(pictures)) == 2
    kept = [path for path in pictures.root.rglob("*") if path.is_file() and path.parent != pictures.root]
    vault = {path for path in kept if path.name.startswith("vault.db")}
    assert not [path for path in {*kept} - vault if b"Jane" in path.read_bytes()]
    (manifest,) = (pictures.root / "manifests").glob("*.jsonl")
    facts = [
        each["facts"]
        for line in map(json.loads, manifest.read_text().splitlines())
        for each in line["body"].get("produced", [])
        if each["output"] == "report"
    ]
    assert [each["server_version"] for each in facts] == [".".join(map(str, fake.version))] * 2
    assert all(each["graph"].startswith("sha256:") for each in facts)


def test_what_a_server_says_of_a_failure_is_scrubbed(pictures: Archive, fake: FakeComfy) -> None:
    inverting(pictures, fake)
    error = {"node_id": "2", "node_type": "ImageInvert", "exception_type": "OSError", "exception_message": f"no {NAME}"}
    fake.change = lambda entry: entry["status"]["messages"].append(["execution_error", error])
    said = pictures.librarian("run", "job.yaml", "--private", code=1).stderr
    assert re.search(r"node 2 \(.*\) failed: OSError: no <NAME:", said)
    assert "Jane" not in said


def test_a_text_with_a_name_is_refused(pictures: Archive, fake: FakeComfy) -> None:
    workflow = {
        "1": {"class_type": "Prompt", "inputs": {"text": f"a portrait of {NAME}", "seed": 1}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (pictures.root / "portrait.json").write_text(json.dumps(workflow))
    inverting(pictures, fake, workflow="portrait.json", set={})
    said = pictures.librarian("run", "job.yaml", code=4).stderr
    assert "a text in its setting workflow reads like a name" in said
    assert "Jane" not in said
    assert not fake.received


def test_a_workflow_of_the_editor_is_refused_with_what_to_do(pictures: Archive, fake: FakeComfy) -> None:
    (pictures.root / "invert.json").write_text(json.dumps({"nodes": [], "links": [], "version": 0.4}))
    inverting(pictures, fake)
    said = pictures.librarian("run", "job.yaml", code=2).stderr
    assert "choose File > Export (API), and name the file that this writes" in said
    assert said.count("\n") == 1


def test_another_workflow_makes_it_anew_and_another_server_does_not(pictures: Archive, fake: FakeComfy) -> None:
    inverting(pictures, fake)
    pictures.librarian("run", "job.yaml", "--private")
    with FakeComfy().running() as other:
        inverting(pictures, other)
        pictures.librarian("run", "job.yaml", "--private")
        assert not other.graphs
        graph = json.loads((PRESETS / "invert.json").read_text())
        graph["4"] = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
        (pictures.root / "invert.json").write_text(json.dumps(graph))
        inverting(pictures, other, outputs={"picture": {"kind": "image", "many": False, "node": "3"}})
        pictures.librarian("run", "job.yaml", "--private")
        assert len(other.graphs) == 2


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_what_a_picture_hides_is_removed(tmp_path: Path, kind: str) -> None:
    """ComfyUI writes the graph into animated PNGs as chunks of its own, and into WebP as the maker of a camera."""
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (0, 90)]
    path, hidden = tmp_path / f"made.{kind}", b'prompt\0{"1": {"class_type": "' + NAME.encode() + b'"}}'
    exif = Image.Exif()
    exif[0x110] = hidden.decode()
    frames[0].save(path, save_all=True, append_images=frames[1:], **({"exif": exif} if kind == "webp" else {}))
    if kind == "png":
        content = path.read_bytes()
        chunk = len(hidden).to_bytes(4, "big") + b"comf" + hidden + zlib.crc32(b"comf" + hidden).to_bytes(4, "big")
        path.write_bytes(content[:33] + chunk + content[33:])
    assert b"class_type" in path.read_bytes()
    bare, _ = tags.remove(path, tmp_path, "bare")
    assert not any(word in bare.read_bytes() for word in (b"class_type", b"Jane", b"comf"))
    with Image.open(bare) as found:
        assert found.n_frames == 2


@pytest.mark.parametrize("at", ["GET /prompt", "POST /upload", "POST /prompt", "GET /history", "GET /view"])
def test_killed_anywhere_and_run_again(pictures: Archive, fake: FakeComfy, at: str) -> None:
    inverting(pictures, fake)
    fake.delay = 1
    process = pictures.start("run", "job.yaml", "--private", "--workers", "1")

    def kill(request: Handler) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        return False

    fake.trick(at, kill)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    pictures.librarian("run", "job.yaml", "--private", "--workers", "1")
    assert len(fake.graphs) == 2, "the id is durable before a run is given, so none is given twice"
    assert len(results(pictures)) == 2
    pictures.librarian("verify", "--read-data")
    with contextlib.closing(sqlite3.connect(pictures.root / ".librarian" / "catalog.db")) as catalog:
        assert catalog.execute("SELECT count(*) FROM current WHERE outcome = 'done'").fetchone() == (2,)
