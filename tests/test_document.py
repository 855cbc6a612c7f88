"""Small files that a setting names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from librarian.document import read_document, read_text


def test_yaml_and_json_are_plain_data(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [1, no, 2.5, null]\nb: |-\n  two\n  lines\n")
    assert read_document(tmp_path / "a.yaml") == {"a": [1, "no", 2.5, None], "b": "two\nlines"}
    (tmp_path / "a.json").write_text('{"a": [1, true, "x"]}')
    assert read_document(str(tmp_path / "a.json")) == {"a": [1, True, "x"]}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"a: 1\na: Jane", "line 2, column 1"),
        (b"a: !!python/name:Jane", "line 1, column 4"),
        (b"a: &Jane [1]\nb: *Jane", "line 1, column 4"),
        (b"a: Jane\n---\nb: 1", "line 2, column 1"),
        (b"a: \xffJane", "line 1, column 4"),
        (b"a: .inf # Jane", "line 1, column 4"),
        (b"a: " + b"[" * 1000, "line 1"),
        (b"Jane " * (1 << 17), "line 1"),
    ],
)
def test_what_is_refused_is_said_with_its_place_and_not_quoted(tmp_path: Path, text: bytes, place: str) -> None:
    (tmp_path / "a.yaml").write_bytes(text)
    with pytest.raises(ValueError, match=f"^{place}") as caught:
        read_document(tmp_path / "a.yaml")
    assert "Jane" not in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "Jane", Path("/dev/zero")):
        with pytest.raises(ValueError, match="there is no such file, or it may not be read"):
            read_document(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "no such file"),
        ("folder", "is no file|no such file"),
        ("pipe", "is no file"),
        ("large", "is too large"),
    ],
)
def test_what_is_no_text(kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match=message) as caught:
        read_text(path, 10)
    assert str(tmp_path) not in str(caught.value)


def test_a_text_with_a_mark_before_it_and_half_a_letter(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfso\xff")
    assert read_text(tmp_path / "a.txt", 10) == "so\ufffd"
