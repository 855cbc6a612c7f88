"""SVG: what is drawn stays; comments, metadata and the editors' own elements go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from librarian.errors import UnusableInputError
from librarian.privacy.tags.part import LARGEST_READ, Part, Source

_MORE = re.compile(
    rb"<!--.*?-->|<\?(?!xml[ ?]).*?\?>|<!DOCTYPE[^>\[]*>"
    rb"|<(?P<name>metadata|(?:sodipodi|inkscape|rdf|dc|cc):[\w.-]+)\b(?:[^>]*/>|.*?</(?P=name)\s*>)",
    re.DOTALL,
)
_REFUSED = re.compile(rb"<!(?:ENTITY|ATTLIST|\[CDATA)|<script\b|<foreignObject\b|<(?:svg:)?image\b", re.IGNORECASE)
STARTS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.DOTALL
)


def svg_parts(source: Source) -> Iterator[Part]:
    """The parts of an SVG.

    Raises:
        UnusableInputError: it holds another picture, a script or entities, in which anything could be.
    """
    if source.size > LARGEST_READ:
        raise UnusableInputError("unsupported", "an svg that is too large")
    content = source.read(0, source.size)
    if _REFUSED.search(content):
        raise UnusableInputError("unsupported", "an svg that holds more than what it draws itself")
    last = 0
    for match in _MORE.finditer(content):
        if last < match.start():
            yield Part(last, match.start(), "drawing", True)
        yield Part(*match.span(), "metadata", False)
        last = match.end()
    yield Part(last, source.size, "drawing", True)
