from __future__ import annotations

import contextlib
import os
import select
import stat
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from pydantic import ValidationError

from librarian.media import read_audio, write_audio
from librarian.testing import Conformance, FileTask, voice_like
from librarian_program import PROGRAM, ProgramSettings, found
from librarian_program.starting import ProgramError, program, run

RATE = 16000
REVERSE = """
import sys, wave
with wave.open(sys.argv[1]) as file:
    form, data = file.getparams(), file.readframes(file.getnframes())
size = form.nchannels * form.sampwidth
frames = [data[at : at + size] for at in range(0, len(data), size)]
with wave.open(sys.argv[2], "wb") as file:
    file.setparams(form)
    file.writeframes(b"".join(reversed(frames)))
"""
COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"
FILES = ("input.wav", "output.wav")
JOB = """
librarian: 1
name: reversed
recordings: [{{id: tapes, path: '*.wav'}}]
steps: [{{id: back, use: program, with: {{program: {tool}, arguments: [input.wav, output.wav], bits: 16}}}}]
"""


def librarian(folder, *arguments, code=0):
    command = [sys.executable, "-m", "librarian", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def settings_for(code: str, **more) -> dict:
    return {"program": sys.executable, "arguments": ["-ISc", code, *FILES], **more}


class TestProgram(Conformance):
    package = "librarian-program"
    operation = "program"
    settings = MappingProxyType(settings_for(COPY))


@pytest.fixture
def made(tmp_path):
    """What a program makes of samples."""

    def make(code, samples=None, **more):
        task = FileTask(
            tmp_path,
            [voice_like(1.0, RATE) if samples is None else samples],
            RATE,
            ProgramSettings(**settings_for(code, **more)),
        )
        before = set(tmp_path.iterdir())
        try:
            output = program(task)["audio"]
        except ProgramError:
            assert set(tmp_path.iterdir()) == before
            raise
        assert set(tmp_path.iterdir()) - before == {output.value}
        assert set(output.facts) == set(PROGRAM.facts)
        return read_audio(output.value)[0]

    return make


def test_what_the_program_wrote_is_what_comes_out(made):
    samples = np.round(voice_like(1.0, RATE, channels=2) * 2**15) / np.float32(2**15)
    np.testing.assert_array_equal(made(REVERSE, samples, bits=16), samples[:, ::-1])


@pytest.mark.parametrize(
    ("code", "more", "said"),
    [
        ("import sys; sys.exit(3)", {}, "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 11)", {}, "ended with signal 11"),
        ("", {}, r"wrote no file output\.wav"),
        ("import os; os.symlink('input.wav', 'output.wav')", {}, r"wrote no file output\.wav"),
        ("import os; os.mkfifo('output.wav')", {}, r"wrote no file output\.wav"),
        ("open('output.wav', 'w').write('a sound')", {}, "is no sound"),
        (REVERSE.replace("reversed(frames)", "frames[1:]"), {}, "wrote 15999 frames, and the recording has 16000"),
        ("while True: pass", {"timeout": "0.2 s"}, "longer than its time limit"),
        ("open('output.wav', 'wb').write(bytes(1 << 20))", {"largest": "64 KiB"}, "exit code 1"),
        ("import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('output.wav', 'wb').write(bytes(1 << 20))",
         {"largest": "64 KiB"}, "more into a file than its limit"),
    ],
)  # fmt: skip
def test_a_program_that_does_not_do_what_it_should_fails(made, code, more, said):
    with pytest.raises(ProgramError, match=said):
        made(code, **more)


def test_another_length_is_taken_where_that_is_wanted(made):
    assert made(REVERSE.replace("reversed(frames)", "frames[1:]"), length="any").shape == (1, RATE - 1)


def test_it_gets_no_variable_no_name_and_nothing_to_read(tmp_path, monkeypatch):
    monkeypatch.setenv("A_TOKEN", "hidden")
    code = "import os, sys; open('said', 'w').write(repr((sorted(os.environ), os.getcwd(), sys.stdin.read())))"
    run([sys.executable, "-ISc", code], tmp_path, 20.0, 1 << 20)
    names, folder, read = eval((tmp_path / "said").read_text())
    assert set(names) <= {"PATH", "TMPDIR", "OMP_NUM_THREADS", "LC_ALL", "HOME", "LC_CTYPE"}
    assert (Path(folder), read) == (tmp_path, "")


def test_what_takes_too_long_ends_with_what_it_started(tmp_path):
    child = "    import signal\n    signal.pause()"
    code = f"import os\npid = os.fork()\nif pid:\n    open('child', 'w').write(str(pid))\n    os.wait()\nelse:\n{child}"
    with pytest.raises(ProgramError, match="longer than its time limit"):
        run([sys.executable, "-ISc", code], tmp_path, 1.0, 1 << 20)
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(int((tmp_path / "child").read_text()))
        assert select.select([handle], [], [], 20.0)[0] == [handle]
        os.close(handle)


def test_the_program_is_looked_for_before_anything_runs_and_stands_in_the_key(tmp_path):
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(stat.S_IRWXU)
    given = {"program": str(tool), "arguments": FILES}
    first, _ = found(ProgramSettings(**given), {})
    assert len(first.digest) == 64
    assert found(first, {})[0] == first
    tool.write_text("#!/bin/sh\ntrue\n")
    assert found(ProgramSettings(**given), {})[0].digest != first.digest
    with pytest.raises(ValueError, match="the program is another one"):
        found(first, {})
    tool.unlink()
    with pytest.raises(ValueError, match="not installed, or not on PATH"):
        found(ProgramSettings(**given), {})


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"arguments": ["input.wav"]}, r"none names output\.wav"),
        ({"arguments": ["output.wav"]}, r"none names input\.wav"),
        ({"arguments": [*FILES, "a\0b"]}, "zero byte"),
        ({"timeout": 0}, "timeout"),
        ({"program": ""}, "program"),
        ({"digest": "short"}, "digest"),
    ],
)
def test_settings_that_cannot_be_are_refused(more, match):
    with pytest.raises(ValidationError, match=match):
        ProgramSettings(**{"program": "sox", "arguments": FILES, **more})


def test_a_job_by_a_program_of_ones_own(tmp_path):
    tool, archive = tmp_path / "backwards", tmp_path / "archive"
    tool.write_text(f"#!{sys.executable} -IS\n{REVERSE}")
    tool.chmod(0o755)
    archive.mkdir()
    write_audio(archive / "tape.wav", voice_like(1.0, RATE), RATE, audio_format="wav", bits=16, seed=1)
    os.utime(archive / "tape.wav", (1e9, 1e9))
    (archive / "job.yaml").write_text(JOB.format(tool=tool))
    librarian(archive, "run", "job.yaml")
    (made,) = (archive / "library").rglob("*.program.audio.flac")
    np.testing.assert_array_equal(read_audio(made)[0], read_audio(archive / "tape.wav")[0][:, ::-1])
    assert "1 done before" in librarian(archive, "run", "job.yaml").stderr
    for record in (archive / "manifests").iterdir():
        assert "backwards" not in record.read_text()
    tool.unlink()
    done = librarian(archive, "plan", "job.yaml", code=2)
    assert "is not installed, or not on PATH" in done.stderr
