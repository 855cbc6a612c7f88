"""Child side: a file that a person gives in the place of a result, checked by its kind and made ready to be kept.

What it holds is private: no problem quotes it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from librarian.errors import RefusedError, UnusableInputError
from librarian.files import open_regular
from librarian.kinds import SCHEMAS, Audio, Data, Image, Text, Video
from librarian.privacy import tags
from librarian.workers.execution import audio_facts
from librarian.workers.messages import Message

LARGEST_DOCUMENT = 256 << 20
"""Bytes of JSON or text: more than a hundred days of speech, word by word."""
_MOST_PROBLEMS = 3
_BLOCK_FRAMES = 1 << 16
_OWN_WORDS = {
    "extra_forbidden": "it has a field that is not in the schema",
    "value_error": "it is not what the schema asks for",
    "assertion_error": "it is not what the schema asks for",
}
"""Type of a problem → what is said of it."""
_ALIKE = ("frames", "sample_rate", "channels")


def revised(request: Message) -> Message:
    """Make what is kept of a file, in the folder that is given.

    Args:
        request: `path`, the file; `kind`, the word of what it is to be; `folder` and `stem`, where the result goes and
            what its name begins with; `ending`, that of what it is made from; `facts`, the core's of a sound that it is
            to be like, empty where it need not be.

    Returns:
        `file` and `facts` of the result.

    Raises:
        RefusedError: it is not what it has to be.
    """
    path, folder, kind = Path(request["path"]), Path(request["folder"]), request["kind"]
    if kind in (Audio.word, Image.word, Video.word):
        return _media(path, folder, request)
    if kind == Text.word:
        return _text(path, folder, request)
    if "/" not in kind:
        raise RefusedError(f"nobody here can tell whether a file is a good {kind}; change what it is made from instead")
    document = _document(path, kind)
    name = f"{request['stem']}.json"
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        (folder / name).write_bytes(text.encode())
    except UnicodeEncodeError:
        raise RefusedError("a text in it holds half a character (a lone surrogate)") from None
    return {"file": name, "facts": {}}


def _media(path: Path, folder: Path, request: Message) -> Message:
    kind = request["kind"]
    facts = _sound(path, request["facts"]) if kind == Audio.word else {}
    try:
        made, removed = tags.remove(path, folder, request["stem"])
    except UnusableInputError as error:
        raise RefusedError(f"it cannot be kept without its metadata: {error}") from None
    if removed.kind != kind:
        raise RefusedError(f"it is of kind {removed.kind}, and the result of kind {kind}")
    return {"file": made.name, "facts": facts}


def _sound(path: Path, like: Mapping[str, Any]) -> dict[str, Any]:
    """The core's facts of a sound that decodes to its end, with the frames that were counted.

    Raises:
        RefusedError: it does not, or is not as long, wide and fine as it has to be.
    """
    from librarian.media import open_audio

    try:
        with open_audio(path) as stream:
            frames = sum(block.shape[1] for block in stream.sampled_blocks(_BLOCK_FRAMES))
        facts = {**audio_facts(path), "frames": frames, "frames_exact": True}
    except UnusableInputError as error:
        raise RefusedError(f"it is no sound that can be used: {error}") from None
    facts["seconds"] = round(frames / facts["sample_rate"], 6)
    different = [
        f"{name.replace('_', ' ')} {facts[name]:,} instead of {like[name]:,}"
        for name in _ALIKE
        if like and facts[name] != like[name]
    ]
    if different:
        raise RefusedError(
            f"it has {' and '.join(different)}, and what is made from it may not fit; to take it all the same: "
            "--unlike-ok"
        )
    return facts


def _text(path: Path, folder: Path, request: Message) -> Message:
    ending = request["ending"]
    if path.suffix.lower() != ending:
        raise RefusedError(f"the result is a file that ends in {ending}; give one of the same format")
    _read(path)
    name = f"{request['stem']}{ending}"
    with open(open_regular(path), "rb") as given, open(folder / name, "xb") as made:
        shutil.copyfileobj(given, made)
    return {"file": name, "facts": {}}


def _read(path: Path) -> str:
    with open(open_regular(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_DOCUMENT:
            raise RefusedError(f"it is larger than {LARGEST_DOCUMENT >> 20} MiB")
        try:
            return file.read().decode()
        except UnicodeDecodeError as error:
            raise RefusedError(f"it is no text in UTF-8: byte {error.start:,}") from None


def _document(path: Path, kind: str) -> dict[str, Any]:
    """The document in a file, as it is kept.

    Raises:
        RefusedError: it is no JSON, or does not fit its schema.
    """
    try:
        given = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise RefusedError(f"it is no JSON: line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise RefusedError("it is no JSON that can be read") from None
    if not isinstance(given, dict):
        raise RefusedError(f"it is no JSON object, as {kind} is")
    schema = given.pop("schema", kind)
    if schema != kind:
        raise RefusedError(f"it says that it is of another schema; the result is of {kind}")
    try:
        checked = (schema_of := _kind(kind)).model_validate(given)
    except ValidationError as error:
        raise RefusedError(f"it does not fit the schema {kind}: {'; '.join(_problems(error, schema_of))}") from None
    return {"schema": kind, **checked.model_dump(mode="json")}


def _problems(error: ValidationError, kind: type[Data]) -> Iterator[str]:
    """Where and what, without a word of the file's.

    Names that the schema does not declare are left out, and so is what an extension's own code says.
    """
    declared = set(_names(kind.model_json_schema()))
    details = error.errors(include_url=False, include_input=False, include_context=False)
    for detail in details[:_MOST_PROBLEMS]:
        place = ".".join(str(each) for each in detail["loc"] if isinstance(each, int) or each in declared)
        what = _OWN_WORDS.get(detail["type"], detail["msg"])
        if detail["type"] == "value_error" and kind in SCHEMAS:
            what = detail["msg"]
        yield f"{place}: {what}" if place else what
    if len(details) > _MOST_PROBLEMS:
        yield f"and {len(details) - _MOST_PROBLEMS:,} more"


def _names(schema: Any) -> Iterator[str]:
    """The names of the fields in a JSON Schema."""
    waiting = [schema]
    for each in waiting:  # which grows meanwhile
        if isinstance(each, dict):
            yield from each.get("properties", ())
            waiting += each.values()


def _kind(word: str) -> type[Data]:
    """The kind of a word, among all that the core and the extension that was loaded declare.

    Raises:
        RefusedError: nobody declares it any more.
    """
    waiting = Data.__subclasses__()
    for each in waiting:  # which grows meanwhile
        if each.word == word:
            return each
        waiting += each.__subclasses__()
    raise RefusedError(
        f"the extension that made the result no longer knows the schema {word}; type: librarian extensions"
    )
