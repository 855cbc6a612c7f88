"""More specimens: MP3 as it is found, playlists in disguise, containers with more in them than a sound."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import av
import numpy as np
from encoded import encode, signal
from hostile_media import FRAMES, PACKET, bad, encoded, good, sound

FAST = 48_000
LONG = FRAMES * 6
LISTENER = socket.create_server(("127.0.0.1", 0))
"""Whoever follows a link in a specimen knocks here."""
LISTENER.setblocking(False)
URL = f"http://127.0.0.1:{LISTENER.getsockname()[1]}/a.mp4"


def knocked() -> bool:
    """Whether somebody followed a link."""
    try:
        LISTENER.accept()[0].close()
    except BlockingIOError:
        return False
    return True


# MP3 as it is found


def _mp3(path: Path, **options: str) -> bytes:
    return bytes(encoded(path, "mp3", "libmp3lame", id3v2_version="0", **options))


@good("junk-in-front.mp3", rate=FAST, frames=LONG, more=PACKET)
def junk_in_front(path: Path) -> None:
    """Junk before the first frame."""
    path.write_bytes(b"junk in front of it" * 500 + _mp3(path))


@bad("junk-in-between.mp3")
def junk_in_between(path: Path) -> None:
    """Junk in the middle: what it hits is lost."""
    content = _mp3(path, write_xing="0")
    path.write_bytes(content[:8000] + b"junk" * 500 + content[8000:])


@good("large-tag.mp3", rate=FAST, frames=LONG, more=PACKET)
def large_tag(path: Path) -> None:
    """60 MB of ID3 before the sound."""
    size = 60 << 20
    lengths = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\4\0\0" + lengths + bytes(size) + _mp3(path))


@good("mp3-as.wav", rate=FAST, frames=LONG, more=PACKET)
def mp3_as_wav(path: Path) -> None:
    """An MP3 that is called .wav."""
    path.write_bytes(_mp3(path))


# Playlists in disguise


def _lure(name: str, text: str) -> None:
    def write(path: Path) -> None:
        secret = path.parent.parent / "secret.mp4"
        if not secret.exists():
            encode(secret, "mp4", "aac", frames=LONG)
        path.write_text(text.replace("{file}", str(secret)))

    write.__doc__ = f"A playlist in disguise: {text.split(maxsplit=1)[0]}."
    bad(name)(write)


_lure("hls-file.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{file}\n#EXT-X-ENDLIST\n")
_lure("hls-http.mp4", f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{URL}\n#EXT-X-ENDLIST\n")
_lure("m3u.wav", f"#EXTM3U\n{{file}}\n{URL}\n")
_lure("pls.wav", f"[playlist]\nFile1={URL}\nNumberOfEntries=1\n")
_lure("concat.mkv", "ffconcat version 1.0\nfile '{file}'\n")
_lure("concat-protocol.mkv", "concat:{file}|{file}\n")
_lure("sdp.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n")
_lure("dash.mp4", f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{URL}</BaseURL></MPD>')
_lure("metadata.m4a", ";FFMETADATA1\ntitle={file}\n")
_lure("page.mp3", f'<html><audio src="{URL}">' + "x" * 5000)


# Containers with more in them


def alias(name: bytes) -> bytes:
    """A Macintosh alias record: where a movie says that its sound lies."""
    names = struct.pack("B27s12xB63s16xHH16x", 1, b"x", len(name), name, 1, 1)
    return bytes(10) + names + struct.pack(">HH", 2, len(name)) + name + struct.pack(">Hxx", 0xFFFF)


def url(name: bytes) -> bytes:
    """The address of another file."""
    return name + b"\0"


def _elsewhere(path: Path, word: bytes, record: bytes) -> None:
    content = bytes(encoded(path, "mov", "pcm_s16le"))
    (path.parent.parent / "beside.mov").write_bytes(content)
    at = content.find(b"dref") + 12
    (size,) = struct.unpack_from(">I", content, at)
    link = struct.pack(">I4sI", 12 + len(record), word, 0) + record
    moved = _grown(content[:at] + link + content[at + size :], at, len(link) - size)
    sound_at = moved.find(b"mdat") + 4
    path.write_bytes(moved[:sound_at] + bytes(100) + moved[moved.rfind(b"moov") - 4 :])


@bad("elsewhere.mov")
def elsewhere(path: Path) -> None:
    """A movie whose sound lies in another file, by an alias."""
    _elsewhere(path, b"alis", alias(b"beside.mov"))


@bad("elsewhere-too.mov")
def elsewhere_too(path: Path) -> None:
    """A movie whose sound lies in another file, by its address."""
    _elsewhere(path, b"url ", url(b"beside.mov"))


def _grown(content: bytes, at: int, by: int) -> bytes:
    """An MP4 whose boxes around a place are made as long as they have become."""
    changed = bytearray(content)
    for word in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = changed.rfind(word, 0, at) - 4
        (size,) = struct.unpack_from(">I", changed, start)
        struct.pack_into(">I", changed, start, size + by)
    return bytes(changed)


@good("linked.mkv", rate=FAST, frames=LONG, more=PACKET)
def linked(path: Path) -> None:
    """A Matroska that says that it goes on in another file, which nobody opens."""
    content = encoded(path, "matroska", "aac")
    at = content.find(b"\x57\x41")  # the name of the program gives way to that of the file
    size = content[at + 2] & 127
    content[at : at + 3 + size] = b"\x3e\x83\xbb" + bytes([128 | size - 1]) + b"other.mkv".ljust(size - 1, b"\0")
    path.write_bytes(content)


@good("film.mp4", rate=FAST, frames=LONG)
def film(path: Path) -> None:
    """A video with a sound."""
    encoded(path, "mp4", "aac", video=True)


@good("two-sounds.mkv", rate=FAST, frames=LONG, channels=2, more=PACKET)
def two_sounds(path: Path) -> None:
    """A Matroska with a mono and a stereo sound and subtitles: the best sound is read."""
    with av.open(path, "w", format="matroska") as file:
        streams = [file.add_stream("pcm_s16le", rate=FAST, layout=layout) for layout in ("mono", "stereo")]
        for stream, channels in zip(streams, (1, 2), strict=True):
            samples = (signal(LONG, FAST, channels) * 2**15).astype(np.int16)
            for at in range(0, LONG, 4096):
                block = np.ascontiguousarray(samples[:, at : at + 4096].T.reshape(1, -1))
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout=stream.layout.name)
                frame.sample_rate, frame.pts = FAST, at
                file.mux(stream.encode(frame))
            file.mux(stream.encode())


@good("chained.ogg", frames=3 * FRAMES, more=PACKET)
def chained_ogg(path: Path) -> None:
    """Three sounds in one Ogg."""
    path.write_bytes(b"".join(sound(path, "VORBIS", container="OGG") for _ in range(3)))


@good("strung-together.mp3", rate=FAST, frames=2 * LONG, more=2 * PACKET)
def strung_together_mp3(path: Path) -> None:
    """Two MP3s in one file, the first with a count of its own frames."""
    path.write_bytes(2 * _mp3(path))


def png_head(side: int) -> bytes:
    """A PNG that claims to be as large as that."""
    import zlib

    def chunk(word: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside)) + word + inside + struct.pack(">I", zlib.crc32(word + inside))

    size = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


PICTURE = png_head(50_000)


@good("picture.flac")
def picture_flac(path: Path) -> None:
    """A FLAC with a picture of 50,000 × 50,000."""
    content = sound(path)
    block = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">I", 0)
    block += struct.pack(">IIIII", 50_000, 50_000, 32, 0, len(PICTURE)) + PICTURE
    head = bytes([content[4] & 127]) + content[5:42]
    picture = bytes([6 | (content[4] & 128)]) + len(block).to_bytes(3) + block
    path.write_bytes(content[:4] + head + picture + content[42:])


@good("picture.mp3", rate=FAST, frames=LONG, more=PACKET)
def picture_mp3(path: Path) -> None:
    """An MP3 with a picture of 50,000 × 50,000."""
    inside = b"\0image/png\0\3\0" + PICTURE
    frame = b"APIC" + struct.pack(">I", len(inside)) + b"\0\0" + inside
    lengths = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\3\0\0" + lengths + frame + _mp3(path))


@good("picture.m4a", rate=FAST, frames=LONG)
def picture_m4a(path: Path) -> None:
    """An M4A with a picture of 50,000 × 50,000."""

    def box(word: bytes, *parts: bytes) -> bytes:
        inside = b"".join(parts)
        return struct.pack(">I4s", 8 + len(inside), word) + inside

    content = bytes(encoded(path, "ipod", "aac"))
    at = content.rfind(b"moov") - 4
    inside = content[at + 8 : content.rfind(b"udta") - 4]
    handler = box(b"hdlr", b"\0" * 8 + b"mdirappl" + b"\0" * 9)
    cover = box(b"covr", box(b"data", struct.pack(">II", 14, 0), PICTURE))
    tags = box(b"udta", box(b"meta", b"\0" * 4, handler, box(b"ilst", cover)))
    path.write_bytes(content[:at] + box(b"moov", inside, tags))
