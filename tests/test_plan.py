"""The plan: what there is to do for a recording, and why."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger

from librarian.job import AudioFormat, Family, Job, JobFile, Recording, Sighting, Source, Step
from librarian.keys import IdKey
from librarian.manifest.records import Cause, OutcomeLine, Produced
from librarian.operation import TEXT, Declaration, Port, Resources
from librarian.plan import Absent, Planner, Policy, Result, Shape, Task, Weave, differences, seal_texts, units_of
from librarian.recordings import Scan
from librarian.recordings.sightings import Sightings
from librarian.run.order import Order
from librarian.run.standing import placed

AUDIO, REPORT = Port(kind="audio"), Port(kind="measurements/1", clean=True)
UNITS = {"target": "LUFS", "ceiling": "dBTP", "window": "s"}
SCHEMA = {"properties": {name: {"unit": unit, "unit_by": {"mode": {"b": "dBFS"}}} for name, unit in UNITS.items()}}
TARGET = {"target": -16.0}
FLAC = AudioFormat()


def recording(content: bytes = b"1", entries: str = "a", earlier: str = "") -> Recording:
    sha256 = hashlib.sha256(content).hexdigest()
    sighting = Sighting(entries[0], "/archive/a.wav", len(content), 1, 2, 3, 4)
    return Recording(ID_KEY.recording(sha256), sighting, frozenset(entries), sha256, earlier=frozenset(earlier))


def step(
    name: str = "voice",
    settings: Mapping[str, Any] = TARGET,
    *,
    use: str = "librarian-normalization/normalize",
    version: str = "1",
    given: tuple[str, ...] = ("target",),
    models: Mapping[str, str] | None = None,
    sound: AudioFormat | None = FLAC,
    **sources: str,
) -> Step:
    """A step; its sources are port=`entry` or port=`step.output`, several with spaces between."""
    package, _, operation = use.partition("/")
    outputs = {"audio": AUDIO, "report": REPORT} if sound else {"report": REPORT}
    inputs = {port: tuple(map(source, names.split())) for port, names in (sources or {"audio": "a"}).items()}
    declaration = Declaration(
        extension=package,
        extension_version="1.0",
        name=operation,
        version=version,
        description="",
        settings_schema=SCHEMA,
        inputs=dict.fromkeys(inputs, AUDIO),
        outputs=outputs,
        facts={},
        each="recording",
        resources=Resources(),
        reproducible="bytes",
        models=(),
        hosts=(),
        clears=False,
    )
    return Step(name, declaration, settings, settings, given, models or {}, inputs, outputs, sound)


def source(name: str) -> Source:
    place, _, output = name.partition(".")
    return Source(step=place, output=output) if output else Source(entry=place)


def check(**more: Any) -> Step:
    """A step that hangs on `voice`."""
    more = {"use": "librarian-normalization/measure", "sound": None, "given": ()} | more
    return step("check", {"window": 0.4}, input="voice.audio", **more)


def job(*steps: Step, name: str = "calls", entries: str = "ab") -> Job:
    document = {
        "librarian": 1,
        "name": name,
        "recordings": [{"id": entry, "path": "*"} for entry in entries],
        "steps": [{"id": each.id, "use": "normalize"} for each in steps],
    }
    return Job(JobFile.model_validate(document), b"", Path("/"), steps)


def tasks_of(planner: Planner, job: Job, recording: Recording) -> list[Task]:
    """The tasks of a recording, in the order of the job's steps, where each that can be done ends well."""
    family = Family((recording,))
    weave = Weave(Shape(job, job.steps), job.steps, ID_KEY, units_of(family), family=family)
    found: dict[str, Task] = {}
    while node := weave.ready():
        task = planner.task(node)
        if not node.silent:
            found[node.step.id] = task
        weave.decide(node, Result(task.key, not node.lost), {})
    assert not weave
    return [found[step.id] for step in job.steps if step.id in found]


class Bench(Ledger):
    """A library that jobs are planned over, and run as far as the record goes."""

    def plan(self, job: Job, *recordings: Recording, upgrade: bool = False) -> list[Task]:
        with contextlib.closing(self.catalog()) as catalog:
            planner = Planner(job, catalog, ID_KEY, placed(self.library), Policy(upgrade=upgrade))
            return [task for each in recordings or (recording(),) for task in tasks_of(planner, job, each)]

    def say(self, job: Job, *recordings: Recording, upgrade: bool = False) -> list[tuple[str, str, str]]:
        return [(task.step.id, task.state, task.why) for task in self.plan(job, *recordings, upgrade=upgrade)]

    def run(self, job: Job, *recordings: Recording, upgrade: bool = False, outcome: str = "done") -> list[Task]:
        """Write the lines that a run would."""
        tasks = self.plan(job, *recordings, upgrade=upgrade)
        self.write(*(self.line(job, task, outcome) for task in tasks if task.state != "current"))
        return tasks

    def line(self, job: Job, task: Task, outcome: str) -> OutcomeLine:
        details: dict[str, Any] = {"outcome": outcome}
        if task.state == "elsewhere":
            details = {"outcome": "cached"}
        elif outcome == "done":
            produced = [self.artifact(task, output) for output in task.step.outputs]
            details |= {"folder": task.folder, "produced": produced, "replaces": task.redo}
        else:
            details["cause"] = Cause(reason="too_short")
        made: dict[str, Any] = {"key": task.key or None, "document": dict(task.document) or None}
        if outcome == "skipped":  # what it would have been made from is not there
            made = {"key": None, "document": None}
        return OutcomeLine.model_validate(
            {
                **{"job_name": job.name, "step": task.step.id, "unit": task.unit},
                **{"given": list(task.step.given), **made, **details},
            }
        )

    def artifact(self, task: Task, output: str) -> Produced:
        path = self.library / task.folder / f"{task.unit}.{task.step.declaration.name}.{output}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(output.encode())
        digest = ID_KEY.content(hashlib.sha256(output.encode()).hexdigest(), private=True)
        return Produced.model_validate(
            {
                **{"id": ID_KEY.artifact(task.key, output), "output": output, "kind": "audio", "file": path.name},
                **{"bytes": len(output), "digest": digest, "private": True, "facts": {}},
            }
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class TestKeys:
    def test_a_task_says_how_it_is_made_before_anything_is(self, bench: Bench) -> None:
        voice, checked = bench.plan(job(step(), check()))
        unit = recording().id
        assert voice.document == {
            "schema": 1,
            "operation": "librarian-normalization/normalize",
            "version": "1",
            "settings": {"target": -16.0},
            "models": {},
            "inputs": [["audio", "", unit]],
            "audio": {"format": "flac", "bits": 24},
        }
        made = ID_KEY.artifact(ID_KEY.task(voice.document), "audio")
        assert (voice.unit, checked.unit) == (unit, unit)
        assert voice.key == ID_KEY.task(voice.document)
        assert voice.folder == f"{unit[4:6]}/{unit}/normalize-{voice.key[:8]}"
        assert checked.document["inputs"] == [["input", "", made]]
        assert checked.document["audio"] is None
        assert [(each.step, each.output, each.id) for each in checked.inputs] == [("voice", "audio", made)]

    def test_whatever_can_change_the_result_changes_the_key(self, bench: Bench) -> None:
        steps = [
            step(),
            step(settings={"target": -20.0}),
            step(settings={"target": -16.0, "more": None}),
            step(version="2"),
            step(use="librarian-normalization/measure"),
            step(use="other/normalize"),
            step(models={"vad": "sha256:" + "0" * 64}),
            step(sound=AudioFormat(bits=16)),
            step(sound=None),
            step(port="a"),
        ]
        keys = {bench.plan(job(each))[0].key for each in steps}
        keys |= {bench.plan(job(step()), recording(b"2"))[0].key}
        assert len(keys) == len(steps) + 1

    def test_what_cannot_does_not(self, bench: Bench) -> None:
        (plain,) = bench.plan(job(step()))
        for other in (
            *bench.plan(job(step("other"), name="others")),
            *bench.plan(job(step(given=()))),
            *bench.plan(job(replace(step(), settings={"target": -16.0, "workers": 5}))),
            *bench.plan(job(step(audio="a b"))),
        ):
            assert other.key == plain.key

    def test_inputs_stand_in_the_order_of_ports(self, bench: Bench) -> None:
        both = step("both", right="voice.audio", left="a")
        task = bench.plan(job(step(), both))[1]
        assert [each[0] for each in task.document["inputs"]] == ["left", "right"]

    def test_another_project_has_other_keys(self, bench: Bench) -> None:
        with contextlib.closing(bench.catalog()) as catalog:
            planner = Planner(job(step()), catalog, IdKey(b"x" * 32), placed(bench.library))
            (other,) = tasks_of(planner, job(step()), recording())
        assert other.key != bench.plan(job(step()))[0].key


class TestStates:
    def test_new(self, bench: Bench) -> None:
        assert bench.say(job(step(), check())) == [("voice", "todo", "new"), ("check", "todo", "new")]

    def test_current(self, bench: Bench) -> None:
        bench.run(job(step(), check()))
        assert bench.say(job(step(), check())) == [("voice", "current", ""), ("check", "current", "")]
        assert bench.say(job(step(), check()), upgrade=True) == [("voice", "current", ""), ("check", "current", "")]

    def test_another_recording_is_new(self, bench: Bench) -> None:
        bench.run(job(step()))
        assert bench.say(job(step()), recording(b"2")) == [("voice", "todo", "new")]

    @pytest.mark.parametrize("other", [job(step(), name="others"), job(step("other"))])
    def test_made_elsewhere(self, bench: Bench, other: Job) -> None:
        bench.run(job(step()))
        ((_, state, why),) = bench.say(other)
        assert (state, why) == ("elsewhere", "")
        bench.run(other)
        ((_, state, why),) = bench.say(other)
        assert (state, why) == ("current", "")

    def test_what_was_current_before_is_made_already(self, bench: Bench) -> None:
        bench.run(job(step()))
        bench.run(job(step(settings={"target": -20.0})))
        assert bench.say(job(step())) == [("voice", "elsewhere", "")]

    @pytest.mark.parametrize(("outcome", "state"), [("failed", "known"), ("skipped", "todo")])
    def test_what_did_not_end_well_is_remembered_where_it_would_end_so_again(
        self, bench: Bench, outcome: str, state: str
    ) -> None:
        bench.run(job(step()), outcome=outcome)
        assert bench.say(job(step())) == [("voice", state, f"{outcome} before: too short")]

    def test_what_failed_under_one_job_and_was_made_under_another(self, bench: Bench) -> None:
        bench.run(job(step()), outcome="failed")
        bench.run(job(step(), name="others"))
        assert bench.say(job(step())) == [("voice", "elsewhere", "")]

    def test_a_missing_file(self, bench: Bench) -> None:
        bench.run(job(step(), check()))
        next(bench.library.rglob("*.audio.bin")).unlink()
        assert bench.say(job(step(), check())) == [("voice", "todo", "result missing"), ("check", "current", "")]
        voice, _ = bench.run(job(step(), check()))
        assert voice.redo
        assert bench.say(job(step(), check())) == [("voice", "current", ""), ("check", "current", "")]

    def test_a_file_of_another_size(self, bench: Bench) -> None:
        bench.run(job(step()))
        next(bench.library.rglob("*.report.bin")).write_bytes(b"")
        assert bench.say(job(step())) == [("voice", "todo", "result missing")]

    def test_one_made_elsewhere_that_is_missing(self, bench: Bench) -> None:
        bench.run(job(step()))
        next(bench.library.rglob("*.audio.bin")).unlink()
        (task,) = bench.plan(job(step("other")))
        assert (task.state, task.why, task.redo) == ("todo", "result missing", True)

    def test_a_suspect(self, bench: Bench) -> None:
        voice, _ = bench.run(job(step(), check()))
        with contextlib.closing(bench.catalog()) as catalog:
            catalog.suspect([ID_KEY.artifact(voice.key, "report")])
        assert bench.say(job(step(), check())) == [("voice", "todo", "suspect"), ("check", "current", "")]
        bench.run(job(step(), check()))
        assert bench.say(job(step(), check())) == [("voice", "current", ""), ("check", "current", "")]

    def test_a_recording_that_cannot_be_read(self, bench: Bench) -> None:
        unreadable = recording()._replace(id=ID_KEY.unreadable(b"/a"), sha256="", reason="gone")
        tasks = bench.plan(job(step(), check()), unreadable)
        assert [(task.state, task.why, task.key, task.folder) for task in tasks] == [
            ("todo", "cannot be read", "", ""),
            ("todo", "lacks something that it needs", "", ""),
        ]
        assert [(task.unit, task.inputs, dict(task.document)) for task in tasks] == [(unreadable.id, (), {})] * 2
        assert [task.absent for task in tasks] == [
            (Absent("audio", "", unreadable.id, ""),),
            (Absent("input", "", unreadable.id, "voice"),),
        ]


class TestWhatTheOwnerChanges:
    @pytest.mark.parametrize(
        ("before", "after", "why"),
        [
            ({"target": -16.0}, {"target": -20.0}, "target −16 → −20 LUFS"),
            ({"target": -16.0}, {"target": 1e-07}, "target −16 → 1e−07 LUFS"),
            ({"target": 44100.5}, {"target": 16777216.0}, "target 44100.5 → 16777216 LUFS"),
            ({"target": -16.0, "n": 1}, {"target": -16.0, "n": -2}, "n 1 → −2"),
            ({"target": -16.0, "n": 1}, {"target": -16.0, "n": True}, "n 1 → True"),
            ({"target": -16.0, "n": 1}, {"target": -16.0, "n": None}, "n 1 → default"),
            ({"target": -16.0}, {"target": -16.0, "n": None}, "n default → default"),
            ({"target": -16.0, "mode": "a"}, {"target": -16.0, "mode": "b"}, "mode a → b"),
            ({"target": -16.0, "mode": "b"}, {"target": -20.0, "mode": "b"}, "target −16 → −20 dBFS"),
            ({"target": -16.0, "mode": ["b"]}, {"target": -20.0, "mode": ["b"]}, "target −16 → −20 LUFS"),
            ({"target": -16.0, "say": "text:a"}, {"target": -16.0, "say": "text:b"}, "say changed"),
            ({"target": -16.0, "say": [["text:a", 1]]}, {"target": -16.0, "say": []}, "say changed"),
            ({"target": -16.0, "ceiling": -1.0}, {"target": -20.0, "ceiling": -2.0},
             "ceiling −1 → −2 dBTP, target −16 → −20 LUFS"),
        ],
    )  # fmt: skip
    def test_settings(self, bench: Bench, before: dict[str, Any], after: dict[str, Any], why: str) -> None:
        given = ("target", "ceiling", "n", "mode", "say")
        bench.run(job(step(settings=before, given=given), check()))
        assert bench.say(job(step(settings=after, given=given), check())) == [
            ("voice", "todo", why),
            ("check", "todo", "its input changed"),
        ]

    def test_a_setting_that_he_took_back(self, bench: Bench) -> None:
        bench.run(job(step(settings={"target": -20.0}, given=("target",))))
        default = job(step(settings={"target": -16.0}, given=()))
        assert bench.say(default) == [("voice", "todo", "target −20 → −16 LUFS")]

    def test_how_sound_is_written(self, bench: Bench) -> None:
        bench.run(job(step()))
        wav = job(step(sound=AudioFormat(format="wav", bits=16)))
        assert bench.say(wav) == [("voice", "todo", "audio flac 24 → wav 16")]
        assert bench.say(job(step(sound=None))) == [("voice", "todo", "audio flac 24 → none")]

    def test_the_operation(self, bench: Bench) -> None:
        bench.run(job(step()))
        assert bench.say(job(step(use="other/normalize"))) == [
            ("voice", "todo", "operation librarian-normalization/normalize → other/normalize")
        ]

    def test_where_the_input_comes_from(self, bench: Bench) -> None:
        bench.run(job(step(), step("again", input="voice.audio")))
        assert bench.say(job(step(), step("again", input="a")))[1] == ("again", "todo", "its input changed")

    def test_what_hangs_on_nothing_that_changed_stands(self, bench: Bench) -> None:
        other = step("other", {"target": -30.0})
        bench.run(job(step(), other))
        assert bench.say(job(step(settings={"target": -20.0}), other))[1] == ("other", "current", "")


class TestWhatIsInstalled:
    """A new version, model or default is followed with --upgrade, or where the owner changes something as well."""

    CHANGES = (
        pytest.param({"version": "2"}, "version 1 → 2", id="version"),
        pytest.param({"models": {"vad": "sha256:" + "1" * 64}}, "vad changed", id="model"),
        pytest.param({"settings": {"target": -16.0, "ceiling": -2.0}}, "ceiling −1 → −2 dBTP", id="default"),
        pytest.param({"settings": {"target": -16.0}}, "ceiling −1 → default dBTP", id="default gone"),
        pytest.param(
            {"settings": {"target": -16.0, "ceiling": -1.0, "window": 1.0}}, "window default → 1 s", id="new default"
        ),
        pytest.param(
            {"settings": {"target": -16.0, "ceiling": -1.0, "window": None}}, "window default → default s", id="null"
        ),
    )
    OLD: Mapping[str, Any] = {
        "settings": {"target": -16.0, "ceiling": -1.0},
        "models": {"vad": "sha256:" + "0" * 64},
        "version": "1",
    }

    @pytest.fixture
    def done(self, bench: Bench) -> Bench:
        bench.run(job(step(**self.OLD), check()))
        return bench

    @pytest.mark.parametrize(("change", "why"), CHANGES)
    def test_it_waits_for_upgrade(self, done: Bench, change: dict[str, Any], why: str) -> None:
        old, new = job(step(**self.OLD), check()), job(step(**{**self.OLD, **change}), check())
        before = done.plan(old)
        kept = done.plan(new)
        assert [(task.state, task.why) for task in kept] == [("current", "")] * 2
        assert [(task.key, task.folder, task.document) for task in kept] == [
            (task.key, task.folder, task.document) for task in before
        ]
        assert done.say(new, upgrade=True) == [("voice", "todo", why), ("check", "todo", "its input changed")]

    @pytest.mark.parametrize(("change", "why"), CHANGES)
    def test_it_comes_along_with_what_the_owner_changed(self, done: Bench, change: dict[str, Any], why: str) -> None:
        merged = {**self.OLD, **change}
        merged["settings"] = {**merged["settings"], "target": -20.0}
        ((_, state, said), _) = done.say(job(step(**merged), check()))
        assert state == "todo"
        assert sorted(said.split(", ")) == sorted([why, "target −16 → −20 LUFS"])

    @pytest.mark.parametrize(("change", "why"), CHANGES)
    def test_what_has_to_be_made_again_is_made_by_it_and_its_key_says_so(
        self, done: Bench, change: dict[str, Any], why: str
    ) -> None:
        new = job(step(**{**self.OLD, **change}), check())
        next(done.library.rglob("*.audio.bin")).unlink()
        voice, checked = done.run(new)
        assert (voice.state, voice.why, voice.redo) == ("todo", f"result missing, {why}", False)
        assert voice.document["version"] == new.steps[0].declaration.version
        assert voice.document["settings"] == new.steps[0].public
        assert voice.document["models"] == new.steps[0].models
        assert checked.why == "its input changed"
        assert done.say(new) == [("voice", "current", ""), ("check", "current", "")]

    def test_a_result_of_the_new_one_takes_the_place_of_one_that_is_missing(self, done: Bench) -> None:
        new = job(step(**{**self.OLD, "version": "2"}), check())
        next(done.library.rglob("*.audio.bin")).unlink()
        done.run(job(*new.steps, name="others"))
        assert done.say(new) == [("voice", "elsewhere", ""), ("check", "elsewhere", "")]

    def test_what_failed_is_tried_with_it(self, bench: Bench) -> None:
        bench.run(job(step(version="1")), outcome="failed")
        (task,) = bench.plan(job(step(version="2")))
        assert (task.why, task.document["version"]) == ("failed before: too short", "2")

    def test_recordings_that_came_later_are_made_by_it(self, done: Bench) -> None:
        new = job(step(**{**self.OLD, "version": "2"}), check())
        tasks = done.plan(new, recording(), recording(b"2"))
        assert [task.document["version"] for task in tasks if task.step.id == "voice"] == ["1", "2"]

    def test_a_default_that_the_owner_writes_down_changes_nothing(self, done: Bench) -> None:
        written = job(step(**self.OLD, given=("ceiling", "target")), check())
        assert done.say(written) == [("voice", "current", ""), ("check", "current", "")]

    def test_a_default_that_he_once_wrote_down_is_his(self, bench: Bench) -> None:
        bench.run(job(step(settings={"target": -16.0, "ceiling": -1.0}, given=("ceiling", "target"))))
        ((_, state, why),) = bench.say(job(step(settings={"target": -16.0, "ceiling": -2.0}, given=("target",))))
        assert (state, why) == ("todo", "ceiling −1 → −2 dBTP")


class TestWhichSteps:
    JOB = job(
        step("one", audio="a"),
        step("two", {"target": -1.0}, audio="b"),
        step("three", {"target": -2.0}, audio="a b"),
        step("four", {"target": -3.0}, audio="two.audio"),
        step("five", {"target": -4.0}, left="a", right="b"),
    )

    @pytest.mark.parametrize(
        ("entries", "earlier", "expected"),
        [
            ("a", "", ["one", "three"]),
            ("b", "", ["two", "three", "four"]),
            ("ab", "", ["one", "two", "three", "four", "five"]),
            ("ab", "a", ["two", "four", "five"]),
            ("ab", "b", ["one", "five"]),
            ("ab", "ab", []),
            ("c", "", []),
        ],
    )
    def test_apply_to_a_recording(self, bench: Bench, entries: str, earlier: str, expected: list[str]) -> None:
        tasks = bench.plan(self.JOB, recording(entries=entries, earlier=earlier))
        assert [task.step.id for task in tasks] == expected

    def test_one_recording_in_two_entries_is_one_input(self, bench: Bench) -> None:
        for entries in ("a", "b", "ab"):
            three = {task.step.id: task for task in bench.plan(self.JOB, recording(entries=entries))}["three"]
            assert len(three.inputs) == 1
            assert three.key == bench.plan(self.JOB, recording(entries="a"))[1].key

    def test_as_many_as_are_expected(self, bench: Bench) -> None:
        files = [recording(b"1", "a"), recording(b"2", "b"), recording(b"3", "b")]
        planned = [task.step.id for task in bench.plan(self.JOB, *files)]
        found = Scan(Sightings(each.sighting for each in files), [(each.sighting,) for each in files])
        expected = Order(self.JOB, found, self.JOB.steps).expected(Shape(self.JOB, self.JOB.steps))
        assert expected == {step.id: planned.count(step.id) for step in self.JOB.steps}


class TestPurity:
    def test_the_same_plan_every_time_and_nothing_is_written(self, bench: Bench) -> None:
        bench.run(job(step(), check()))
        bench.run(job(step(settings={"target": -20.0})), recording(b"2"), outcome="failed")
        changed = job(step(settings={"target": -18.0}), check(), step("more", audio="b"))
        files = [recording(), recording(b"2"), recording(b"3", "ab")]
        with contextlib.closing(bench.catalog()) as catalog:
            before = catalog._db.total_changes, sorted(bench.library.rglob("*")), bench.index.read_bytes()
            first, second = (
                [tasks_of(Planner(changed, catalog, ID_KEY, placed(bench.library)), changed, each) for each in order]
                for order in (files, files[::-1])
            )
            assert first == second[::-1]
            assert (catalog._db.total_changes, sorted(bench.library.rglob("*")), bench.index.read_bytes()) == before
        assert len({task.key for tasks in first for task in tasks}) == 7

    def test_the_order_in_which_things_are_written_down_does_not_matter(self, bench: Bench) -> None:
        one = step(settings={"target": -16.0, "ceiling": -1.0}, models={"a": "sha256:" + "0" * 64, "b": "sha256:0"})
        other = step(settings={"ceiling": -1.0, "target": -16.0}, models={"b": "sha256:0", "a": "sha256:" + "0" * 64})
        assert bench.plan(job(one))[0].key == bench.plan(job(other))[0].key


class TestDifferences:
    def test_are_those_that_the_key_sees(self) -> None:
        values: list[Any] = [None, True, 1, 1.0, -0.0, 0.0, 0, False, "1", [], [None]]
        for old in values:
            for new in values:
                one, other = {"settings": {"x": old}}, {"settings": {"x": new}}
                assert bool(list(differences(one, other))) == (ID_KEY.task(one) != ID_KEY.task(other)), (old, new)
        assert list(differences({"settings": {}}, {"settings": {"x": None}})) == [("settings", "x", None, None)]

    def test_in_every_part(self) -> None:
        old = {"schema": 1, "operation": "a", "version": "1", "inputs": [], "audio": None, "models": {}, "settings": {}}
        for part, value in {
            **{"schema": 2, "operation": "b", "version": "2", "inputs": [["a", "", "b"]], "audio": {"bits": 16}},
            **{"models": {"x": "y"}, "settings": {"x": 1}},
        }.items():
            assert [each[0] for each in differences(old, old | {part: value})] == [part]


class TestTexts:
    def texts(self, value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            value = [*value.keys(), *value.values()]
        if isinstance(value, (list, tuple)):
            for each in value:
                yield from self.texts(each)
        else:
            yield str(value)

    def test_free_text_is_put_out_of_sight(self, bench: Bench) -> None:
        secret = "a portrait of Mary Jones"
        settings = {
            "prompt": {TEXT: secret},
            "mode": "fine",
            "number": 1.5,
            "replace": [[{TEXT: "Mary"}, {TEXT: "Anna"}], [{TEXT: secret}, None]],
            "deep": {"er": {"text": {TEXT: ""}}},
        }
        open_job = job(step(settings=settings))
        sealed, texts = seal_texts(open_job, ID_KEY)
        assert texts == {ID_KEY.text(text): text for text in (secret, "Mary", "Anna", "")}
        assert sealed.steps[0].public == {
            "prompt": ID_KEY.text(secret),
            "mode": "fine",
            "number": 1.5,
            "replace": [[ID_KEY.text("Mary"), ID_KEY.text("Anna")], [ID_KEY.text(secret), None]],
            "deep": {"er": {"text": ID_KEY.text("")}},
        }
        (task,) = bench.run(sealed)
        assert not any("Mary" in text or TEXT in text for text in self.texts(dict(task.document)))
        assert sealed.steps[0].settings == open_job.steps[0].public == settings
        assert not any(b"Mary" in path.read_bytes() for path in bench.manifests.iterdir())

    def test_another_text_is_another_key_and_is_not_shown(self, bench: Bench) -> None:
        def with_text(text: str) -> Job:
            return seal_texts(job(step(settings={"prompt": {TEXT: text}}, given=("prompt",))), ID_KEY)[0]

        bench.run(with_text("Mary"))
        assert bench.say(with_text("Mary")) == [("voice", "current", "")]
        assert bench.say(with_text("Anna")) == [("voice", "todo", "prompt changed")]
