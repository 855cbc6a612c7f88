"""The plainest header of a WAV is read without the libraries, and says what they say."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from librarian.media import probe, reading
from librarian.media.probing import plain_wav

HEADER = "<4sI8sIHHIIHH4sI"
FIELDS = {4: "<I", 16: "<I", 20: "<H", 22: "<H", 24: "<I", 28: "<I", 32: "<H", 34: "<H", 40: "<I"}
"""Where each number of a header stands, and how."""


def written(path: Path, channels: int, bits: int, rate: int = 8000, frames: int = 100) -> bytes:
    """A WAV of so many frames."""
    block = channels * bits // 8
    head = struct.pack(
        *(HEADER, b"RIFF", 36 + frames * block, b"WAVEfmt ", 16, 1, channels, rate, rate * block, block, bits),
        *(b"data", frames * block),
    )
    path.write_bytes(head + bytes(frames * block))
    return path.read_bytes()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_a_plain_header_is_read_as_the_library_reads_it(tmp_path: Path, channels: int, bits: int) -> None:
    content = written(tmp_path / "a.wav", channels, bits)
    assert plain_wav(content[:44], len(content)) == reading.probe(tmp_path / "a.wav") == probe(tmp_path / "a.wav")


def test_what_a_recorder_writes_is_plain(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [[0.1, 0.2]] * 50, 44_100, subtype="PCM_16")
    content = (tmp_path / "a.wav").read_bytes()
    assert plain_wav(content[:44], len(content)) == reading.probe(tmp_path / "a.wav")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from(sorted(FIELDS)),
    value=st.integers(0, 50) | st.sampled_from([255, 1024, 8000, (1 << 31) - 1, 1 << 31, (1 << 32) - 1]),
    cut=st.integers(0, 250),
)
def test_a_header_that_lies_is_left_to_the_library_or_read_alike(
    tmp_path: Path, place: int, value: int, cut: int
) -> None:
    content = bytearray(written(tmp_path / "a.wav", 2, 16))
    form = FIELDS[place]
    struct.pack_into(form, content, place, value & (0xFFFF if form == "<H" else 0xFFFFFFFF))
    content = content[: len(content) - cut]
    (tmp_path / "a.wav").write_bytes(content)
    plain = plain_wav(bytes(content[:44]), len(content))
    assert plain is None or plain == reading.probe(tmp_path / "a.wav")


def test_probing_a_plain_wav_loads_no_numpy(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", 1, 16)
    code = "import sys; from librarian.media import probe; probe(sys.argv[1]); assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-P", "-c", code, tmp_path / "a.wav"], check=True)
