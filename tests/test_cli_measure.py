"""`librarian measure`: sound files measured by workers, without a project, and without a name in what leaves."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile as sf
from asking import on_a_terminal
from harness import RECORDINGS, Archive

from librarian.audio.quality import Quality
from librarian.cli import measurements, picture
from librarian.cli.measurements import SHOWN, curves_of, notable, values_of
from librarian.errors import MissingError, UsageError
from librarian.files import stat_key
from librarian.privacy.vault import Vault
from librarian.testing.sound import tone, voice_like

RATE = 48000
NAME = "Anna Beispiel 079 345 12 12"


@pytest.fixture
def sounds(archive: Archive) -> Archive:
    """A folder with a tone of −23 LUFS, a voice, silence, a sound that is too short, and a file that is none."""
    write(archive, f"{NAME}.wav", tone(1000, 20, RATE, level=-23, channels=2))
    write(archive, "voice.flac", voice_like(5, RATE))
    write(archive, "silence.wav", np.zeros((2, RATE), np.float32))
    write(archive, "short.wav", voice_like(0.1, RATE))
    (archive.root / "broken.wav").write_bytes(b"RIFF and nothing")
    return archive


def write(archive: Archive, name: str, samples: np.ndarray[Any, Any], rate: int = RATE) -> Path:
    path = archive.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, samples.T, rate)
    return path


def told(archive: Archive, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    def no_constants(name: str) -> None:
        raise AssertionError(name)

    out = archive.librarian("measure", "--json", *arguments, code=code).stdout
    found: list[dict[str, Any]] = json.loads(out, parse_constant=no_constants)
    return found


def test_a_tone_of_minus_23_lufs_is_said_to_be(sounds: Archive) -> None:
    (found,) = told(sounds, f"{NAME}.wav")
    assert found["integrated_lufs"] == pytest.approx(-23, abs=0.1)
    assert found["loudness_range_lu"] == pytest.approx(0, abs=0.1)
    assert found["true_peak_dbtp"] == pytest.approx(-23, abs=0.1)
    assert (found["seconds"], found["sample_rate_hz"], found["channels"]) == (20, RATE, 2)
    assert found["mono_as_stereo"] == "identical"


def test_every_value_is_there_and_none_that_json_does_not_have(sounds: Archive) -> None:
    found = told(sounds, f"{NAME}.wav", "voice.flac", "silence.wav", "short.wav")
    for each in found:
        assert each.keys() == {"file", "recording", "failed", *SHOWN}
        assert all(math.isfinite(value) for value in each.values() if isinstance(value, float))
    assert found[2]["integrated_lufs"] is found[2]["true_peak_dbtp"] is found[2]["noise_floor_dbfs"] is None
    assert found[3]["integrated_lufs"] is None
    assert found[3]["true_peak_dbtp"] < 0


def test_results_are_in_the_order_of_the_arguments_however_many_workers(sounds: Archive) -> None:
    files = ["voice.flac", f"{NAME}.wav", "short.wav", "voice.flac"]
    one = told(sounds, "--workers", "1", *files)
    assert [each["seconds"] for each in one] == [5.0, 20.0, 0.1, 5.0]
    assert told(sounds, *files) == told(sounds, "--workers", "0", *files) == one


def test_a_broken_file_costs_itself_one_line_and_the_exit_code(sounds: Archive) -> None:
    said = sounds.librarian("measure", "broken.wav", "voice.flac", code=1)
    assert said.stderr.startswith("file 1: corrupt: ")
    assert [line.split("  ")[0] for line in said.stdout.splitlines()] == ["file", "file 2"]
    broken, whole = told(sounds, "broken.wav", "voice.flac", code=1)
    assert broken.keys() == {"file", "recording", "failed"}
    assert broken["failed"]["reason"] == "corrupt"
    assert whole["failed"] is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(sounds: Archive) -> None:
    (sounds.root / "voice.flac").chmod(0)
    assert sounds.librarian("measure", "voice.flac", code=1).stderr == "file 1: unreadable: Permission denied\n"


def test_what_is_not_there_is_refused_before_anything_is_measured(sounds: Archive) -> None:
    said = sounds.librarian("measure", "voice.flac", "nothing.wav", code=2)
    assert (said.stdout, said.stderr) == ("", "librarian: file 2: no such file\n")
    (sounds.root / "empty").mkdir()
    assert "no sound files in this folder" in sounds.librarian("measure", "empty", code=2).stderr


def test_of_a_folder_the_sound_files_are_measured(sounds: Archive) -> None:
    write(sounds, "calls/b/two.wav", tone(1000, 2, RATE))
    write(sounds, "calls/ONE.WAV", tone(1000, 1, RATE))
    (sounds.root / "calls" / "notes.txt").write_text("no sound")
    assert [each["seconds"] for each in told(sounds, "calls", "voice.flac")] == [1.0, 2.0, 5.0]


def test_no_name_leaves_in_a_pipe_or_as_json(sounds: Archive) -> None:
    folder = sounds.root / "Frau Muster"
    folder.mkdir()
    shutil.copy(sounds.root / f"{NAME}.wav", folder / f"{NAME}.wav")
    shutil.copy(sounds.root / "broken.wav", folder / f"kaputt {NAME}.wav")
    for more in ([], ["--json"], ["--all"]):
        said = sounds.librarian("measure", *more, "Frau Muster", f"{NAME}.wav", code=1)
        for word in (*NAME.split()[:2], "Muster", "kaputt", str(sounds.root)):
            assert word not in said.stdout + said.stderr
    assert sounds.librarian("measure", "--names", "Frau Muster", code=2).stdout == ""


def test_on_a_terminal_files_are_called_as_they_were_typed(sounds: Archive) -> None:
    write(sounds, "calls/Erna.wav", tone(1000, 2, RATE))
    said = on_a_terminal(sounds, "measure", "calls", f"{NAME}.wav", columns=200)
    assert "calls (1)" in said
    assert f"{NAME}.wav" in said
    assert "Erna" not in said
    assert "calls/Erna.wav" in on_a_terminal(sounds, "measure", "--names", "calls", columns=200)


def test_in_a_narrow_terminal_it_is_the_beginning_of_a_path_that_is_left_out(sounds: Archive) -> None:
    write(sounds, "calls/of/a/long/gone/summer.wav", tone(1000, 2, RATE))
    said = on_a_terminal(sounds, "measure", "calls/of/a/long/gone/summer.wav", columns=80)
    (line,) = [line for line in said.splitlines() if "summer.wav" in line]
    before, _, after = line.partition("summer.wav")
    assert "…" in before
    assert "…" not in after


def test_the_table_says_what_is_notable_and_all_says_everything(sounds: Archive) -> None:
    clipped = np.clip(4 * tone(997, 5, RATE, level=-6, channels=2), -1, 0.9).astype(np.float32)
    write(sounds, "clipped.wav", clipped)
    lines = sounds.librarian("measure", "clipped.wav", "silence.wav", "short.wav").stdout.splitlines()
    assert lines[0].split() == ["file", "length", "LUFS", "LRA", "max", "M", "max", "S", "dBTP", "quality"]
    assert "clipped 19,9" in lines[1]  # two channels, upwards and downwards
    assert "mono as stereo" in lines[1]
    assert lines[2].split()[-2:] == ["digital", "silence"]
    assert lines[3].endswith("too short for a loudness")
    everything = sounds.librarian("measure", "--all", "clipped.wav").stdout.splitlines()
    assert [line[2:].split("  ")[0] for line in everything[1:]] == [each.label for each in SHOWN.values()]


def test_a_recording_has_its_id_where_a_project_knows_it_as_it_is(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    file = next((calls.root / "calls").iterdir())
    vault = Vault(calls.root / ".librarian" / "vault.db", owned=True)
    now = stat_key(file.stat())
    seen = vault.seen(file, now)
    assert seen
    vault.sight(file, now, seen, hashed_at_ns=time.time_ns() + 10**10, job="")  # long after it was written
    vault.commit()
    vault.close()
    assert told(calls, os.path.relpath(file, calls.root))[0]["recording"] == seen.recording
    shutil.copy(RECORDINGS / "songs" / "rock_song.flac", file)
    assert told(calls, str(file))[0]["recording"] is None


def test_pictures_are_the_same_bytes_each_time_and_hold_no_name(sounds: Archive) -> None:
    for name in ("one.svg", "two.svg", "one.png", "two.png"):
        sounds.librarian("measure", f"{NAME}.wav", "--plot", name)
    for kind in ("svg", "png"):
        assert (sounds.root / f"one.{kind}").read_bytes() == (sounds.root / f"two.{kind}").read_bytes()
    drawn = (sounds.root / "one.svg").read_text()
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "Anna" not in drawn
    assert "date" not in drawn.lower()
    assert (sounds.root / "one.png").read_bytes().startswith(b"\x89PNG")


def test_several_files_have_a_numbered_picture_each(sounds: Archive) -> None:
    sounds.librarian("measure", "broken.wav", "silence.wav", "short.wav", "voice.flac", "--plot", "p.svg", code=1)
    assert sorted(each.name for each in sounds.root.glob("*.svg")) == ["p-2.svg", "p-3.svg", "p-4.svg"]


def test_a_picture_that_cannot_be_drawn_is_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"\.svg or \.png"):
        picture.check_picture(tmp_path / "a.pdf")
    with pytest.raises(UsageError, match="no such folder"):
        picture.check_picture(tmp_path / "b" / "a.svg")
    picture.check_picture(tmp_path / "a.SVG")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingError, match="pip install matplotlib"):
        picture.check_picture(tmp_path / "a.svg")


def test_an_interrupt_ends_it_and_its_workers(sounds: Archive) -> None:
    with (sounds.root / "voice.flac").open("rb"), sf.SoundFile(sounds.root / "long.wav", "w", 8000, 1) as file:
        file.write(np.zeros(8000 * 3600, np.int16))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background: ignored
    process = sounds.start("measure", "--workers", "1", *["long.wav"] * 200)
    signal.signal(signal.SIGINT, before)
    watched = psutil.Process(process.pid)
    while not (children := watched.children(recursive=True)):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: " in said
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


def an_answer(**changed: Any) -> dict[str, Any]:
    values = {name: 1.0 for name in SHOWN} | {
        "mono_as_stereo": "no",
        "layout": "stereo",
        "clipped_runs": 0,
        "dropouts": 0,
    }
    values |= {"sample_rate_hz": 48000, "bandwidth_hz": 24000.0, "speech_to_noise_db": 40.0, "silence_share": 0.1}
    return {"type": "done", "values": {**values, "dc_offset": 0.0, **changed}}


@pytest.mark.parametrize(
    "changed",
    [
        {"integrated_lufs": math.nan},
        {"integrated_lufs": "Anna"},
        {"true_peak_dbtp": True},
        {"seconds": None},
        {"clipped_runs": None},
        {"mono_as_stereo": "Anna"},
        {"mono_as_stereo": []},
        {"layout": "Anna"},
        {"more": 1.0},
    ],
)
def test_what_a_worker_says_is_shown_only_if_it_is_numbers_and_known_words(changed: dict[str, Any]) -> None:
    assert values_of(an_answer()) is not None
    assert values_of(an_answer(**changed)) is None
    assert values_of({"type": "done", "values": [1]}) is None


@pytest.mark.parametrize("curve", [None, "Anna", [math.inf], ["1"], [0.0] * 10_001])
def test_what_a_worker_says_is_drawn_only_if_it_is_numbers_and_not_too_many(curve: Any) -> None:
    good = {name: [1.0, None] for name in measurements.CURVES} | {"step_seconds": 0.1}
    assert curves_of({"curves": good}) == good
    assert curves_of({"curves": {**good, "hz": curve}}) is None
    assert curves_of({"curves": {**good, "step_seconds": None}}) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"clipped_runs": 12, "bandwidth_hz": 3400.0, "mono_as_stereo": "identical"},
         "clipped 12×, 3.4 kHz of 24, mono as stereo"),
        ({"dc_offset": -0.0123}, "offset −1.23 %"),
        ({"speech_to_noise_db": 9.4, "silence_share": 0.68}, "9 dB above its pauses, 68% silence"),
        ({"dropouts": 1, "dropout_seconds": 0.02}, "1 dropout (0.02 s)"),
        ({"mono_as_stereo": "gain", "channel_gain_db": -6.0, "correlation": -1.0},
         "mono as stereo (−6.00 dB, one inverted)"),
        ({"mono_as_stereo": "one_empty", "correlation": None}, "one channel empty"),
        ({"mono_as_stereo": "rounding"}, "mono as stereo but for rounding"),
        ({"correlation": -0.8}, "channels out of phase (−0.800)"),
        ({"integrated_lufs": None, "layout": "unknown"}, "layout unknown: no loudness"),
        ({"integrated_lufs": None, "bandwidth_hz": None, "speech_to_noise_db": None}, "silent"),
    ],
)  # fmt: skip
def test_only_what_is_notable_is_said_in_short(changed: dict[str, Any], said: str) -> None:
    values = values_of(an_answer(**changed))
    assert values is not None
    assert ", ".join(notable(values)) == said


def test_every_word_of_the_ledger_can_be_shown() -> None:
    assert "mono_as_stereo" in Quality.__dataclass_fields__
    from librarian.audio.pairs import MonoAsStereo

    assert set(MonoAsStereo.__args__) == measurements.MONO_AS_STEREO.keys()  # type: ignore[attr-defined]
