import numpy as np
import pytest
import soxr
from pydantic import ValidationError

from librarian import UnusableInputError
from librarian.audio.downmix import matrix
from librarian.media import probe, read_audio
from librarian_conversion import CONVERT, RATES, ConvertSettings
from librarian_conversion.convert import convert, nearest_rate

ROUNDING = 2**-22
"""Of 24 bits, twice."""
LOSSY = {"mp3": 0.02, "m4a": 0.02, "opus": 0.03}
"""Full scale is 1: what the encoders change of two tones at 128 kbit/s."""

MP4_TAGS = {"major_brand", "minor_version", "compatible_brands", "language", "handler_name", "vendor_id"}


@pytest.fixture
def converted(make_task):
    """What is made of samples: the samples, their rate, the file and the facts."""

    def run(samples, source_rate, layout="", **settings):
        task = make_task(samples, source_rate, ConvertSettings(**settings), ".wav", "FLOAT", layout)
        task.bits = 24  # of what is written
        before = set(task.folder.iterdir())
        output = convert(task)["audio"]
        assert set(task.folder.iterdir()) - before == {output.value}
        assert set(output.facts) == set(CONVERT.facts)
        assert task.fractions == sorted(task.fractions)
        made, made_rate = read_audio(output.value)
        return made, made_rate, output.value, output.facts

    return run


def test_without_settings_nothing_but_the_format_changes(converted, tone):
    samples = tone()
    made, rate, path, facts = converted(samples, 44100)
    assert (rate, path.suffix, probe(path).codec) == (44100, ".wav", "pcm_24")
    np.testing.assert_allclose(made, samples, atol=ROUNDING)
    assert (facts["gain"], facts["source_rate"], facts["source_channels"]) == (0, 44100, 2)
    assert facts["peak"] == pytest.approx(-12.04, abs=0.01)


@pytest.mark.parametrize(("rate", "to"), [(48000, 16000), (16000, 48000), (44100, 48000), (48000, 44100)])
def test_at_another_rate_it_is_what_soxr_makes_of_the_whole(converted, tone, rate, to):
    samples = tone(rate, seconds=3.0)
    made, made_rate, _, _ = converted(samples, rate, rate=f"{to} Hz")
    assert made_rate == to
    assert made.shape[1] == 3 * to
    expected = soxr.resample(samples.T, rate, to, quality="VHQ").T
    np.testing.assert_allclose(made[:, 1000:-1000], expected[:, 1000:-1000], atol=1e-5)


def test_a_tone_keeps_its_place_in_time(converted):
    time = np.arange(48000) / 48000
    wave = np.sin(2 * np.pi * 440 * time) * np.exp(-(((time - 0.5) / 0.05) ** 2)) / 2
    made, _, _, _ = converted(wave.astype(np.float32)[np.newaxis], 48000, rate="16 kHz")
    np.testing.assert_allclose(made[0], wave[::3], atol=1e-5)


@pytest.mark.parametrize(("channels", "layout"), [(1, ""), (2, ""), (6, "5.1"), (8, "7.1")])
@pytest.mark.parametrize(("to", "number"), [("mono", 1), ("stereo", 2)])
def test_it_is_mixed_as_the_matrix_says(converted, tone, channels, layout, to, number):
    samples = tone(channels=channels, level=0.1)
    made, _, path, _ = converted(samples, 48000, layout, channels=to)
    expected = samples if channels == number else matrix(channels, layout, number) @ samples
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert probe(path).layout == to


def test_left_channels_keep_their_places(converted, tone):
    samples = tone(channels=6)
    made, _, path, _ = converted(samples, 48000, "5.1(side)")
    assert probe(path).layout == "5.1(side)"
    np.testing.assert_allclose(made, samples, atol=ROUNDING)


def test_channels_in_unknown_places_can_be_left_but_not_mixed(converted, tone):
    made, _, _, _ = converted(tone(channels=3), 48000)
    assert len(made) == 3
    with pytest.raises(UnusableInputError, match="where 3 channels belong is not known") as caught:
        converted(tone(channels=3), 48000, channels="mono")
    assert caught.value.cause == "unsupported"


def test_what_would_rise_above_full_scale_is_turned_down_and_said(converted):
    samples = np.full((6, 48000), 0.9, np.float32)
    made, _, _, facts = converted(samples, 48000, "5.1", channels="stereo")
    assert facts["gain"] == pytest.approx(-20 * np.log10(0.9 * (1 + 2 * 0.70710678)), abs=2e-4)
    assert facts["peak"] == pytest.approx(0, abs=2e-4)
    assert 0.9999 < made.max() <= 1
    assert made.max() - made.min() < ROUNDING


def test_a_resampled_square_wave_is_not_cut_off(converted):
    square = np.sign(np.sin(2 * np.pi * 100 * (np.arange(44100) + 0.5) / 44100)).astype(np.float32)[np.newaxis]
    made, _, _, facts = converted(square, 44100, rate="48 kHz")
    assert facts["gain"] < -0.5
    assert (np.abs(made) >= 1 - ROUNDING).sum() <= 4


@pytest.mark.parametrize("form", ["mp3", "m4a", "opus"])
@pytest.mark.parametrize("rate", [48000, 44100, 16000])
def test_a_copy_to_listen_to_is_as_long_and_sounds_the_same(converted, tone, form, rate):
    samples = tone(rate, seconds=2.0)
    made, made_rate, path, _ = converted(samples, rate, format=form)
    expected_rate = nearest_rate(rate, form)
    info = probe(path)
    assert (path.suffix, info.channels, info.frames_exact) == (f".{form}", 2, True)
    assert made_rate in (expected_rate, 48000)
    expected = soxr.resample(samples.T, rate, made_rate, quality="VHQ").T
    assert made.shape == expected.shape
    middle = slice(made.shape[1] // 4, 3 * made.shape[1] // 4)
    assert np.sqrt(np.mean(np.square(made[:, middle] - expected[:, middle]))) < LOSSY[form]


@pytest.mark.parametrize("form", ["mp3", "m4a", "opus"])
def test_a_copy_to_listen_to_has_the_bit_rate_two_channels_and_the_same_bytes_twice(converted, tone, form):
    samples = tone(channels=6, seconds=10.0, level=0.05)
    _, _, path, _ = converted(samples, 48000, "5.1", format=form, bitrate="64 kbit/s")
    assert probe(path).channels == 2
    assert 0.6 < path.stat().st_size * 8 / 10 / 64_000 < 2  # Opus gives tones more
    again = converted(samples, 48000, "5.1", format=form, bitrate="64 kbit/s")[2]
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("form", ["mp3", "m4a", "opus"])
def test_a_copy_to_listen_to_holds_no_tags(converted, tone, form):
    import av

    with av.open(str(converted(tone(), 48000, format=form)[2])) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
    assert set(tags) <= {*MP4_TAGS, "encoder"}
    assert tags.get("encoder", "Lavf") in ("Lavf", "Lavc libopus", "LAME3.100", "Lavc")


@pytest.mark.parametrize(
    ("rate", "form", "expected"),
    [(44100, "opus", 48000), (44100, "mp3", 44100), (96000, "mp3", 48000), (11025, "opus", 12000), (7000, "job", 7000)],
)
def test_the_nearest_rate_loses_nothing_where_that_is_possible(rate, form, expected):
    assert nearest_rate(rate, form) == expected


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"format": "opus", "rate": "44.1 kHz"}, "opus has the rates 8000, 12000, 16000, 24000, 48000 Hz"),
        ({"rate": "44.1001 Hz"}, "whole number"),
        ({"rate": -1}, "rate"),
        ({"format": "wma"}, "format"),
        ({"channels": "5.1"}, "channels"),
        ({"bitrate": "8 kbit/s"}, "bitrate"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, match):
    with pytest.raises(ValidationError, match=match):
        ConvertSettings(**given)


@pytest.mark.parametrize("form", sorted(RATES))
def test_every_rate_that_a_format_is_said_to_have_can_be_written(converted, tone, form):
    for rate in RATES[form]:
        assert converted(tone(seconds=0.3), 48000, format=form, rate=rate)[0].shape[0] == 2
