"""What an operation must keep to under strain: odd sounds, an end in the middle, a long recording."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from librarian.errors import REMEMBERED
from librarian.testing.checks import snapshot
from librarian.testing.inputs import HEARD
from librarian.testing.odd import SOUNDS
from librarian.testing.secrecy import named, refuse_telling
from librarian.testing.subject import Fault, NotApplicable, Subject
from librarian.testing.trial import Trial, check_done, trying
from librarian.workers.declared import reason_of
from librarian.workers.messages import Message

_RATE, _CHANNELS = 48000, 2
_BEGIN_SECONDS = 0.5
"""After which a run that says nothing of its progress is taken to have begun."""
_MARK = "LIBRARIAN_TRIAL"
_RESET_PEAK = "5"


def takes_or_refuses_odd_sounds(subject: Subject, folder: Path) -> str:
    """Mono, 5.1, 8 kHz, silent, empty and broken sounds: each is done, or fails by what the recording is."""
    done = []
    with trying(subject, folder) as trial:
        _refuse_deaf(trial)
        trial.done()
        for name, write in SOUNDS.items():
            answer, _ = trial.answer(named(trial.inputs(write), trial.place()))
            refuse_telling(answer)
            if answer["type"] == "done":
                done.append(name)
            else:
                _check_cause(name, answer)
        trial.done()  # nothing of them stays behind
    return f"done: {', '.join(done) or 'none'}; the others are refused by what they are"


def _refuse_deaf(trial: Trial) -> None:
    if not any(port.kind in HEARD for port in trial.declaration.inputs.values()):
        raise NotApplicable("it takes no sound")


def _check_cause(name: str, answer: Message) -> None:
    if answer.get("cause", {}).get("reason") not in REMEMBERED:
        raise Fault(
            f"a sound that is {name} ends with {reason_of(answer) or answer['cause']['reason']}; take it, or raise "
            "UnusableInputError: corrupt, too_short, silent or unsupported"
        )


def starts_again_where_it_was_ended(subject: Subject, folder: Path) -> str:
    """Ended in the middle, it is done by the next try, from what its state says; the same bytes if it promises them."""
    saved: list[Message] = []
    longer = replace(subject, seconds=max(subject.seconds, subject.long))
    for name in ("ended", "again"):
        (folder / name).mkdir()
    with trying(longer, folder / "ended") as trial:
        given = trial.inputs()
        made, promised = snapshot(trial.done(given)[1]), trial.declaration.reproducible == "bytes"
        request = trial.begin(trial.request(given), saved.append)
        if trial.stop_within(request, _BEGIN_SECONDS, lambda: bool(saved)):
            raise NotApplicable("it is done before it can be ended")
    with trying(longer, folder / "again") as trial:
        message = trial.request(given)
        message["state"] = next((each["value"] for each in reversed(saved) if each["type"] == "state"), {})
        answer, task = trial.answer_to(message)
        check_done(answer)
    if promised and snapshot(task) != made:
        raise Fault("ended in the middle and done again it makes other bytes; let task.state hold all that counts")
    return "ended in the middle, it is done by the next try"


def memory_is_as_declared(subject: Subject, folder: Path) -> str:
    """A long sound takes no more main memory, beside what it loads, than the operation declares."""
    if sys.platform != "linux":
        raise NotApplicable("only Linux tells what a process holds")
    mark = os.urandom(8).hex()
    os.environ[_MARK] = mark
    try:
        with trying(subject, folder) as trial:
            _refuse_deaf(trial)
            trial.done()
            longer = replace(subject, seconds=subject.long, rate=_RATE, channels=_CHANNELS)
            given = longer.inputs(trial.declaration, trial.place())
            before = _held(mark)
            trial.done(given)
            took, declared = max(0, _peak(mark) - before), trial.declaration.resources.memory
    finally:
        del os.environ[_MARK]
    said = f"{took / 2**20:.0f} MiB for {subject.long:.0f} s of stereo, {declared / 2**20:.0f} MiB declared"
    if took > declared:
        raise Fault(f"it takes {said}; work in blocks (task.open_audio), or declare Resources(memory=…)")
    return said


def _held(mark: str) -> int:
    """Bytes that the processes with a mark hold; their peaks count from here."""
    for process in _marked(mark):
        with contextlib.suppress(OSError):
            (process / "clear_refs").write_text(_RESET_PEAK)
    return _added(mark, "VmRSS:")


def _peak(mark: str) -> int:
    return _added(mark, "VmHWM:")


def _added(mark: str, what: str) -> int:
    total = 0
    for process in _marked(mark):
        with contextlib.suppress(OSError):
            lines = (process / "status").read_text().splitlines()
            total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith(what))
    return total


def _marked(mark: str) -> list[Path]:
    """The processes that were started with a mark, and what they started."""
    return [process for process in Path("/proc").glob("[0-9]*") if mark in _variables(process)]


def _variables(process: Path) -> str:
    if process.name == str(os.getpid()):
        return ""
    with contextlib.suppress(OSError):
        return (process / "environ").read_bytes().decode(errors="replace")
    return ""
