"""Joined parts: their very samples, fades of constant power, and times that are true."""

import re

import numpy as np
import pytest
from pydantic import ValidationError

from librarian import UnusableInputError
from librarian.audio.resample import resample
from librarian.testing import voice_like
from librarian_editing import JOIN
from librarian_editing.crossing import Chain, Place
from librarian_editing.join import join
from librarian_editing.settings import JoinSettings

RATE = 8000
STEP = 1 / 32768


def whole_numbers(seconds, seed, channels=1):
    values = np.random.default_rng(seed).integers(-9000, 9000, (channels, round(seconds * RATE)))
    return (values * STEP).astype(np.float32)


@pytest.fixture
def joined(make_task, artifact):
    """What parts are joined to: samples, facts, and the texts and events by output."""

    def run(parts, *, rates=None, bits=16, source_bits=16, **settings):
        from librarian.media import read_audio

        files = tuple(artifact(each, (rates or {}).get(n, RATE), bits=source_bits) for n, each in enumerate(parts))
        task = make_task(JoinSettings(**settings), bits=bits, audio=files)
        task.unit = "set_aaaaaaaaaaaaa"
        made = join(task)
        assert set(made["audio"].facts) == set(JOIN.facts)
        assert task.fractions == sorted(task.fractions)
        texts = {name: made[name].value.read_text() for name in ("chapters", "cue", "notes")}
        events = [(event.label, event.start, event.end) for event in made["events"].value.events]
        run.rate = read_audio(made["audio"].value)[1]
        return read_audio(made["audio"].value)[0], made["audio"].facts, texts, events

    return run


def naive_chain(parts, fade):
    """Cross-faded parts, each longer than two fades, and their places."""
    total = np.zeros((len(parts[0]), sum(part.shape[1] for part in parts) - fade * (len(parts) - 1)))
    places, at = [], 0
    angle = (np.arange(fade) + 0.5) / max(1, fade) * np.pi / 2
    for number, part in enumerate(parts):
        shape = np.ones(part.shape[1])
        if number and fade:
            shape[:fade] = np.sin(angle)
        if number < len(parts) - 1 and fade:
            shape[-fade:] = np.cos(angle)
        total[:, at : at + part.shape[1]] += shape * part
        places.append(Place(at, at + part.shape[1]))
        at += part.shape[1] - fade
    return total, places


def in_blocks(samples, size):
    return (samples[:, start : start + size] for start in range(0, samples.shape[1], size))


@pytest.mark.parametrize("fade", [0, 1, 50, 400])
@pytest.mark.parametrize("size", [7, 100, 5000])
def test_parts_are_crossed_as_by_one_who_has_them_whole_however_they_come(fade, size):
    random = np.random.default_rng(1)
    parts = [random.uniform(-0.5, 0.5, (2, length)).astype(np.float32) for length in (900, 801, 2000, 1100)]
    chain = Chain(2, fade, 0)
    made = np.concatenate(list(chain.blocks(in_blocks(part, size) for part in parts)), axis=1)
    expected, places = naive_chain(parts, fade)
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert chain.places == places
    inside = slice(places[2].start + fade, places[2].end - fade)
    assert np.array_equal(made[:, inside], parts[2][:, fade : 2000 - fade])


def test_the_power_of_a_fade_between_two_that_have_nothing_in_common_is_constant():
    random = np.random.default_rng(2)
    parts = [random.normal(0, 0.1, (1, 5 * RATE)).astype(np.float32) for _ in range(2)]
    made = np.concatenate(list(Chain(1, 2 * RATE, 0).blocks([part] for part in parts)), axis=1)
    powers = [np.square(made[:, start : start + RATE // 2]).mean() for start in range(0, 8 * RATE, RATE // 2)]
    assert np.abs(10 * np.log10(np.array(powers) / 0.01)).max() < 0.3


def test_a_fade_is_no_longer_than_half_of_a_short_part():
    parts = [np.full((1, length), 0.1, np.float32) for length in (1000, 60, 1000)]
    chain = Chain(1, 200, 0)
    made = np.concatenate(list(chain.blocks([part] for part in parts)), axis=1)
    assert chain.places == [Place(0, 1000), Place(970, 1030), Place(1000, 2000)]
    assert made.shape == (1, 2000)
    assert made.min() > 0.099


def test_a_fade_that_would_rise_above_full_scale_is_straight():
    parts = [np.full((1, 1000), 0.9, np.float32)] * 2
    chain = Chain(1, 100, 0)
    made = np.concatenate(list(chain.blocks([part] for part in parts)), axis=1)
    assert chain.straight == 1
    assert made.max() == pytest.approx(0.9)


def test_without_fades_the_samples_are_those_of_the_parts(joined):
    parts = [whole_numbers(seconds, seed) for seed, seconds in enumerate((3.1, 40, 0.7))]
    made, facts, _, events = joined(parts)
    assert np.array_equal(made, np.concatenate(parts, axis=1))
    assert (facts["parts"], facts["left_out"], facts["gain"]) == (3, 0, 0)
    assert events == [("part 1", 0, 3.1), ("part 2", 3.1, 43.1), ("part 3", 43.1, 43.8)]


def test_between_parts_there_may_be_silence(joined):
    parts = [whole_numbers(2, 1), whole_numbers(3, 2)]
    made, _, _, events = joined(parts, gap="1.5 s")
    assert np.array_equal(made, np.concatenate([parts[0], np.zeros((1, 12000), np.float32), parts[1]], axis=1))
    assert events == [("part 1", 0, 2), ("part 2", 3.5, 6.5)]


def test_with_fades_the_inside_of_a_part_is_untouched_and_times_overlap_by_the_fade(joined):
    parts = [whole_numbers(seconds, seed, 2) for seed, seconds in enumerate((5, 6, 4))]
    made, facts, _, events = joined(parts, fade="500 ms")
    assert made.shape[1] == 14 * RATE
    assert np.array_equal(made[:, 5 * RATE : 10 * RATE], parts[1][:, RATE // 2 : RATE // 2 + 5 * RATE])
    assert events == [("part 1", 0, 5), ("part 2", 4.5, 10.5), ("part 3", 10, 14)]
    assert facts["straight"] == 0


def test_what_is_too_short_is_left_out_and_counted(joined):
    parts = [whole_numbers(seconds, seed) for seed, seconds in enumerate((5, 9.99, 10, 12))]
    made, facts, _, events = joined(parts, shortest="10 s")
    assert np.array_equal(made, np.concatenate(parts[2:], axis=1))
    assert (facts["parts"], facts["left_out"], len(events)) == (2, 2, 2)
    with pytest.raises(UnusableInputError, match="none of 4 parts is as long as 20 s") as caught:
        joined(parts, shortest="20 s")
    assert caught.value.cause == "too_short"


def test_parts_of_other_rates_and_channels_are_brought_together(joined):
    low, high = voice_like(3, RATE, seed=1), voice_like(2, 16000, channels=2, seed=2)
    made, _, _, events = joined([low, high], rates={1: 16000}, bits=24, source_bits=24)
    assert joined.rate == 16000 and made.shape == (2, 5 * 16000)
    np.testing.assert_allclose(made[:, : 3 * 16000], np.repeat(resample(low, RATE, 16000), 2, axis=0), atol=1e-5)
    np.testing.assert_allclose(made[:, 3 * 16000 :], high, atol=1e-6)
    assert events[1] == ("part 2", 3, 5)


def test_what_would_rise_above_full_scale_is_turned_down_as_a_whole(joined):
    parts = [np.full((1, RATE), 1.6, np.float32), np.full((1, RATE), 0.5, np.float32)]
    made, facts, _, _ = joined(parts, bits=16, source_bits=32)
    assert facts["gain"] == pytest.approx(-20 * np.log10(1.6), abs=2e-4)
    assert made[0, RATE:] == pytest.approx(0.5 / 1.6, abs=1e-4)


def test_chapters_cue_sheet_and_notes_say_the_times_and_no_names(joined, tmp_path):
    import av

    parts = [whole_numbers(seconds, seed) for seed, seconds in enumerate((61.5, 20))]
    _, _, texts, _ = joined(parts, fade="1 s")
    assert texts["cue"] == (
        'FILE "set_aaaaaaaaaaaaa.join.audio.wav" WAVE\n'
        '  TRACK 01 AUDIO\n    TITLE "Part 1"\n    INDEX 01 00:00:00\n'
        '  TRACK 02 AUDIO\n    TITLE "Part 2"\n    INDEX 01 01:00:37\n'
    )
    assert texts["notes"] == "   1  0:00:00  61.5 s\n   2  0:01:00  20.0 s\n"
    (tmp_path / "chapters.txt").write_text(texts["chapters"])
    with av.open(str(tmp_path / "chapters.txt"), format="ffmetadata") as container:
        chapters = [(each["start"], each["end"], each["metadata"]["title"]) for each in container.chapters()]
    assert chapters == [(0, 60500, "Part 1"), (60500, 80500, "Part 2")]


def test_times_of_the_cue_sheet_cut_the_recording_where_it_was_joined(joined, tmp_path):
    from librarian_editing.cues import read_cues

    parts = [whole_numbers(seconds, seed) for seed, seconds in enumerate((6, 7.2, 8))]
    _, _, texts, events = joined(parts, gap="0.4 s")
    (tmp_path / "a.cue").write_text(texts["cue"])
    starts = [start for start, _ in read_cues(str(tmp_path / "a.cue"))]
    assert starts == pytest.approx([start for _, start, _ in events], abs=1 / 75)
    assert len(re.findall("TRACK", texts["cue"])) == 3


def test_a_gap_and_a_fade_do_not_go_together():
    with pytest.raises(ValidationError, match="set gap or fade to 0"):
        JoinSettings(gap=1, fade=1)
