"""Recordings of which it is known what is said, and an extension that writes it down: for tests of what finds it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile
from harness import KEY, Archive, install

RATE = 8000
SAID = {
    1: ("en", "1:And the Holy Fire came down. 2:Hospital, the night shift? 1:Holy smoke! zqxa Ottilie \x1b[31msaid so"),
    2: ("de", "1:Die Größe der Straße war uns egal. 2:Müller sagte: über die Brücke! 1:zqxfederleicht"),
    3: ("fr-CA", "1:C’était à l’hôpital, l’été de la grande grève. 2:Ça va, école finie. 1:Holy fire? Non."),
    4: ("ru", "1:Чайковский ещё не спал, ёлка горела. 2:Всё хорошо"),
    5: ("ja", "1:東京 に 行く と がく が 待っ て いる 。 2:東 の 京都 へ 。"),
}
"""Seconds of sound → the language, and what is said: a word each half second; who speaks stands before a word."""
CODE = f"""
from librarian import Audio, Fact, Field, Many, Measurement, Measurements, Operation, Output, Settings, Word, Words, \\
    hookimpl

SAID = {SAID!r}

class SaySettings(Settings):
    more: str = Field("", description="What is said at the end.")

def say(task):
    language, text = SAID[task.inputs["audio"].frames // {RATE}]
    words, speaker = [], 1
    for number, word in enumerate([*text.split(), *task.settings.more.split()]):
        if word[:2] in ("1:", "2:"):
            speaker, word = int(word[0]), word[2:]
        words.append(Word(start=number / 2, end=number / 2 + 0.4, text=word, speaker=speaker))
    return {{"words": Output(Words(language=language, words=words), {{"speakers": 2, "words": len(words)}})}}

def level(task):
    seconds = task.inputs["audio"].frames // {RATE}
    report = Measurements(measurements=[Measurement(name="level", value=seconds)])
    return {{"report": Output(report, {{"loudness": -20.0 - 5 * seconds, "result": "measured", "still": seconds > 2}})}}

def chop(task):
    sound, rate = task.read_audio("audio")
    halves = (sound[:, : sound.shape[1] // 2], sound[:, : sound.shape[1] // 2])
    return {{"pieces": [task.write_audio("pieces", half, rate) for half in halves]}}

@hookimpl
def librarian_operations():
    common = {{"version": "1", "description": "For a test.", "reproducible": "bytes", "inputs": {{"audio": Audio}}}}
    return [
        Operation(name="say", run=f"{{__name__}}:say", settings=SaySettings, outputs={{"words": Words}},
                  facts={{"speakers": Fact("Of it."), "words": Fact("Of it.")}}, **common),
        Operation(name="level", run=f"{{__name__}}:level", settings=Settings, outputs={{"report": Measurements}},
                  facts={{"loudness": Fact("Of it.", "LUFS"), "result": Fact("What came.", words=("measured",)),
                         "still": Fact("Whether it is quiet.")}}, **common),
        Operation(name="chop", run=f"{{__name__}}:chop", settings=Settings,
                  outputs={{"pieces": Many(Audio)}}, **common),
    ]
"""
JOB = r"""
librarian: 1
name: heard
recordings:
  - {{id: heard, path: 'tapes/*.wav', label: 'T-\d'}}
steps:
  - {{id: words, use: say{more}}}
  - {{id: level, use: level}}
"""
WRITTEN = 1_600_000_000
"""When the file of the first was written, in September 2020 (s since 1970); the second a hundred days later, and so
on."""
DAYS = 100


def archive_in(root: Path) -> Archive:
    """A project after a run over the recordings."""
    (root / "tapes").mkdir(parents=True)
    for number in SAID:
        path = root / "tapes" / f"Ottilie T-{number}.wav"
        noise = 0.1 * np.random.default_rng(number).standard_normal(RATE * number)
        soundfile.write(path, noise, RATE)
        written = WRITTEN + (number - 1) * DAYS * 86400
        os.utime(path, (written, written))
    archive = Archive(root, {"LIBRARIAN_KEY": KEY})
    install(root.parent / "site", archive, "saying", CODE)
    archive.job(JOB.format(more=""))
    archive.librarian("run", "job.yaml")
    return archive
