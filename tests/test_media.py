"""Reading sound files: what comes out is what went in, or is refused with a reason."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoded import CASES, FRAMES, LOSSY, PADDING, PRIMING, encode, signal

from librarian.errors import UnusableInputError
from librarian.media import probe, read_audio, sound


def refused(path: Path, cause: str, match: str | None = None) -> None:
    """Both ways to look at a file say why it is of no use, in one line that names no path."""
    with pytest.raises(UnusableInputError, match=match) as caught:
        read_audio(path)
    assert caught.value.cause == cause
    assert "\n" not in str(caught.value)
    assert str(path.parent) not in str(caught.value)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """The lowest of the channels' correlations, over the frames both have; a channel for bass only is left out."""
    frames = min(one.shape[1], other.shape[1])
    if len(one) == 6:
        one, other = np.delete(one, 3, axis=0), np.delete(other, 3, axis=0)
    return min(float(np.corrcoef(a[:frames], b[:frames])[0, 1]) for a, b in zip(one, other, strict=True))


# Reading what libsndfile knows


@pytest.mark.parametrize(
    ("container", "subtype", "tolerance"),
    [
        *(("WAV", "PCM_U8", 2**-7), ("WAV", "PCM_16", 2**-15), ("WAV", "DOUBLE", 1e-7), ("WAV", "GSM610", 0.1)),
        *(("AIFF", "PCM_24", 2**-23), ("CAF", "ALAC_16", 2**-15), ("RF64", "FLOAT", 0), ("AU", "ULAW", 0.02)),
        *(("FLAC", "PCM_S8", 2**-7), ("W64", "PCM_32", 1e-7)),
    ],
)
def test_every_kind_of_sample_is_read(tmp_path: Path, container: str, subtype: str, tolerance: float) -> None:
    original = signal(16_000, 8000, 1)
    soundfile.write(tmp_path / "a", original.T, 8000, format=container, subtype=subtype)
    info, (samples, rate) = probe(tmp_path / "a"), read_audio(tmp_path / "a")
    assert (rate, info.sample_rate, info.channels, info.layout) == (8000, 8000, 1, "mono")
    assert samples.shape == (1, info.frames)
    assert info.frames == 16_000
    assert np.abs(samples - original).max() <= tolerance


@pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")])
def test_lossy_files_come_back_at_their_length_and_place(tmp_path: Path, container: str, subtype: str) -> None:
    original = signal(FRAMES, 48_000)
    soundfile.write(tmp_path / "a", original.T, 48_000, format=container, subtype=subtype)
    samples, rate = read_audio(tmp_path / "a")
    info = probe(tmp_path / "a")
    assert (rate, samples.shape, info.frames, info.frames_exact) == (48_000, original.shape, FRAMES, True)
    assert correlation(samples, original) > LOSSY


@pytest.mark.parametrize("rate", [4000, 11_025, 192_000, 384_000])
def test_rates_come_out_as_they_went_in(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", signal(1000, rate, 1).T, rate)
    assert read_audio(tmp_path / "a.wav")[1] == probe(tmp_path / "a.wav").sample_rate == rate


def test_255_channels_keep_their_order(tmp_path: Path) -> None:
    original = np.tile(np.arange(255, dtype=np.float32)[:, None] / 256, (1, 700))
    soundfile.write(tmp_path / "a.wav", original.T, 8000, subtype="FLOAT")
    assert np.array_equal(read_audio(tmp_path / "a.wav")[0], original)
    assert (probe(tmp_path / "a.wav").channels, probe(tmp_path / "a.wav").layout) == (255, "")


@pytest.mark.parametrize("container", ["wav", "w64", "flac"])
def test_the_order_of_surround_channels_is_said(tmp_path: Path, container: str) -> None:
    encode(tmp_path / "a", container, "flac" if container == "flac" else "pcm_s16le", channels=6)
    assert probe(tmp_path / "a").layout == "5.1"


def test_a_sound_has_a_frame_at_least(tmp_path: Path) -> None:
    for frames in (1, 0):
        soundfile.write(tmp_path / "a.wav", np.zeros((frames, 2), np.float32), 8000)
        if frames:
            assert read_audio(tmp_path / "a.wav")[0].shape == (2, frames)
    refused(tmp_path / "a.wav", "corrupt", "holds no frame of sound")
    with pytest.raises(UnusableInputError, match="holds no frame of sound"):
        probe(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_read(tmp_path: Path, value: float) -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[500, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, 8000, subtype="FLOAT")
    refused(tmp_path / "a.wav", "corrupt", "NaN or infinite")


def test_a_wav_that_claims_too_much_is_as_long_as_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, signal(1000, 8000).T, 8000)
    content = bytearray(path.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content[:-400])
    assert read_audio(path)[0].shape == (2, 900)
    assert probe(path).frames == 900


@pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)])
def test_sounds_that_were_put_one_after_the_other_are_read_to_the_last(
    tmp_path: Path, container: str, subtype: str | None
) -> None:
    path, content = tmp_path / "a", b""
    for _ in range(3):  # each Ogg has a serial number of its own
        soundfile.write(path, signal(16_000, 8000).T, 8000, format=container, subtype=subtype)
        content += path.read_bytes()
        assert probe(path).frames_exact
    path.write_bytes(content)
    samples, rate = read_audio(path)
    assert 3 * 2 <= samples.shape[1] / rate <= 3 * (2 + (PRIMING + PADDING) / 8000)
    assert not probe(path).frames_exact


def test_tags_behind_an_mp3_are_no_second_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    encode(path, "mp3", "libmp3lame")
    for tag in (b"TAG" + bytes(125), b"APETAGEX" + bytes(1000)):
        path.write_bytes(path.read_bytes() + tag)
        assert (probe(path).frames, probe(path).frames_exact) == (FRAMES, True)


@pytest.mark.parametrize("container", ["FLAC", "MP3"])
def test_compressed_files_cut_short_are_corrupt(tmp_path: Path, container: str) -> None:
    path = tmp_path / "a"
    soundfile.write(path, signal(FRAMES, 48_000).T, 48_000, format=container)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, "corrupt")


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW"])
def test_what_lacks_sound_that_its_header_states_is_corrupt(tmp_path: Path, container: str, subtype: str) -> None:
    path = tmp_path / "a"
    soundfile.write(path, signal(96_000, 48_000).T, 48_000, subtype, format=container)
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    refused(path, "corrupt")
    with pytest.raises(UnusableInputError, match=r"holds 0\.0\d of the 2\.00 s that its header states"):
        probe(path)
    path.write_bytes(whole[: int(0.95 * len(whole))])  # headers are a little wrong, some of them
    assert 90_000 < read_audio(path)[0].shape[1] == probe(path).frames < 96_000


@pytest.mark.parametrize("stated", [0x7FFF8000, 0x80000000, 0xFFFFFFFF])
def test_a_wav_that_a_recorder_left_unfinished_is_as_long_as_its_bytes(tmp_path: Path, stated: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, signal(48_000, 48_000).T, 48_000, "PCM_16")
    content = bytearray(path.read_bytes())
    content[40:44] = stated.to_bytes(4, "little")
    path.write_bytes(content)
    assert read_audio(path)[0].shape[1] == probe(path).frames == 48_000


def test_a_sound_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(tmp_path / "a.webm", "webm", "libopus")
    soundfile.write(tmp_path / "a.wav", signal(FRAMES, 48_000).T, 48_000)
    monkeypatch.setattr(sound, "MAX_DECODED_BYTES", FRAMES * 8 - 1)
    for name in ("a.wav", "a.webm"):
        refused(tmp_path / name, "unsupported", "larger than")


def test_a_flac_that_claims_an_hour_and_more_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, signal(1000, 8000).T, 8000)
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] | 0x0F]) + b"\xff\xff\xff\xfe"
    path.write_bytes(content)
    refused(path, "unsupported", "larger than 4 GiB")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello\n" * 100, b"PK\3\4" + b"\0" * 100, b"\xff\xd8\xff" * 99])
def test_what_is_no_sound_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UnusableInputError):
        probe(tmp_path / "a.wav")
    with pytest.raises(UnusableInputError):
        read_audio(tmp_path / "a.wav")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "none"):
        for look in (probe, read_audio):
            with pytest.raises(OSError):
                look(path)


# mp3 as it is found


@pytest.mark.parametrize("front", [b"", b"junk in front of it" * 200, b"ID3\4\0\0\0\0\1\0" + b"\0" * 128])
def test_an_mp3_is_read_whole_whatever_lies_in_front(tmp_path: Path, front: bytes) -> None:
    original = encode(tmp_path / "a.mp3", "mp3", "libmp3lame", id3v2_version="0")
    (tmp_path / "b.mp3").write_bytes(front + (tmp_path / "a.mp3").read_bytes())
    samples, rate = read_audio(tmp_path / "b.mp3")
    assert rate == 48_000
    assert FRAMES <= samples.shape[1] <= FRAMES + PRIMING + PADDING
    assert aligned(samples, original) > LOSSY


def test_an_mp3_without_a_count_of_its_frames_is_no_broken_one(tmp_path: Path) -> None:
    original = encode(tmp_path / "a.mp3", "mp3", "libmp3lame", write_xing="0")
    samples, _ = read_audio(tmp_path / "a.mp3")
    assert FRAMES <= samples.shape[1] <= FRAMES + PRIMING + PADDING
    assert not probe(tmp_path / "a.mp3").frames_exact
    assert aligned(samples, original) > LOSSY


def test_a_flac_without_a_length_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, signal(FRAMES, 8000).T, 8000)
    content = bytearray(path.read_bytes())
    content[21:26] = bytes([content[21] & 0xF0, 0, 0, 0, 0])
    path.write_bytes(content)
    assert read_audio(path)[0].shape == (2, FRAMES)
    assert not probe(path).frames_exact


def aligned(samples: np.ndarray, original: np.ndarray) -> float:
    """Correlation at the delay, up to `PRIMING`, that fits best."""
    window = original[:1, 4000:8000]
    delay = max(range(PRIMING + 1), key=lambda each: correlation(window, samples[:1, 4000 + each :]))
    return correlation(samples[:, delay:], original)


# Reading through PyAV


@pytest.mark.parametrize("name", CASES)
def test_every_container_gives_the_original_back(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path = tmp_path / name
    original = case.write(path)
    info, (samples, rate) = probe(path), read_audio(path)
    assert (info.container, info.codec, info.frames_exact) == (case.word, case.codec_word, case.exact)
    assert (rate, info.sample_rate) == (case.rate, case.rate)
    assert (len(samples), info.channels) == (case.channels, case.channels)
    assert info.layout == {1: "mono", 2: "stereo", 6: "5.1"}[case.channels]
    assert samples.flags.c_contiguous
    assert samples.dtype == np.float32
    assert FRAMES <= samples.shape[1] <= FRAMES + case.surplus
    assert info.frames == samples.shape[1] if case.exact else abs(info.frames - samples.shape[1]) < 0.05 * case.rate
    assert (correlation if case.surplus <= PADDING else aligned)(samples, original) > case.similar


def test_wma_is_read(tmp_path: Path) -> None:
    original = encode(tmp_path / "a.wma", "asf", "wmav2", rate=44_100)
    samples, rate = read_audio(tmp_path / "a.wma")
    assert rate == 44_100
    assert abs(samples.shape[1] - FRAMES) <= PADDING
    assert aligned(original, samples) > LOSSY  # the decoder takes off a delay that FFmpeg's encoder does not put in


def test_the_length_that_itunes_wrote_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    original = encode(path, "ipod", "aac", use_editlist="0")
    assert probe(path).frames == FRAMES + 1024
    path.write_bytes(with_itunes_length(path.read_bytes(), delay=1024, frames=FRAMES - 100))
    samples, _ = read_audio(path)
    assert samples.shape[1] == probe(path).frames == FRAMES - 100
    assert correlation(samples, original) > LOSSY


def with_itunes_length(content: bytes, *, delay: int, frames: int) -> bytes:
    """An mp4 whose last box is its `moov`, with an iTunSMPB tag in it instead of other tags."""

    def box(word: bytes, *parts: bytes) -> bytes:
        inside = b"".join(parts)
        return struct.pack(">I4s", 8 + len(inside), word) + inside

    at = content.rfind(b"moov") - 4
    inside = content[at + 8 : content.rfind(b"udta") - 4]
    text = f" 00000000 {delay:08X} 00000000 {frames:016X}".encode()
    name = box(b"mean", b"\0\0\0\0com.apple.iTunes") + box(b"name", b"\0\0\0\0iTunSMPB")
    tag = box(b"----", name, box(b"data", struct.pack(">II", 1, 0), text))
    handler = box(b"hdlr", b"\0" * 8 + b"mdirappl" + b"\0" * 9)
    return content[:at] + box(b"moov", inside, box(b"udta", box(b"meta", b"\0" * 4, handler, box(b"ilst", tag))))


@pytest.mark.parametrize("name", ["mp4", "mkv"])
def test_a_sound_that_begins_after_the_picture_is_whole(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    original = case.write(tmp_path / "a", late=24_000)
    samples, rate = read_audio(tmp_path / "a")
    assert FRAMES <= samples.shape[1] <= FRAMES + PRIMING
    assert aligned(samples, original) > LOSSY  # FFmpeg declares no delay in such an mp4, and so it stays
    info = probe(tmp_path / "a")
    assert info.frames == samples.shape[1] if case.exact else abs(info.frames - samples.shape[1]) < 0.1 * rate


def test_a_fragmented_mp4_is_read_and_its_length_said_to_be_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    original = encode(path, "mp4", "aac", movflags="frag_keyframe+empty_moov", frag_duration="500000")
    samples, _ = read_audio(path)
    assert FRAMES <= samples.shape[1] <= FRAMES + PRIMING + PADDING
    assert aligned(samples, original) > LOSSY
    assert not probe(path).frames_exact


def test_a_file_with_pictures_only_holds_no_sound(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", "mp4", None, video=True)
    refused(tmp_path / "a.mp4", "unsupported", "holds no sound")
    with pytest.raises(UnusableInputError, match="holds no sound"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "lure",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {path}\n",
        "ffconcat version 1.0\nfile secret.mp4\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{path}</BaseURL></MPD>',
    ],
)
def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path, lure: str) -> None:
    encode(tmp_path / "secret.mp4", "mp4", "aac")
    path = tmp_path / "a.mp4"
    path.write_text(lure.format(path=tmp_path / "secret.mp4"))
    with pytest.raises(UnusableInputError):
        probe(path)
    with pytest.raises(UnusableInputError) as caught:
        read_audio(path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("cut", [0.5, 0.9])
@pytest.mark.parametrize("name", ["m4a", "fast.mp4", "webm", "mkv", "tta"])
def test_files_cut_short_are_corrupt(tmp_path: Path, name: str, cut: float) -> None:
    path = tmp_path / "a"
    case = CASES.get(name, CASES["mp4"])
    faststart = {"movflags": "faststart"} if name == "fast.mp4" else {}
    case.write(path, 960_000, **faststart)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    refused(path, "corrupt")


def test_an_mp4_without_its_last_packet_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    encode(path, "mp4", "pcm_s16be", movflags="faststart")
    path.write_bytes(path.read_bytes()[: -4 * (FRAMES % 1024)])
    refused(path, "corrupt")
    with pytest.raises(UnusableInputError):
        probe(path)


@pytest.mark.parametrize("box", [b"mdat", b"moov", b"free"])
def test_a_box_that_claims_512_gib_costs_nothing(tmp_path: Path, box: bytes) -> None:
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"mp41")
    (tmp_path / "a.mp4").write_bytes(head + struct.pack(">I4sQ", 1, box, 512 << 30) + b"\0" * 1000)
    with pytest.raises(UnusableInputError):
        read_audio(tmp_path / "a.mp4")


def test_noise_in_the_middle_is_corrupt_and_never_anything_else(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    path = tmp_path / "a"
    read = 0
    for name in ("m4a", "mkv", "webm", "mov", "wv", "ts"):
        CASES[name].write(path, 20_000)
        content = path.read_bytes()
        for _ in range(40):
            noisy = bytearray(content)
            for at in random.integers(0, len(noisy), 20):
                noisy[at] = random.integers(256)
            path.write_bytes(noisy)
            try:
                info, (samples, rate) = probe(path), read_audio(path)
            except UnusableInputError:
                continue
            read += 1
            assert np.isfinite(samples).all()
            assert (info.channels, info.sample_rate) == (len(samples), rate)
            assert info.frames == samples.shape[1] or not info.frames_exact
    assert 0 < read < 240


def test_a_disk_that_fails_is_no_broken_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from librarian.media import ffmpeg

    encode(tmp_path / "a.webm", "webm", "libopus")
    monkeypatch.setattr(ffmpeg._Handle, "seek", failing(OSError(5, "disk")))
    with pytest.raises(OSError, match="disk"):
        read_audio(tmp_path / "a.webm")


def failing(error: Exception) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise error

    return fail


def look(path: Path, *, report: str) -> subprocess.CompletedProcess[str]:
    """Read a file in a process of its own and print something of it."""
    code = f"""
        import sys, pathlib
        from librarian.media import probe, read_audio
        path = pathlib.Path(sys.argv[1])
        for each in (probe, read_audio):
            try: each(path)
            except Exception as error: print(type(error).__name__)
        print({report})
    """
    lines = "\n".join(line[8:] for line in code.splitlines())
    return subprocess.run([sys.executable, "-P", "-c", lines, path], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(("name", "loaded"), [("a.wav", "False"), ("a.flac", "False"), ("a.m4a", "True")])
def test_pyav_is_loaded_only_for_what_needs_it(tmp_path: Path, name: str, loaded: str) -> None:
    if name == "a.m4a":
        encode(tmp_path / name, "ipod", "aac")
    else:
        soundfile.write(tmp_path / name, signal(1000, 8000).T, 8000)
    assert look(tmp_path / name, report="'av' in sys.modules").stdout == f"{loaded}\n"


def test_a_broken_file_makes_no_noise(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", "mp4", "aac", video=True, movflags="faststart")
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:-9000])
    done = look(tmp_path / "a.mp4", report="'end'")
    assert (done.stdout, done.stderr) == ("UnusableInputError\nUnusableInputError\nend\n", "")
