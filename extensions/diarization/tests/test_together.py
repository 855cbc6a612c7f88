"""Pieces of several recordings in shared batches, with numbers for pieces and squares for what a network makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian_diarization.together import through


class Numbers:
    """Some numbers, and then what breaks them off."""

    def __init__(self, numbers, broken=None):
        self._numbers, self._broken = numbers, broken
        self.read, self.made = 0, []

    def pieces(self):
        for number in self._numbers:
            self.read += 1
            yield number
        if self._broken:
            raise self._broken

    def add(self, made):
        self.made.append(made)


def squares(numbers):
    return [number**2 for number in numbers]


@given(lengths=st.lists(st.integers(0, 9), max_size=8), size=st.integers(1, 7))
def test_each_gets_back_its_own_and_no_batch_but_the_last_has_room(lengths, size):
    ways = [Numbers(range(10 * each, 10 * each + length)) for each, length in enumerate(lengths)]
    batches, given = [], 0

    def network(numbers):
        nonlocal given
        batches.append(len(numbers))
        given += len(numbers)
        assert sum(way.read for way in ways) == given  # nothing else is held
        return squares(numbers)

    assert list(through(network, [lambda way=way: way for way in ways], size)) == ways
    assert [way.made for way in ways] == [squares(way._numbers) for way in ways]
    assert all(batch == size for batch in batches[:-1])
    assert sum(batches) == sum(lengths)


def test_each_is_handed_on_before_the_rest_is_read():
    ways = [Numbers([1, 2]), Numbers([3]), Numbers([4, 5, 6])]
    arrived = through(squares, [lambda way=way: way for way in ways], 2)
    assert next(arrived) is ways[0]
    assert (ways[0].made, ways[2].read) == ([1, 4], 1)


def test_what_cannot_be_begun_or_breaks_off_is_told_in_its_place_and_the_others_go_on():
    class NoneAtAll(Exception):
        pass

    def begin():
        raise NoneAtAll

    ways = [Numbers([1]), Numbers([2, 3], broken=OSError("gone")), Numbers([4])]
    first, second, third, last = through(squares, [lambda: ways[0], begin, lambda: ways[1], lambda: ways[2]], 3)
    assert (first, last) == (ways[0], ways[2])
    assert isinstance(second, NoneAtAll)
    assert str(third) == "gone"
    assert (ways[0].made, ways[2].made) == ([1], [16])


def test_what_the_network_raises_is_nobodys_own():
    def full(numbers):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(through(full, [lambda: Numbers([1])], 1))
