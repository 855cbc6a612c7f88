"""ULIDs sort by the time they were made."""

from __future__ import annotations

import time

import pytest

from librarian.ulid import new_ulid

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def test_ten_characters_are_the_time_and_sixteen_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_469_918_176.385)
    made = {new_ulid() for _ in range(100)}
    assert {ulid[:10] for ulid in made} == {"01aryz6s41"}  # the example of the specification
    assert len({ulid[10:] for ulid in made}) == len(made)
    assert {len(ulid) for ulid in made} == {26}
    assert {char for ulid in made for char in ulid} <= set(DIGITS)


def test_one_is_greater_than_the_last_also_where_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    last = new_ulid()
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    made = new_ulid(last)
    assert made > last
    assert made[:-3] == last[:-3]


def test_the_next_one_carries_over() -> None:
    assert new_ulid("7" + "y" * 24 + "z") == "7" + "y" * 23 + "z0"
