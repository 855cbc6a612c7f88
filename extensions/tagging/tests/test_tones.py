"""The operation `tones`, on lines made after the standards."""

import itertools
import tracemalloc

import numpy as np
import pytest
import soundfile
import telephone
from harness import RECORDINGS
from telephone import MAKERS, Placed, cadence, sines

from librarian import UnusableInputError
from librarian.audio.resample import resample
from librarian.testing import FileTask, tone, voice_like
from librarian_tagging import LABELS, TonesSettings
from librarian_tagging.line import Line
from librarian_tagging.tones import tones

RATE = 8000
EDGE = 0.04
"""Seconds by which the start or end of an event may be off: two steps of 20 ms."""
LINE = ("ring", "busy", "dial", "dtmf", "hangup")
ALL = [(label, kind) for label, kinds in MAKERS.items() for kind in kinds]


@pytest.fixture
def found(tmp_path):
    """What `tones` finds in samples `[frames]` or `[channels, frames]`: events, facts, report."""
    numbers = itertools.count(1)

    def run(samples, rate=RATE, **given):
        place = tmp_path / f"task{next(numbers)}"
        place.mkdir()
        made = tones(FileTask(place, [np.atleast_2d(samples).astype(np.float32)], rate, TonesSettings(**given)))
        report = {(each.name, each.channel): each.value for each in made["report"].value.measurements}
        return made["events"].value.events, made["events"].facts, report

    return run


def seconds(length, rate=RATE, level=0.0, seed=1):
    """Noise of a level (RMS), or silence."""
    return level * np.random.default_rng(seed).standard_normal(round(length * rate))


def on_a_line(sound, rate=RATE, noise=1e-3):
    """A sound at −20 dBFS with two seconds of a quiet line before and behind it."""
    pause = np.zeros(2 * rate)
    whole = np.concatenate([pause, 0.1 * sound, pause])
    return whole + noise * np.random.default_rng(4).standard_normal(len(whole))


def of_the_line(events):
    return [Placed(each.label, each.start, each.end) for each in events if each.label in LINE]


@pytest.mark.parametrize(("label", "kind"), ALL, ids=[f"{label} {kind}" for label, kind in ALL])
def test_each_tone_is_found_once_where_it_is(found, label, kind):
    made = MAKERS[label][kind](np.random.default_rng(5), RATE)
    events = of_the_line(found(on_a_line(made.samples))[0])
    assert [event.label for event in events] == [event.label for event in made.events]
    for event, true in zip(events, made.events, strict=True):
        assert event.start == pytest.approx(2 + true.start, abs=EDGE)
        assert event.end == pytest.approx(2 + true.end, abs=EDGE)


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 48000])
def test_the_sample_rate_plays_no_part(found, rate):
    ringing = MAKERS["ring"]["Europe, 1 s / 4 s"](np.random.default_rng(1), rate)
    (event,) = of_the_line(found(on_a_line(ringing.samples, rate), rate)[0])
    assert event.label == "ring"
    assert event.end - event.start == pytest.approx(ringing.events[0].end, abs=EDGE)


@pytest.mark.parametrize("rate", [6000, 7999])
def test_a_rate_in_which_keys_have_no_room_is_refused(found, rate):
    with pytest.raises(UnusableInputError, match=f"its sample rate is {rate} Hz, and tones need 8000 Hz"):
        found(np.zeros(rate), rate)


def speech(frames):
    """Two people who talk, over and over, at 8 kHz."""
    samples, rate = soundfile.read(RECORDINGS / "conversations" / "two_speakers.flac", dtype="float32")
    return np.resize(resample(samples[np.newaxis], rate, RATE)[0], frames)


BACKGROUNDS = {"noise": lambda frames: np.random.default_rng(2).standard_normal(frames), "speech": speech}


@pytest.mark.parametrize(
    ("background", "decibels", "least"),
    [("noise", 20, 1.0), ("noise", 10, 1.0), ("noise", 5, 0.95), ("speech", 20, 0.95), ("speech", 10, 0.85)],
)
def test_tones_are_found_under_noise_and_speech(background, decibels, least):
    for label, kinds in MAKERS.items():
        random = np.random.default_rng(20)
        made = telephone.scene(random, list(kinds.values()), len(kinds) * 2, RATE, BACKGROUNDS[background], decibels)
        line = Line(RATE, TonesSettings())
        line.add(made.samples)
        events = [each for each in line.end() if each.label in LINE]
        labels = ("busy", "hangup") if label == "busy" else (label,)
        hits = sum(
            any(
                one.label in labels
                and min(one.end, true.end) - max(one.start, true.start)
                >= 0.5 * max(one.end - one.start, true.end - true.start)
                for one in events
            )
            for true in made.events
        )
        assert hits >= least * len(made.events), label
        stray = [
            one for one in events if not any(one.start < true.end and one.end > true.start for true in made.events)
        ]
        assert not stray


@pytest.mark.parametrize("file", ["conversations/two_speakers.flac", "songs/rock_song.flac"])
def test_speech_and_music_hold_no_tone_of_a_line(found, file):
    samples, rate = soundfile.read(RECORDINGS / file, dtype="float32", always_2d=True)
    assert of_the_line(found(samples.T, rate)[0]) == []


@pytest.mark.parametrize(
    ("frequencies", "why"),
    [
        ((440,), "the A of an orchestra"),
        ((415.3,), "the note next to 425 Hz"),
        ((425, 850, 1275, 1700), "a voice has harmonics"),
        ((697, 1209, 1477), "three of a keypad's frequencies"),
        ((697,), "half a key"),
        ((725, 1255), "a key 4 % too high"),
    ],
)
def test_what_is_no_tone_of_a_line(found, frequencies, why):
    assert of_the_line(found(on_a_line(sines(frequencies, 1.2, RATE)))[0]) == [], why


def test_keys_of_40_ms_are_keys_and_those_of_20_ms_are_none(found):
    def dialled(length):
        return on_a_line(np.concatenate([np.append(sines((770, 1336), length, RATE), seconds(0.06)) for _ in range(5)]))

    assert len(of_the_line(found(dialled(0.04))[0])) == 5
    assert of_the_line(found(dialled(0.02))[0]) == []


def test_no_event_tells_which_key_it_was(found):
    one, other = (
        found(on_a_line(np.concatenate([np.append(sines(key, 0.08, RATE), seconds(0.08)) for key in keys])))
        for keys in (telephone.KEYS[:4], telephone.KEYS[8:12])
    )
    assert one[0] == other[0]
    assert one[1] == other[1] and one[1]["dtmf"] == 4


def test_a_busy_tone_after_talk_is_a_hang_up(found):
    busy = 0.1 * cadence((480, 620), [0.5, 0.5] * 5, RATE)
    talk = voice_like(8, RATE)[0]
    line = np.concatenate([seconds(2), talk, seconds(1), busy]) + 1e-3 * seconds(16, level=1)
    assert [event.label for event in of_the_line(found(line)[0])] == ["hangup"]
    at_once = np.concatenate([seconds(10), busy]) + 1e-3 * seconds(15, level=1)
    assert [event.label for event in of_the_line(found(at_once)[0])] == ["busy"]
    dialled = np.concatenate([talk, 0.1 * sines((350, 440), 3, RATE), seconds(1), busy])
    assert [event.label for event in of_the_line(found(dialled)[0])] == ["dial", "busy"]


def test_a_tone_of_one_frequency_that_keys_end_is_a_dial_tone(found):
    start = np.concatenate([sines((425,), 1.5, RATE), seconds(0.3)])
    keys = np.concatenate([np.append(sines((852, 1336), 0.08, RATE), seconds(0.1)) for _ in range(3)])
    events = of_the_line(found(on_a_line(np.concatenate([start, keys])))[0])
    assert [event.label for event in events] == ["dial", "dtmf", "dtmf", "dtmf"]
    assert [event.label for event in of_the_line(found(on_a_line(start))[0])] == ["ring"]


def test_a_plan_looks_for_its_own_tones_only(found):
    made = MAKERS["ring"]["UK, 0.4 s 0.2 s 0.4 s / 2 s"](np.random.default_rng(1), RATE)
    line = on_a_line(made.samples)
    kinds = {plan: [each.label for each in of_the_line(found(line, plan=plan)[0])] for plan in ("uk", "europe", "all")}
    assert kinds == {"uk": ["ring"], "europe": [], "all": ["ring"]}


def test_silence_is_found_to_the_hundredth_of_a_second(found):
    loud = tone(300, 3, RATE)[0]
    sound = np.concatenate([seconds(2.5), loud, seconds(1.5), loud, seconds(4, level=1e-4)])
    events, facts, _ = found(sound, silence="2 s")
    silence = [(each.start, each.end) for each in events if each.label == "silence"]
    assert silence == [pytest.approx((0, 2.5), abs=0.011), pytest.approx((10, 14), abs=0.011)]
    assert facts["silence"] == 2
    louder = [each for each in found(sound, silence="1 s", silence_level="-90 dBFS")[0] if each.label == "silence"]
    assert len(louder) == 2 and louder[1].end - louder[1].start == pytest.approx(1.5, abs=0.011)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_clicks_are_found_and_speech_and_drums_are_none(found, rate):
    sound = seconds(4, rate, level=1e-3)
    for at in (0.5, 1.7, 3.2):
        sound[round(at * rate)] += 0.5
    sound[round(0.0025 * rate)] += 0.5  # in the first milliseconds too
    clicks = [each.start for each in found(sound, rate, find=["click"])[0]]
    assert clicks == pytest.approx([0.0025, 0.5, 1.7, 3.2], abs=0.002)
    time = np.arange(rate) / rate
    drum = np.exp(-time / 0.03) * np.random.default_rng(3).standard_normal(rate) * 0.3
    assert found(np.tile(drum, 3) + seconds(3, rate, level=1e-3), rate, find=["click"])[0] == []
    assert found(voice_like(5, rate), rate, find=["click"])[0] == []
    assert found(0.5 * np.cos(2 * np.pi * 100 * np.arange(2 * rate) / rate), rate, find=["click"])[0] == []


def test_each_channel_has_its_own_events_and_a_mixture_has_none_of_them(found):
    ringing = on_a_line(MAKERS["ring"]["North America, 2 s / 4 s"](np.random.default_rng(1), RATE).samples)
    keys = np.resize(
        on_a_line(MAKERS["dtmf"]["4 to 10 keys, 50 to 120 ms"](np.random.default_rng(1), RATE).samples), ringing.size
    )
    events, facts, report = found(np.stack([ringing, keys]), find=["ring", "dtmf"])
    assert {(event.label, event.channel) for event in events} == {("ring", 0), ("dtmf", 1)}
    assert report["ring_events", 0] == 1 and report["ring_events", 1] == 0
    assert report["dtmf_events", 1] == facts["dtmf"] > 3
    mixed, _, total = found(np.stack([ringing, keys]), channels="mix", find=["ring", "dtmf"])
    assert {event.channel for event in mixed} == {None}
    assert total["ring_events", None] == 1


@pytest.mark.parametrize("frames", [1, 2, 79, 100, 4000])
@pytest.mark.parametrize("rate", [8000, 48000])
def test_recordings_of_next_to_nothing_hold_nothing(found, frames, rate):
    events, facts, report = found(np.full(frames, 0.1), rate)
    assert events == []
    assert facts["duration"] == round(frames / rate, 3)
    assert set(report.values()) == {0}


def test_events_lie_within_the_recording_and_say_nothing_but_their_label(found):
    made = MAKERS["dial"]["Europe"](np.random.default_rng(1), RATE)
    events, _, report = found(0.1 * made.samples)
    (event,) = events
    assert (event.start, event.end) == (0, pytest.approx(len(made.samples) / RATE, abs=0.001))
    assert 0.9 < event.score <= 1
    assert {name for name, _ in report} == {f"{label}_{what}" for label in LABELS for what in ("events", "time")}


@pytest.mark.parametrize("block", [400, 7777])
def test_blocks_of_any_length_give_the_same(block):
    random = np.random.default_rng(9)
    makers = [next(iter(kinds.values())) for kinds in MAKERS.values()]
    made = telephone.scene(random, makers, len(makers), RATE, BACKGROUNDS["speech"], 15)
    whole, cut = Line(RATE, TonesSettings()), Line(RATE, TonesSettings())
    whole.add(made.samples)
    for start in range(0, len(made.samples), block):
        cut.add(made.samples[start : start + block])
    one, other = whole.end(), cut.end()
    assert [(each.label, each.start, each.end) for each in one] == [
        (each.label, each.start, each.end) for each in other
    ]


def test_a_dial_tone_of_minutes_is_one_event_and_is_not_held():
    sound = 0.1 * sines((350, 440), 120, RATE)
    line = Line(RATE, TonesSettings())
    tracemalloc.start()
    for start in range(0, len(sound), RATE):
        line.add(sound[start : start + RATE])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 384 << 10
    (event,) = [each for each in line.end() if each.label in LINE]
    assert (event.label, round(event.end - event.start)) == ("dial", 120)
