from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from fake_comfyui import FakeComfy

from librarian.testing import Conformance

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 1}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}


class OnAServer(Conformance):
    package = "librarian-comfyui"
    settings: ClassVar[Mapping[str, Any]]
    files = 1

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        with FakeComfy().running() as fake:
            type(self).settings = {
                "servers": [fake.address],
                "workflow": json.dumps(GRAPH),
                "outputs": {"picture": {"kind": "image"}},
            }
            yield

    def input(self, name: str, kind: str, folder: Any) -> dict[str, Any]:
        return super().input(name, "audio", folder)


class TestComfyui(OnAServer):
    operation = "comfyui"


class TestComfyuiJob(OnAServer):
    operation = "comfyui_job"


class TestComfyuiPrompt(OnAServer):
    operation = "comfyui_prompt"
