"""Embedded metadata: found wherever a format can hold it, removed, and sound and pictures are what they were."""

from __future__ import annotations

import base64
import io
import random
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from av.stream import Disposition
from harness import RECORDINGS, Archive
from PIL import Image, ImageCms, ImageOps
from tagged import MAKERS, RATE, id3v2, picture, sound

from librarian.errors import UnusableInputError
from librarian.privacy.tags import format_of, parts, remains, remove

NAME, NUMBER = "Ottilie Brandstätter", "+1 555 014 8822"
TEXTS = (NAME, NUMBER)
WORDS = ("Ottilie", "Brandst", "555 014 8822", "5550148822")
FORMS = [
    form
    for word in WORDS
    for form in (
        *(word.encode(each) for each in ("utf-8", "utf-16-le", "utf-16-be")),
        base64.b64encode(word.encode())[:-2],
    )
]


def decoded(path: Path) -> list[Any]:
    """Every sound and moving picture of a file, decoded; of a picture its pixels."""
    if path.suffix in (".png", ".jpg", ".webp"):
        return [opened(path).convert("RGBA").tobytes()]
    with av.open(path) as file:
        streams = [
            each.index
            for each in file.streams
            if each.type in ("audio", "video") and not each.disposition & Disposition.attached_pic
        ]
    found = []
    for index in streams:
        with av.open(path) as file:
            frames = [frame.to_ndarray() for frame in file.decode(file.streams[index])]
        found.append((len(frames), b"".join(frame.tobytes() for frame in frames)))
    return sorted(found)


def opened(path: Path) -> Image.Image:
    """A picture, read, and its file closed."""
    return Image.open(io.BytesIO(path.read_bytes()))


def packets(path: Path) -> list[list[tuple[int | None, bytes]]]:
    """Time and content of every packet of sound or moving pictures, stream by stream."""
    with av.open(path) as file:
        kept = [
            each
            for each in file.streams
            if each.type in ("audio", "video") and not each.disposition & Disposition.attached_pic
        ]
        found: dict[int, list[tuple[int | None, bytes]]] = {each.index: [] for each in kept}
        for packet in file.demux(kept):
            if packet.size:
                found[packet.stream.index].append((packet.pts, bytes(packet)))
    return sorted(found.values(), key=lambda each: each[0][1])


def unpacked(content: bytes) -> bytes:
    """The bytes of a file, and whatever in it can be decompressed."""
    found = [content]
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content):
        try:
            found.append(zlib.decompressobj().decompress(content[match.start() :], 1 << 16))
        except zlib.error:
            continue
    return b"".join(found)


@pytest.fixture(params=sorted(MAKERS))
def tagged(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file in which all that can hold text holds a name and a number."""
    path = tmp_path / f"source.{request.param}"
    MAKERS[request.param](path, TEXTS)
    content = unpacked(path.read_bytes())
    assert sum(content.count(form) for form in FORMS) >= 2  # they were planted
    return path


def test_nothing_is_left_and_what_is_heard_and_seen_is_the_same(tagged: Path, tmp_path: Path) -> None:
    before = tagged.read_bytes()
    assert remains(tagged)
    clean, removed = remove(tagged, tmp_path, "clean")
    assert not remains(clean)
    content = unpacked(clean.read_bytes())
    assert not [form for form in FORMS if form.lower() in content.lower()]
    assert decoded(clean) == decoded(tagged)
    if removed.kind != "image":
        bare, full = packets(clean), packets(tagged)
        if removed.kind == "audio":  # FFmpeg takes what is behind a FLAC for a part of its last packet
            full[-1][-1] = full[-1][-1][0], full[-1][-1][1][: len(bare[-1][-1][1])]
        assert bare == full
    assert tagged.read_bytes() == before
    assert removed.bytes > 0
    assert not any(word in " ".join(removed.places) for word in WORDS)


def test_a_clean_file_is_copied_as_it_is(tagged: Path, tmp_path: Path) -> None:
    clean, _ = remove(tagged, tmp_path, "clean")
    again, removed = remove(clean, tmp_path, "again")
    if format_of(clean).filtered:
        assert again.read_bytes() == clean.read_bytes()
    else:
        assert packets(again) == packets(clean)
    assert (removed.places, removed.bytes) == ([], 0)


def test_every_byte_belongs_to_a_part(tagged: Path) -> None:
    form = format_of(tagged)
    found = list(parts(tagged))
    if form.word != "ogg":  # which says a stretch of a page again
        assert [each.start for each in found[1:]] == [each.end for each in found[:-1]]
    assert found[0].start == 0
    assert max(each.end for each in found) == tagged.stat().st_size


@pytest.mark.parametrize("container", sorted(MAKERS))
def test_a_damaged_file_is_refused_or_cleaned_and_never_passed_on(container: str, tmp_path: Path) -> None:
    path, hurt = tmp_path / f"source.{container}", tmp_path / "hurt"
    MAKERS[container](path, TEXTS)
    whole, dice = path.read_bytes(), random.Random(container)
    for number in range(40):
        content = bytearray(whole[: dice.randrange(len(whole))] if number % 2 else whole)
        for _ in range(dice.randrange(4)):
            if content:
                content[dice.randrange(min(len(content), 2000))] = dice.randrange(256)
        hurt.write_bytes(content)
        try:
            clean, _ = remove(hurt, tmp_path, "clean")
        except UnusableInputError as error:
            assert not any(word in str(error) for word in WORDS)
        else:
            assert not remains(clean)


def test_text_between_the_frames_of_an_mp3_goes(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.mp3", tmp_path / "source.mp3"
    soundfile.write(plain, sound(2.0).T, RATE, format="MP3")
    (part,) = [each for each in parts(plain) if each.place == "frames"]
    frames = plain.read_bytes()[part.start : part.end]
    middle = frames.index(frames[:2], len(frames) // 2)
    while not list(parts(_written(path, frames[:middle] + NAME.encode() + frames[middle:]))):
        middle = frames.index(frames[:2], middle + 1)
    clean, removed = remove(path, tmp_path, "clean")
    assert "between the frames" in removed.places
    assert NAME.encode() not in clean.read_bytes()
    assert abs(len(clean.read_bytes()) - len(frames)) < 2000  # a frame may be cut where the text was put


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_head_of_lame_stays(tmp_path: Path) -> None:
    path = tmp_path / "source.mp3"
    MAKERS["mp3"](path, TEXTS)
    clean, _ = remove(path, tmp_path, "clean")
    assert b"Xing" in clean.read_bytes()[:400] or b"Info" in clean.read_bytes()[:400]


def test_a_picture_stays_the_right_way_up(tmp_path: Path) -> None:
    for ending in ("png", "jpg", "webp"):
        path = tmp_path / f"source.{ending}"
        MAKERS[ending](path, TEXTS)
        clean, _ = remove(path, tmp_path, "clean")
        turned, as_it_was = (ImageOps.exif_transpose(opened(each)) for each in (clean, path))
        assert turned.tobytes() == as_it_was.tobytes() != opened(path).tobytes()
        assert dict(opened(clean).getexif()) == {0x0112: 6}


def test_the_numbers_of_a_colour_profile_stay(tmp_path: Path) -> None:
    path = tmp_path / "source.jpg"
    MAKERS["jpg"](path, TEXTS)
    clean, _ = remove(path, tmp_path, "clean")
    profiles = [opened(each).info["icc_profile"] for each in (path, clean)]
    assert profiles[0] != profiles[1]
    to = ImageCms.createProfile("LAB")
    converted = [
        ImageCms.profileToProfile(picture(), ImageCms.ImageCmsProfile(io.BytesIO(each)), to, outputMode="LAB")
        for each in profiles
    ]
    assert converted[0].tobytes() == converted[1].tobytes()


def test_a_thumbnail_goes(tmp_path: Path) -> None:
    path = tmp_path / "source.jpg"
    picture().save(path, "JPEG")
    plain = path.read_bytes()
    thumbnail = b"JFIF\0\x01\x01\0\0\x01\0\x01\x04\x04" + bytes(range(48))
    path.write_bytes(b"\xff\xd8\xff\xe0" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + plain[20:])
    clean, _ = remove(path, tmp_path, "clean")
    assert bytes(range(48)) not in clean.read_bytes()
    assert decoded(clean) == decoded(path)


def test_long_files_keep_their_form(tmp_path: Path) -> None:
    path = tmp_path / "source.wav"
    soundfile.write(path, sound().T, RATE, format="RF64", subtype="PCM_24")
    plain = path.read_bytes()
    path.write_bytes(plain + b"bext" + struct.pack("<I", 602) + NAME.encode().ljust(602))
    clean, removed = remove(path, tmp_path, "clean")
    assert "bext" in removed.places
    assert np.array_equal(soundfile.read(clean)[0], soundfile.read(path)[0])
    assert NAME.encode() not in clean.read_bytes()


@pytest.mark.parametrize("content", [b"", b"no media at all", b"FORM\0\0\0\0AIFF", b"%PDF-1.7", b"GIF89a" + bytes(40)])
def test_what_is_not_known_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UnusableInputError, match="is not known"):
        remove(tmp_path / "file", tmp_path, "clean")


def test_a_drawing_loses_what_is_not_drawn(tmp_path: Path) -> None:
    path = tmp_path / "source.svg"
    path.write_text(f"<svg><!-- {NAME} --><metadata><a>{NUMBER}</a></metadata><text>mark</text></svg>")
    clean, _ = remove(path, tmp_path, "clean")
    assert clean.read_text() == "<svg><text>mark</text></svg>"
    path.write_text(f'<svg><image href="data:{NAME}"/></svg>')
    with pytest.raises(UnusableInputError, match="more than what it draws"):
        remove(path, tmp_path, "clean")


def test_what_stands_in_the_sound_too_fails(tmp_path: Path) -> None:
    path = tmp_path / "source.wav"
    said = NAME.encode()
    soundfile.write(path, np.frombuffer(said + said[: len(said) % 2], np.int16), RATE)
    content = path.read_bytes()
    more = b"LIST" + struct.pack("<I", len(said) + 13) + b"INFOIART" + struct.pack("<I", len(said) + 1) + said + b"\0"
    path.write_bytes(content + more)
    with pytest.raises(UnusableInputError, match="stands in its sound"):
        remove(path, tmp_path, "clean")


def test_try_clean_takes_any_file(archive: Archive) -> None:
    files = []
    for ending in ("wav", "mp3", "m4a", "webm", "png"):
        MAKERS[ending](path := archive.root / f"source.{ending}", TEXTS)
        files.append(str(path))
    done = archive.librarian("try", "clean", *files, "-o", "out")
    made = sorted((archive.root / "out").iterdir())
    assert [each.suffix for each in made] == [".m4a", ".mp3", ".png", ".wav", ".webm"] or len(made) == 5
    for each in made:
        assert not remains(each)
        assert not [form for form in FORMS if form in each.read_bytes()]
    assert "metadata" in done.stdout


def test_an_operation_that_leaves_metadata_has_it_removed(archive: Archive, make_extension: Any) -> None:
    make_extension(
        "loud",
        """
        from librarian import Audio, Image, Operation, Settings, hookimpl

        def mark(task):
            import soundfile
            from pathlib import Path
            with soundfile.SoundFile(task.folder / "a.wav", "w", 8000, 1, "PCM_16") as file:
                file.artist = "Ottilie Brandstätter"
                file.write([0.0] * 800)
            return {"audio": task.folder / "a.wav"}

        def odd(task):
            (task.folder / "a.gif").write_bytes(b"GIF89a")
            return {"image": task.folder / "a.gif"}

        @hookimpl
        def librarian_operations():
            common = {"version": "1", "settings": Settings, "inputs": {"audio": Audio}, "description": "For a test."}
            return [Operation(name="mark", run=f"{__name__}:mark", outputs={"audio": Audio}, **common),
                    Operation(name="odd", run=f"{__name__}:odd", outputs={"image": Image}, **common)]
        """,
    )
    (archive.root / "a.wav").write_bytes(next((RECORDINGS / "calls").glob("*.wav")).read_bytes())
    archive.job(
        """
        librarian: 1
        name: loud
        recordings: [{id: all, path: '*.wav'}]
        steps: [{id: tagged, use: mark}, {id: odd, use: odd}]
        """
    )
    said = archive.librarian("run", "job.yaml", code=1).stderr
    assert "what it may hold beside sound or picture is not known" in said
    ((name, content),) = [each for each in archive.files().items() if each[0].endswith(".wav")]
    assert b"Ottilie" not in content and b"LIST" not in content, name
    assert "0 problems" in archive.librarian("verify", "--read-data").stdout


def test_id3_before_a_flac_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "source.flac"
    soundfile.write(path, sound().T, RATE, subtype="PCM_16")
    path.write_bytes(id3v2(TEXTS) + path.read_bytes())
    assert remove(path, tmp_path, "clean")[1].bytes >= len(id3v2(TEXTS))
