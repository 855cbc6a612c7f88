"""What is said in a recording, and what of it is private: the words' side of redaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from librarian import Artifact, Output, PrivateFinder, Span, Spans, UnusableInputError, Word, Words
from librarian.errors import RefusedError
from librarian_redaction.reading import read
from librarian_redaction.searching import Hit, search, spans_of
from librarian_redaction.wording import is_stand_in, redacted

MOST_ROUNDS = 5
"""How often what is left is searched again."""
OF_THE_LIBRARY = 4
"""Parts of the path of an artifact within the library."""


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
    def of(cls, words: Artifact, spans: Sequence[Artifact]) -> Talk:
        """A talk, from files.

        Raises:
            UnusableInputError: they hold something else.
        """
        said = read(words, Words)
        found: list[Span] = []
        for each in spans:
            numbered = each.recording == words.recording
            found += (span if numbered else _unnumbered(span) for span in read(each, Spans).spans)
        return cls(said.words, _by_start(found), said.language, all(map(is_reviewed, spans)))

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
        hits = search(words, find)
        return words, [hit for hit in hits if not all(is_stand_in(words[index]) for index in hit.words)]

    def output(self) -> Output:
        """The words without what is private."""
        words, replaced = redacted(self.words, self.spans)
        facts = {"words": replaced, "added": self.added, "left": self.left, "reviewed": self.reviewed}
        return Output(Words(language=self.language, words=words), facts)


def is_reviewed(spans: Artifact) -> bool:
    """Whether somebody looked at spans: what a person corrected or left as it is."""
    return bool(getattr(spans, "revised", False))


def check_reviewed(spans: Iterable[Artifact]) -> None:
    """See to it that somebody looked at all spans.

    Raises:
        UnusableInputError: `review`, with what to look at and what to type.
    """
    for each in spans:
        if not is_reviewed(each):
            file = "/".join(("library", *each.path.parts[-OF_THE_LIBRARY:]))
            raise UnusableInputError(
                "review",
                f"nobody has looked at what is to be taken: copy {file}, correct the copy or leave it as it is, then "
                f"type: librarian revise {file} COPY, and run again",
            )


def _unnumbered(span: Span) -> Span:
    return span.model_copy(update={"number": 0})


def _by_start(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, span.end, not span.number))
