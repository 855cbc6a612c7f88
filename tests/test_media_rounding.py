import numpy as np
import pytest

from librarian.media.quantize import GRID, Quantizer
from librarian.media.rounding import dithered, random_word

MASK = (1 << 64) - 1


def naive_word(place):
    """SplitMix64 with Python's whole numbers, as it was published."""
    word = place * 0x9E3779B97F4A7C15 & MASK
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
    return word ^ word >> 31


def naive_step(sample, first, i):
    word = naive_word(first + i // 2 & MASK) >> 30 * (i % 2)
    noise = (word & 0x7FFF) - (word >> 15 & 0x7FFF)
    return max(-32768, min(32767, (round(float(sample) * 2**30) + noise + 16384) // 32768))


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
    steps = np.concatenate([np.linspace(-3, 3, 401), [32768, -32768, 32767.4, -32767.6, 0]])
    samples = (steps / 32768).astype(np.float32)
    out = np.empty(len(samples), np.int16)
    dithered(samples, np.uint64(place), np.empty(len(samples) + len(samples) % 2, np.int32), out)
    assert out.tolist() == [naive_step(each, place, i) for i, each in enumerate(samples)]


def test_the_dither_of_a_long_sound_goes_on_from_block_to_block():
    quantizer = Quantizer(2, 16, 5)
    sample = np.float32(0.1 / 32768)
    made = np.concatenate([quantizer(np.full((2, GRID), sample, np.float32)) for _ in range(3)])
    at = [0, 1, GRID - 1, GRID, 3 * GRID - 1]
    for channel in (0, 1):
        first = naive_word(5 << 16 | channel)
        assert made[at, channel].tolist() == [naive_step(sample, first, i) for i in at]


@pytest.mark.parametrize("channels", [1, 2])
def test_whole_numbers_are_amplified_as_by_hand_and_left_alone_where_they_stay_whole(channels):
    whole = np.random.default_rng(1).integers(-32_768, 32_768, (2 * GRID, channels)).astype(np.int16)
    whole[:GRID] &= ~1  # halved, these are whole
    made = Quantizer(channels, 16, 5).amplified(whole.T, np.float32(0.5))
    assert made.dtype == np.int16
    assert np.array_equal(made[:GRID], whole[:GRID] // 2)
    at = [GRID, GRID + 1, GRID + 2, 2 * GRID - 2, 2 * GRID - 1]
    for channel in range(channels):
        first = naive_word(5 << 16 | channel)
        assert made[at, channel].tolist() == [naive_step(whole[i, channel] / 2**16, first, i) for i in at]


def test_noise_is_triangular_and_no_two_samples_share_it():
    made = np.empty(1 << 18, np.int16)
    dithered(np.zeros(made.size, np.float32), np.uint64(1), np.empty(made.size, np.int32), made)
    assert set(made.tolist()) == {-1, 0, 1}
    assert abs(np.mean(made)) < 0.01
    assert abs(np.mean(made == 0) - 0.75) < 0.01  # of a triangle on ±1 step
    assert abs(np.corrcoef(made[::2], made[1::2])[0, 1]) < 0.01


@pytest.mark.parametrize("bits", [16, 24])
def test_what_fits_is_left_as_it_is_and_full_scale_is_the_greatest_step(bits):
    steps = np.array([[0, 1, -1, 2 ** (bits - 1), -(2 ** (bits - 1)), 1234]])
    made = Quantizer(1, bits, 1)((steps / 2 ** (bits - 1)).astype(np.float32))
    want = np.minimum(steps, 2 ** (bits - 1) - 1)[0]
    assert (made[:, 0] >> (8 if bits == 24 else 0)).tolist() == want.tolist()
