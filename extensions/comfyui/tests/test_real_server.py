"""The same against a real server; no weights and no custom nodes are needed.

`COMFYUI_URL=127.0.0.1:8188` names one that runs. `COMFYUI_COMMAND='python main.py --cpu --port {port}'` says how to
start one that may be killed; with it alone, that one serves for all.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from bridging import FakeTask
from harness import KEY, TOP, Archive
from loopback import Started
from PIL import Image, ImageOps

from librarian import Artifact
from librarian.servers import TooLateError
from librarian_comfyui import ComfySettings
from librarian_comfyui.bridge import Bridge
from librarian_comfyui.prompts import RunFailedError

URL = os.environ.get("COMFYUI_URL", "").removeprefix("http://").rstrip("/")
COMMAND = os.environ.get("COMFYUI_COMMAND", "")
PRESETS = TOP / "configs" / "comfyui"
NAME = "Jane Doe"
SIXTY = 60
KILLS = 8
pytestmark = pytest.mark.skipif(not URL and not COMMAND, reason="wants a ComfyUI server: COMFYUI_URL=127.0.0.1:8188")


def asked(address: str, path: str) -> Any:
    return requests.get(f"http://{address}{path}", timeout=30).json()


def until_it_answers(address: str) -> None:
    for _ in range(1200):
        with contextlib.suppress(requests.RequestException):
            asked(address, "/system_stats")
            return
        time.sleep(0.1)
    pytest.fail("the server does not come up")


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    if not COMMAND:
        pytest.skip("wants a server that may be killed: COMFYUI_COMMAND='python main.py --cpu --port {port}'")
    found = Started(COMMAND)
    until_it_answers(found.address)
    yield found
    found.kill()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    return URL or request.getfixturevalue("started").address


@pytest.fixture
def task(tmp_path: Path) -> FakeTask:
    (tmp_path / "task").mkdir()
    return FakeTask(tmp_path / "task")


def slow(colour: int) -> dict[str, Any]:
    """A workflow that takes some seconds on a CPU, and can be interrupted between its nodes."""
    size = {"width": 1024, "height": 1024, "batch_size": 1, "color": colour}
    blurred = {
        str(number): {
            "class_type": "ImageBlur",
            "inputs": {"image": [str(number - 1), 0], "blur_radius": 20, "sigma": 9},
        }
        for number in range(2, 12)
    }
    last = {"class_type": "SaveImage", "inputs": {"images": ["11", 0], "filename_prefix": "x"}}
    return {"1": {"class_type": "EmptyImage", "inputs": size}, **blurred, "12": last}


def bridge(server: str, graph: Any, **more: Any) -> Bridge:
    settings = {
        **{
            "servers": [server],
            "workflow": json.dumps(graph),
            "outputs": {"picture": {"kind": "image", "many": False}},
        },
        **more,
    }
    return Bridge(ComfySettings.model_validate(settings), "cpu")


def ids(server: str) -> set[str]:
    """Of the runs that a server remembers, those of a queue included."""
    queue = asked(server, "/queue")
    return {*asked(server, "/history"), *(each[1] for part in queue.values() for each in part)}


def inverting(archive: Archive, server: str) -> None:
    (archive.root / "names.txt").write_text(f"{NAME}\n")
    shutil.copy(PRESETS / "invert.json", archive.root)
    outputs = {"picture": {"kind": "image", "many": False}}
    settings = {"servers": [server], "workflow": "invert.json", "set": {"Load.image": {"from": "image"}}}
    step = {"id": "inverted", "use": "comfyui", "from": {"image": "scans"}, "with": {**settings, "outputs": outputs}}
    document = {
        **{"librarian": 1, "name": "scans", "recordings": [{"id": "scans", "path": "*.png"}], "steps": [step]},
        **{"privacy": {"names": "names.txt"}, "allow": {"hosts": [server]}},
    }
    archive.job(json.dumps(document))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    (tmp_path / "archive").mkdir()
    return Archive(tmp_path / "archive", {"LIBRARIAN_KEY": KEY})


def scans(archive: Archive, count: int) -> list[Image.Image]:
    """Pictures whose names tell a name."""
    found = [Image.new("RGB", (16, 8), (4 * number, 255 - number, os.urandom(1)[0])) for number in range(count)]
    for number, each in enumerate(found):
        each.save(archive.root / f"{NAME} {number:02}.png")
    return found


def results(archive: Archive) -> list[bytes]:
    return [content for name, content in archive.files().items() if name.endswith(".png")]


def pixels(pictures: list[Image.Image]) -> list[bytes]:
    return sorted(each.convert("RGB").tobytes() for each in pictures)


def test_pictures_and_sound_go_there_and_back(archive: Archive, server: str) -> None:
    shutil.copytree(TOP / "configs", archive.root / "configs")
    path = archive.root / "configs" / "comfyui" / "there-and-back.yaml"
    text = path.read_text().replace("127.0.0.1:8188", server)
    path.write_text(text.replace("with: {", f"with: {{servers: ['{server}'], "))
    archive.librarian("run", "--private", "configs/comfyui/there-and-back.yaml")
    archive.librarian("verify", "--read-data")
    media = [content for name, content in archive.files().items() if name.endswith((".png", ".flac"))]
    assert len(media) == 4
    assert not any(b"class_type" in content for content in media)


def test_sixty_pictures_go_there_and_come_back_inverted(archive: Archive, server: str) -> None:
    before, given = ids(server), scans(archive, SIXTY)
    inverting(archive, server)
    archive.librarian("run", "job.yaml", "--private")
    assert len(ids(server) - before) == SIXTY
    made = pixels([Image.open(io.BytesIO(each)) for each in results(archive)])
    wanted = pixels([ImageOps.invert(each) for each in given])
    assert len(made) == SIXTY
    for one, other in zip(made, wanted, strict=True):  # a server cuts the fractions of its pixels off
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1
    said = json.dumps([asked(server, "/history"), asked(server, "/queue")])
    assert "Jane" not in said
    assert not any(b"Jane" in each or b"class_type" in each for each in results(archive))


def test_sixty_identical_runs_are_sixty(server: str, tmp_path: Path) -> None:
    built = bridge(server, json.loads((PRESETS / "picture.json").read_text()), forget=True)
    for _ in range(SIXTY):
        found = built(FakeTask(tmp_path))  # type: ignore[arg-type]
        assert found["picture"].value.stat().st_size > 0
        assert found["report"].facts["lost"] == 0


def test_it_tells_how_far_it_is(server: str, task: FakeTask) -> None:
    shown: list[float] = []
    task.progress = shown.append  # type: ignore[method-assign]
    bridge(server, slow(101))(task)  # type: ignore[arg-type]
    assert len({*shown}) > 5
    assert shown == sorted(shown)


def test_what_takes_too_long_is_cancelled(server: str, task: FakeTask) -> None:
    with pytest.raises(TooLateError):
        bridge(server, slow(102), deadline=1.0)(task)  # type: ignore[arg-type]
    noted = task.state.saved[0]["prompt"]
    while noted in json.dumps(asked(server, "/queue")):
        time.sleep(0.1)
    assert asked(server, f"/history/{noted}")[noted]["status"]["messages"][-1][0] == "execution_interrupted"


def test_one_that_somebody_interrupts_is_no_result(server: str, task: FakeTask) -> None:
    def interrupt(fraction: float) -> None:
        if fraction > 0:
            requests.post(f"http://{server}/interrupt", json={}, timeout=30)

    task.progress = interrupt  # type: ignore[method-assign]
    with pytest.raises(RunFailedError, match="somebody interrupted it"):
        bridge(server, slow(103))(task)  # type: ignore[arg-type]


def test_a_file_that_is_no_picture_fails_without_a_path(server: str, task: FakeTask, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    task.inputs["image"] = Artifact(tmp_path / "x.png", "image")
    graph = json.loads((PRESETS / "invert.json").read_text())
    with pytest.raises(RunFailedError, match=r"^node 1 \(LoadImage\) failed: ") as caught:
        bridge(server, graph, set={"Load.image": {"from": "image"}})(task)  # type: ignore[arg-type]
    assert not {"/", "\\"} & {*str(caught.value)}


@pytest.mark.parametrize("number", range(KILLS))
def test_killed_and_run_again(archive: Archive, server: str, number: int) -> None:
    before = ids(server)
    scans(archive, 6)
    inverting(archive, server)
    process = archive.start("run", "job.yaml", "--private")
    threading.Timer(0.6 + 0.25 * number, process.kill).start()
    process.communicate(timeout=120)
    archive.librarian("run", "job.yaml", "--private")
    archive.librarian("verify", "--read-data")
    assert len(results(archive)) == 6
    assert len(ids(server) - before) <= 6 + 1


def test_a_server_that_is_killed_in_mid_run_gets_it_once_more(started: Started, task: FakeTask) -> None:
    until_it_answers(started.address)
    again: list[str] = []

    def kill(fraction: float) -> None:
        if fraction > 0 and not again:
            again.append(task.state.value["prompt"])
            started.kill()
            started.start()

    task.progress = kill  # type: ignore[method-assign]
    found = bridge(started.address, slow(104))(task)  # type: ignore[arg-type]
    assert found["report"].facts["lost"] == 1
    assert found["report"].value.prompt_id not in again
    assert ids(started.address) == {found["report"].value.prompt_id}
