import numpy as np
import pytest

from librarian.media.dither import dithered, random_word
from librarian.media.quantize import GRID, Quantizer

MASK = (1 << 64) - 1


def naive_word(place):
    """SplitMix64 with Python's whole numbers, as it was published."""
    word = place * 0x9E3779B97F4A7C15 & MASK
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
    return word ^ word >> 31


def naive_step(scaled, place):
    word = naive_word(place)
    noise = (word & 0x7FFF) - (word >> 32 & 0x7FFF)
    return max(-32768, min(32767, (round(float(scaled) * 32768) + noise + 16384) // 32768))


@pytest.mark.parametrize("place", [0, 1, 2, 12345, 1 << 40, MASK])
def test_a_word_is_that_of_its_place(place):
    assert int(random_word(np.uint64(place))) == naive_word(place)


def test_the_generator_is_the_published_one():
    # The first three of the sequence from 1234567, as in the reference code's own test.
    state = 1234567 * pow(0x9E3779B97F4A7C15, -1, 1 << 64)
    assert [naive_word(state + i & MASK) for i in (1, 2, 3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@pytest.mark.parametrize("place", [0, 7, MASK - 50])
def test_samples_are_rounded_as_by_hand(place):
    scaled = np.concatenate([np.linspace(-3, 3, 401), [32768, -32768, 32767.4, -32767.6, 0]]).astype(np.float32)
    out = np.empty(len(scaled), np.int16)
    dithered(scaled, np.uint64(place), out)
    assert out.tolist() == [naive_step(each, place + i & MASK) for i, each in enumerate(scaled)]


def test_the_dither_of_a_long_sound_goes_on_from_block_to_block():
    quantizer = Quantizer(1, 16, 5)
    made = np.concatenate([quantizer(np.full((1, GRID), 0.1, np.float32)) for _ in range(3)])
    first = naive_word(5 << 16)
    at = [0, 1, GRID - 1, GRID, 3 * GRID - 1]
    assert made[at, 0].tolist() == [naive_step(np.float32(0.1) * np.float32(32768), first + i & MASK) for i in at]
