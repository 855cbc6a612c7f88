"""`librarian run` over a folder as archives are: every container people have, and broken ones among them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import soundfile
from encoded import encode, signal
from harness import Archive

FRAMES = 160_001
"""Long enough for a loudness, and a multiple of no codec's packet."""
PADDING = 2 * 2048  # frames that a container without a length may leave

GOOD = {
    "voice memo.m4a": ("ipod", "aac", 44_100, False),
    "telephone.mp4": ("mp4", "aac", 48_000, True),
    "film.mkv": ("matroska", "aac", 48_000, True),
    "meeting.webm": ("webm", "libopus", 48_000, False),
    "note.opus": ("ogg", "libopus", 48_000, False),
    "old.mp3": ("mp3", "libmp3lame", 44_100, False),
    "older.wma": ("asf", "wmav2", 44_100, False),
    "radio.aac": ("adts", "aac", 44_100, False),
}
LOOSE = {"film.mkv", "older.wma", "radio.aac"}


def fill(folder: Path) -> set[str]:
    """One of each, good and bad; the names of the bad."""
    folder.mkdir()
    for name, (container, codec, rate, video) in GOOD.items():
        encode(folder / name, container, codec, rate=rate, video=video, frames=FRAMES)
    for name, subtype in (("a.wav", "PCM_16"), ("b.aiff", "PCM_24"), ("c.flac", "PCM_16"), ("d.ogg", "VORBIS")):
        soundfile.write(folder / name, signal(FRAMES, 32_000).T * 0.9, 32_000, subtype=subtype)
    whole = (folder / "telephone.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "list.mp4").write_text("#EXTM3U\n#EXTINF:10,\n/etc/passwd\n")
    (folder / "concat.m4a").write_text("ffconcat version 1.0\nfile telephone.mp4\n")
    (folder / "zero.mp3").write_bytes(b"")
    (folder / "claims.mp4").write_bytes(b"\0\0\0\1mdat" + (512 << 30).to_bytes(8, "big") + bytes(1000))
    encode(folder / "silent film.mp4", "mp4", None, video=True, frames=FRAMES)
    nan = np.full((8000, 1), np.nan, np.float32)
    soundfile.write(folder / "nan.wav", nan, 8000, subtype="FLOAT")
    return {"cut.mp4", "list.mp4", "concat.m4a", "zero.mp3", "claims.mp4", "silent film.mp4", "nan.wav"}


def test_a_folder_with_one_of_each_comes_out_at_its_rate_and_length(archive: Archive) -> None:
    bad = fill(archive.root / "tapes")
    os.mkfifo(archive.root / "tapes" / "pipe.wav")
    archive.job(
        """\
        librarian: 1
        name: tapes
        recordings:
          - {id: tapes, path: 'tapes/*'}
        steps:
          - {id: voice, use: normalize, with: {target: -30 LUFS}}
        """
    )
    archive.librarian("run", "job.yaml", code=1)
    (manifest,) = (archive.root / "manifests").glob("*.jsonl")
    outcomes = [json.loads(line)["body"] for line in manifest.read_text().splitlines()]
    done = [each for each in outcomes if each.get("outcome") == "done"]
    causes = [each["cause"] for each in outcomes if each.get("outcome") == "failed" and each["cause"]["message"]]
    assert len(done) == len(GOOD) + 4

    shapes = []
    for each in done:
        sound, rate = soundfile.read(archive.root / "library" / each["folder"] / each["produced"][0]["file"])
        assert each["produced"][0]["facts"]["frames"] == len(sound)
        assert np.abs(sound).max() > 0.001
        shapes.append((rate, len(sound)))
    exact = [rate for name, (_, _, rate, _) in GOOD.items() if name not in LOOSE] + [32_000] * 4
    loose = [GOOD[name][2] for name in LOOSE]
    assert sorted(rate for rate, frames in shapes if frames == FRAMES) == sorted(exact)
    assert sorted(rate for rate, frames in shapes if 0 < abs(frames - FRAMES) <= PADDING) == sorted(loose)

    reasons = [cause for cause in causes if cause["reason"] in ("corrupt", "unsupported")]
    assert len(reasons) == len(bad)
    for cause in reasons:
        assert "\n" not in cause["message"]
        assert not [name for name in bad if name in cause["message"]]
    assert sum("holds no sound" in cause["message"] for cause in reasons) == 1
    archive.librarian("verify", "--read-data")
