"""What a fact may be: a number, a flag, a declared word, or a text of a declared form."""

from __future__ import annotations

from typing import Any

import pytest

from librarian import Fact
from librarian.workers.execution import checked_facts
from librarian.workers.failures import BadOutputError

FACTS = {
    "version": Fact("Version of a server.", form="version"),
    "digest": Fact("Digest of what was sent.", form="digest"),
    "level": Fact("A level.", unit="dB"),
    "word": Fact("A word.", words=("one", "two")),
}
DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    "facts",
    [{"version": "0.26.0", "digest": DIGEST}, {"version": None}, {"level": -1.5, "word": "two"}, {"level": True}],
)
def test_a_fact_is_taken(facts: dict[str, Any]) -> None:
    assert checked_facts(FACTS, facts) == facts


@pytest.mark.parametrize(
    "facts",
    [
        *({"version": each} for each in ("0.26.0-jane", "1.2.3.4.5", "", "v1", 1, "1.2\n", "1" * 10)),
        *({"digest": each} for each in (DIGEST.upper(), DIGEST[:-1], "md5:" + "0" * 32, 5)),
        *({"level": each} for each in ("5", float("nan"), float("inf"), 2**54)),
        {"word": "three"},
        {"other": 1},
    ],
)
def test_a_fact_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(BadOutputError):
        checked_facts(FACTS, facts)
