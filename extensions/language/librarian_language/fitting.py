"""Whether an answer is what was asked for: a text, or JSON that fits a schema. Thinking and fences are taken off."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LARGEST_NUMBER = 2**53
"""Whole numbers beyond it are not the same in every reader of JSON."""
_FENCED = re.compile(r"```[A-Za-z]*[ \t]*\n(.*?)```", re.DOTALL)


class UnfitError(Exception):
    """An answer that is not what was asked for. It says why, and nothing of the answer."""


def text_of(content: str) -> str:
    """What a model says behind its thinking.

    >>> text_of("<think>hm</think> Yes. ")
    'Yes.'

    Raises:
        UnfitError: nothing, or no text.
    """
    _, _, said = content.rpartition("</think>")
    said = said.strip()
    if not said or said.startswith("<think>"):
        raise UnfitError("is empty")
    return _writable(said)


def _writable(text: str) -> str:
    """A text, if it can be written: JSON may hold half of a letter."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnfitError("has letters that are none") from None
    return text


class Shape:
    """A JSON Schema that answers have to fit."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        from jsonschema import Draft202012Validator
        from jsonschema.validators import extend
        from referencing import Registry

        timely = extend(Draft202012Validator, {"pattern": _pattern, "uniqueItems": _unique_items})
        self._validator = timely(schema, registry=Registry())  # fetches nothing

    def value_of(self, content: str) -> Any:
        """The JSON that a model says.

        Raises:
            UnfitError: it says none, or one that does not fit; with the rule that it breaks, as a place in the schema.
        """
        from jsonschema.exceptions import best_match

        try:
            value = _json_of(text_of(content))
            _writable(json.dumps(value, ensure_ascii=False))
            broken = best_match(self._validator.iter_errors(value))
        except RecursionError:
            raise UnfitError("is nested too deep") from None
        if broken is not None:
            raise UnfitError(f"breaks the rule {'/'.join(map(str, broken.absolute_schema_path))} of the JSON Schema")
        return value


def compiled(pattern: str) -> Any:
    """A pattern of RE2, which takes a time that grows with the text and no faster: what is searched comes from a model.

    Raises:
        ValueError: RE2 does not know it.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise ValueError("a pattern is none of RE2 (without look-around and back references)") from None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not compiled(pattern).search(instance):
        yield _broken()


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[Any]:
    if (
        wanted
        and isinstance(instance, list)
        and len({json.dumps(each, sort_keys=True) for each in instance}) < len(instance)
    ):
        yield _broken()


def _broken() -> Any:
    from jsonschema import ValidationError

    return ValidationError("is broken")


def _json_of(said: str) -> Any:
    fenced = _FENCED.findall(said)
    for text in (said, *(fenced if len(fenced) == 1 else ())):
        try:
            return json.loads(
                text, parse_constant=_refused, parse_float=_finite, parse_int=_whole, object_pairs_hook=_unique
            )
        except ValueError:
            continue
    raise UnfitError("is no JSON")


def _refused(word: str) -> Any:
    raise ValueError(word)


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _whole(word: str) -> int:
    number = int(word)
    if abs(number) > LARGEST_NUMBER:
        raise ValueError("too large")
    return number


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found
