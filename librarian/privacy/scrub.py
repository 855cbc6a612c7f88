"""The scrubber: every text that is written or shown passes here, and comes out naming no one.

What was seen outside (file names, folders, the user) is learnt and found again in every spelling; what has
the shape of personal data is found by the recognizers. Both become keyed pseudonyms. On any failure, nothing
comes out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from html.entities import codepoint2name
from itertools import accumulate
from typing import Any, Self
from urllib.parse import quote

import ahocorasick

from librarian.errors import RefusedError
from librarian.privacy.pseudonyms import pseudonym
from librarian.privacy.recognizers import Characters, Span, find, merge, record_words, undated

LONGEST = 2000
"""Characters of a scrubbed text, unless its caller says otherwise."""

_GENERIC = frozenset(
    """
    aac aif aiff amr avi caf flac m4a mka mkv mov mp3 mp4 mpeg mpg oga ogg opus wav wave webm wma json txt
    csv am an and are as at be but by can cannot did do for from go had has have he her him his how if in
    into is it its me my no not of off on one or our out over she so than that the their them then there
    they this to too two under up us was we were what when where which who why will with you your all any
    best com copy day draft edit end failed file files final first folder good http https last local long
    low high max memory min mix name names net new next night none number old open org original part path
    pre raw read rest short success take takes test time title total unknown untitled version write www year
    archive audio backup call calls channel clip data desktop device disk documents downloads email error
    errors export group home incoming input interview interviews ip job left library media meeting message
    mic microphone mnt mono music note notes opt outgoing output phone podcast project projects public
    record recorded recorder recording recordings recv right root sample samples second session set share
    shared song songs sound sounds source speech step stereo stream talk temp tmp track tracks trans unit
    url user users usr var video videos voice voices volumes work art card grp mch rec src localhost admin
    id ok ms db dbfs dbtp lufs hz khz kb mb gb kib mib gib
    """.split()
)
"""Words of the trade and of every sentence: a file called `out` must not take them out of `out of memory`."""

# Scripts that set no space between words, or hang endings on a name.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3040-\u31ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_INSIDE_WORD = re.compile(rf"[^\W\d_{_UNSPACED}]{{2}}|\d\d")
_SHORT = re.compile(rf"[^\W\d_][^\W\d_{_UNSPACED}]?|\d{{1,3}}")
_SHORTEST_JOINED = 4
_PART = re.compile("(?:[^\\W\\d_]\0*)+|\\d+")
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,5}\Z")
_DROPPED = re.compile("\0+|(?<= ) +")
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "æ": "ae", "ø": "oe"})
_TORN = re.compile(r"<[A-Z]*(?::[a-z2-7]{0,8})?\Z")
_BEYOND_CHANCE = 8
"""Characters of a known value that do not occur within an id or a digest by chance."""


def _fold_character(char: str) -> str:
    """Its bare lower-case letter or digit; a space for what separates; NUL for marks, which are dropped."""
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf":
        return "\0"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    apart = unicodedata.normalize("NFKD", char).casefold()
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    folded = bare if len(bare) == 1 else char.lower()
    return folded if len(folded) == 1 and folded.isalnum() else " "


def _harmless_character(char: str) -> str:
    """The character, if it is printable; otherwise a space or a question mark."""
    if char.isprintable():
        return char
    return " " if char.isspace() else "?"


_FOLD = Characters(_fold_character)
_HARMLESS = Characters(_harmless_character)


def _folded(text: str) -> tuple[str, Callable[[int], int]]:
    """The text without case, marks and kinds of separators, and the way back to the text's indices."""
    folded = text.translate(_FOLD)
    if "\0" not in folded and "  " not in folded:
        return folded, int
    dropped = [match.span() for match in _DROPPED.finditer(folded)]
    lost = list(accumulate((end - start for start, end in dropped), initial=0))
    places = [start - before for (start, _), before in zip(dropped, lost, strict=False)]
    return _DROPPED.sub("", folded), lambda index: index + lost[bisect_right(places, index)]


def _spellings(value: str) -> list[str]:
    """The four folded forms in which a value is found, the canonical one first."""
    if value.isascii():
        return [_folded(value)[0].strip()] * 4
    composed = unicodedata.normalize("NFC", value)
    lower = composed.casefold()
    forms = (lower, lower.translate(_TRANSCRIBED), composed, unicodedata.normalize("NFD", value))
    return [_folded(form)[0].strip() for form in forms]


class ScrubError(RefusedError):
    """A text could not be scrubbed, so nothing of it is written or shown."""


def _escaped(name: str) -> Iterator[str]:
    """A name as programs print what is not ASCII: Python, JSON, bytes, a URL, HTML."""
    for form in {unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)}:
        raw = form.encode(errors="surrogateescape")
        yield ascii(form)[1:-1]
        yield json.dumps(form)[1:-1]
        yield repr(raw)[2:-1]
        yield quote(raw)
        yield form.encode("ascii", "xmlcharrefreplace").decode()
        yield "".join(f"&{codepoint2name[ord(char)]};" if ord(char) in codepoint2name else char for char in form)


class Scrubbed(str):
    """A text that the scrubber made: the only kind that records, events and messages accept.

    As a pydantic field it takes nothing else in Python. JSON is what was written before, and is taken so.
    """

    __slots__ = ()

    def __new__(cls, *_: object) -> Self:
        """Refuse.

        Raises:
            TypeError: always; `Scrubber.scrub` makes these.
        """
        raise TypeError("only the scrubber makes scrubbed text")

    def __reduce__(self) -> tuple[Any, ...]:
        return _seal, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Instances only; a string in JSON."""
        from pydantic_core import core_schema

        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(_seal, core_schema.str_schema()),
            python_schema=core_schema.is_instance_schema(cls),
            serialization=core_schema.to_string_ser_schema(),
        )


def _seal(text: str) -> Scrubbed:
    return str.__new__(Scrubbed, text)


class Scrubber:
    """Replaces what names someone by keyed pseudonyms.

    Args:
        key: the project's pseudonym key, not empty.
        exempt: words that the owner chose and that were checked; they are not learnt from file names.

    Raises:
        ValueError: the key is empty.
    """

    def __init__(self, key: bytes, *, exempt: Iterable[str] = ()) -> None:
        if not key:
            raise ValueError("a scrubber needs a key")
        self._key = key
        self._ordinary = set(_GENERIC)
        for word in exempt:
            for form in _spellings(word):
                self._ordinary |= {form, form.replace(" ", ""), *form.split()}
        self._seen: set[str] = set()
        self._words: dict[str, tuple[str, str]] = {}
        self._longest = 0
        self._automaton: Any = None

    def learn(self, values: Iterable[str]) -> None:
        """Add known values: each as a whole and by its parts, folder by folder where it is a path.

        Raises:
            ScrubError: one of them could not be learnt.
        """
        try:
            names = {name for value in values for name in re.split(r"[/\\]+", value)}
            names |= {form for name in names if not name.isascii() for form in _escaped(name)}
            names -= self._seen
            for name in names:
                self._learn(name)
            self._seen |= names
            self._automaton = None
            return
        except Exception as error:
            cause = type(error).__name__
        raise ScrubError(f"a name could not be learnt for scrubbing ({cause})")

    def learn_secrets(self, values: Iterable[str]) -> None:
        """Add known values that count as a whole only: a passphrase is made of ordinary words.

        Raises:
            ScrubError: one of them could not be learnt.
        """
        try:
            for value in values:
                forms = [form for form in _spellings(value) if form.strip()]
                self._add([*forms, *(form.replace(" ", "") for form in forms)], "SECRET", forms[0] if forms else "")
            self._automaton = None
            return
        except Exception as error:
            cause = type(error).__name__
        raise ScrubError(f"a secret could not be learnt for scrubbing ({cause})")

    def scrub(self, text: str, *, limit: int | None = LONGEST) -> Scrubbed:
        """The text with pseudonyms for what names someone, harmless to a terminal and on one line.

        Args:
            text: any text, lone surrogates included.
            limit: characters to keep at most, from 1; None keeps all. The cut is made after scrubbing.

        Raises:
            ScrubError: anything went wrong. It says nothing of the text.
        """
        try:
            return _seal(self._scrubbed(text, limit))
        except Exception as error:
            cause = type(error).__name__
        # Raised out here so that neither cause nor context leads back to the text.
        raise ScrubError(f"a text could not be scrubbed ({cause}); nothing of it was written")

    def hits(self, text: str) -> list[Span]:
        """What of a text would be replaced, in order.

        Raises:
            ScrubError: anything went wrong.
        """
        try:
            return self._spans(text, text.translate(_HARMLESS), len(text))
        except Exception as error:
            cause = type(error).__name__
        raise ScrubError(f"a text could not be checked ({cause})")

    def _learn(self, name: str) -> None:
        for span in find(name):
            if span.type == "PHONE":
                digits = re.sub(r"\D", "", _folded(name[span.start : span.end])[0])
                self._add([digits, digits[-10:], span.canonical], "PHONE", span.canonical)
        if not self._learn_whole(_EXTENSION.sub("", name)):
            self._learn_whole(name)
        words = undated(unicodedata.normalize("NFC", name))
        for parted in {words, _CAMEL.sub(" ", words)}:
            self._learn_parts(parted)

    def _learn_whole(self, name: str) -> bool:
        """Learn a name as it is, spaced and joined; not one of digits only, nor an ordinary word."""
        forms = _spellings(name)
        keys = {form for form in forms if " " in form or (form.isalpha() and len(form) > 1)}
        keys |= {joined for form in forms if len(joined := form.replace(" ", "")) >= _SHORTEST_JOINED}
        keys = {key for key in keys - self._ordinary if not key.replace(" ", "").isdigit()}
        self._add(keys, "NAME", forms[0].replace(" ", ""))
        return bool(keys)

    def _learn_parts(self, name: str) -> None:
        """Learn the words and numbers in a name that are not ordinary, and two words that stand together."""
        before: list[str] = []
        for match in _PART.finditer(name.translate(_FOLD)):
            forms = _spellings(name[match.start() : match.end()])
            if forms[0] in self._ordinary:
                before = []
                continue
            if not _SHORT.fullmatch(forms[0]):
                self._add(forms, "NAME", forms[0])
            if before and forms[0].isalpha():
                self._learn_pair(before, forms)
            before = forms if forms[0].isalpha() else []

    def _learn_pair(self, first: list[str], second: list[str]) -> None:
        pairs = list(zip(first, second, strict=True))
        keys = {f"{one} {other}" for one, other in pairs}
        keys |= {one + other for one, other in pairs if len(one + other) >= _SHORTEST_JOINED}
        self._add(keys - self._ordinary, "NAME", "".join(pairs[0]))

    def _add(self, keys: Iterable[str], kind: str, canonical: str) -> None:
        for key in keys:
            # The greater of two meanings, so that the order of learning does not change a pseudonym.
            self._words[key] = max((kind, canonical), self._words.get(key, ("", "")))
            self._longest = max(self._longest, len(key))

    def _built(self) -> Any:
        """The automaton of all known values; None where there is none."""
        if self._automaton is None and self._words:
            self._automaton = ahocorasick.Automaton()
            for key, meaning in self._words.items():
                self._automaton.add_word(key, (len(key), *meaning))
            self._automaton.make_automaton()
        return self._automaton

    def _known(self, text: str, until: int) -> Iterator[Span]:
        """Where known values stand on word edges; of those that begin before `until` all."""
        folded, back = _folded(text)
        for last, (length, kind, canonical) in self._built().iter(folded):
            start = last - length + 1
            if last - self._longest > until:
                return
            if _INSIDE_WORD.match(folded, last) or (start and _INSIDE_WORD.match(folded, start - 1)):
                continue
            yield Span(back(start), back(last + 1), kind, canonical)

    def _spans(self, text: str, shown: str, until: int) -> list[Span]:
        # An invisible character may part two names or stand within one: the text is read both ways.
        views = [text] if shown == text else [text, shown]
        known = [span for view in views for span in self._known(view, until)] if self._built() else []
        words = record_words(text) if known else []
        starts = [start for start, _ in words]

        def by_chance(span: Span) -> bool:
            word = bisect_right(starts, span.start) - 1
            return word >= 0 and span.end <= words[word][1] and span.end - span.start < _BEYOND_CHANCE

        return merge([*(span for span in known if not by_chance(span)), *find(text, until=until)])

    def _replaced(self, text: str, until: int) -> str:
        """The scrubbed text of what begins before `until`."""
        shown = text if text.isprintable() else text.translate(_HARMLESS)
        pieces, last = [], 0
        for span in self._spans(text, shown, until):
            if span.start >= until:
                break
            pieces += [shown[last : span.start], pseudonym(self._key, span.type, span.canonical)]
            last = span.end
        return "".join([*pieces, shown[last:until]])

    def _scrubbed(self, text: str, limit: int | None) -> str:
        """The scrubbed text, cut. Of a long text no more is replaced than is kept; all of it is searched."""
        if limit is None:
            return self._replaced(text, len(text))
        if limit < 1:
            raise ValueError(limit)
        until, scrubbed = 0, ""
        while until < len(text) and len(scrubbed) <= limit:
            until = min(max(4 * until, 4 * limit), len(text))
            scrubbed = self._replaced(text, until)
        if len(scrubbed) <= limit:
            return scrubbed
        return _TORN.sub("", scrubbed[: limit - 1]) + "…"
