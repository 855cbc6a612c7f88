"""Sound and words without what is private: silent where it was, bit for bit the same elsewhere."""

import json

import numpy as np
import pytest
import soundfile
from dictated import DIGITS, RATE, in_a_row, words_of

from librarian import Span, Spans, UnusableInputError, Word, Words
from librarian.media import open_audio, read_audio
from librarian_redaction import REDACT, RedactSettings
from librarian_redaction.redact import GroupRedactor, Redactor

SPAN = Span(start=DIGITS[0], end=DIGITS[1], type="PHONE", number=1)
FADE = round(0.008 * RATE)


@pytest.fixture
def redacted(make_task):
    """What comes of a sound: the task and its outputs."""

    def run(samples, words=(), spans=(), *, stems=(), rate=RATE, revised=False, form=None, **settings):
        settings = RedactSettings(**settings)
        task = make_task(samples, settings, words, spans, stems=stems, rate=rate, revised=revised, **(form or {}))
        made = Redactor(settings, "cpu")(task)
        for output in (made["audio"], made["words"], *made["stems"]):
            assert output.facts.keys() <= REDACT.facts.keys()
        assert task.fractions == sorted(task.fractions)
        return task, made

    return run


def whole(path):
    samples, _ = soundfile.read(path, dtype="int16", always_2d=True)
    return samples.T


def text(output):
    return " ".join(word.text for word in output.value.words)


def borders(padding=0.2, span=DIGITS, rate=RATE):
    """First frame that is taken, and that behind the last."""
    return int(np.floor((span[0] - padding) * rate)), int(np.ceil((span[1] + padding) * rate))


def test_a_number_is_silent_in_the_call_and_both_its_sides_and_all_else_is_bit_for_bit_the_same(redacted, call, caller):
    _, made = redacted(call["out"], caller, [SPAN], stems=[call["recv_out"], call["trans_out"]])
    first, behind = borders()
    for role, output in zip(("out", "recv_out", "trans_out"), (made["audio"], *made["stems"]), strict=True):
        after = whole(output.value)
        assert soundfile.info(output.value).subtype == "PCM_16"
        assert after.shape == call[role].shape
        assert not after[:, first:behind].any()
        np.testing.assert_array_equal(after[:, : first - FADE], call[role][:, : first - FADE])
        np.testing.assert_array_equal(after[:, behind + FADE :], call[role][:, behind + FADE :])
        assert output.facts["silenced_seconds"] == pytest.approx((behind - first) / RATE, abs=0.001)
    assert text(made["words"]) == (
        "Hello, is this the weather station? Yesterday at noon, please. "
        "Thanks. Could you call me back tomorrow on <PHONE-1>"
    )
    assert made["words"].facts == {"words": 7, "added": 0, "left": 0, "reviewed": False}
    stand_in = made["words"].value.words[-1]
    assert (stand_in.start, stand_in.end) == DIGITS


def test_fades_lie_outside_and_are_a_raised_cosine(redacted):
    _, made = redacted(np.full((1, RATE), 0.5, np.float32), [], [Span(start=0.4, end=0.6)], padding=0, fade="10 ms")
    after = whole(made["audio"].value)[0]
    first, behind = borders(0, (0.4, 0.6))
    fade = np.rint(16384 * (0.5 + 0.5 * np.cos(np.pi * (np.arange(80) + 0.5) / 80)))
    np.testing.assert_array_equal(after[first - 80 : first], fade)
    np.testing.assert_array_equal(after[behind : behind + 80], fade[::-1])
    assert not after[first:behind].any()
    assert (np.delete(after, np.s_[first - 80 : behind + 80]) == 16384).all()


def off(words, early, late):
    """The words with other times."""
    return [
        word.model_copy(update={"start": max(0.0, word.start + one), "end": max(word.start + one, word.end + other)})
        for word, one, other in zip(words, early, late, strict=True)
    ]


@pytest.mark.parametrize(("padding", "holds"), [(0.0, False), (0.1, False), (0.15, True), (0.2, True)])
def test_how_far_word_times_may_be_off(redacted, call, caller, padding, holds):
    """Every word begins and ends up to 150 ms before or after it does, all alike or each by itself."""
    many, random = len(caller), np.random.default_rng(7)
    digits = slice(int(DIGITS[0] * RATE), int(DIGITS[1] * RATE))
    shares = []
    for early, late in [
        ([0.15] * many, [0.15] * many),
        ([-0.15] * many, [-0.15] * many),
        random.uniform(-0.15, 0.15, (2, many)).tolist(),
    ]:
        words = off(caller, early, late)
        span = Span(start=words[-7].start, end=max(word.end for word in words[-7:]), type="PHONE", number=1)
        _, made = redacted(call["recv_out"], words, [span], padding=padding)
        left, true = (each[0][digits].astype(float) for each in (whole(made["audio"].value), call["recv_out"]))
        shares.append(np.square(left).sum() / np.square(true).sum())
    assert (max(shares) == 0) == holds


def test_a_tone_is_heard_instead_and_nothing_of_the_sound(redacted, call, caller):
    _, made = redacted(call["out"], caller, [SPAN], replace="tone", tone="500 Hz", tone_level="-20 dBFS")
    first, behind = borders()
    after = whole(made["audio"].value)[0]
    middle = slice(first + 100, behind - 100)
    expected = np.rint(3276.8 * np.sin(2 * np.pi * 500 / RATE * np.arange(after.size)))
    np.testing.assert_allclose(after[middle], expected[middle], atol=1)
    assert abs(int(after[first])) < 100
    np.testing.assert_array_equal(after[: first - FADE], call["out"][0, : first - FADE])


@pytest.mark.parametrize(
    ("subtype", "suffix", "codec"),
    [("PCM_24", ".flac", "pcm_24"), ("FLOAT", ".wav", "float"), ("PCM_16", ".flac", "pcm_16")],
)
def test_the_sample_format_is_that_of_the_input(redacted, subtype, suffix, codec):
    samples = np.random.default_rng(1).uniform(-0.9, 0.9, (2, 44100)).astype(np.float32)
    form = {"subtype": subtype, "suffix": suffix}
    task, made = redacted(samples, [], [Span(start=0.3, end=0.4)], rate=44100, form=form)
    with open_audio(made["audio"].value) as sound:
        assert (sound.info.codec, sound.channels, sound.frames) == (codec, 2, 44100)
    before, _ = read_audio(task.inputs["audio"].path)
    after, _ = read_audio(made["audio"].value)
    first, behind = borders(span=(0.3, 0.4), rate=44100)
    np.testing.assert_array_equal(after[:, : first - 353], before[:, : first - 353])
    np.testing.assert_array_equal(after[:, behind + 353 :], before[:, behind + 353 :])
    assert not after[:, first:behind].any()


def test_mu_law_becomes_whole_numbers_and_a_loud_ogg_stays_as_it_is_decoded(redacted, make_task, tmp_path):
    samples = np.random.default_rng(1).uniform(-1, 1, (RATE, 1))
    for subtype, form, codec in (("ULAW", "wav", "pcm_16"), ("VORBIS", "ogg", "float")):
        path = tmp_path / f"sound.{form}"
        soundfile.write(path, samples, RATE, subtype=subtype)
        settings = RedactSettings(padding=0)
        task = make_task(np.zeros((1, RATE), np.float32), settings, [], [Span(start=0.4, end=0.6)])
        task.inputs["audio"] = type(task.inputs["audio"])(path=path)
        made = Redactor(settings, "cpu")(task)["audio"]
        assert soundfile.info(made.value).subtype.lower() == codec
        before, after = read_audio(path)[0], read_audio(made.value)[0]
        np.testing.assert_array_equal(after[:, :3000], before[:, :3000])
        assert not after[:, 3200:4800].any()


def test_spans_that_meet_become_one_and_those_at_the_ends_are_cut_there(redacted, call):
    spans = [Span(start=0.05, end=0.2), Span(start=3.0, end=3.2), Span(start=3.5, end=4.0), Span(start=18.0, end=99.0)]
    _, made = redacted(call["out"], [], spans)
    after = whole(made["audio"].value)[0]
    silent = [(0.0, 0.4), (2.8, 4.2), (17.8, after.size / RATE)]
    for start, end in silent:
        assert not after[int(start * RATE) : int(end * RATE)].any()
    assert made["audio"].facts["stretches"] == 3
    assert made["audio"].facts["silenced_seconds"] == pytest.approx(
        sum(end - start for start, end in silent), abs=0.001
    )


def test_a_word_that_a_span_cuts_is_taken_as_a_whole_and_one_that_borders_on_it_is_not(redacted, call):
    words = in_a_row("one two three four", each=1.0)
    _, made = redacted(call["out"], words, [Span(start=1.5, end=2.01, type="NAME", number=4)], padding=0)
    assert text(made["words"]) == "one <NAME-4> three four"
    after = whole(made["audio"].value)[0]
    assert not after[RATE : int(2.01 * RATE)].any()
    assert after[:RATE].any() and after[int(2.1 * RATE) : 3 * RATE].any()


def test_each_speaker_has_a_placeholder_and_a_span_of_nobody_s_counting_has_no_number(redacted, call):
    words = [*in_a_row("five zero", 1.0, speaker=1), *in_a_row("right", 1.4, speaker=2), *in_a_row("so", 3, speaker=2)]
    _, made = redacted(call["out"], words, [Span(start=1.0, end=1.8)])
    assert [(word.text, word.speaker) for word in made["words"].value.words] == [
        ("<PRIVATE>", 1),
        ("<PRIVATE>", 2),
        ("so", 2),
    ]


def test_what_is_found_in_what_is_left_is_taken_too(redacted, call, caller):
    _, made = redacted(call["out"], caller, [])
    assert text(made["words"]).endswith("tomorrow on <PHONE>")
    first, behind = borders()
    assert not whole(made["audio"].value)[:, first:behind].any()
    assert made["words"].facts["added"] == 1


def test_what_was_said_and_only_looks_like_a_placeholder_is_taken(redacted, call):
    said = in_a_row("call <CALL-442079460123> or <JONES> or <NAME-1>", 1.0)
    _, made = redacted(call["out"], said, [])
    assert text(made["words"]) == "call <PHONE> or <NAME> or <NAME-1>"


def test_what_somebody_who_looked_at_the_spans_left_stays_and_is_counted(redacted, call, caller):
    _, made = redacted(call["out"], caller, [], revised=True, review="required")
    assert text(made["words"]).endswith("five five five, zero one seven seven?")
    assert (made["words"].facts["left"], made["words"].facts["reviewed"]) == (1, True)
    np.testing.assert_array_equal(whole(made["audio"].value), call["out"])


def test_spans_that_say_that_somebody_looked_at_them_are_reviewed(make_task, artifact, call, caller):
    settings = RedactSettings(review="required")
    task = make_task(call["out"], settings, caller)
    task.inputs["spans"] = artifact(Spans(spans=[SPAN], reviewed=True))
    made = Redactor(settings, "cpu")(task)
    assert made["audio"].facts["reviewed"]
    assert text(made["words"]).endswith("on <PHONE-1>")


def test_without_a_look_at_the_spans_nothing_is_made_and_it_is_said_what_to_look_at(make_task, call, caller):
    settings = RedactSettings(review="required")
    task = make_task(call["out"], settings, caller, [SPAN])
    before = sorted(task.folder.iterdir())
    with pytest.raises(
        UnusableInputError, match=r"type: librarian revise library/ab/rec_a{13}/made-\d+/rec_"
    ) as caught:
        Redactor(settings, "cpu")(task)
    assert caught.value.cause == "review"
    assert sorted(task.folder.iterdir()) == before


def test_sound_without_words_is_said_or_taken(redacted, call, caller):
    """The other side speaks too, and nobody wrote it down."""
    _, kept = redacted(call["out"], caller, [SPAN])
    assert 5 < kept["audio"].facts["uncovered_seconds"] < 9
    _, own = redacted(call["recv_out"], caller, [SPAN])
    assert own["audio"].facts["uncovered_seconds"] == 0
    _, taken = redacted(call["out"], caller, [SPAN], uncovered="silence")
    assert taken["audio"].facts["uncovered_seconds"] == 0
    after = whole(taken["audio"].value)[0]
    assert not after[int(8 * RATE) : int(10 * RATE)].any()
    np.testing.assert_array_equal(
        after[int(0.6 * RATE) : int(2.6 * RATE)], call["out"][0][int(0.6 * RATE) : int(2.6 * RATE)]
    )


def test_a_language_that_is_a_name_is_none(make_task, artifact, call):
    settings = RedactSettings()
    task = make_task(call["out"], settings)
    for tag, kept in (("de-CH", "de-CH"), ("zh-Hans-CN", "zh-Hans-CN"), ("en-hartman", "en"), ("hartman", "und")):
        task.inputs["words"] = artifact(Words(language=tag, words=[]))
        assert Redactor(settings, "cpu")(task)["words"].value.language == kept


def test_spans_of_another_recording_are_refused(redacted, call):
    with pytest.raises(UnusableInputError, match="of another recording"):
        redacted(call["out"], [], [Span(start=60, end=61)])


def test_the_recordings_of_a_group_lose_what_is_private_in_any_of_them(make_task, artifact, call, caller):
    from types import SimpleNamespace

    settings = RedactSettings()
    roles = ["recv_out", "trans_out", "out"]
    task = make_task(call[roles[0]], settings, stems=[call[each] for each in roles[1:]])
    sounds = (task.inputs["audio"], *task.inputs["stems"])
    ours = words_of("I 16.06 16.25 will 16.25 16.42 call 16.42 16.68 Peter 16.68 16.94 Jones. 16.94 17.44")
    name = Span(start=16.68, end=17.44, type="NAME", number=1, text="Peter Jones.")
    said = [artifact(Words(language="en", words=each), recording=f"rec_{n}") for n, each in enumerate((caller, ours))]
    spans = [artifact(Spans(spans=[each]), recording=f"rec_{n}") for n, each in enumerate((SPAN, name))]
    task.inputs = {"audio": sounds, "words": tuple(said), "spans": tuple(spans)}
    made = GroupRedactor(settings, "cpu")(
        SimpleNamespace(
            **vars(task), **{each: getattr(task, each) for each in ("open_audio", "create_audio", "progress")}
        )
    )
    for output in made["audio"]:
        after = whole(output.value)[0]
        for start, end in (borders(), borders(span=(16.68, 17.44))):
            assert not after[start:end].any()
    assert [text(each).rpartition(" ")[2] for each in made["words"]] == ["<PHONE-1>", "<NAME-1>"]


def test_memory_does_not_grow_with_the_length(redacted):
    import tracemalloc

    def most(seconds):
        samples = np.tile(np.arange(-4000, 4000, dtype=np.int16), seconds)[np.newaxis]
        tracemalloc.start()
        _, made = redacted(samples, [], [Span(start=start, end=start + 0.5) for start in range(5, seconds, 5)])
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert made["audio"].facts["stretches"] == len(range(5, seconds, 5))
        return found

    most(100)  # what is imported and compiled
    assert most(1200) < most(300) + 1_000_000 < 16_000_000


def test_an_end_that_nobody_knows_is_that_of_the_sound(redacted, call):
    _, made = redacted(call["out"], [Word(text="x", start=0, end=0)], [Span(start=10.0, end=360000.0)])
    assert not whole(made["audio"].value)[:, 10 * RATE :].any()
    assert json.loads(made["words"].value.model_dump_json())["words"]
