import av
import pytest

from librarian.audio.layout import LAYOUTS, weights


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("mono", (1,)),
        ("stereo", (1, 1)),
        ("3.0", (1, 1, 1)),
        ("3.0(back)", (1, 1, 1)),
        ("quad", (1, 1, 1.41, 1.41)),
        ("5.0", (1, 1, 1, 1.41, 1.41)),
        ("5.1", (1, 1, 1, 0, 1.41, 1.41)),
        ("5.1(side)", (1, 1, 1, 0, 1.41, 1.41)),
        ("6.1", (1, 1, 1, 0, 1, 1.41, 1.41)),
        ("6.1(back)", (1, 1, 1, 0, 1.41, 1.41, 1)),
        ("7.1", (1, 1, 1, 0, 1, 1, 1.41, 1.41)),
        ("7.1(wide)", (1, 1, 1, 0, 1.41, 1.41, 1, 1)),
    ],
)
def test_each_channel_counts_by_where_its_loudspeaker_stands(layout, expected):
    assert weights(len(expected), layout) == expected


@pytest.mark.parametrize("channels", [1, 2])
def test_one_channel_is_mono_and_two_are_stereo_where_nothing_is_said(channels):
    assert weights(channels, "") == (1.0,) * channels


@pytest.mark.parametrize(("channels", "layout", "match"), [
    (6, "", r"6 channels of which the layout is not known: write the sound as 5.1 or 5.1\(side\) or 6.0"),
    (0, "", "0 channels of which the layout is not known: it is defined for 1 to 8"),
    (6, "5.2", "6 channels in the layout '5.2': write the sound as 5.1"),
    (2, "5.1", "2 channels in the layout '5.1': write the sound as stereo"),
])  # fmt: skip
def test_a_layout_that_does_not_tell_is_refused(channels, layout, match):
    with pytest.raises(ValueError, match=match):
        weights(channels, layout)


def test_ffmpeg_means_the_same_loudspeakers():
    for name, speakers in LAYOUTS.items():
        assert [channel.name for channel in av.AudioLayout(name).channels] == speakers.split(), name
