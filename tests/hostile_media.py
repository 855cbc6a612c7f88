"""Sound files that are broken, odd or hostile, made by functions: `SPECIMENS` holds each with what is to become of it.

Those that are good are good recordings in an odd shape: they come out at the rate, channels and length stated here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from encoded import encode, signal

RATE = 8000
FRAMES = 16_001
"""Two seconds: long enough for a loudness, and a multiple of no codec's packet."""
PACKET = 2 * 2112
"""Frames that a codec's delay and padding add where the file does not declare them."""
HUGE = 512 << 30

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Good:
    """What comes out: sample rate (Hz), channels, frames, and how many more frames there may be."""

    rate: int = RATE
    channels: int = 1
    frames: int = FRAMES
    more: int = 0


@dataclass(frozen=True)
class Specimen:
    """A file: how it is made, and what comes out of it, or None where its task fails."""

    make: Make
    good: Good | None

    @property
    def about(self) -> str:
        """What it is, in one line."""
        return (self.make.__doc__ or "").split("\n")[0]


SPECIMENS: dict[str, Specimen] = {}


def bad(name: str) -> Callable[[Make], Make]:
    """A file whose task fails."""
    return _specimen(name, None)


def good(name: str, **form: int) -> Callable[[Make], Make]:
    """A file that is read."""
    return _specimen(name, Good(**form))


def _specimen(name: str, form: Good | None) -> Callable[[Make], Make]:
    def register(make: Make) -> Make:
        SPECIMENS[name] = Specimen(make, form)
        return make

    return register


def pcm(frames: int = FRAMES, rate: int = RATE, channels: int = 1) -> bytes:
    """Samples of 16 bits."""
    return (signal(frames, rate, channels).T * 2**15).astype("<i2").tobytes()


def wav(
    data: bytes, *, tag: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, claimed: int | None = None
) -> bytes:
    """A RIFF WAVE file whose header may claim anything."""
    size = len(data) if claimed is None else claimed
    align = max(1, channels * bits // 8) & 0xFFFF
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    head = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, len(head) + size)) + head + data


def sound(path: Path, subtype: str | None = None, *, container: str | None = None, **form: int) -> bytes:
    """A file of libsndfile's; its bytes."""
    samples = signal(form.get("frames", FRAMES), form.get("rate", RATE), form.get("channels", 1)).T
    soundfile.write(path, samples, form.get("rate", RATE), subtype=subtype, format=container)
    return path.read_bytes()


def encoded(path: Path, container: str, codec: str | None, **options: object) -> bytearray:
    """A file of FFmpeg's; its bytes."""
    encode(path, container, codec, **{"frames": FRAMES * 6, "rate": 48_000, "channels": 1, **options})  # type: ignore[arg-type]
    return bytearray(path.read_bytes())


def cut(content: bytes, part: float) -> bytes:
    """The beginning of a file."""
    return content[: int(len(content) * part)]


# Cut short


@bad("cut.wav")
def cut_wav(path: Path) -> None:
    """Half a WAV, whose header states the whole."""
    path.write_bytes(wav(pcm())[: 44 + 2 * (FRAMES // 2)])


@good("unfinished.wav", frames=FRAMES // 2)
def unfinished_wav(path: Path) -> None:
    """A recorder's power failed before it wrote how long the sound is: as long as its bytes are."""
    path.write_bytes(wav(pcm()[: 2 * (FRAMES // 2)], claimed=0x7FFFFFF0))


@bad("cut-in-its-head.wav")
def cut_wav_head(path: Path) -> None:
    """The first thirty bytes of a WAV."""
    path.write_bytes(wav(pcm())[:30])


@bad("cut.flac")
def cut_flac(path: Path) -> None:
    """Half a FLAC."""
    path.write_bytes(cut(sound(path), 0.5))


@bad("cut.mp3")
def cut_mp3(path: Path) -> None:
    """Half an MP3 that counts its frames."""
    path.write_bytes(cut(encoded(path, "mp3", "libmp3lame"), 0.5))


@bad("cut.m4a")
def cut_m4a(path: Path) -> None:
    """An M4A without its table."""
    path.write_bytes(cut(encoded(path, "ipod", "aac"), 0.5))


@bad("cut-fast.m4a")
def cut_fast_m4a(path: Path) -> None:
    """An M4A with its table and half its sound."""
    path.write_bytes(cut(encoded(path, "ipod", "aac", movflags="faststart"), 0.7))


@bad("cut.mkv")
def cut_mkv(path: Path) -> None:
    """Half a Matroska."""
    path.write_bytes(cut(encoded(path, "matroska", "aac", frames=FRAMES * 20), 0.5))


@bad("cut-page.ogg")
def cut_ogg(path: Path) -> None:
    """An Ogg without a page of sound."""
    path.write_bytes(sound(path)[:58])


# Nothing in it


@bad("zero.wav")
def zero(path: Path) -> None:
    """No byte."""
    path.write_bytes(b"")


@bad("header-only.flac")
def header_only_flac(path: Path) -> None:
    """The header of a FLAC."""
    path.write_bytes(sound(path)[:42])


@bad("header-only.mp4")
def header_only_mp4(path: Path) -> None:
    """The header of an MP4."""
    path.write_bytes(encoded(path, "mp4", "aac")[:32])


@bad("header-only.mkv")
def header_only_mkv(path: Path) -> None:
    """The header of a Matroska."""
    path.write_bytes(encoded(path, "matroska", "aac")[:200])


@bad("no-frames.wav")
def no_frames(path: Path) -> None:
    """A WAV with no frame."""
    path.write_bytes(wav(b""))


@good("one-frame.wav", frames=1)
def one_frame(path: Path) -> None:
    """A WAV with one sample."""
    path.write_bytes(wav(b"\1\2"))


@bad("silent-film.mp4")
def silent_film(path: Path) -> None:
    """A video without a sound."""
    encoded(path, "mp4", None, video=True)


# Claims


@good("claims-4-gib.wav")
def claims_wav(path: Path) -> None:
    """A WAV that claims 4 GiB: as long as its bytes are."""
    path.write_bytes(wav(pcm(), claimed=0xFFFFFFFF))


@good("claims-512-gib.rf64")
def claims_rf64(path: Path) -> None:
    """An RF64 that claims 512 GiB: as long as its bytes are."""
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    sizes = b"ds64" + struct.pack("<IQQQI", 28, HUGE, HUGE, HUGE // 2, 0)
    path.write_bytes(b"RF64\xff\xff\xff\xffWAVE" + sizes + form + b"data\xff\xff\xff\xff" + pcm())


@good("claims-512-gib.w64")
def claims_w64(path: Path) -> None:
    """A W64 that claims 512 GiB: as long as its bytes are."""
    content = bytearray(sound(path, "PCM_16", container="W64"))
    at = content.find(b"data") + 16
    path.write_bytes(content[:at] + struct.pack("<Q", HUGE) + content[at + 8 :])


@bad("claims-68-billion-frames.flac")
def claims_flac(path: Path) -> None:
    """A FLAC that claims as many frames as it can."""
    content = bytearray(sound(path))
    content[21:26] = bytes([content[21] | 0x0F]) + b"\xff\xff\xff\xfe"
    path.write_bytes(content)


@bad("claims-4-billion-packets.mp4")
def claims_packets(path: Path) -> None:
    """An MP4 whose table of packets claims to have 2³² − 1 of them, of 4 GiB each."""
    content = encoded(path, "mp4", "aac")
    at = content.find(b"stsz") + 8
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)


@bad("claims-years.mkv")
def claims_duration(path: Path) -> None:
    """A Matroska that claims to last 10¹² s."""
    content = encoded(path, "matroska", "aac")
    at = content.find(b"\x44\x89\x88") + 3
    content[at : at + 8] = struct.pack(">d", 1e15)
    at = content.find(b"DURATION") + 8
    clock = content.find(b"00:00:", at)
    content[clock : clock + 18] = b"99:59:59.000000000"
    path.write_bytes(content)


@bad("claims-512-gib.mp4")
def claims_box(path: Path) -> None:
    """An MP4 whose sound claims 512 GiB and has a kilobyte."""
    path.write_bytes(b"\0\0\0\1mdat" + struct.pack(">Q", HUGE) + bytes(1000))


@good("claims-2-gib.aiff")
def claims_aiff(path: Path) -> None:
    """An AIFF that claims 2³² − 1 frames: as long as its bytes are."""
    content = bytearray(sound(path, "PCM_16", container="AIFF"))
    at = content.find(b"COMM") + 10
    content[at : at + 4] = b"\xff\xff\xff\xff"
    at = content.find(b"SSND") + 4
    content[at : at + 4] = b"\x7f\xff\xff\xff"
    path.write_bytes(content)


# Values, channels, rates


def floats(values: object, width: str = "<f4") -> bytes:
    """A WAV of floats."""
    data = np.asarray(values, width)
    return wav(data.tobytes(), tag=3, bits=8 * data.itemsize)


def beginning_with(*first: float) -> np.ndarray:
    """A sound whose first samples are these."""
    samples = signal(FRAMES, RATE, 1)[0].astype(np.float64)
    samples[: len(first)] = first
    return samples


@bad("nan.wav")
def nan(path: Path) -> None:
    """A float WAV with one NaN."""
    path.write_bytes(floats(beginning_with(np.nan)))


@bad("infinite.wav")
def infinite(path: Path) -> None:
    """A float WAV with infinities."""
    path.write_bytes(floats(beginning_with(np.inf, -np.inf)))


@bad("too-large-for-float.wav")
def too_large(path: Path) -> None:
    """A float64 WAV with a sample that float32 does not have."""
    path.write_bytes(floats(beginning_with(1e300), "<f8"))


@good("denormal.wav")
def denormal(path: Path) -> None:
    """Nothing but numbers so small that processors stumble."""
    path.write_bytes(floats(np.full(FRAMES, 1e-42)))


@good("loud.wav")
def loud(path: Path) -> None:
    """A float WAV 60 dB over full scale."""
    path.write_bytes(floats(beginning_with() * 1000))


@bad("255-channels.wav")
def many_channels(path: Path) -> None:
    """255 channels: read, and too many for a loudness."""
    path.write_bytes(wav(pcm(1000, RATE, 255), channels=255))


@bad("65535-channels.wav")
def all_channels(path: Path) -> None:
    """As many channels as a header can say."""
    path.write_bytes(wav(pcm(), channels=0xFFFF))


@bad("no-channels.wav")
def no_channels(path: Path) -> None:
    """No channel."""
    path.write_bytes(wav(pcm(), channels=0))


@bad("4-hz.wav")
def slow(path: Path) -> None:
    """4 Hz: read, and too slow for a loudness."""
    path.write_bytes(wav(pcm(), rate=4))


@good("384-khz.wav", rate=384_000, frames=384_000)
def fast(path: Path) -> None:
    """384 kHz."""
    path.write_bytes(wav(pcm(384_000, 384_000), rate=384_000))


@bad("0-hz.wav")
def no_rate(path: Path) -> None:
    """A sample rate of nought."""
    path.write_bytes(wav(pcm(), rate=0))


@bad("4-ghz.wav")
def all_rate(path: Path) -> None:
    """A sample rate of 2³² − 1."""
    path.write_bytes(wav(pcm(), rate=0xFFFFFFFF))


def _written_as(container: str, subtype: str, **form: int) -> None:
    def write(path: Path) -> None:
        sound(path, subtype, container=container)

    write.__doc__ = f"{container} of {subtype}."
    good(f"{subtype}.{container}".lower(), **form)(write)


for _container, _subtype in (
    ("WAV", "PCM_U8"), ("WAV", "DOUBLE"), ("WAV", "ULAW"), ("WAV", "ALAW"), ("AIFF", "PCM_24"), ("CAF", "PCM_24"),
    ("AU", "ULAW"), ("W64", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_S8"),
):  # fmt: skip
    _written_as(_container, _subtype)
for _subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610"):
    _written_as("WAV", _subtype, more=PACKET)
