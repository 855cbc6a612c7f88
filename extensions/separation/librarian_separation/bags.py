"""The yaml of a bag: which networks make a model together, and how much each counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from librarian.errors import RefusedError

MOST_BYTES = 1 << 16
MOST_NETWORKS = 16
LONGEST_SEGMENT = 600.0
_SIGNATURE = re.compile(r"[A-Za-z0-9_]{1,64}")


class UnusableModelError(RefusedError):
    """A model's files are not what they should be; what it says holds nothing of them."""


@dataclass(frozen=True)
class BagFile:
    """What the yaml says.

    Attributes:
        models: signatures of the networks.
        weights: how much each counts for each stem; empty: all the same.
        segment: of the sound that each works on at once (s); None: as each says.
    """

    models: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...] = ()
    segment: float | None = None


def read_bag(path: Path) -> BagFile:
    """Read it, plain values only.

    Raises:
        UnusableModelError: it is not of this form.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if path.stat().st_size > MOST_BYTES:
        raise UnusableModelError("its .yaml is too long")
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except (YAMLError, ValueError, RecursionError):
        raise UnusableModelError("its .yaml is damaged, or holds more than plain values") from None
    if not isinstance(found, dict) or not {"models"} <= found.keys() <= {"models", "weights", "segment"}:
        raise UnusableModelError("its .yaml is no bag's: models, weights, segment")
    return BagFile(_models(found["models"]), _weights(found), _segment(found.get("segment")))


def _models(models: Any) -> tuple[str, ...]:
    signatures = [str(each) for each in models] if isinstance(models, list) else []
    if not 1 <= len(signatures) <= MOST_NETWORKS or not all(map(_SIGNATURE.fullmatch, signatures)):
        raise UnusableModelError("the models of its .yaml are no list of signatures")
    return tuple(signatures)


def _weights(found: dict[str, Any]) -> tuple[tuple[float, ...], ...]:
    given = found.get("weights")
    if given is None:
        return ()
    rows = given if isinstance(given, list) and len(given) == len(found["models"]) else [None]
    if not all(isinstance(row, list) and all(_is_number(each) and each >= 0 for each in row) for row in rows):
        raise UnusableModelError("the weights of its .yaml are no list of numbers for each network")
    weights = tuple(tuple(map(float, row)) for row in rows if row)
    if any(sum(column) <= 0 for column in zip(*weights, strict=False)):
        raise UnusableModelError("the weights of its .yaml leave a stem without a network")
    return weights


def _segment(given: Any) -> float | None:
    if given is not None and not (_is_number(given) and 0 < given <= LONGEST_SEGMENT):
        raise UnusableModelError("the segment of its .yaml is no number of seconds")
    return None if given is None else float(given)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
