"""The bridge against a server that behaves as recorded, and against one that does not behave."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridging import (
    GRAPH,
    LOAD,
    PROMPT,
    FakeState,
    FakeTask,
    cut,
    deep,
    elsewhere,
    endless,
    failing,
    html,
    not_a_number,
    packed,
    run,
    settings,
    shorter,
    silent,
)
from fake_comfyui import SERVER_PATH, VERSIONS, FakeComfy, Handler, picture
from PIL import Image

from librarian import Artifact, UnreachableError
from librarian import servers as server
from librarian.servers import ServerError, TooLateError
from librarian_comfyui import GatheringSettings, bridge, prompts
from librarian_comfyui.bridge import Bridge
from librarian_comfyui.prompts import RunFailedError


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in ((prompts, ("FIRST_PAUSE", "LONGEST_PAUSE")), (bridge, ("FIRST_PAUSE", "LONGEST_PAUSE"))):
        for name in names:
            monkeypatch.setattr(module, name, 0.01)
    monkeypatch.setattr(prompts, "PATIENCE", 0.2)
    monkeypatch.setattr(server, "READ_SECONDS", 0.5)


def test_a_run(fake: FakeComfy, task: FakeTask) -> None:
    found = run(task, fake)
    (made,) = found["picture"]
    assert made.value == task.folder / "picture.1.png"
    Image.open(made.value).verify()
    (sent,) = fake.graphs
    prompt_id = sent["prompt_id"]
    assert str(uuid.UUID(prompt_id)) == prompt_id
    assert sent.keys() == {"prompt", "prompt_id", "client_id"}, "no extra_pnginfo, no key, no place in the line"
    assert sent["prompt"]["2"]["inputs"]["filename_prefix"] == f"librarian/{prompt_id}/0002"
    assert "_meta" not in sent["prompt"]["2"]
    report, facts = found["report"].value, found["report"].facts
    assert report.prompt_id == prompt_id
    assert [(each.id, each.class_type) for each in report.nodes] == [("1", "EmptyImage"), ("2", "SaveImage")]
    assert [(each.output, each.node) for each in report.files] == [("picture", "2")]
    assert facts["server_version"] == ".".join(map(str, fake.version))
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", str(facts["graph"]))
    assert (facts["files"], facts["lost"], facts["queued"], facts["ran"]) == (1, 0, 1.0, 0.25)
    assert task.state.saved[0]["prompt"] == prompt_id
    assert not any(b"Origin" in each for each in fake.received)


def test_the_id_is_noted_before_it_is_given(new: FakeComfy, task: FakeTask) -> None:
    noted: list[int] = []
    new.trick("POST /prompt", lambda request: noted.append(len(task.state.saved)) or False)
    run(task, new)
    assert noted == [1]


@pytest.mark.parametrize("saver", ["SaveImage", "PreviewImage"])
def test_the_same_again_is_a_run_of_its_own(fake: FakeComfy, task: FakeTask, saver: str) -> None:
    graph = {**GRAPH, "2": {"class_type": saver, "inputs": {"images": ["1", 0]}}}
    if saver == "SaveImage":
        graph["2"]["inputs"]["filename_prefix"] = "x"
    run(task, fake, graph=graph)
    fake.files.clear()  # the file of the first run is gone
    found = run(FakeTask(task.folder), fake, graph=graph)
    assert found["report"].facts["cached"] == 0
    assert len(fake.files) == 1


def test_sound_is_found_by_the_name_that_the_server_gives(fake: FakeComfy, task: FakeTask) -> None:
    graph = {
        "1": {"class_type": "EmptyAudio", "inputs": {"duration": 0.1}},
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "x"}},
    }
    found = run(task, fake, graph=graph, outputs={"sound": {"kind": "audio", "node": "SaveAudio", "many": False}})
    assert found["sound"].value.suffix == ".flac"
    assert found["sound"].value.read_bytes()[:4] == b"fLaC"


def test_a_text_is_an_output_too(new: FakeComfy, task: FakeTask) -> None:
    graph = {"1": {"class_type": "ShowText", "inputs": {"text": "said"}}}
    found = run(task, new, graph=graph, outputs={"said": {"kind": "text"}})
    assert found["said"][0].value.read_text() == "said"


def test_values_seeds_texts_and_files_are_put_in(new: FakeComfy, task: FakeTask, tmp_path: Path) -> None:
    (tmp_path / "Jane Doe.txt").write_text("a mill")
    task.inputs["text"] = Artifact(tmp_path / "Jane Doe.txt", "text")
    run(task, new, graph=PROMPT, set={"1.text": {"from": "text"}, "Prompt.seed": {"from": "seed"}})
    assert new.graphs[0]["prompt"]["1"]["inputs"] == {"text": "a mill", "seed": 4711}
    run(FakeTask(task.folder), new, graph=PROMPT, set={"1.seed": 2**63, "1.text": "a wood"})
    assert new.graphs[1]["prompt"]["1"]["inputs"] == {"text": "a wood", "seed": 2**63}


def test_a_text_that_is_too_long_is_not_cut(new: FakeComfy, task: FakeTask, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * (bridge.MOST_TEXT + 1))
    task.inputs["text"] = Artifact(tmp_path / "long.txt", "text")
    with pytest.raises(RunFailedError, match="is no prompt"):
        run(task, new, graph=PROMPT, set={"1.text": {"from": "text"}})
    assert not new.graphs


def test_an_upload_has_a_name_of_ours(fake: FakeComfy, task: FakeTask, tmp_path: Path) -> None:
    (tmp_path / "Jane Doe.png").write_bytes(picture({}))
    task.inputs["image"] = Artifact(tmp_path / "Jane Doe.png", "image")
    run(task, fake, graph=LOAD, set={"LoadImage.image": {"from": "image"}})
    (sent,) = fake.graphs
    ((where, folder, name),) = [key for key in fake.files if key[0] == "input"]
    assert (where, folder) == ("input", f"librarian/{sent['prompt_id']}")
    assert re.fullmatch(r"[0-9a-f]{16}\.png", name)
    assert sent["prompt"]["1"]["inputs"]["image"] == f"{folder}/{name}"
    assert not any(b"Jane Doe.png" in each for each in fake.received)


def test_a_file_that_the_server_has_need_not_be_in_its_list(new: FakeComfy, task: FakeTask) -> None:
    assert run(task, new, graph=LOAD)["picture"], "a combo that takes uploads lists only those at the top"


def test_among_pictures_there_may_be_a_video(new: FakeComfy, task: FakeTask) -> None:
    def change(entry: dict[str, Any]) -> None:
        (listed,) = entry["outputs"]["2"]["images"]
        video = {**listed, "filename": "0002_00001_.mp4"}
        new.files["output", listed["subfolder"], video["filename"]] = bytes(4) + b"ftypisom" + bytes(8)
        entry["outputs"]["2"] = {"images": [video, listed], "animated": [True], "a_key_to_come": {"filename": 5}}

    new.change = change
    found = run(task, new, outputs={"film": {"kind": "video"}, "still": {"kind": "image"}})
    assert [each.value.suffix for name in ("film", "still") for each in found[name]] == [".mp4", ".png"]


def test_of_several_files_one_is_named(new: FakeComfy, task: FakeTask, tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (4, 4), "red" if name == "a" else "blue").save(tmp_path / f"{name}.png")
    task.inputs["files"] = tuple(Artifact(tmp_path / f"{name}.png", "image", role=name) for name in ("a", "b"))
    with pytest.raises(RunFailedError, match="files is 2 files here: say which by role or number"):
        run(task, new, graph=LOAD, kind=GatheringSettings, set={"1.image": {"from": "files"}})
    for which in ({"role": "b"}, {"number": 2}):
        run(
            FakeTask(task.folder, task.inputs),
            new,
            graph=LOAD,
            kind=GatheringSettings,
            set={"1.image": {"from": "files", **which}},
        )
    uploads = [content for (where, _, _), content in new.files.items() if where == "input"]
    assert uploads == [(tmp_path / "b.png").read_bytes()] * 2


def test_sixty_runs_are_sixty(new: FakeComfy, task: FakeTask) -> None:
    new.delay = 1
    built = Bridge(settings(new), "cpu")
    found = [built(FakeTask(task.folder))["report"].value.prompt_id for _ in range(60)]  # type: ignore[arg-type]
    assert found == [each["prompt_id"] for each in new.graphs]
    assert len({*found}) == 60


class TestRefused:
    """What is wrong with the workflow is said before it is given."""

    @pytest.mark.parametrize(
        ("node", "message"),
        [
            ({"2": {"class_type": "SaveVideo2", "inputs": {}}}, r"it has nothing for node 2 \(SaveVideo2\)"),
            (
                {"2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}},
                r"node 2 \(SaveImage\) lacks its input images",
            ),
            (
                {"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 3], "filename_prefix": "x"}}},
                "takes output 3 of node 1, which has 1",
            ),
            (
                {
                    "2": {
                        "class_type": "ImageScale",
                        "inputs": {"image": ["1", 0], "upscale_method": "area", "width": 1, "height": 1},
                    }
                },
                "nothing in the workflow puts anything out",
            ),
            (
                {
                    "3": {
                        "class_type": "ImageScale",
                        "inputs": {"image": ["1", 0], "upscale_method": "cubic", "width": 1, "height": 1},
                    }
                },
                "upscale_method is none of the 2 that the server has",
            ),
            (
                {
                    "3": {
                        "class_type": "SaveAudioMP3",
                        "inputs": {"audio": ["1", 0], "filename_prefix": "x", "quality": "best"},
                    }
                },
                "quality is none of the 2 that the server has",
            ),
        ],
    )
    def test_by_the_preflight(self, new: FakeComfy, task: FakeTask, node: Any, message: str) -> None:
        with pytest.raises(ServerError, match=message):
            run(task, new, graph={**GRAPH, **node})
        assert not new.graphs

    def test_by_an_old_version(self, new: FakeComfy, task: FakeTask) -> None:
        new.version = (0, 3, 44)
        with pytest.raises(ServerError, match=r"ComfyUI 0\.3\.44 is too old"):
            run(task, new)

    def test_what_would_be_left_out_is_not_run(
        self, fake: FakeComfy, task: FakeTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bridge, "check", lambda *_: None)
        fake.queue["another's"] = {"prompt": GRAPH, "extra": {}, "good": ["2"]}
        graph = {**GRAPH, "3": {"class_type": "SaveImage", "inputs": {"filename_prefix": "y"}}}
        with pytest.raises(RunFailedError, match="would leave out a part: node 3 images: required_input_missing"):
            run(task, fake, graph=graph)
        assert fake.cancelled == [fake.graphs[0]["prompt_id"]]
        assert list(fake.queue) == ["another's"]

    def test_by_the_server_in_its_types_alone(
        self, fake: FakeComfy, task: FakeTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bridge, "check", lambda *_: None)
        graph = {"3": {"class_type": "SaveImage", "inputs": {"filename_prefix": "y"}}}
        with pytest.raises(RunFailedError, match="node 3 images: required_input_missing") as caught:
            run(task, fake, graph=graph)
        assert SERVER_PATH not in str(caught.value)
        assert task.state.saved[-1] == {}, "nothing is looked for again"

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (failing, r"cannot read the workflow \(500\)"),
            (
                lambda request: request.json({"error": {"type": "invalid_prompt", "message": SERVER_PATH}}, 400),
                "prompt$",
            ),
            (lambda request: request.json({"error": SERVER_PATH, "node_errors": []}, 400), "no reason given$"),
            (lambda request: request.json([], 400), "cannot read the workflow"),
        ],
    )
    def test_by_the_server_in_whatever_form(
        self, fake: FakeComfy, task: FakeTask, answer: Callable[[Handler], None], message: str
    ) -> None:
        fake.trick("POST /prompt", answer)
        with pytest.raises(RunFailedError, match=message):
            run(task, fake)
        assert sum(b"POST /prompt" in each for each in fake.received) == 1


class TestHostile:
    """A server is not trusted, and nothing that it does hangs, fills the disk, or lies where it should not."""

    @pytest.mark.parametrize("answer", [html, failing, elsewhere, packed, not_a_number, deep])
    def test_no_server_of_ours(self, new: FakeComfy, task: FakeTask, answer: Callable[[Handler], None]) -> None:
        new.trick("GET /prompt", answer)
        with pytest.raises(ServerError):
            run(task, new)
        assert not new.graphs

    @pytest.mark.parametrize("answer", [silent, lambda request: request.drop(), lambda request: request.answer(503)])
    def test_a_server_that_is_away(self, new: FakeComfy, task: FakeTask, answer: Callable[[Handler], None]) -> None:
        new.trick("GET /prompt", answer)
        with pytest.raises(UnreachableError):
            run(task, new)

    @pytest.mark.parametrize("path", ["GET /prompt", "GET /object_info", "GET /history", "GET /view"])
    def test_an_endless_answer(
        self, new: FakeComfy, task: FakeTask, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "MOST_BYTES", 1 << 20)
        new.trick(path, endless, keep=True)
        with pytest.raises(ServerError, match="more than"):
            run(task, new, largest=1 << 20)
        assert sum(each.stat().st_size for each in task.folder.iterdir()) <= 1 << 20

    @pytest.mark.parametrize("answer", [cut, silent])
    def test_a_file_that_breaks_off_is_fetched_again_and_nothing_runs_twice(
        self, new: FakeComfy, task: FakeTask, answer: Callable[[Handler], None]
    ) -> None:
        new.trick("GET /view", answer)
        with pytest.raises(UnreachableError):
            run(task, new)
        found = run(FakeTask(task.folder, state=task.state), new)
        Image.open(found["picture"][0].value).verify()
        assert len(new.graphs) == 1

    @pytest.mark.parametrize("answer", [html, shorter, elsewhere, packed])
    def test_a_file_that_is_none(self, new: FakeComfy, task: FakeTask, answer: Callable[[Handler], None]) -> None:
        new.trick("GET /view", answer)
        with pytest.raises((ServerError, UnreachableError)):
            run(task, new)

    def test_a_file_that_is_gone(self, new: FakeComfy, task: FakeTask) -> None:
        new.trick("GET /view", lambda request: new.files.clear() or False)
        with pytest.raises(ServerError, match="not there any more"):
            run(task, new)

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ({"filename": "../../etc/passwd.png"}, "outside of its output folder"),
            ({"filename": "/etc/passwd.png"}, "outside of its output folder"),
            ({"filename": "a\\b.png"}, "outside of its output folder"),
            ({"filename": "a\n.png"}, "is no name"),
            ({"filename": "x" * 400 + ".png"}, "is no name"),
            ({"filename": 5}, "is no name"),
            ({"filename": "x.png", "subfolder": "../input"}, "outside of its output folder"),
            ({"filename": "x.png", "subfolder": "/etc"}, "outside of its output folder"),
            ({"filename": "x.png", "type": "input"}, "no output"),
            ({"filename": "x.png", "subfolder": "librarian/another"}, "of another run"),
        ],
    )
    def test_names(self, new: FakeComfy, task: FakeTask, entry: dict[str, Any], message: str) -> None:
        def change(found: dict[str, Any]) -> None:
            images = [{**each, **entry} for each in found["outputs"]["2"]["images"]]
            found["outputs"] = {"2": {"images": images}}

        new.change = change
        with pytest.raises(ServerError, match=message):
            run(task, new)
        assert not any(b"GET /view" in each for each in new.received)
        assert not list(task.folder.iterdir())

    def test_a_node_that_was_not_given(self, new: FakeComfy, task: FakeTask) -> None:
        new.change = lambda entry: entry["outputs"].update({"9": entry["outputs"]["2"]})
        with pytest.raises(ServerError, match="a node which it was not given"):
            run(task, new)

    def test_more_files_than_anyone_wants(self, new: FakeComfy, task: FakeTask) -> None:
        new.change = lambda entry: entry["outputs"]["2"].update(images=entry["outputs"]["2"]["images"] * 1001)
        with pytest.raises(ServerError, match="more than 1000 files"):
            run(task, new)

    def test_another_id(self, new: FakeComfy, task: FakeTask) -> None:
        other = str(uuid.uuid4())
        new.trick("POST /prompt", lambda request: request.json({"prompt_id": other, "number": 1, "node_errors": {}}))
        with pytest.raises(RunFailedError, match="another id"):
            run(task, new)

    @pytest.mark.parametrize("name", ["../../etc/cron.d/x", "other.png", 5, None])
    @pytest.mark.parametrize("moved", [True, False])
    def test_an_upload_under_another_name(
        self, new: FakeComfy, task: FakeTask, tmp_path: Path, name: Any, moved: bool
    ) -> None:
        (tmp_path / "a.png").write_bytes(picture({}))
        task.inputs["image"] = Artifact(tmp_path / "a.png", "image")

        def lie(request: Handler) -> None:
            folder = re.findall(rb"librarian/[0-9a-f-]{36}", new.received[-1])[0].decode()
            request.json({"name": name, "subfolder": "" if moved else folder, "type": "input"})

        new.trick("POST /upload", lie)
        with pytest.raises(ServerError, match="under another name"):
            run(task, new, graph=LOAD, set={"1.image": {"from": "image"}})

    @pytest.mark.parametrize("status", [400, 413, 500])
    def test_an_upload_that_is_not_taken(self, new: FakeComfy, task: FakeTask, tmp_path: Path, status: int) -> None:
        (tmp_path / "a.png").write_bytes(picture({}))
        task.inputs["image"] = Artifact(tmp_path / "a.png", "image")
        new.trick("POST /upload", lambda request: request.answer(status))
        with pytest.raises(ServerError, match=rf"does not take an upload \({status}\)"):
            run(task, new, graph=LOAD, set={"1.image": {"from": "image"}})
        assert not new.graphs

    def test_a_file_that_is_larger_than_the_server_takes(self, new: FakeComfy, task: FakeTask, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(picture({}))
        task.inputs["image"] = Artifact(tmp_path / "a.png", "image")
        new.max_upload = 10
        with pytest.raises(RunFailedError, match="larger than the server takes"):
            run(task, new, graph=LOAD, set={"1.image": {"from": "image"}})


class TestOutcome:
    """The last message decides, and neither completion nor outputs do."""

    def test_a_node_that_failed(self, fake: FakeComfy, task: FakeTask) -> None:
        graph = {
            **GRAPH,
            "3": {"class_type": "Boom", "inputs": {"image": ["1", 0], "message": "boom " + "x" * 500}},
            "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "y"}},
        }
        with pytest.raises(RunFailedError, match=r"^node 3 \(Boom\) failed: RuntimeError: boom x{195}$"):
            run(task, fake, graph=graph)
        assert not list(task.folder.iterdir()), "what was made before it failed is no result"

    @pytest.mark.parametrize(
        "path", [f"{SERVER_PATH}/x.png", "'/home/Jane Doe/x.png'", "/home/Jane Doe/x.png", r"C:\Users\Jane\x.png"]
    )
    def test_a_failure_that_tells_a_path_of_the_server(self, fake: FakeComfy, task: FakeTask, path: str) -> None:
        graph = {
            **GRAPH,
            "3": {"class_type": "Boom", "inputs": {"image": ["1", 0], "message": f"cannot identify {path} here"}},
            "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "y"}},
        }
        with pytest.raises(RunFailedError, match=r"^node 3 \(Boom\) failed: RuntimeError: cannot identify … .*here$"):
            run(task, fake, graph=graph)

    def test_one_that_somebody_interrupted(self, fake: FakeComfy, task: FakeTask) -> None:
        fake.delay = None
        fake.trick("GET /history", lambda request: fake._cancel(fake.graphs[0]["prompt_id"]) and False)
        with pytest.raises(RunFailedError, match="somebody interrupted it"):
            run(task, fake)

    @pytest.mark.parametrize("status", [{}, {"status_str": "success", "completed": True, "messages": []}, None, "done"])
    def test_one_that_says_nothing(self, new: FakeComfy, task: FakeTask, status: Any) -> None:
        new.change = lambda entry: entry.update(status=status)
        with pytest.raises(RunFailedError, match="does not say that it succeeded"):
            run(task, new)

    def test_one_that_made_nothing(self, new: FakeComfy, task: FakeTask) -> None:
        new.change = lambda entry: entry.update(outputs={})
        with pytest.raises(RunFailedError, match="left no image"):
            run(task, new)

    def test_one_where_more_came_than_one(self, new: FakeComfy, task: FakeTask) -> None:
        graph = {**GRAPH, "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "y"}}}
        with pytest.raises(RunFailedError, match="left 2 image, and one is wanted"):
            run(task, new, graph=graph, outputs={"one": {"kind": "image", "many": False}})
        found = run(
            FakeTask(task.folder), new, graph=graph, outputs={"one": {"kind": "image", "many": False, "node": "3"}}
        )
        assert found["report"].value.files[0].node == "3"

    def test_history_is_empty_while_it_runs_and_that_means_nothing(self, fake: FakeComfy, task: FakeTask) -> None:
        fake.delay = 30
        assert run(task, fake)["picture"]
        assert len(fake.graphs) == 1


class TestLost:
    """Nothing is given twice blindly, and nothing is waited for that nobody has."""

    def test_after_a_restart_it_is_given_once_more(self, fake: FakeComfy, task: FakeTask) -> None:
        fake.delay = 3
        fake.trick("GET /history", lambda request: fake.restart() or False)
        found = run(task, fake)
        assert found["report"].facts["lost"] == 1
        assert len({each["prompt_id"] for each in fake.graphs}) == 2

    def test_but_not_twice(self, fake: FakeComfy, task: FakeTask) -> None:
        fake.delay = None
        fake.trick("GET /history", lambda request: fake.restart() or False, keep=True)
        with pytest.raises(RunFailedError, match="lost the run twice"):
            run(task, fake)
        assert len(fake.graphs) == 2

    def test_one_that_ends_between_two_looks_is_not_lost(self, fake: FakeComfy, task: FakeTask) -> None:
        fake.delay = None
        looked: list[int] = []

        def end(request: Handler) -> bool:
            job = fake.graphs[0]["prompt_id"]
            looked.append(1)
            request.json({})
            fake.finish(job)
            return True

        fake.trick("GET /history", end)
        assert run(task, fake)["report"].facts["lost"] == 0
        assert len(fake.graphs) == len(looked) == 1

    @pytest.mark.parametrize("is_taken", [True, False])
    def test_an_answer_that_never_came(self, fake: FakeComfy, task: FakeTask, is_taken: bool) -> None:
        def drop(request: Handler) -> bool:
            if is_taken:
                body = fake.received[-1].partition(b"\n\n")[2]
                request.answer = lambda *_, **__: request.drop()  # type: ignore[method-assign]
                fake._post_prompt(request, body, {})
            request.drop()
            return True

        fake.trick("POST /prompt", drop)
        assert run(task, fake)["report"].facts["lost"] == 0
        assert len(fake.graphs) == 1

    def test_one_that_takes_nothing_is_not_asked_for_ever(self, new: FakeComfy, task: FakeTask) -> None:
        new.trick("POST /prompt", lambda request: request.drop(), keep=True)
        with pytest.raises(UnreachableError):
            run(task, new)
        assert sum(b"POST /prompt" in each for each in new.received) == bridge.MOST_TRIES

    def test_a_run_that_was_given_before_a_crash_is_found_again(self, fake: FakeComfy, task: FakeTask) -> None:
        fake.trick("GET /view", cut)
        with pytest.raises(UnreachableError):
            run(task, fake)
        for saved in task.state.saved:  # whatever of it was durable when the crash came
            found = run(FakeTask(task.folder, state=FakeState(saved)), fake)
            assert found["report"].value.graph_sha256 == saved["graph"]
        assert len(fake.graphs) == 1

    def test_one_on_a_server_that_the_job_names_no_more_is_given_anew(self, new: FakeComfy, task: FakeTask) -> None:
        task.state.value = {"prompt": str(uuid.uuid4()), "server": "127.0.0.1:1", "graph": "", "lost": 0, "given": True}
        assert run(task, new)["picture"]

    def test_a_server_that_is_back_in_time_is_waited_for(
        self, new: FakeComfy, task: FakeTask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prompts, "PATIENCE", 20.0)
        new.delay = 2
        new.trick("GET /history", lambda request: request.drop())
        new.trick("GET /history", silent)
        new.trick("GET /history", html)
        new.trick("GET /history", lambda request: request.answer(502))
        assert run(task, new)["report"].facts["lost"] == 0


class TestPolite:
    """Our own run is cancelled and nobody else's; the least busy server is taken; nobody's queue is flooded."""

    @pytest.mark.parametrize("version", ["0.3.50", *VERSIONS])
    @pytest.mark.parametrize("others", [0, 1])
    def test_what_takes_too_long_is_cancelled(self, task: FakeTask, version: str, others: int) -> None:
        with FakeComfy(version).running() as fake:
            fake.delay = None
            for number in range(others):
                fake.queue[f"another's {number}"] = {"prompt": GRAPH, "extra": {}, "good": ["2"]}
            with pytest.raises(TooLateError, match="longer than its deadline, and was cancelled"):
                run(task, fake, deadline=0.05)
            assert fake.cancelled == [fake.graphs[0]["prompt_id"]]
            assert len(fake.queue) == others
            assert task.state.saved[-1] == {}

    def test_the_least_busy_one_is_taken(self, fake: FakeComfy, task: FakeTask) -> None:
        with FakeComfy().running() as other:
            fake.others, other.others = 2, 1
            run(task, fake, other)
            assert (len(fake.graphs), len(other.graphs)) == (0, 1)

    def test_one_that_is_away_or_lacks_a_node_is_left_out(self, new: FakeComfy, task: FakeTask) -> None:
        with FakeComfy().running() as other:
            other.version = (0, 2, 0)
            new.others = 3
            assert run(task, "127.0.0.1:1", other, new)["picture"]

    def test_where_all_are_busy_it_waits(self, new: FakeComfy, task: FakeTask) -> None:
        new.others = 4
        looked: list[int] = []

        def look(request: Handler) -> bool:
            looked.append(new.others)
            new.others = max(0, new.others - 1)
            return False

        new.trick("GET /prompt", look, keep=True)
        run(task, new, queue=2)
        assert looked == [4, 3, 2]

    def test_where_they_stay_busy_the_time_is_up(self, new: FakeComfy, task: FakeTask) -> None:
        new.others = 4
        with pytest.raises(TooLateError):
            run(task, new, deadline=0.05)
        assert not new.graphs

    @pytest.mark.parametrize("forget", [True, False])
    def test_the_history_is_deleted_where_that_is_asked_for(
        self, fake: FakeComfy, task: FakeTask, forget: bool
    ) -> None:
        run(task, fake, forget=forget)
        assert bool(fake.history) is not forget
