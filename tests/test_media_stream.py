"""Reading in blocks: any length in constant memory, and not a bit of it depends on how long the blocks are."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from encoded import CASES, FRAMES, encode, signal
from hostile_sizes import constant_flac
from numpy.typing import NDArray

from librarian.errors import UnusableInputError
from librarian.media import floats, open_audio, probe, read_audio, sound

LENGTHS = (1000, 4096, 30_011, FRAMES, FRAMES + 1)
SNDFILE = {
    "wav": ("WAV", "PCM_16", 2),
    "8 bit wav": ("WAV", "PCM_U8", 1),
    "24 bit wav": ("WAV", "PCM_24", 2),
    "32 bit wav": ("WAV", "PCM_32", 3),
    "float wav": ("WAV", "FLOAT", 2),
    "double wav": ("WAV", "DOUBLE", 1),
    "adpcm wav": ("WAV", "IMA_ADPCM", 2),
    "gsm wav": ("WAV", "GSM610", 1),
    "mu-law au": ("AU", "ULAW", 2),
    "8 bit aiff": ("AIFF", "PCM_S8", 2),
    "alac caf": ("CAF", "ALAC_16", 2),
    "rf64": ("RF64", "PCM_16", 2),
    "surround flac": ("FLAC", "PCM_16", 6),
    "24 bit flac": ("FLAC", "PCM_24", 1),
    "vorbis": ("OGG", "VORBIS", 2),
    "opus": ("OGG", "OPUS", 2),
    "mp3": ("MP3", "MPEG_LAYER_III", 2),
}


def in_blocks(path: Path, frames: int | None = None) -> NDArray[np.float32]:
    """A sound from its blocks, which are as long as they should be."""
    with open_audio(path) as stream:
        blocks = list(stream.blocks(frames))
    lengths = {block.shape[1] for block in blocks[:-1]}
    assert lengths <= ({frames} if frames else {blocks[0].shape[1]})
    assert 1 <= blocks[-1].shape[1] <= (frames or blocks[0].shape[1])
    assert all(block.flags.c_contiguous and block.dtype == np.float32 for block in blocks)
    return np.concatenate(blocks, axis=1)


def decoded(path: Path) -> NDArray[np.float32]:
    """All that FFmpeg's libraries decode, nothing cut off: the plainest way to read a file whole."""
    with av.open(path) as container:
        resampler = av.AudioResampler(format="fltp")
        frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


# The samples


@pytest.mark.parametrize("name", SNDFILE)
def test_what_libsndfile_reads_is_the_same_in_blocks_of_any_length(tmp_path: Path, name: str) -> None:
    container, subtype, channels = SNDFILE[name]
    rate = 48_000 if subtype == "OPUS" else 44_100
    soundfile.write(tmp_path / "a", signal(FRAMES, rate, channels).T, rate, format=container, subtype=subtype)
    whole = soundfile.read(tmp_path / "a", dtype="float32", always_2d=True)[0].T
    assert np.array_equal(read_audio(tmp_path / "a")[0], whole)
    for frames in LENGTHS:
        assert np.array_equal(in_blocks(tmp_path / "a", frames), whole)


@pytest.mark.parametrize("name", CASES)
def test_what_ffmpeg_reads_is_the_same_in_blocks_of_any_length(tmp_path: Path, name: str) -> None:
    CASES[name].write(tmp_path / name)
    whole, info = decoded(tmp_path / name), probe(tmp_path / name)
    if info.frames_exact:
        whole = whole[:, : info.frames]
    assert np.array_equal(read_audio(tmp_path / name)[0], whole)
    for frames in LENGTHS:
        assert np.array_equal(in_blocks(tmp_path / name, frames), whole)


@pytest.mark.parametrize("options", [{"write_xing": "0"}, {}])
def test_an_mp3_is_the_same_in_blocks_of_any_length(tmp_path: Path, options: dict[str, str]) -> None:
    encode(tmp_path / "a.mp3", "mp3", "libmp3lame", **options)
    whole, _ = read_audio(tmp_path / "a.mp3")
    for frames in LENGTHS:
        assert np.array_equal(in_blocks(tmp_path / "a.mp3", frames), whole)


def test_every_number_of_16_bits_is_what_libsndfile_makes_of_it(tmp_path: Path) -> None:
    every = np.arange(-(1 << 15), 1 << 15, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", every, 8000)
    assert np.array_equal(
        in_blocks(tmp_path / "a.wav", 1000)[0], soundfile.read(tmp_path / "a.wav", dtype="float32")[0]
    )


@pytest.mark.parametrize("name", SNDFILE)
def test_sampled_blocks_hold_the_same_sound(tmp_path: Path, name: str) -> None:
    container, subtype, channels = SNDFILE[name]
    path = tmp_path / "a"
    soundfile.write(path, signal(FRAMES, 16_000, channels).T, 16_000, subtype, format=container)
    with open_audio(path) as stream:
        blocks = list(stream.sampled_blocks(1000))
    whole = subtype in ("PCM_16", "PCM_U8", "PCM_S8")
    assert {block.dtype for block in blocks} == {np.dtype(np.int16 if whole else np.float32)}
    assert np.array_equal(np.concatenate(list(map(floats, blocks)), axis=1), read_audio(path)[0])


def test_a_block_stays_as_it_is_while_the_next_is_read(tmp_path: Path) -> None:
    for subtype in ("PCM_16", "FLOAT"):
        soundfile.write(tmp_path / "a.wav", signal(5000, 8000, 1).T, 8000, subtype=subtype)
        whole, _ = read_audio(tmp_path / "a.wav")
        with open_audio(tmp_path / "a.wav") as stream:
            blocks = []
            for block in stream.blocks(1000):
                blocks.append(block.copy())
                block[:] = 0
        assert np.array_equal(np.concatenate(blocks, axis=1), whole)


def test_a_stream_says_what_it_is(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", "mp4", "aac", channels=6)
    info = probe(tmp_path / "a.mp4")
    with open_audio(tmp_path / "a.mp4") as stream:
        assert stream.info == info
        assert (stream.sample_rate, stream.channels, stream.layout) == (48_000, 6, "5.1")
        assert (stream.frames, stream.frames_exact) == (FRAMES, True)
        assert sum(block.shape[1] for block in stream.blocks()) == FRAMES


# What ends it


def until_refused(path: Path, match: str, frames: int = 1000) -> int:
    """How many frames a stream gave before it said what is wrong."""
    held = 0
    with open_audio(path) as stream, pytest.raises(UnusableInputError, match=match):
        for block in stream.blocks(frames):
            assert np.isfinite(block).all()
            held += block.shape[1]
    return held


@pytest.mark.parametrize("place", [0, 50_500, FRAMES - 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_block_holds_what_is_no_number(tmp_path: Path, place: int, value: float) -> None:
    samples = signal(FRAMES, 8000)
    samples[1, place] = value
    soundfile.write(tmp_path / "a.wav", samples.T, 8000, subtype="FLOAT")
    assert until_refused(tmp_path / "a.wav", "NaN or infinite") == place // 1000 * 1000
    encode(tmp_path / "b.mkv", "matroska", "pcm_f32le", sound=samples)
    assert place - 2048 < until_refused(tmp_path / "b.mkv", "NaN or infinite") <= place


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "m4a", "webm", "tta"])
def test_a_sound_that_is_cut_short_says_so_at_its_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name in CASES:
        CASES[name].write(path, 400_000, **({"movflags": "faststart"} if name == "m4a" else {}))
    else:
        soundfile.write(path, signal(400_000, 48_000).T, 48_000, format=name[2:].upper())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        held = until_refused(path, "cannot be decoded|holds|ends")
    except UnusableInputError:
        assert name == "m4a"  # its last packet is looked at first
    else:
        assert 50_000 < held < 350_000


def test_a_sound_without_a_frame_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((0, 2), np.float32), 8000)
    with pytest.raises(UnusableInputError, match="holds no frame of sound"), open_audio(tmp_path / "a.wav"):
        pass


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("decode")}


@pytest.mark.parametrize("name", ["a.wav", "webm"])
def test_a_stream_that_is_left_early_leaves_no_thread_and_no_handle(tmp_path: Path, name: str) -> None:
    if name == "webm":
        CASES[name].write(tmp_path / name)
    else:
        soundfile.write(tmp_path / name, signal(FRAMES, 48_000).T, 48_000)
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    with open_audio(tmp_path / name) as stream:
        blocks = stream.blocks(1000)
        next(blocks), next(blocks)
        assert threads()
    assert not threads()
    with pytest.raises(KeyError), open_audio(tmp_path / name) as stream:
        for number, _ in enumerate(stream.blocks(1000)):
            {0: 0, 1: 1}[number]
    assert not threads()
    assert not before or len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_stream_is_read_once(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", signal(1000, 8000).T, 8000)
    with open_audio(tmp_path / "a.wav") as stream:
        list(stream.blocks())
        with pytest.raises(ValueError, match="read once"):
            stream.blocks()
    with open_audio(tmp_path / "a.wav") as stream:
        pass
    with pytest.raises(ValueError, match="read once"):
        stream.blocks()


def test_time_spent_on_reading_is_counted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", signal(FRAMES, 8000).T, 8000)
    with open_audio(tmp_path / "a.flac") as stream:
        list(stream.blocks(1000))
        assert stream.seconds > 0


# What it costs


PEAK = """
import av, pathlib, sys
from librarian.media import open_audio, probe, sound
path = pathlib.Path(sys.argv[1])

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before = peak()
with open_audio(path) as stream:
    frames = sum(block.shape[1] for block in stream.blocks())
probe(path)
print(frames, peak() - before)
"""


def grown(path: Path) -> Iterator[int]:
    """Frames that a process of its own reads in blocks, and how much it grows (KiB)."""
    done = subprocess.run([sys.executable, "-P", "-c", PEAK, path], capture_output=True, text=True, check=True)
    return map(int, done.stdout.split())


MOST_KIB = 24 << 10
"""A stream, its thread and the allocator; 20 minutes of two channels would be 440 MiB, of one 220."""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read in /proc")
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "uncounted.flac", "a.mkv", "a.m4a"])
def test_a_long_sound_takes_no_more_memory_than_a_short_one(tmp_path: Path, name: str) -> None:
    path, rate, seconds = tmp_path / name, 48_000, 1200
    if name == "a.wav":
        with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
            for _ in range(seconds):
                file.write(np.ones((rate, 2), np.int16))
    elif path.suffix == ".flac":
        constant_flac(path, seconds / 3600, rate=rate, counted=name == "a.flac")
    else:
        long_sound(path, rate, seconds)
    frames, kib = grown(path)
    assert seconds * rate - 65_535 <= frames <= seconds * rate + 4096
    assert kib < MOST_KIB


def test_a_small_file_that_holds_hours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constant_flac(tmp_path / "says so.flac", 7)
    with pytest.raises(UnusableInputError, match="1,536 times as large"), open_audio(tmp_path / "says so.flac"):
        pass
    monkeypatch.setattr(sound, "MAX_DECODED_BYTES", 1 << 20)
    path = tmp_path / "does not.flac"
    constant_flac(path, 0.1, counted=False)
    held = 0
    with open_audio(path) as stream, pytest.raises(UnusableInputError, match="1,536 times as large"):
        for block in stream.blocks(1 << 16):
            held += 4 * block.shape[1]
    assert 0 <= 1536 * path.stat().st_size - held < 4 << 16


def long_sound(path: Path, rate: int, seconds: int) -> None:
    codec, container = {".mkv": ("pcm_s16le", "matroska"), ".m4a": ("alac", "ipod")}[path.suffix]
    samples = np.zeros((1, 4096), np.int16)
    with av.open(path, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        form = "s16" if codec == "pcm_s16le" else "s16p"
        for number in range(-(-seconds * rate // 4096)):
            frame = av.AudioFrame.from_ndarray(samples, format=form, layout="mono")
            frame.sample_rate, frame.pts = rate, number * 4096
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
