"""Sightings in little room are the sightings that were put in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.job import Sighting
from librarian.recordings.sightings import Families, Sightings

TIME = st.integers(-(1 << 63), (1 << 63) - 1)
PLACE = st.integers(0, (1 << 64) - 1)
TEXT = st.sampled_from(["", "anna", "a\udcff"])
SIGHTING = st.builds(
    Sighting,
    *(st.sampled_from(["all", "calls"]), st.text(), PLACE, PLACE, PLACE, TIME, TIME),
    *(TEXT, TEXT, TEXT, st.booleans(), st.integers(0, 1 << 40), TEXT, TEXT),
)


@given(st.lists(SIGHTING))
def test_sightings_come_out_as_they_went_in(sightings: list[Sighting]) -> None:
    found = Sightings(sightings)
    assert list(found) == sightings and len(found) == len(sightings)
    assert [found[-1 - place] for place in range(len(found))] == sightings[::-1]
    assert found[1:] == sightings[1:]
    assert list(found.stat_keys()) == [each.stat_key for each in sightings]
    assert found.bytes == sum(each.size for each in sightings)
    assert found.readable == sum(not each.reason for each in sightings)
    assert found.groups == {at: (each.entry, each.group) for at, each in enumerate(sightings) if each.group}


@given(st.lists(SIGHTING), st.lists(SIGHTING))
def test_they_come_down_to_the_same_where_they_are_the_same(some: list[Sighting], others: list[Sighting]) -> None:
    assert (Sightings(some).digest() == Sightings(others).digest()) == (some == others)


@pytest.mark.parametrize("name", Sighting._fields)
def test_whatever_is_another_about_one_they_come_down_to_something_else(name: str) -> None:
    was = getattr(ONE, name)
    changed = ONE._replace(**{name: f"{was}b" if isinstance(was, str) else not was if was is False else was + 1})
    assert Sightings([ONE, changed]).digest() != Sightings([ONE, ONE]).digest() != Sightings([ONE]).digest()


@given(st.lists(st.lists(st.integers(0, 9), min_size=1)))
def test_families_are_those_of_their_numbers(members: list[list[int]]) -> None:
    sightings = [ONE._replace(path=str(number)) for number in range(10)]
    families = Families(Sightings(sightings), members)
    expected = [tuple(sightings[number] for number in each) for each in members]
    assert list(families) == expected and len(families) == len(members)
    assert families[:2] == expected[:2]


def test_there_is_nothing_beyond_the_last_one() -> None:
    with pytest.raises(IndexError):
        Sightings([ONE])[1]
    with pytest.raises(IndexError):
        Families(Sightings([ONE]), [[0]])[1]


ONE = Sighting("all", "a.wav", 1, 2, 3, 4, 5)
