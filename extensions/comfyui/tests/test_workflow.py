"""Workflow files: what is none is refused in one sentence, and one's way in is found by id, title or class."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from harness import TOP
from pydantic import ValidationError

from librarian_comfyui import ComfySettings, Given, PromptSettings
from librarian_comfyui.workflow import graph_of, node_named, place_named, read_workflow

NODE: dict[str, Any] = {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}


@pytest.mark.parametrize("path", sorted((TOP / "configs" / "comfyui").glob("*.json")), ids=lambda path: path.name)
def test_every_preset_is_a_workflow(path: Path) -> None:
    graph = graph_of(read_workflow(str(path)))
    assert any(node["class_type"].startswith("Save") for node in graph.values())
    assert read_workflow(read_workflow(str(path))) == read_workflow(str(path))


def test_the_order_of_keys_and_what_is_not_sent_mean_nothing() -> None:
    first = {"1": {**NODE, "_meta": {"title": "Save", "note": "x"}}, "2": NODE}
    assert read_workflow(json.dumps(first)) == read_workflow(
        json.dumps(dict(reversed(first.items()))).replace("note", "n")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ('{"1": NaN}', "is no JSON"),
        ("{" + '"a":{' * 100_000, "is no JSON"),
        ("[]", "no workflow in API format"),
        ("{}", "no workflow in API format"),
        (
            '{"1": {"class_type": "SaveImageWebsocket", "inputs": {}}}',
            r"node 1 \(SaveImageWebsocket\) keeps nothing that can be fetched: use SaveImage in its place",
        ),
        ('{"nodes": [], "links": []}', r"is in the editor's format, .* choose File > Export \(API\)"),
        ('{"1": []}', "node 1 has no class_type and inputs"),
        ('{"1": {"class_type": "X"}}', "node 1 has no class_type and inputs"),
        ('{"1": {"class_type": 5, "inputs": {}}}', "node 1 has no class_type and inputs"),
        (
            '{"1": {"class_type": "X", "inputs": {"a": ["2", 0]}}}',
            "input a of node 1 comes from a node that is not there",
        ),
        (
            '{"1": {"class_type": "", "inputs": {"a": ["2", 0]}}, "2": {"class_type": "", "inputs": {"a": ["1", 0]}}}',
            "its nodes go round in a circle",
        ),
    ],
)
def test_what_is_no_workflow(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_workflow(str(tmp_path / "w.json"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe", "large"])
def test_what_is_no_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        with open(path, "wb") as file:
            file.truncate(1 << 30)
    with pytest.raises(ValueError, match=r"no such file|is no file|is too large|is no JSON"):
        read_workflow(str(path))


def test_nodes_are_named_by_id_title_or_class() -> None:
    graph = {
        "1": {**NODE, "_meta": {"title": "Save.this"}},
        "2": NODE,
        "3": {"class_type": "KSampler", "inputs": {"seed": 1, "model": ["1", 0], "format.quality": "V0"}},
    }
    assert [node_named(graph, word) for word in ("2", "Save.this", "KSampler")] == ["2", "1", "3"]
    assert place_named(graph, "KSampler.seed") == ("3", "seed")
    assert place_named(graph, "3.format.quality") == ("3", "format.quality")
    assert place_named(graph, "Save.this.filename_prefix") == ("1", "filename_prefix")
    for place, message in (
        ("SaveImage.filename_prefix", "2 nodes have the class SaveImage; name one by its id: 1, 2"),
        ("3.model", "the input model of node 3 comes from another node"),
        ("3.cfg", r"node 3 has no input cfg; it has seed, format\.quality"),
        ("4.cfg", "no node has the id, title or class 4"),
        ("seed", "write node.input"),
    ):
        with pytest.raises(ValueError, match=message):
            place_named(graph, place)


def settings(kind: type[ComfySettings] = ComfySettings, **more: Any) -> ComfySettings:
    given = {"workflow": json.dumps({"1": NODE}), "outputs": {"picture": {"kind": "image"}}, **more}
    return kind.model_validate(given)


def test_settings_can_be_read_again() -> None:
    found = settings(set={"1.filename_prefix": {"from": "text"}})
    again = ComfySettings.model_validate(found.model_dump(mode="json"))
    assert again == found
    assert again.set["1.filename_prefix"] == Given.model_validate({"from": "text"})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"set": {"2.text": "x"}}, "no node has the id, title or class 2"),
        ({"set": {"1.filename_prefix": {"from": "files"}}}, "from is one of file, image, audio, video, text, seed"),
        ({"set": {"1.filename_prefix": "x", "SaveImage.filename_prefix": "y"}}, "two entries set the same input"),
        ({"outputs": {"picture": {"kind": "image", "node": "9"}}}, "no node has the id, title or class 9"),
        ({"outputs": {"report": {"kind": "image"}}}, "a name is lower-case letters, digits and _, and not report"),
        ({"outputs": {"Picture": {"kind": "image"}}}, "a name is lower-case letters"),
        ({"outputs": {}}, "at least 1 item"),
        ({"servers": ["http://127.0.0.1:8188"]}, "should match pattern"),
        ({"servers": ["user:password@host"]}, "should match pattern"),
        ({"servers": []}, "at least 1 item"),
        ({"kind": PromptSettings, "set": {"1.filename_prefix": {"from": "image"}}}, "from is one of seed"),
    ],
)
def test_what_does_not_fit_together(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**more)
