"""The same against a real server that COMFYUI_URL names (name:port); no weights and no custom nodes are needed."""

from __future__ import annotations

import os
import shutil

import pytest
from harness import KEY, TOP, Archive
from test_bridge import FakeTask

from librarian_comfyui import ComfySettings
from librarian_comfyui.bridge import Bridge

SERVER = os.environ.get("COMFYUI_URL", "").removeprefix("http://").rstrip("/")
pytestmark = pytest.mark.skipif(not SERVER, reason="wants a ComfyUI server: COMFYUI_URL=127.0.0.1:8188")
PRESETS = TOP / "configs" / "comfyui"


def test_pictures_and_sound_go_there_and_back(tmp_path):
    archive = Archive(tmp_path / "archive", {"LIBRARIAN_KEY": KEY})
    shutil.copytree(TOP / "configs", archive.root / "configs")
    path = archive.root / "configs" / "comfyui" / "there-and-back.yaml"
    text = path.read_text().replace("127.0.0.1:8188", SERVER)
    path.write_text(text.replace("with: {", f"with: {{servers: ['{SERVER}'], "))
    archive.librarian("run", "--private", "configs/comfyui/there-and-back.yaml")
    archive.librarian("verify", "--read-data")
    media = [content for name, content in archive.files().items() if name.endswith((".png", ".flac"))]
    assert len(media) == 4
    assert not any(b"class_type" in content for content in media)


def test_sixty_identical_runs_are_sixty(tmp_path):
    settings = ComfySettings.model_validate(
        {
            **{"servers": [SERVER], "workflow": str(PRESETS / "picture.json"), "forget": True},
            "outputs": {"picture": {"kind": "image", "many": False}},
        }
    )
    bridge = Bridge(settings, "cpu")
    for _ in range(60):
        found = bridge(FakeTask(tmp_path))
        assert found["picture"].value.stat().st_size > 0
        assert found["report"].facts["lost"] == 0
