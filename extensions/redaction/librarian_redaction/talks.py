"""What is said in a recording, and what of it is private: the words' side of redaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from librarian import Artifact, Output, PrivateFinder, Span, Spans, UnusableInputError, Word, Words
from librarian.errors import RefusedError
from librarian_redaction.searching import Hit, search, spans_of
from librarian_redaction.wording import is_stand_in, redacted

MOST_ROUNDS = 5
"""How often what is left is searched again."""
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{4})?(?:-[A-Za-z]{2}|-[0-9]{3})?(?![A-Za-z0-9])")
OF_THE_LIBRARY = 4
"""Parts of the path of an artifact within the library."""


@dataclass(frozen=True)
class Listed:
    """Spans of one recording.

    Attributes:
        spans: what is private.
        reviewed: whether somebody looked at them.
        recording: id of what they are of, where several belong together.
        file: where they lie, from the project on.
    """

    spans: Sequence[Span]
    reviewed: bool
    recording: str
    file: str

    @classmethod
    def of(cls, artifact: Artifact) -> Listed:
        """Spans from a file.

        Raises:
            UnusableInputError: it holds something else.
        """
        found = artifact.read_data(Spans)
        reviewed = found.reviewed or artifact.revised  # what a person made was looked at
        file = "/".join(("library", *artifact.path.parts[-OF_THE_LIBRARY:]))
        return cls(found.spans, reviewed, artifact.recording, file)


@dataclass(frozen=True)
class Talk:
    """What is said in one recording.

    Attributes:
        words: in the order in which they are said.
        spans: what of it is private, by start; those of other recordings of the group without numbers.
        language: BCP 47.
        reviewed: whether somebody looked at all of the spans.
        added: spans that were found in what the others leave.
        left: finds that whoever looked at the spans left.
    """

    words: Sequence[Word]
    spans: Sequence[Span]
    language: str
    reviewed: bool
    added: int = 0
    left: int = 0

    @classmethod
    def of(cls, words: Artifact, lists: Sequence[Listed]) -> Talk:
        """A talk, from a file of words, and the spans of all that belong together.

        Raises:
            UnusableInputError: the file holds something else.
        """
        said = words.read_data(Words)
        found: list[Span] = []
        for each in lists:
            numbered = each.recording == words.recording
            found += (span if numbered else _unnumbered(span) for span in each.spans)
        return cls(said.words, _by_start(found), _language(said.language), all(each.reviewed for each in lists))

    def closed(self, find: PrivateFinder) -> Talk:
        """The same with spans for what the others leave; where somebody looked at them, that is only counted.

        Raises:
            RefusedError: there is always more.
        """
        talk = self
        for _ in range(MOST_ROUNDS):
            words, hits = talk._left(find)
            if not hits or self.reviewed:
                return replace(talk, left=len(hits))
            more = [_unnumbered(span) for span in spans_of(words, hits)]
            talk = replace(talk, spans=_by_start([*talk.spans, *more]), added=talk.added + len(more))
        raise RefusedError("whatever is taken, the words go on to show something private")

    def _left(self, find: PrivateFinder) -> tuple[Sequence[Word], list[Hit]]:
        """The words without what is private, and what is found in them all the same."""
        words, _ = redacted(self.words, self.spans)
        said = set(map(id, self.words))
        hits = search(words, find)
        return words, [hit for hit in hits if not all(is_stand_in(words[index], said) for index in hit.words)]

    def output(self) -> Output:
        """The words without what is private."""
        words, replaced = redacted(self.words, self.spans)
        facts = {"words": replaced, "added": self.added, "left": self.left, "reviewed": self.reviewed}
        return Output(Words(language=self.language, words=words), facts)


def check_reviewed(lists: Iterable[Listed]) -> None:
    """See to it that somebody looked at all spans.

    Raises:
        UnusableInputError: `review`, with what to look at and what to type.
    """
    for each in lists:
        if not each.reviewed:
            raise UnusableInputError(
                "review",
                f"nobody has looked at what is to be taken: copy {each.file}, correct the copy and set its reviewed to "
                f"true, then type: librarian revise {each.file} COPY, and run again",
            )


def _language(tag: str) -> str:
    """A tag without what could be any word: language, script and region stay (RFC 5646)."""
    known = _TAG.match(tag)
    return known[0] if known else "und"


def _unnumbered(span: Span) -> Span:
    return span.model_copy(update={"number": 0})


def _by_start(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, span.end, not span.number))
