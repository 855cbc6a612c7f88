"""Where steps compute, and what the record says of those that had too little memory there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from harness import Archive
from units import HEAD, here, outcomes, resolve, sound

from librarian.errors import MissingError
from librarian.job import Job
from librarian.operation import Resources
from librarian.run.devices import device_for, device_of
from librarian.workers.gpus import Gpu

MakeExtension = Callable[..., Path]
TWO = (Gpu("cuda:0", "GPU-a"), Gpu("cuda:1", "GPU-b"))


def job(device: str, **needs: str) -> Job:
    """A job whose steps have these names, each with what it needs of a GPU."""
    found = resolve("".join(f"- {{id: {name}, use: louder, from: talks}}\n" for name in needs), HEAD)
    steps = [
        replace(each, declaration=each.declaration.model_copy(update={"resources": Resources(gpu=needs[each.id])}))
        for each in found.steps
    ]
    run = found.file.run.model_copy(update={"device": device})
    return replace(found, steps=tuple(steps), file=found.file.model_copy(update={"run": run}))


@pytest.mark.parametrize(
    ("device", "needs", "gpus", "expected"),
    [
        ("auto", {"a": "no"}, TWO, "cpu"),
        ("auto", {"a": "no", "b": "optional"}, TWO, "cuda"),
        ("auto", {"a": "optional"}, (), "cpu"),
        ("auto", {"a": "required"}, TWO, "cuda"),
        ("cpu", {"a": "optional"}, TWO, "cpu"),
        ("cuda", {"a": "optional"}, TWO, "cuda"),
        ("cuda", {"a": "no"}, TWO, "cpu"),
        ("cuda:1", {"a": "required"}, TWO, "cuda:1"),
    ],
)
def test_a_job_computes_where_it_can_and_may(
    device: str, needs: Mapping[str, str], gpus: tuple[Gpu, ...], expected: str
) -> None:
    assert device_of(job(device, **needs), find=lambda: gpus) == expected


@pytest.mark.parametrize(
    ("device", "needs", "gpus", "words"),
    [
        ("auto", "required", (), "the step a needs a GPU: none is found"),
        ("cpu", "required", TWO, "the step a needs a GPU: write device: auto"),
        ("cuda", "optional", (), "run.device: no GPU is found on this machine; write device: cpu"),
        ("cuda:2", "optional", TWO, "there is no cuda:2 on this machine; there are cuda:0, cuda:1"),
        ("cuda:2", "no", TWO, "no cuda:2"),
    ],
)
def test_what_is_not_there_is_missing_before_the_first_task(
    device: str, needs: str, gpus: tuple[Gpu, ...], words: str
) -> None:
    with pytest.raises(MissingError, match=words):
        device_of(job(device, a=needs), find=lambda: gpus)


def test_a_job_that_uses_no_gpu_looks_for_none() -> None:
    def find() -> tuple[Gpu, ...]:
        raise AssertionError("it was looked for")

    assert device_of(job("auto", a="no"), find=find) == "cpu"
    assert device_of(job("cpu", a="optional"), find=find) == "cpu"


def test_a_step_that_uses_no_gpu_computes_on_the_cpu() -> None:
    first, second = job("auto", a="no", b="optional").steps
    assert (device_for(first, "cuda"), device_for(second, "cuda")) == ("cpu", "cuda")


HUNGRY = """
from librarian import Audio, Field, Operation, Settings, hookimpl

class HungrySettings(Settings):
    window: float = Field(8.0, description="Window (s).")
    model: str = Field("large", description="Model.")

def ladder(settings):
    return [{"window": settings.window / 2}, {"window": settings.window / 2, "model": "the small one"}]

def run(task):
    if task.settings.model == "large": raise MemoryError
    return {"audio": task.write_audio("audio", *task.read_audio("audio"))}

@hookimpl
def librarian_operations():
    return [Operation(name="hungry", version="1", run=f"{__name__}:run", settings=HungrySettings, ladder=ladder,
                      inputs={"audio": Audio}, outputs={"audio": Audio}, description="Hungry.")]
"""


def job_of(archive: Archive, operation: str) -> None:
    archive.job(
        json.dumps(
            {
                "librarian": 1,
                "name": "memory",
                "recordings": [{"id": "calls", "path": "calls/*.wav"}],
                "steps": [{"id": "a", "use": operation}],
            }
        )
    )


def test_what_was_done_with_less_memory_is_degraded_and_the_record_says_how(
    calls: Archive, make_extension: MakeExtension
) -> None:
    make_extension("hungry", HUNGRY)
    job_of(calls, "hungry")
    here(calls, "run", "job.yaml", "--workers", "0")
    lines = outcomes(calls)
    assert {line["outcome"] for line in lines} == {"degraded"}
    assert {line["cause"]["reason"] for line in lines} == {"out_of_memory"}
    assert lines[0]["document"]["settings"]["window"] == 8.0  # the key is that of what was asked for
    for line in lines:
        assert line["rungs"][-1]["settings"]["window"] == 4.0
        assert line["rungs"][-1]["settings"]["model"].startswith("text:")
    (manifest,) = (calls.root / "manifests").glob("*.jsonl")
    assert "the small one" not in manifest.read_text()
    shown = here(calls, "show", lines[0]["produced"][0]["id"]).stdout
    assert "for memory  window 4, then model (a text), window 4" in shown
    here(calls, "verify", "--read-data")
    here(calls, "run", "job.yaml", "--workers", "0")
    assert outcomes(calls) == []
    here(calls, "run", "job.yaml", "--workers", "0", "--redo", "degraded")
    assert len(outcomes(calls)) == len(lines)


SPLIT = """
import os
from librarian import Audio, Operation, Settings, hookimpl

class NoSettings(Settings):
    pass

class Split:
    batch = 2
    def __init__(self, settings, device):
        self.done = 0
    def read(self, task):
        (task.folder / "begun.tmp").write_text("x")
        return task.read_audio("audio")
    def compute(self, sounds):
        self.done += len(sounds)
        if any(sound.shape[1] == 8000 for sound, rate in sounds): os._exit(3)
        return sounds
    def write(self, task, sound):
        (task.folder / "begun.tmp").unlink()
        # Nothing is left of the try before, in another worker's folder.
        assert len(list(task.folder.parent.parent.glob(f"*/{task.folder.name}"))) == 1
        return {"audio": task.write_audio("audio", *sound)}

@hookimpl
def librarian_operations():
    return [Operation(name="split", version="1", run=f"{__name__}:Split", settings=NoSettings,
                      inputs={"audio": Audio}, outputs={"audio": Audio}, description="Split.")]
"""


def test_a_recording_that_ends_a_worker_full_of_others_is_the_only_one_to_fail(
    archive: Archive, make_extension: MakeExtension
) -> None:
    make_extension("split", SPLIT)
    for number in range(1, 13):
        sound(Path(archive.root / "calls" / f"{number}.wav"), number, 1.0 if number == 7 else 0.3)
    job_of(archive, "split")
    archive.librarian("run", "job.yaml", "--workers", "1", code=1)
    lines = outcomes(archive)
    assert sorted(line["outcome"] for line in lines) == ["done"] * 11 + ["failed"]
    (failed,) = (line for line in lines if line["outcome"] == "failed")
    assert failed["cause"]["exit_code"] == 3
    archive.librarian("verify", "--read-data")
    assert not (archive.root / "library" / ".staging").exists()
