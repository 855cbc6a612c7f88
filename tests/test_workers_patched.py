"""What serves tasks in a worker is looked at after each of them."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import librarian.media
from librarian.workers import execution, runners
from librarian.workers.patched import Own


def test_nothing_shows_where_nothing_was_changed() -> None:
    assert not Own().is_changed()


def test_another_function_in_a_module_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Own()
    monkeypatch.setattr(execution, "collect", lambda *_: [])
    assert own.is_changed()


def test_another_method_of_a_class_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Own()
    monkeypatch.setattr(runners.Runner, "write", lambda *_: {})
    assert own.is_changed()


def test_a_name_that_hides_another_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Own()
    monkeypatch.setattr(librarian.media, "read_audio", None, raising=False)
    assert own.is_changed()


def test_a_module_that_is_loaded_later_is_looked_at_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    own, later = Own(), ModuleType("librarian.media.later")
    monkeypatch.setitem(sys.modules, later.__name__, later)
    monkeypatch.setattr(librarian.media, "later", later, raising=False)
    assert not own.is_changed()
    later.read = print  # type: ignore[attr-defined]
    assert own.is_changed()
