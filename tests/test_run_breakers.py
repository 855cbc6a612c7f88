"""What fails again and again is broken off; what has nothing to do with it is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from librarian.run.breakers import MOST_FAILED, MOST_UNREACHED, Breakers


def step(*hosts: str, extension: str = "librarian-posting") -> Any:
    return SimpleNamespace(hosts=hosts, declaration=SimpleNamespace(extension=extension))


def fail(breakers: Breakers, of: Any, reason: str, times: int) -> list[Any]:
    return [each for _ in range(times) for each in breakers.note(of, reason)]


def test_an_extension_that_fails_in_a_row_is_left_alone() -> None:
    breakers = Breakers()
    assert not fail(breakers, step(), "crash", MOST_FAILED - 1)
    assert not breakers.refusal(step())
    (opened,) = fail(breakers, step(), "error", 1)
    assert (opened.of, opened.name, opened.failures) == ("extension", "librarian-posting", MOST_FAILED)
    assert breakers.refusal(step()) == str(opened)
    assert not breakers.refusal(step(extension="librarian-other"))
    assert not fail(breakers, step(), "crash", 1), "it opens once"


@pytest.mark.parametrize("reason", ["corrupt", "too_short", "input_changed", "disk", "review"])
def test_what_lies_elsewhere_breaks_nothing_off(reason: str) -> None:
    breakers = Breakers()
    assert not fail(breakers, step("a"), reason, 10 * MOST_FAILED)
    assert not breakers.refusal(step("a"))


def test_a_success_begins_the_count_anew() -> None:
    breakers = Breakers()
    fail(breakers, step(), "crash", MOST_FAILED - 1)
    assert not list(breakers.note(step(), ""))
    assert not fail(breakers, step(), "crash", MOST_FAILED - 1)
    assert fail(breakers, step(), "crash", 1)


def test_a_step_is_refused_where_none_of_its_hosts_is_left() -> None:
    breakers = Breakers()
    (opened,) = fail(breakers, step("a"), "unreachable", MOST_UNREACHED)
    assert (opened.of, opened.name) == ("host", "a")
    assert breakers.refusal(step("a"))
    assert not breakers.refusal(step("a", "b"))
    assert not breakers.refusal(step())
