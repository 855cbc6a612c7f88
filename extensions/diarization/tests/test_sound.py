"""The sound as the methods hear it, what is cut from it, and the units of speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.audio.resample import resample
from librarian.audio.spans import cut
from librarian.audio.vad import Stretch
from librarian_diarization import DiarizeSettings
from librarian_diarization.sound import BLOCK, Sound
from librarian_diarization.units import HOP, LONGEST, units


@pytest.mark.parametrize(("mixed", "channels"), [(True, 1), (False, 2)])
def test_it_is_read_at_16_khz_as_often_as_wanted(make_task, mixed, channels):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 12 * 44100 + 7)).astype(np.float32)
    task = make_task(samples, 44100, DiarizeSettings())
    sound = Sound(task, passes=2)
    first, second = (np.concatenate(list(sound.blocks(mixed=mixed)), axis=1) for _ in range(2))
    expected = resample(samples.mean(axis=0, keepdims=True) if mixed else samples, 44100, 16000)
    np.testing.assert_allclose(first, expected, atol=1e-5)
    assert np.array_equal(first, second)
    assert (sound.channels, first.shape[0]) == (2, channels)
    assert sound.seconds == pytest.approx(12, abs=0.01)
    assert task.fractions == sorted(task.fractions)
    assert task.fractions[-1] > 0.98


def test_blocks_are_of_one_size(make_task):
    sound = Sound(make_task(np.zeros((1, 2 * BLOCK + 5), np.float32), 16000, DiarizeSettings()), 1)
    assert [block.shape for block in sound.blocks(mixed=True)] == [(1, BLOCK), (1, BLOCK), (1, 5)]


@given(
    sizes=st.lists(st.integers(0, 9), max_size=8),
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=8),
)
def test_parts_are_those_of_the_whole_however_it_comes(sizes, spans):
    whole = np.arange(sum(sizes), dtype=np.float32)[np.newaxis]
    blocks = np.split(whole, np.cumsum(sizes)[:-1], axis=1) if sizes else []
    wanted = sorted((start, start + length) for start, length in spans)
    found = list(cut(blocks, wanted))
    assert [each[0].tolist() for each in found] == [whole[0, start:end].tolist() for start, end in wanted]


@given(st.lists(st.tuples(st.integers(1, 50000), st.integers(0, 120000)), max_size=6))
def test_units_fill_their_stretch_and_their_windows_stay_in_it(parts):
    stretches, now = [], 0
    for gap, length in parts:
        stretches.append(Stretch(now + gap, now + gap + length))
        now += gap + length
    found = units(stretches)
    for number, stretch in enumerate(stretches):
        own = [unit for unit in found if unit.stretch == number]
        covered = sum(unit.hops for unit in own) * HOP
        assert covered == (stretch.end - stretch.start) // HOP * HOP
        for unit in own:
            assert 0 < unit.hops * HOP <= LONGEST
            left, right = unit.window
            assert stretch.start <= left <= unit.start
            assert unit.start + unit.hops * HOP <= right <= stretch.end
            assert right - left == min(LONGEST, stretch.end - stretch.start)
