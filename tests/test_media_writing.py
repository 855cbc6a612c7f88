"""Writing sound files: the same samples give the same bytes, however they are cut, and what fails leaves no file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import math
import os
import tempfile
import threading
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from encoded import FRAMES, signal
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger import largest_file

from librarian.media import create_audio, floats, probe, read_audio, wav, write_audio
from librarian.media.layouts import FLAC, MASKS
from librarian.media.quantize import GRID

KINDS = (("wav", 16), ("wav", 24), ("flac", 16))


@pytest.mark.parametrize(("audio_format", "bits"), [("wav", 16), ("wav", 24), ("wav", 32), ("flac", 16), ("flac", 24)])
def test_what_fits_the_bits_is_written_and_read_bit_exactly(tmp_path: Path, audio_format: str, bits: int) -> None:
    steps = 1 << (min(bits, 24) - 1)
    whole = np.random.default_rng(1).integers(-steps, steps, (2, 5000))
    whole[:, :2] = [[-steps, steps - 1]] * 2
    samples = (whole / steps).astype(np.float32)
    path = tmp_path / f"a.{audio_format}"
    write_audio(path, samples, 44_100, audio_format=audio_format, bits=bits, seed=1)
    again, rate = read_audio(path)
    assert rate == 44_100
    assert np.array_equal(again, samples)
    info = probe(path)
    assert (info.container, info.sample_rate, info.channels, info.frames) == (audio_format, 44_100, 2, 5000)
    assert info.codec == {16: "pcm_16", 24: "pcm_24", 32: "float"}[bits]
    assert (info.frames_exact, info.layout) == (True, "stereo")


def test_dither_is_the_same_for_a_seed_and_another_for_another(tmp_path: Path) -> None:
    samples = signal(5000, 48_000)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_audio(tmp_path / f"{name}.wav", samples, 48_000, audio_format="wav", bits=16, seed=seed)
    first, same, other = (hashlib.sha256((tmp_path / f"{name}.wav").read_bytes()).digest() for name in "abc")
    assert first == same != other


@pytest.mark.parametrize(("audio_format", "bits"), [*KINDS, ("wav", 32)])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("factor", [1.0, 0.7, 1.9])
def test_whole_numbers_and_a_factor_give_the_bytes_of_their_floats(
    tmp_path: Path, audio_format: str, bits: int, channels: int, factor: float
) -> None:
    whole = np.random.default_rng(1).integers(-17_000, 17_000, (2 * GRID + 77, channels)).astype(np.int16).T
    form = {"audio_format": audio_format, "bits": bits, "seed": 3}
    write_audio(tmp_path / "a", floats(whole) * np.float32(factor), 48_000, **form)
    for name, samples, parts in (("b", whole, 1), ("c", whole, 5), ("d", floats(whole), 5)):
        with create_audio(tmp_path / name, 48_000, channels, **form) as writer:
            for part in np.array_split(samples, parts, axis=1):
                writer.write(part, factor)
        assert (tmp_path / name).read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("factor", [2.1, -2.1])
def test_whole_numbers_that_a_factor_drives_over_are_refused(tmp_path: Path, channels: int, factor: float) -> None:
    whole = np.zeros((2 * GRID, channels), np.int16).T
    whole[-1, GRID + 5] = -16_000
    with (
        pytest.raises(ValueError, match=r"a peak of \+0\.2 dBFS does not fit 16 bits"),
        create_audio(tmp_path / "a", 8000, channels, audio_format="wav", bits=16, seed=1) as writer,
    ):
        writer.write(whole, factor)


@pytest.mark.parametrize("factor", [np.inf, np.nan, -1e300])
def test_whole_numbers_times_what_is_none_are_refused(tmp_path: Path, factor: float) -> None:
    with (
        pytest.raises(ValueError, match="infinities"),
        create_audio(tmp_path / "a", 8000, 1, audio_format="wav", bits=32, seed=1) as writer,
    ):
        writer.write(np.ones((1, 100), np.int16), factor)


def test_a_factor_that_leads_beyond_all_numbers_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="infinities"),
        create_audio(tmp_path / "a", 8000, 1, audio_format="wav", bits=32, seed=1) as writer,
    ):
        writer.write(np.full((1, 100), 1e30, np.float32), 1e30)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_dither_makes_the_error_independent_of_the_signal(tmp_path: Path, offset: float) -> None:
    # Triangular dither of ±1 step: mean error 0 and power 1/4 step², wherever the signal lies between two steps.
    step, frames = 2.0**-15, 400_000
    samples = np.full((1, frames), (100 + offset) * step, np.float32)
    samples[0, ::1000] = 100.3 * step  # no signal that fits the bits, and so dithered
    write_audio(tmp_path / "a.wav", samples, 48_000, audio_format="wav", bits=16, seed=3)
    error = (read_audio(tmp_path / "a.wav")[0][0].astype(np.float64) - samples[0]) / step
    standard_error = 0.5 / math.sqrt(frames)
    assert abs(error.mean()) < 5 * standard_error
    assert error.var() == pytest.approx(0.25, rel=0.02)
    assert np.abs(error).max() <= 1.5


@pytest.mark.parametrize(("audio_format", "bits"), [("wav", 32), ("wav", 24), ("flac", 24)])
def test_files_carry_no_clock_serial_or_tag(tmp_path: Path, audio_format: str, bits: int) -> None:
    write_audio(tmp_path / "a", signal(500, 8000), 8000, audio_format=audio_format, bits=bits, seed=1)
    content = (tmp_path / "a").read_bytes()
    for chunk in (b"PEAK", b"LIST", b"bext", b"id3 "):
        assert chunk not in content
    assert len(content) < 500 * 2 * bits // 8 + 1000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_written(tmp_path: Path, value: float) -> None:
    samples = np.zeros((1, 10), np.float32)
    samples[0, 3] = value
    with pytest.raises(ValueError, match="NaN or infinities"):
        write_audio(tmp_path / "a.wav", samples, 8000, audio_format="wav", bits=32, seed=1)


def test_overs_are_refused_by_bits_and_kept_by_float(tmp_path: Path) -> None:
    samples = np.full((1, 100), 1.5, np.float32)
    for bits in (16, 24):
        with pytest.raises(ValueError, match=rf"\+3.5 dBFS does not fit {bits} bits"):
            write_audio(tmp_path / f"{bits}.wav", samples, 8000, audio_format="wav", bits=bits, seed=1)
    write_audio(tmp_path / "a.wav", samples, 8000, audio_format="wav", bits=32, seed=1)
    assert np.array_equal(read_audio(tmp_path / "a.wav")[0], samples)


@pytest.mark.parametrize(("audio_format", "bits"), [("wav", 16), ("flac", 16), ("flac", 24), ("wav", 32)])
def test_the_bytes_do_not_depend_on_how_much_is_written_at_a_time(tmp_path: Path, audio_format: str, bits: int) -> None:
    samples, written = signal(FRAMES, 48_000), []
    for frames in (FRAMES, 16_384, 4096, 1000, 777):
        path = tmp_path / f"{frames}"
        with create_audio(path, 48_000, 2, audio_format=audio_format, bits=bits, seed=9) as writer:
            for start in range(0, FRAMES, frames):
                writer.write(samples[:, start : start + frames])
        written.append(path.read_bytes())
    assert len(set(written)) == 1


def test_what_is_refused_at_its_end_leaves_no_file(tmp_path: Path) -> None:
    samples = signal(FRAMES, 48_000)
    samples[1, -1] = 2.0
    with pytest.raises(ValueError, match=r"\+6.0 dBFS"):
        write_audio(tmp_path / "a", samples, 48_000, audio_format="flac", bits=24, seed=1)
    assert not list(tmp_path.iterdir())


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"flac cannot hold 9 channels .*audio: {format: wav}"):
        write_audio(tmp_path / "a", np.zeros((9, 10), np.float32), 8000, audio_format="flac", bits=16, seed=1)
    with pytest.raises(ValueError, match="not 1-d"):
        write_audio(tmp_path / "b", np.zeros(10, np.float32), 8000, audio_format="flac", bits=16, seed=1)


@settings(deadline=None, max_examples=20)
@given(
    cuts=st.lists(st.integers(0, 40_000), max_size=8), kind=st.sampled_from([("wav", 16), ("wav", 24), ("flac", 16)])
)
def test_the_bytes_are_the_same_for_any_cuts(cuts: list[int], kind: tuple[str, int]) -> None:
    samples, (audio_format, bits) = signal(40_000, 48_000), kind
    places = [0, *sorted(cuts), 40_000]
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = Path(folder, "whole"), Path(folder, "cut")
        write_audio(whole, samples, 48_000, audio_format=audio_format, bits=bits, seed=5)
        with create_audio(cut, 48_000, 2, audio_format=audio_format, bits=bits, seed=5) as writer:
            for start, end in itertools.pairwise(places):
                writer.write(samples[:, start:end])
        assert cut.read_bytes() == whole.read_bytes()


def test_what_follows_changes_nothing_of_what_is_written(tmp_path: Path) -> None:
    samples = signal(3 * GRID, 48_000)
    for frames in (GRID, 3 * GRID):
        write_audio(tmp_path / f"{frames}", samples[:, :frames], 48_000, audio_format="wav", bits=16, seed=5)
    short, long = (read_audio(tmp_path / f"{frames}")[0] for frames in (GRID, 3 * GRID))
    assert np.array_equal(short, long[:, :GRID])


def test_only_what_does_not_fit_the_bits_is_dithered(tmp_path: Path) -> None:
    samples = np.zeros((2, 3 * GRID), np.float32)
    samples[:, GRID : 2 * GRID] = signal(GRID, 48_000)
    write_audio(tmp_path / "a.wav", samples, 48_000, audio_format="wav", bits=16, seed=5)
    first, middle, last = np.split(read_audio(tmp_path / "a.wav")[0], 3, axis=1)
    assert not first.any()
    assert not last.any()
    assert np.abs(middle - samples[:, GRID : 2 * GRID]).max() > 2.0**-16


def test_dither_is_the_same_at_the_same_place_whatever_came_before(tmp_path: Path) -> None:
    loud = signal(2 * GRID, 48_000)
    quiet = loud.copy()
    quiet[:, :GRID] = 0
    ends = []
    for name, samples in (("loud", loud), ("quiet", quiet)):
        write_audio(tmp_path / name, samples, 48_000, audio_format="wav", bits=16, seed=5)
        ends.append(read_audio(tmp_path / name)[0][:, GRID:])
    assert np.array_equal(*ends)


def test_channels_get_dither_of_their_own(tmp_path: Path) -> None:
    samples = np.tile(signal(2 * GRID, 48_000, 1), (2, 1))
    write_audio(tmp_path / "a.wav", samples, 48_000, audio_format="wav", bits=16, seed=5)
    left, right = read_audio(tmp_path / "a.wav")[0] - samples
    assert abs(np.corrcoef(left, right)[0, 1]) < 5 / math.sqrt(2 * GRID)


def test_full_scale_fits_with_its_dither(tmp_path: Path) -> None:
    samples = np.tile(np.float32([1.0, -1.0, 0.3 * 2.0**-15]), (1, 1000))
    write_audio(tmp_path / "a.wav", samples, 48_000, audio_format="wav", bits=16, seed=5)
    assert np.abs(read_audio(tmp_path / "a.wav")[0] - samples).max() <= 2.5 * 2.0**-15


# The containers


@pytest.mark.parametrize("layout", [name for name, mask in MASKS.items() if mask.bit_count() > 2])
def test_a_wav_says_which_channel_is_which(tmp_path: Path, layout: str) -> None:
    samples = np.tile(np.arange(1, MASKS[layout].bit_count() + 1, dtype=np.float32)[:, None] / 16, (1, 100))
    for bits in (16, 24, 32):
        path = tmp_path / f"{bits}"
        write_audio(path, samples, 48_000, layout=layout, audio_format="wav", bits=bits, seed=1)
        assert (probe(path).container, probe(path).layout) == ("wav", layout)
        assert np.array_equal(read_audio(path)[0], samples)
        with av.open(path) as other:  # a reader that is not ours
            assert other.streams.audio[0].layout.name == layout


def test_channels_whose_places_nobody_knows_get_none(tmp_path: Path) -> None:
    write_audio(tmp_path / "a", np.zeros((6, 100), np.float32), 48_000, audio_format="wav", bits=16, seed=1)
    assert probe(tmp_path / "a").layout == ""


@pytest.mark.parametrize("layout", [*FLAC.values(), "5.1(side)"])
def test_a_flac_holds_the_layouts_of_its_standard_and_refuses_others(tmp_path: Path, layout: str) -> None:
    samples = np.zeros((MASKS[layout].bit_count(), 100), np.float32)
    write_audio(tmp_path / "a", samples, 48_000, layout=layout, audio_format="flac", bits=16, seed=1)
    assert probe(tmp_path / "a").layout == layout.removesuffix("(side)")
    with pytest.raises(ValueError, match=r"holds 4 channels as quad, not as 4\.0: take the format wav"):
        write_audio(
            tmp_path / "b", np.zeros((4, 100), np.float32), 48_000, layout="4.0", audio_format="flac", bits=16, seed=1
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_layout_fits_its_channels(tmp_path: Path) -> None:
    for layout, match in (("5.1", "has 6 places, the sound 2"), ("front", "is unknown; use one of mono, ")):
        with (
            pytest.raises(ValueError, match=match),
            create_audio(tmp_path / "a", 48_000, 2, layout=layout, audio_format="wav", bits=16, seed=1),
        ):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_wav_is_one_to_readers_that_are_not_ours(tmp_path: Path, bits: int, channels: int) -> None:
    samples = signal(999, 8000, channels)
    write_audio(tmp_path / "a.wav", samples, 8000, audio_format="wav", bits=bits, seed=1)
    theirs, rate = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    assert rate == 8000
    assert np.array_equal(theirs.T, read_audio(tmp_path / "a.wav")[0])
    assert np.abs(theirs.T - samples).max() <= 1.5 * 2.0 ** (1 - bits)
    if bits < 32 and channels <= 2:
        with wave.open(os.fspath(tmp_path / "a.wav")) as plain:
            assert (plain.getnframes(), plain.getnchannels(), plain.getsampwidth()) == (999, channels, bits // 8)
    content = (tmp_path / "a.wav").read_bytes()
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    assert len(content) % 2 == 0


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("channels", [2, 6])
def test_a_wav_beyond_its_limit_is_an_rf64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int, channels: int
) -> None:
    samples = signal(FRAMES, 8000, channels)
    for name in ("small", "large"):
        write_audio(tmp_path / name, samples, 8000, audio_format="wav", bits=bits, seed=1)
        monkeypatch.setattr(wav, "LARGEST", 100_000)
    assert (tmp_path / "large").read_bytes()[:4] == b"RF64"
    assert (probe(tmp_path / "large").container, probe(tmp_path / "large").frames) == ("rf64", FRAMES)
    for theirs in (soundfile.read(tmp_path / name, dtype="float32")[0] for name in ("small", "large")):
        assert np.array_equal(theirs.T, read_audio(tmp_path / "small")[0])
    with av.open(tmp_path / "large") as other:
        assert sum(frame.samples for frame in other.decode(audio=0)) == FRAMES


@pytest.mark.torture
def test_a_wav_of_more_than_4_gib_is_whole(tmp_path: Path) -> None:
    block = np.tile(np.float32([[0.5], [-0.25]]), (1, 1 << 20))
    with create_audio(tmp_path / "a.wav", 48_000, 2, audio_format="wav", bits=16, seed=1) as writer:
        for _ in range(1025):
            writer.write(block)
    info = probe(tmp_path / "a.wav")
    assert (info.container, info.frames) == ("rf64", 1025 << 20)
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        file.seek(-1, soundfile.SEEK_END)
        assert file.read().tolist() == [[0.5, -0.25]]
    (tmp_path / "a.wav").unlink()


# What fails


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
@pytest.mark.parametrize("missing", [1, 20_000, None])
def test_a_full_disk_is_said_as_the_disk_says_it(tmp_path: Path, audio_format: str, missing: int | None) -> None:
    def write() -> None:
        write_audio(tmp_path / "a", signal(FRAMES, 8000), 8000, audio_format=audio_format, bits=16, seed=1)

    write()
    size = (tmp_path / "a").stat().st_size
    (tmp_path / "a").unlink()
    with largest_file(size - missing if missing else 10), pytest.raises(OSError) as caught:
        write()
    assert caught.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())
    with largest_file(size):
        write()


@pytest.mark.parametrize("audio_format", ["wav", "flac"])
def test_an_error_between_blocks_leaves_no_file_and_no_thread(tmp_path: Path, audio_format: str) -> None:
    with (
        pytest.raises(KeyError),
        create_audio(tmp_path / "a", 8000, 2, audio_format=audio_format, bits=16, seed=1) as writer,
    ):
        for _ in range(3):
            writer.write(signal(FRAMES, 8000))
        raise KeyError
    assert not list(tmp_path.iterdir())
    assert not [each for each in threading.enumerate() if each.name.startswith("encode")]


def test_a_sound_that_lacks_a_block_is_no_sound(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="lacks a block"),
        create_audio(tmp_path / "a", 8000, 2, audio_format="wav", bits=16, seed=1) as writer,
    ):
        writer.write(signal(1000, 8000))
        with contextlib.suppress(ValueError):
            writer.write(np.full((2, 100), np.nan, np.float32))
    assert not list(tmp_path.iterdir())


def test_a_sound_has_a_frame_and_all_its_channels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame of sound"):
        write_audio(tmp_path / "a", np.zeros((2, 0), np.float32), 8000, audio_format="flac", bits=16, seed=1)
    with (
        pytest.raises(ValueError, match="samples have 3 channels, the file 2"),
        create_audio(tmp_path / "a", 8000, 2, audio_format="wav", bits=16, seed=1) as writer,
    ):
        writer.write(np.zeros((3, 10), np.float32))
    assert not list(tmp_path.iterdir())


def test_what_lies_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_audio(tmp_path / "a", signal(100, 8000), 8000, audio_format="wav", bits=16, seed=1)
    assert (tmp_path / "a").read_bytes() == b"mine"
