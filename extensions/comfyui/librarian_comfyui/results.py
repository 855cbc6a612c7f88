"""What a run made: the files that an output takes, fetched under names of ours, and looked into for what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from librarian.servers import ServerError
from librarian_comfyui import Take
from librarian_comfyui.prompts import RunFailedError
from librarian_comfyui.server import ComfyServer
from librarian_comfyui.workflow import Graph, node_named

MOST_FILES = 1000
MOST_TEXT = 1 << 20
"""Bytes of a text."""
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "image": ("png", "jpg", "jpeg", "webp", "gif", "avif", "bmp", "tif", "tiff"),
    "audio": ("flac", "wav", "mp3", "opus", "ogg", "m4a", "aac"),
    "video": ("mp4", "webm", "mkv", "mov"),
}


class Made(NamedTuple):
    """A file that a node made, as the server names it; or a text, which it gives at once."""

    node: str
    kind: str
    place: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True)
class Got:
    """A file that was fetched."""

    path: Path
    node: str
    kind: str
    sha256: str
    bytes: int


def made_of(outputs: Mapping[str, Any], graph: Graph, prefix: str) -> list[Made]:
    """What a server says that a run made, in the order of the nodes.

    Args:
        outputs: of the run's history, node → kind → list.
        graph: as it was given.
        prefix: folder that our files lie in.

    Raises:
        ServerError: it names a file that is none of this run, or none that may be asked for.
    """
    found: list[Made] = []
    for node in sorted(outputs, key=_numbers_first):
        given = outputs[node]
        if node not in graph or not isinstance(given, Mapping):
            raise ServerError("it says that a node which it was not given made something")
        saves = isinstance(graph[node]["inputs"].get("filename_prefix"), str)
        for name in sorted(given):
            listed = given[name] if isinstance(given[name], list) else []
            for each in listed:
                if isinstance(each, Mapping) and "filename" in each:
                    place = _place(each, prefix if saves else "")
                    found.append(Made(node, _kind_of(place["filename"]), place))
                elif name == "text" and isinstance(each, str):
                    found.append(Made(node, "text", {}, each))
    if len(found) > MOST_FILES:
        raise ServerError(f"it says that the run made more than {MOST_FILES} files")
    return found


def _numbers_first(node: str) -> tuple[int, str]:
    return (int(node) if node.isascii() and node.isdigit() and len(node) < 10 else 2**31, node)  # noqa: PLR2004


def _place(entry: Mapping[str, Any], prefix: str) -> dict[str, str]:
    place = {name: entry.get(name, "") for name in ("filename", "subfolder", "type")}
    if not all(isinstance(each, str) and len(each) <= 300 and each.isprintable() for each in place.values()):  # noqa: PLR2004
        raise ServerError("the name of a file that the run made is no name")
    name, folder = place["filename"], place["subfolder"].replace("\\", "/")
    parts = folder.split("/") if folder else []
    if not name or "/" in name or "\\" in name or ".." in name or ".." in parts or folder.startswith("/"):
        raise ServerError("it names a file outside of its output folder")
    if place["type"] not in ("output", "temp"):
        raise ServerError("it names a file that is no output")
    if prefix and place["type"] == "output" and folder != prefix:
        raise ServerError("it names a file of another run")
    return place


def _kind_of(name: str) -> str:
    ending = name.rpartition(".")[2].lower()
    return next((kind for kind, endings in _ENDINGS.items() if ending in endings), "")


def taken(made: list[Made], take: Take, graph: Graph) -> list[Made]:
    """What an output takes.

    Raises:
        RunFailedError: it wants one file, and there are none or more.
    """
    node = node_named(graph, take.node) if take.node else ""
    found = [each for each in made if each.kind == take.kind and node in ("", each.node)]
    if not found or (not take.many and len(found) > 1):
        wanted = f"{take.kind} of node {node}" if node else take.kind
        raise RunFailedError(
            f"the workflow left {len(found) or 'no'} {wanted}, and {'some' if take.many else 'one'} is wanted"
        )
    return found


def fetched(
    server: ComfyServer, made: list[Made], folder: Path, output: str, *, most: float, until: float
) -> Iterator[Got]:
    """Fetch what an output takes into a folder, under the output's name and a number.

    Raises:
        ServerError: a file is not what it should be.
        UnreachableError: the server broke off.
    """
    for number, each in enumerate(made, 1):
        raw = folder / f"{output}.{number}.part"
        raw.unlink(missing_ok=True)
        if each.kind == "text":
            content = each.text.encode("utf-8", "replace")
            if len(content) > MOST_TEXT:
                raise ServerError("a text that the run made is too long")
            raw.write_bytes(content)
            yield _named(raw, each, "txt", hashlib.sha256(content).hexdigest(), len(content))
            continue
        sha256, size = server.fetch(each.place, raw, most, until)
        kind, ending = sniffed(raw)
        if kind != each.kind:
            raise ServerError(f"a file that is called {each.kind} is {kind or 'something else'}")
        yield _named(raw, each, ending, sha256, size)


def _named(raw: Path, made: Made, ending: str, sha256: str, size: int) -> Got:
    path = raw.with_suffix(f".{ending}")
    return Got(raw.rename(path), made.node, made.kind, sha256, size)


def sniffed(path: Path) -> tuple[str, str]:
    """Kind and ending of a media file, by its first bytes; empty where it is none that is known."""
    with open(path, "rb") as file:
        head = file.read(16)
    for found, start, magic in _MAGIC:
        if head[start : start + len(magic)] == magic:
            if magic == b"RIFF":
                return {b"WEBP": ("image", "webp"), b"WAVE": ("audio", "wav")}.get(head[8:12], ("", ""))
            if magic == b"ftyp":
                return ("audio", "m4a") if head[8:11] == b"M4A" else ("video", "mp4")
            return found
    is_frame = head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 == 0xE2  # noqa: PLR2004
    return ("audio", "mp3") if is_frame else ("", "")


_MAGIC: tuple[tuple[tuple[str, str], int, bytes], ...] = (
    (("image", "png"), 0, b"\x89PNG\r\n\x1a\n"),
    (("image", "jpg"), 0, b"\xff\xd8\xff"),
    (("image", "gif"), 0, b"GIF8"),
    (("", ""), 0, b"RIFF"),
    (("", ""), 4, b"ftyp"),
    (("audio", "flac"), 0, b"fLaC"),
    (("audio", "ogg"), 0, b"OggS"),
    (("audio", "mp3"), 0, b"ID3"),
    (("video", "webm"), 0, b"\x1aE\xdf\xa3"),
)
