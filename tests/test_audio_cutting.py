"""Parts of a sound that goes by: their very samples, whatever the blocks, and every file closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from librarian.audio.cutting import Cutter

SOUND = np.arange(200).reshape(2, 100).astype(np.float32)


@dataclass(eq=False)
class Part:
    start: int
    end: int | None


class Files:
    """What parts are written to: what each was given, and which are closed."""

    def __init__(self) -> None:
        self.given: dict[Part, list[NDArray[Any]]] = {}
        self.open: list[Part] = []

    @contextmanager
    def begin(self, part: Part) -> Iterator[Files]:
        self.given[part] = []
        self.open.append(part)
        try:
            yield _Writer(self.given[part])  # type: ignore[misc]
        finally:
            self.open.remove(part)

    def samples(self, part: Part) -> NDArray[Any]:
        return np.concatenate(self.given[part], axis=1)


class _Writer:
    def __init__(self, given: list[NDArray[Any]]) -> None:
        self._given = given

    def write(self, samples: NDArray[Any]) -> None:
        self._given.append(samples)


@pytest.fixture
def files() -> Files:
    return Files()


def blocks(size: int) -> Iterator[NDArray[Any]]:
    return (SOUND[:, start : start + size] for start in range(0, 100, size))


@pytest.mark.parametrize("size", [1, 7, 30, 100])
def test_parts_are_the_samples_of_the_sound_though_they_overlap(files: Files, size: int) -> None:
    parts = [Part(0, 10), Part(5, 60), Part(5, 6), Part(59, 100), Part(98, 120)]
    with Cutter(files.begin, parts) as cutter:
        for samples in blocks(size):
            cutter.add(samples)
        left = cutter.end()
    assert left == [parts[4]]
    for part in parts:
        assert np.array_equal(files.samples(part), SOUND[:, part.start : part.end])


def test_what_is_planned_and_ended_while_the_sound_goes_by_is_cut_there(files: Files) -> None:
    part, late = Part(12, None), Part(95, None)
    with Cutter(files.begin) as cutter:
        for number, samples in enumerate(blocks(10)):
            if number == 1:
                cutter.plan(part)
            if number == 4:
                part.end = 47
            if number == 9:
                cutter.plan(late)
            cutter.add(samples)
            assert (part in files.open) == (1 <= number < 4)
        assert cutter.end() == [late]
        assert not files.open
    assert np.array_equal(files.samples(part), SOUND[:, 12:47])
    assert np.array_equal(files.samples(late), SOUND[:, 95:])


def test_many_short_parts_of_a_block_are_not_open_together(files: Files) -> None:
    most = 0
    opened = files.begin

    @contextmanager
    def counted(part: Part) -> Iterator[Any]:
        nonlocal most
        with opened(part) as writer:
            most = max(most, len(files.open))
            yield writer

    with Cutter(counted, [Part(start, start + 2) for start in range(0, 100, 2)]) as cutter:
        cutter.add(SOUND)
    assert most == 1


def test_where_it_fails_what_is_open_is_closed(files: Files) -> None:
    with pytest.raises(RuntimeError), Cutter(files.begin, [Part(0, 90), Part(3, None)]) as cutter:
        cutter.add(SOUND[:, :10])
        assert len(files.open) == 2
        raise RuntimeError
    assert not files.open
