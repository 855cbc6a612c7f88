"""The lexicon: known values — names, words and numbers seen outside — and where they stand in a text.

What is learnt is read when a text is first looked at: a run that writes nothing pays nothing for it. Kept are hashes
(`phrases`) and the few meanings that do not follow from the words themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

from librarian.privacy.exempt import Exempt, Range, outside, spared
from librarian.privacy.folding import FOLD, bare, spellings
from librarian.privacy.ordinary import undated
from librarian.privacy.phrases import BEYOND, UNSPACED, Phrases
from librarian.privacy.recognizers import MOST_HITS
from librarian.privacy.search import find
from librarian.privacy.spans import Span, withheld

GENERIC = frozenset(
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
    conversation conversations overlap speaker speakers
    id ok ms db dbfs dbtp lufs hz khz kb mb gb kib mib gib
    librarian run model models add fetch verify stem stems
    answer answers context events fits given longer longest prompt rule schema server task tasks template text turns
    words
    """.split()
)
"""Words of the trade, of commands, of every sentence: a file called `out` must not take them out of `out of memory`."""

_SHORT = re.compile(rf"[^\W\d_][^\W\d_{UNSPACED}]?|\d{{1,3}}")
_BATCH = 1000
_LONGEST_SHORT = 3
_SHORTEST_JOINED = 4
_PART = re.compile("(?:[^\\W\\d_]\0*)+|\\d+")
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,5}\Z")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_NO_DIGIT = re.compile(r"\D")
_PERHAPS_PHONE = re.compile(r"\d(?:\D{0,3}\d){6}")
"""Found wherever a phone number is in an ASCII text."""


class _Forms(dict[str, list[str]]):
    """The spellings of words that come again and again."""

    def __missing__(self, word: str) -> list[str]:
        self[word] = forms = spellings(word)
        return forms


class Lexicon:
    """Known values; none at first.

    Args:
        exempt: what is never learnt as part of a name.
    """

    def __init__(self, exempt: Exempt) -> None:
        self._exempt = exempt
        self._names: list[Sequence[str]] = []
        self._secrets: list[str] = []
        self._phrases = Phrases()
        self._meanings: dict[int, tuple[str, str]] = {}

    def add(self, values: Iterable[str]) -> None:
        """Add values: each as a whole and by its parts, folder by folder where it is a path.

        Raises:
            TypeError: one of them is no text; none is added.
        """
        self._names.append(_texts(values))

    def add_secrets(self, values: Iterable[str]) -> None:
        """Add values that count as a whole only: a passphrase is made of ordinary words.

        Raises:
            TypeError: one of them is no text; none is added.
        """
        self._secrets += _texts(values)

    def __bool__(self) -> bool:
        """Whether anything is known."""
        if self._names or self._secrets:
            self._read()
        return bool(self._phrases)

    def find(self, text: str, folded: str, back: Callable[[int], int], until: int) -> Iterator[Span]:
        """Where known values stand on word edges, overlaps included; of those that begin before `until` all.

        Where they are too many, the rest of the text is one span.

        Args:
            text: the text.
            folded: the text as `folding.fold` makes it.
            back: the way back, as from `folding.fold`.
            until: as said.
        """
        for number, (start, end) in enumerate(self._phrases.find(folded, until)):
            if number == MOST_HITS or end == BEYOND:
                yield withheld(text, back(start))
                return
            phrase = folded[start:end]
            kind, canonical = self._meanings.get(hash(phrase)) or _implied(phrase)
            yield Span(back(start), back(end), kind, canonical)

    def _read(self) -> None:
        """Read what was added. Where that fails, it fails again next time: nothing is given up."""
        names, forms = _components(chain.from_iterable(self._names)), _Forms()
        while batch := list(islice(names, _BATCH)):
            self._learn(batch, forms)
        for secret in self._secrets:
            written = [form for form in spellings(secret) if form]
            for form in written:
                self._add(form, "SECRET", written[0])
                self._add(form.replace(" ", ""), "SECRET", written[0])
        self._names, self._secrets = [], []

    def _learn(self, names: list[str], forms: _Forms) -> None:
        """Learn what exempt words leave of names: one thing of all, then the next, which is the faster way."""
        ranges = [self._exempt.ranges(name) for name in names]
        pieces = [piece for name, exempt in zip(names, ranges, strict=True) for piece in outside(name, exempt)]
        for piece in pieces:
            if not self._learn_whole(_EXTENSION.sub("", piece)):
                self._learn_whole(piece)
        for name, exempt in zip(names, ranges, strict=True):
            self._learn_phones(name, exempt)
        for piece in pieces:
            words = undated(unicodedata.normalize("NFC", piece))
            self._learn_parts(words, forms)
            if (parted := _CAMEL.sub(" ", words)) != words:
                for each in outside(parted, self._exempt.ranges(parted)):
                    self._learn_parts(each, forms)

    def _learn_phones(self, name: str, exempt: list[Range]) -> None:
        if name.isascii() and not _PERHAPS_PHONE.search(name):
            return
        for span in spared(name, find(name), exempt):
            if span.type == "PHONE":
                hit = name[span.start : span.end]
                digits = _NO_DIGIT.sub("", hit if hit.isascii() else bare(hit))
                for key in {digits, digits[-10:], span.canonical}:
                    self._add(key, "PHONE", span.canonical)

    def _learn_whole(self, name: str) -> bool:
        """Learn a name as it is, spaced and joined; not one of digits only, nor an ordinary word."""
        forms = spellings(name)
        canonical = forms[0].replace(" ", "")
        learnt = False
        for form in dict.fromkeys(forms):
            joined = form.replace(" ", "")
            if joined.isdigit():
                continue
            if form not in GENERIC and (form != joined or (form.isalpha() and len(form) > 1)):
                learnt |= self._add(form, "NAME", canonical)
            if joined not in GENERIC and len(joined) >= _SHORTEST_JOINED:
                learnt |= self._add(joined, "NAME", canonical)
        return learnt

    def _learn_parts(self, name: str, forms: _Forms) -> None:
        """Learn the words in a name, and what is left of them where a program cannot write their accents."""
        self._learn_words(name, forms)
        if not name.isascii():
            for form in {name, unicodedata.normalize("NFD", name)}:
                self._learn_words(_NOT_ASCII.sub(" ", form), forms)

    def _learn_words(self, name: str, forms: _Forms) -> None:
        """Learn the words and numbers in a name that are not ordinary, and two words that stand together."""
        before: list[str] = []
        for word in _words(name, forms):
            first = word[0]
            if first in GENERIC:
                before = []
                continue
            if len(first) > _LONGEST_SHORT or not _SHORT.fullmatch(first):
                for form in dict.fromkeys(word):
                    self._add(form, "NAME", first)
            if not first.isalpha():
                before = []
                continue
            if before:
                self._learn_pair(before, word)
            before = word

    def _learn_pair(self, first: list[str], second: list[str]) -> None:
        size = max(len(first), len(second))
        canonical = first[0] + second[0]
        for one, other in zip(first * (size // len(first)), second * (size // len(second)), strict=True):
            self._add(f"{one} {other}", "NAME", canonical)
            joined = one + other
            if joined not in GENERIC and len(joined) >= _SHORTEST_JOINED:
                self._add(joined, "NAME", canonical)

    def _add(self, key: str, kind: str, canonical: str) -> bool:
        """Add a folded key. The greater of two meanings counts, so that the order of learning changes nothing."""
        if not key:
            return False
        new = self._phrases.add(key)
        meaning, implied = (kind, canonical), _implied(key)
        if new and meaning == implied:
            return True
        known = self._meanings.get(hash(key), implied)
        if not new:
            meaning = max(meaning, known)
        if meaning != known:
            self._meanings[hash(key)] = meaning
        return True


def _components(values: Iterable[str]) -> Iterator[str]:
    """The folders, each once, and the file names in paths; other texts as they are."""
    seen: set[str] = set()
    for value in values:
        *folders, name = value.replace("\\", "/").split("/")
        for folder in folders:
            if folder not in seen:
                seen.add(folder)
                yield folder
        yield name


def _words(name: str, forms: _Forms) -> Iterable[list[str]]:
    """The spellings of each word and number in a name."""
    folded = name.translate(FOLD)
    if name.isascii():
        return [[word] for word in _PART.findall(folded)]
    return (forms[name[match.start() : match.end()]] for match in _PART.finditer(folded))


def _implied(key: str) -> tuple[str, str]:
    """What a key means unless something else is kept of it."""
    return "NAME", key.replace(" ", "")


def _texts(values: Iterable[str]) -> Sequence[str]:
    # What cannot change meanwhile is not copied: the paths of all recordings are kept in little room elsewhere.
    texts = values if isinstance(values, Sequence) and not isinstance(values, (str, list)) else list(values)
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("a known value is a text")
    return texts
