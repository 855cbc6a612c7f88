"""What an operation must keep to itself: names of files, what is embedded in them, and that it runs at all."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

from librarian.testing.checks import texts_of
from librarian.testing.inputs import SPOKEN
from librarian.testing.subject import Fault, Inputs, Subject
from librarian.testing.trial import TIMEOUT, Trial, check_done, trying
from librarian.workers import requests
from librarian.workers.environment import environment_of, make_cache
from librarian.workers.messages import Message
from librarian.workers.requests import route_of

NAME = "Giulia Rossi +39 06 5550 1234"
"""Stands in the path of each input, and in the tags of sounds that are WAVE files."""
_TELLING = ("Giulia", "Rossi", "5550")


def names_no_one(subject: Subject, folder: Path) -> str:
    """Neither facts, results nor errors hold the name of a file or its tags; clean results nothing that is said."""
    with trying(subject, folder) as trial:
        answer, task = trial.done(named(trial.inputs(), trial.place()))
        outputs = trial.resolved.outputs
        broken = trial.answer(named(trial.inputs(_broken), trial.place()))[0]
    refuse_telling(answer)
    refuse_telling(broken)
    for each in answer["outputs"]:
        if "file" in each:
            content = (task / each["file"]).read_bytes()
            if any(word.encode() in content for word in _TELLING):
                raise Fault(f"the output {each['output']} holds the name or the tags of its input; call it task.unit")
            if outputs[each["output"]].clean and any(word.encode() in content for word in SPOKEN.split()):
                raise Fault(f"the output {each['output']} is declared clean and holds what is said; leave it private")
    return "no name of a file, no tag and nothing said where it may not be"


def refuse_telling(answer: Message) -> None:
    """Refuse an answer that says what its inputs are called, where they are `named`.

    Raises:
        Fault: a text in it does.
    """
    if any(word in text for text in texts_of(answer) for word in _TELLING):
        raise Fault("a fact or an error holds the name of its input; say what is wrong, and never of which file")


def named(given: Inputs, folder: Path) -> Inputs:
    """The same inputs under a name that tells of somebody, with tags where they can be put in."""
    place = folder / NAME
    place.mkdir()

    def renamed(message: Message) -> Message:
        path = Path(message["path"])
        there = place / f"{NAME} {path.name}"
        there.write_bytes(_tagged(path.read_bytes()))
        return {**message, "path": str(there)}

    return {
        port: [renamed(one) for one in each] if isinstance(each, list) else renamed(each)
        for port, each in given.items()
    }


def _tagged(content: bytes) -> bytes:
    """A WAVE file with a title; anything else as it is."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return content
    text = NAME.encode() + b"\0" * (2 - len(NAME) % 2)
    entries = b"INFOINAM" + struct.pack("<I", len(text)) + text
    chunk = b"LIST" + struct.pack("<I", len(entries)) + entries
    return b"RIFF" + struct.pack("<I", len(content) - 8 + len(chunk)) + content[8:] + chunk


def _broken(path: Path) -> None:
    path.write_bytes(b"RIFF\0\0")


def needs_no_network(subject: Subject, folder: Path) -> str:
    """Without hosts it asks for no network at all; with hosts it says `unreachable` where they are not reached."""
    with trying(subject, folder) as trial:
        if trial.resolved.hosts:
            return _says_that_they_are_away(trial)
        found = _watched(trial, folder / "watched")
    if found["attempts"]:
        raise Fault(
            f"it asks for the network ({found['attempts']}×) and declares no hosts; switch that off, or declare"
        )
    check_done(found["answer"])
    return "none is asked for"


def _says_that_they_are_away(trial: Trial) -> str:
    answer, _ = trial.answer(trial.inputs(), hosts=False)
    if answer["type"] == "done":
        return "done without the hosts that it declares"
    if (reason := answer.get("cause", {}).get("reason")) != "unreachable":
        raise Fault(f"where no host is reached it ends with {reason}; raise UnreachableError: it is tried again then")
    return "where no host is reached it says so"


def _watched(trial: Trial, folder: Path) -> Message:
    folder.mkdir()
    message = {**trial.request(trial.inputs()), "folder": str(folder), "id": 1}
    point, package = trial.subject.entry_point, trial.subject.package
    asked = {
        "declare": requests.declare(package, trial.declaration.extension_version, point.name, point.value),
        "run": {**message, "route": route_of(message)},
    }
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "librarian.testing.watched"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env=environment_of(1, make_cache()),
        )
    except subprocess.TimeoutExpired:
        raise Fault(f"a run takes longer than {TIMEOUT:.0f} s; let it end with these settings") from None
    if not done.stdout:
        raise Fault(f"a run ends its process (exit code {done.returncode}); let it return, or raise")
    found: Message = json.loads(done.stdout)
    return found
