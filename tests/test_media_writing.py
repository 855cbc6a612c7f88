"""Writing sound files: the same samples give the same bytes, however they are cut, and what fails leaves no file."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from encoded import FRAMES, signal

from librarian.media import create_audio, probe, read_audio, write_audio


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
    with pytest.raises(ValueError, match="flac cannot hold 9 channels"):
        write_audio(tmp_path / "a", np.zeros((9, 10), np.float32), 8000, audio_format="flac", bits=16, seed=1)
    with pytest.raises(ValueError, match="not 1-d"):
        write_audio(tmp_path / "b", np.zeros(10, np.float32), 8000, audio_format="flac", bits=16, seed=1)
