import numpy as np
import pytest

from librarian.audio.downmix import matrix, mixed
from librarian.audio.layout import LAYOUTS

PART = 0.70710678
"""−3 dB, as BS.775 has it."""


def alone(channels, index):
    samples = np.zeros((channels, 4), np.float32)
    samples[index] = 1.0
    return samples


@pytest.mark.parametrize(
    ("speaker", "left", "right"),
    [(0, 1, 0), (1, 0, 1), (2, PART, PART), (3, 0, 0), (4, PART, 0), (5, 0, PART)],
    ids=["L", "R", "C", "LFE", "Ls", "Rs"],
)
def test_each_loudspeaker_of_5_1_goes_where_bs_775_has_it(speaker, left, right):
    out = mixed(alone(6, speaker), matrix(6, "5.1", 2))
    assert out[:, 0] == pytest.approx([left, right])
    assert mixed(alone(6, speaker), matrix(6, "5.1", 1))[0, 0] == pytest.approx((left + right) / 2)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_is_mixed_without_leaning_to_a_side(layout):
    speakers = LAYOUTS[layout].split()
    parts = matrix(len(speakers), layout, 2)
    assert parts.sum(axis=1)[0] == pytest.approx(parts.sum(axis=1)[1])
    for speaker, (left, right) in zip(speakers, parts.T, strict=True):
        assert bool(left or right) == (speaker != "LFE")
        assert (left > right) == (speaker.endswith("L") or speaker in ("FLC",))


def test_two_that_are_the_same_keep_their_level_as_one():
    samples = np.tile(np.linspace(-1, 1, 9, dtype=np.float32), (2, 1))
    assert np.array_equal(mixed(samples, matrix(2, "stereo", 1)), samples[:1])
    assert np.array_equal(mixed(samples[:1], matrix(1, "", 2)), samples)
    assert np.array_equal(mixed(samples, matrix(2, "", 2)), samples)


@pytest.mark.parametrize(("channels", "layout"), [(3, ""), (6, "7.1"), (6, "of another world")])
def test_channels_in_unknown_places_are_not_mixed(channels, layout):
    with pytest.raises(ValueError, match=f"where {channels} channels belong is not known"):
        matrix(channels, layout, 2)
