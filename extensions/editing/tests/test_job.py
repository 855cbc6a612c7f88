"""From the command line: tapes cut and joined, calls assembled; no name of a cue sheet or a file gets anywhere."""

import json
import re
import shutil

import numpy as np
import pytest
import soundfile
from harness import RECORDINGS, TOP, Archive

KEY = "a key of the tests, long enough"
GROUPED = r"""
recordings:
  - id: calls
    path: calls/*.wav
    group: '(?P<role>recv_out|trans_out|out)-(?P<group>\d{8}-\d{6}-[^.]*)'
    roles: {recv_out: left, trans_out: right, out: both}
"""


@pytest.fixture
def project(tmp_path):
    archive = Archive(tmp_path / "archive", {"LIBRARIAN_KEY": KEY})
    archive.root.mkdir()
    return archive


def made(project, ending):
    """The files of the library with this ending, in order."""
    return [project.root / "library" / name for name in project.files() if name.endswith(ending)]


def outcomes(project):
    texts = [path.read_text() for path in sorted((project.root / "manifests").iterdir())]
    lines = [json.loads(line)["body"] for text in texts for line in text.splitlines()]
    return [body for body in lines if body["type"] == "outcome"]


def everything(project):
    """All that was written, but for the vault and the owner's own files."""
    kept = {
        f"{place}/{name}": data
        for place in ("library", "manifests", ".librarian")
        for name, data in project.files(place).items()
    }
    return b"".join(name.encode() + data for name, data in kept.items() if "vault.db" not in name)


def test_a_tape_is_cut_by_a_cue_sheet_and_joined_again(project):
    tape = (np.random.default_rng(1).integers(-9000, 9000, 30 * 8000) / 32768).astype(np.float32)
    soundfile.write(project.root / "tape.wav", tape, 8000, subtype="PCM_16")
    times = [(0, 0), (10, 15), (21, 0)]
    tracks = "".join(f'TRACK 01 AUDIO\nTITLE "Quirina Zabel"\nINDEX 01 00:{s:02d}:{f:02d}\n' for s, f in times)
    (project.root / "Quirina Zabel.cue").write_text(f'FILE "Zabel.wav" WAVE\n{tracks}')
    project.job(
        """
        librarian: 1
        name: tapes
        audio: {format: wav, bits: 16}
        recordings: [{id: tapes, path: '*.wav'}]
        steps:
          - {id: pieces, use: cut, with: {by: cues, cues: Quirina Zabel.cue}}
          - {id: whole, use: join, from: pieces, with: {shortest: 5 s}}
        """
    )
    project.librarian("run", "job.yaml")
    (pieces,) = (each for each in outcomes(project) if each["step"] == "pieces")
    assert [(each["facts"]["start"], each["facts"]["end"]) for each in pieces["produced"]] == [
        (0, 10.2),
        (10.2, 21),
        (21, 30),
    ]
    (whole,) = made(project, "join.audio.wav")
    assert np.array_equal(soundfile.read(whole, dtype="float32")[0], tape)
    assert "Part 3" in made(project, "join.cue.cue")[0].read_text()
    clean = {each["output"]: not each["private"] for each in outcomes(project)[-1]["produced"]}
    assert clean == {"audio": False, "events": True, "chapters": True, "cue": True, "notes": True}
    assert b"Zabel" not in everything(project)
    (project.root / "Quirina Zabel.cue").write_text('FILE "x" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:01:00\n')
    planned = json.loads(project.librarian("plan", "job.yaml", "--json").stdout)
    assert planned["steps"][0]["redo"] == 1  # the file is read again


def test_calls_are_assembled_and_a_side_that_is_missing_is_said(project):
    folder = project.root / "calls"
    folder.mkdir()
    for file in (RECORDINGS / "calls").glob("*.wav"):
        role, samples = file.name.partition("-")[0], soundfile.read(file, dtype="int16")[0]
        shutil.copy(file, folder)
        late = samples[6000 if role == "trans_out" else 0 :]
        soundfile.write(folder / f"{role}-20240214-111111-1.wav", np.append(late, np.int16(1)), 8000)
        if role != "trans_out":
            soundfile.write(folder / f"{role}-20240214-222222-2.wav", np.append(samples, np.int16(2)), 8000)
    project.job(
        f"librarian: 1\nname: calls\n{GROUPED}"
        "steps:\n  - {id: call, use: call, missing: leave out}\n  - {id: levels, use: measure, from: call.audio}\n"
    )
    project.librarian("run", "job.yaml")
    facts = [each["produced"][0]["facts"] for each in outcomes(project) if each["step"] == "call"]
    assert len(facts) == 3
    assert sorted(each["missing"] for each in facts) == ["none", "none", "right"]
    shifts = sorted(each["shift"] for each in facts)
    assert shifts == [0, 0, pytest.approx(0.75, abs=0.005)]
    assert all(each["channels"] == 2 for each in facts)


def test_the_show_is_refused_where_anything_private_would_be_in_it(project):
    shutil.copytree(RECORDINGS / "calls", project.root / "recordings" / "calls")
    text = (TOP / "configs" / "show.yaml").read_text()
    steps = [line for line in text.splitlines() if not re.search(r"id: (words|spans|given)", line)]
    project.job("\n".join(steps).replace("from: given.audio", "from: call.audio"))
    said = project.librarian("run", "job.yaml", "--private", code=4).stderr
    assert "takes only what is clean, and even.audio, its input audio, is private" in said
    assert not (project.root / "library").exists()
