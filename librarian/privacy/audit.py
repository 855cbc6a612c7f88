"""The audit: is there anything that names someone? What is found is counted by place and type; its text is not kept."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from librarian.errors import UnusableInputError
from librarian.files import open_regular
from librarian.privacy import tags
from librarian.privacy.scrub import Scrubber
from librarian.privacy.strings import strings_in
from librarian.privacy.tags.formats import is_more
from librarian.privacy.tags.part import Source

METADATA = "METADATA"
"""The type of embedded metadata as such, whatever it says."""
KNOWN = "KNOWN"
"""The type of a value that the vault knows, in what is no text."""
UNREAD = "UNREAD"
"""The type of what should be readable and is not."""
LONGEST_TEXT = 1 << 20
"""Characters that are searched at once; what stands across the border of two is found in both."""
_OVERLAP = 256
_LONG, _DIGITS = 16, 7
_BETWEEN = "\nqzxjqxzj\n"
"""Between texts that are searched as one: a word that is in no name, so that none reaches across it."""
_MOST_AT = 5
_REMEMBERED = 1 << 16
_LONGEST_REMEMBERED = 200
_MOST_OF_PART = 8 << 20
_FILE = r"[a-z]{3}_[a-z2-7]{13}\.[a-z0-9_]+\.[a-z0-9_]+(?:\.\d{4,})?\.[a-z0-9]{1,8}"
_FOLDER = r"[a-z2-7]{2}/[a-z]{3}_[a-z2-7]{13}/[a-z0-9_]+-[a-z2-7]{8}"
_TYPED = re.compile(
    r"(?:rec|grp|set|art|src|mch)_[a-z2-7]{13}|job_[0-9a-hjkmnp-tv-z]{26}"
    r"|(?:keyed:|text:)?[a-z2-7]{52}|(?:sha256:)?[0-9a-f]{32,64}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    rf"|[a-z2-7]{{2}}|[a-z0-9_]+-[a-z2-7]{{8}}|{_FOLDER}(?:/{_FILE})?|{_FILE}(?:/\d+(?:/{_FILE}/\d+)*)?"
)
"""Ids, digests, times, and what is made of them: nothing in them is looked for."""
_GEOMETRY = re.compile(
    r"(?<= )(?:viewBox|points|d|transform|width|height|r|[cdr]?[xy][12]?|offset|font-size|stroke-[a-z]+)=\"[^\"a-z]*\""
)
"""Attributes of drawings that are numbers."""


class Findings:
    """What was found, and what was looked at.

    Attributes:
        counts: (place, type) → how often.
        at: (place, type) → some of the files, by names that were scrubbed.
        files, bytes: that were looked into.
        skipped: files that nobody can look into.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.at: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.files = self.bytes = self.skipped = 0

    def add(self, place: str, kind: str, at: str) -> None:
        """Count one."""
        self.counts[place, kind] += 1
        if at and at not in self.at[place, kind] and len(self.at[place, kind]) < _MOST_AT:
            self.at[place, kind].append(at)


class Auditor:
    """Searches files of every sort.

    Args:
        texts: finds what names someone in free text.
        words: the same in what is typed: it is told the words that schemas and extensions declare.
        known: finds known values alone, in what is no text.
        root: names of files are shown from here on.
        found: where it counts.
    """

    def __init__(self, texts: Scrubber, words: Scrubber, known: Scrubber, root: Path, found: Findings) -> None:
        self._texts, self._words, self._known, self._root, self.found = texts, words, known, root, found
        self._of_words = lru_cache(_REMEMBERED)(self._types_of_words)

    def name(self, place: str, path: Path) -> None:
        """Look at what a file or folder is called."""
        if not _TYPED.fullmatch(path.name):
            self._count(place, self._texts, path.name, "")

    def text(self, place: str, path: Path) -> None:
        """Look at a text, line by line; at a drawing without its numbers."""
        is_drawing = path.suffix == ".svg"
        with open(open_regular(path), encoding="utf-8", errors="surrogateescape") as file:
            before = ""
            while line := file.readline(LONGEST_TEXT):
                whole = before + line.rstrip("\n")
                self._count(place, self._texts, _GEOMETRY.sub("", whole) if is_drawing else whole, self.shown(path))
                before = "" if line.endswith("\n") else line[-_OVERLAP:]
        self._looked_at(path)

    def lines(self, place: str, path: Path) -> None:
        """Look at JSON lines: texts in full, what is typed by its words."""
        with open(open_regular(path), "rb") as file:
            for line in file:
                self._json(place, line, self.shown(path))
        self._looked_at(path)

    def document(self, place: str, path: Path) -> None:
        """Look at one JSON document."""
        with open(open_regular(path), "rb") as file:
            self._json(place, file.read(), self.shown(path))
        self._looked_at(path)

    def _json(self, place: str, content: bytes, at: str) -> None:
        try:
            self.value(place, json.loads(content), at)
        except (ValueError, RecursionError):
            self.found.add(place, UNREAD, at)

    def value(self, place: str, value: Any, at: str) -> None:
        """Look at plain data. What is said in a `message` is free text, all else is typed."""
        waiting = [("", value)]
        while waiting:
            key, each = waiting.pop()
            if isinstance(each, Mapping):
                waiting += ((str(name), below) for name, below in each.items())
                waiting += (("", str(name)) for name in each)
            elif isinstance(each, list):
                waiting += ((key, below) for below in each)
            elif isinstance(each, str) and key == "message":
                self._count(place, self._texts, each, at)
            elif isinstance(each, str):
                self.word(place, each, at)

    def word(self, place: str, text: str, at: str) -> None:
        """Look at a typed string."""
        if len(text) > _LONGEST_REMEMBERED:
            self._count(place, self._words, text, at)
            return
        for kind in self._of_words(text):
            self.found.add(place, kind, at)

    def _types_of_words(self, text: str) -> tuple[str, ...]:
        return () if _TYPED.fullmatch(text) else tuple(span.type for span in self._words.hits(text))

    def database(self, place: str, path: Path) -> None:
        """Look at every value of an SQLite file, and at its bytes, pages that are free included."""
        at = self.shown(path)
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as db:
                tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                for table in tables:
                    for row in db.execute(f'SELECT * FROM "{table}"'):
                        self._row(place, row, at)
        except sqlite3.Error:
            self.found.add(place, UNREAD, at)
        for each in (path, path.with_name(f"{path.name}-wal")):
            if each.exists():
                self.raw(place, each)

    def _row(self, place: str, row: Iterable[Any], at: str) -> None:
        for value in row:
            if isinstance(value, str) and value[:1] in ("{", "["):
                self._json(place, value.encode(), at)
            elif isinstance(value, str):
                self.word(place, value, at)

    def raw(self, place: str, path: Path) -> None:
        """Look for known values in bytes of any kind."""
        before = b""
        with open(open_regular(path), "rb") as file:
            while block := file.read(LONGEST_TEXT):
                texts = _BETWEEN.join(strings_in(before + block))
                for span in self._known.hits(texts):
                    if is_telling(texts[span.start : span.end]):
                        self.found.add(place, KNOWN, self.shown(path))
                before = block[-_OVERLAP:]
        self._looked_at(path)

    def metadata(self, place: str, path: Path, *, counted: bool) -> bool:
        """Look at what a media file holds beside sound and pictures; whether it is one whose format is known.

        Args:
            place: for the counts.
            path: the file.
            counted: whether there being any counts too.
        """
        at = self.shown(path)
        try:
            more = list(self._more_in(path))
        except UnusableInputError:
            return False
        for content in more:
            for text in dict.fromkeys(strings_in(content)):
                self._count(place, self._texts, text, at)
        if more and counted:
            self.found.add(place, METADATA, at)
        self._looked_at(path)
        return True

    def _more_in(self, path: Path) -> Iterator[bytes]:
        with open(open_regular(path), "rb") as file:
            source = Source(file, path.stat().st_size)
            for part in tags.parts(path):
                if is_more(source, part):
                    yield source.read(part.start, min(part.end - part.start, _MOST_OF_PART))

    def _count(self, place: str, scrubber: Scrubber, text: str, at: str) -> None:
        for span in scrubber.hits(text):
            self.found.add(place, span.type, at)

    def _looked_at(self, path: Path) -> None:
        self.found.files += 1
        self.found.bytes += path.stat().st_size

    def shown(self, path: Path) -> str:
        """A file's name as it may be shown."""
        return str(self._texts.scrub(str(path.relative_to(self._root)))) if path.is_relative_to(self._root) else ""


def is_telling(value: str) -> bool:
    """Whether a known value is more than an ordinary word, which may stand in any file."""
    words = re.findall(r"[^\W_]+", value)
    return len(words) > 1 or len(value) >= _LONG or sum(map(str.isdigit, value)) >= _DIGITS


def is_text(path: Path) -> bool:
    """Whether a file begins as a text does."""
    with open(open_regular(path), "rb") as file:
        head = file.read(1 << 13)
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.end < len(head):  # not just a character that was cut
            return False
    return b"\0" not in head
