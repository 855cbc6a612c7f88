"""Media files whose every kind of embedded metadata holds given texts, made by the libraries that write them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

RATE = 48_000


def sound(seconds: float = 0.5) -> Any:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.stack([0.3 * np.sin(2 * np.pi * 220 * time), 0.2 * np.sin(2 * np.pi * 330 * time)]).astype(np.float32)


def picture() -> Image.Image:
    rows = np.arange(48, dtype=np.uint8)
    return Image.fromarray(
        np.stack([np.add.outer(rows, rows * 2), np.multiply.outer(rows, rows), 3 * rows[:, None] + 0 * rows], -1)
    )


def chunk(word: bytes, content: bytes) -> bytes:
    return word + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def id3v2(texts: Sequence[str]) -> bytes:
    """One frame a text, in Latin-1's place UTF-16 and UTF-8 by turns; a comment and a picture's description too."""
    frames = b""
    for number, text in enumerate(texts):
        encoded = b"\x01" + text.encode("utf-16") if number % 2 else b"\x03" + text.encode()
        for word, front in ((b"TPE1", b""), (b"COMM", b"eng\0\0")):
            content = encoded if word == b"TPE1" else encoded[:1] + front[:3] + b"\0" + encoded[1:]
            frames += word + struct.pack(">I", len(content)) + b"\0\0" + content
    cover = b"\0image/png\0\x03" + texts[0].encode("latin-1", "replace") + b"\0" + bytes(50)
    frames += b"APIC" + struct.pack(">I", len(cover)) + b"\0\0" + cover
    size = len(frames)
    return b"ID3\x03\0\0" + bytes([size >> shift & 0x7F for shift in (21, 14, 7, 0)]) + frames


def ape(texts: Sequence[str]) -> bytes:
    items = b"".join(
        struct.pack("<II", len(text.encode()), 0) + f"Key{number}\0".encode() + text.encode()
        for number, text in enumerate(texts)
    )
    form = struct.pack("<IIII", 2000, len(items) + 32, len(texts), 0)
    head = b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, len(texts), 0xA0000000) + bytes(8)
    return head + items + b"APETAGEX" + form[:12] + struct.pack("<I", 0x80000000) + bytes(8)


def id3v1(texts: Sequence[str]) -> bytes:
    return b"TAG" + b"".join(text.encode("latin-1", "replace")[:30].ljust(30, b"\0") for text in texts[:3])[:90].ljust(
        125, b"\0"
    )


def wav(path: Path, texts: Sequence[str]) -> None:
    soundfile.write(path, sound().T, RATE, format="WAV", subtype="PCM_16")
    plain = path.read_bytes()
    utf8 = [each.encode() for each in texts]
    info = b"INFO" + b"".join(
        chunk(word, each + b"\0") for word, each in zip((b"IART", b"INAM", b"ICMT") * 9, utf8, strict=False)
    )
    bext = (
        b" ".join(utf8)[:256].ljust(256, b"\0")
        + utf8[0][:32].ljust(32, b"\0")
        + utf8[-1][:32].ljust(32, b"\0")
        + bytes(282)
        + b" ".join(utf8)
    )
    labels = b"adtl" + b"".join(chunk(b"labl", struct.pack("<I", 1) + each + b"\0") for each in utf8)
    more = [
        chunk(b"LIST", info),
        chunk(b"bext", bext),
        chunk(b"iXML", b"<BWFXML><NOTE>" + b", ".join(utf8) + b"</NOTE></BWFXML>"),
        chunk(b"id3 ", id3v2(texts)),
        chunk(b"_PMX", " ".join(texts).encode("utf-16-le")),
        chunk(b"cue ", struct.pack("<IIIIIII", 1, 1, 0, 0, 0, 0, 0)),
        chunk(b"LIST", labels),
        chunk(b"JUNK", b", ".join(utf8)),
        chunk(b"axml", b"<x>" + b" ".join(utf8) + b"</x>"),
    ]
    body = plain[12:36] + b"".join(more[::2]) + plain[36:] + b"".join(more[1::2])
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body + b", ".join(utf8))


def flac(path: Path, texts: Sequence[str]) -> None:
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_24", format="FLAC") as file:
        file.artist, file.comment = texts[0], texts[-1]
        file.write(sound().T)
    plain = path.read_bytes()
    utf8 = [each.encode() for each in texts]
    note = b"".join(utf8)
    mime = b"image/png"
    cover = struct.pack(">II", 3, len(mime)) + mime + struct.pack(">I", len(note)) + note + bytes(20)
    blocks = b"".join(
        bytes([kind]) + len(each).to_bytes(3, "big") + each
        for kind, each in ((2, b"note" + note), (6, cover), (1, note))
    )
    path.write_bytes(id3v2(texts) + plain[:42] + blocks + plain[42:] + ape(texts) + id3v1(texts))


def mp3(path: Path, texts: Sequence[str]) -> None:
    encoded(path, texts, "mp3", "libmp3lame")
    plain = path.read_bytes()
    frames = plain[plain.index(b"\xff\xfb") :] if not plain.startswith(b"\xff") else plain
    lyrics = b"LYRICSBEGIN" + b"LYR" + "".join(texts).encode("latin-1", "replace")
    lyrics += f"{len(lyrics):06d}".encode() + b"LYRICS200"
    path.write_bytes(id3v2(texts) + frames + ape(texts) + lyrics + id3v1(texts))


def encoded(path: Path, texts: Sequence[str], container: str, codec: str, pictures: str = "") -> None:
    """By FFmpeg's libraries: tags of the file and of each stream, chapters' titles."""
    with av.open(path, "w", format=container) as file:
        keys = ("title", "artist", "comment", "album", "description", "copyright", "genre", "synopsis", "lyrics")
        file.metadata.update(dict(zip(keys * 9, texts, strict=False)))
        file.metadata.update({f"note {number}": each for number, each in enumerate(texts)})
        file.set_chapters(
            [
                {"id": n, "start": n, "end": n + 1, "time_base": Fraction(1, 20), "metadata": {"title": text}}
                for n, text in enumerate(texts)
            ]
        )
        stream: Any = file.add_stream(codec, rate=RATE, layout="stereo")
        stream.metadata.update({"title": texts[0], "handler_name": texts[-1], "language": "deu"})
        moving: Any = None
        if pictures:
            moving = file.add_stream(pictures, rate=25)
            moving.width = moving.height = 48
            moving.pix_fmt = "yuv420p"
            moving.metadata.update({"title": texts[0], "handler_name": texts[-1]})
            for number in range(12):
                frame = av.VideoFrame.from_image(picture())
                frame.pts = number
                file.mux(moving.encode(frame))
            file.mux(moving.encode())
        resampler = av.AudioResampler(format=stream.format.name)
        samples, step = sound(), stream.frame_size or 1024
        for start in range(0, samples.shape[1], step):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + step]), "fltp", "stereo")
            frame.sample_rate, frame.pts = RATE, start
            for each in resampler.resample(frame):
                file.mux(stream.encode(each))
        file.mux(stream.encode())


def exif(texts: Sequence[str], orientation: int = 6) -> bytes:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010E], made[0x013B], made[0x8298] = texts[0], texts[-1], " ".join(texts)
    made.get_ifd(0x8825)[1] = "N"
    made.get_ifd(0x8769)[0x9286] = " ".join(texts)
    return bytes(made.tobytes())


def profile(texts: Sequence[str]) -> bytes:
    """sRGB with its description and copyright overwritten."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = made.index(b"mluc") + 28
    text = "".join(texts).encode("utf-16-be")[:16]
    made[at : at + len(text)] = text
    return bytes(made)


def xmp(texts: Sequence[str]) -> bytes:
    return ("<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + ", ".join(texts) + "</x:xmpmeta>").encode()


def png(path: Path, texts: Sequence[str]) -> None:
    info = PngInfo()
    for number, text in enumerate(texts):
        info.add_text(f"key{number}", text.encode("latin-1", "replace").decode("latin-1"), zip=number % 2 == 1)
        info.add_itxt(f"note{number}", text, zip=number % 2 == 0)
    info.add(b"prVt", " ".join(texts).encode())
    picture().save(path, pnginfo=info, exif=exif(texts), icc_profile=profile(texts))
    path.write_bytes(path.read_bytes() + " ".join(texts).encode())


def jpeg(path: Path, texts: Sequence[str]) -> None:
    note = " ".join(texts)
    more = {"exif": exif(texts), "icc_profile": profile(texts), "xmp": xmp(texts), "comment": note}
    picture().save(path, "JPEG", quality=90, progressive=True, **more)
    plain = path.read_bytes()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x63\x1c\x02\x78" + note.encode()
    extra = b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc
    path.write_bytes(plain[:2] + plain[2:20] + extra + plain[20:] + note.encode())


def webp(path: Path, texts: Sequence[str]) -> None:
    picture().save(path, lossless=True, exif=exif(texts), icc_profile=profile(texts), xmp=xmp(texts))
    plain = path.read_bytes()
    more = chunk(b"NOTE", " ".join(texts).encode())
    path.write_bytes(plain[:4] + struct.pack("<I", len(plain) - 8 + len(more)) + plain[8:] + more)


def by(container: str, codec: str, pictures: str = "") -> Callable[[Path, Sequence[str]], None]:
    return lambda path, texts: encoded(path, texts, container, codec, pictures)


def ogg_vorbis(path: Path, texts: Sequence[str]) -> None:
    with soundfile.SoundFile(path, "w", RATE, 2, "VORBIS", format="OGG") as file:
        file.artist, file.comment, file.title = texts[0], texts[-1], " ".join(texts)
        file.write(sound().T)


MAKERS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "wav": wav,
    "flac": flac,
    "mp3": mp3,
    "ogg": ogg_vorbis,
    "flac.ogg": by("ogg", "flac"),
    "opus": by("ogg", "libopus"),
    "m4a": by("ipod", "aac"),
    "alac.m4a": by("ipod", "alac"),
    "mp4": by("mp4", "aac", "libx264"),
    "mov": by("mov", "pcm_s16le", "mpeg4"),
    "mkv": by("matroska", "aac", "libx264"),
    "mka": by("matroska", "flac"),
    "webm": by("webm", "libopus", "libvpx-vp9"),
    "png": png,
    "jpg": jpeg,
    "webp": webp,
}
"""Ending → what makes a file full of texts."""
