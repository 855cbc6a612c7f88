"""Every family, through the real door: loaded from a folder, and made to write."""

import json

import numpy as np
import pytest
import speech_folders

from librarian_transcription.recognizer import RATE, Attempt

EVERY = sorted(speech_folders.MAKERS)
FRAME = 0.1
"""Seconds: no family has longer frames."""


@pytest.fixture(scope="module")
def sounds(talk):
    sound = talk[0]
    return [sound[: 3 * RATE], sound[3 * RATE : 4 * RATE], sound[4 * RATE : 4 * RATE + 9000]]


@pytest.fixture(params=EVERY)
def recognizer(request, folder, opened):
    return opened(folder(request.param))


def languages(recognizer, sounds):
    return [next(iter(recognizer.traits.languages), "en")] * len(sounds)


def test_tokens_have_times_within_the_sound_that_never_fall(recognizer, sounds):
    encoded = recognizer.encode(sounds)
    for decoded, sound in zip(
        recognizer.decode(encoded, languages(recognizer, sounds), Attempt()), sounds, strict=True
    ):
        seconds = len(sound) / RATE
        assert decoded.tokens
        assert decoded.text == recognizer.spell([token.id for token in decoded.tokens])
        starts = [token.start for token in decoded.tokens]
        assert starts == sorted(starts) and starts[0] >= 0
        assert all(token.start <= token.end <= seconds + FRAME for token in decoded.tokens)
        assert all(0 < token.confidence <= 1 for token in decoded.tokens)
        assert decoded.likelihood < 0


def test_what_comes_out_does_not_hang_on_what_is_beside_it(recognizer, sounds):
    together = recognizer.decode(recognizer.encode(sounds), languages(recognizer, sounds), Attempt())
    for sound, beside in zip(sounds, together, strict=True):
        (alone,) = recognizer.decode(recognizer.encode([sound]), languages(recognizer, [sound]), Attempt())
        assert alone.text == beside.text
        assert alone.likelihood == pytest.approx(beside.likelihood, abs=1e-4)
        times, others = ([at for token in each.tokens for at in (token.start, token.end)] for each in (alone, beside))
        assert times == pytest.approx(others, abs=1e-9)


def test_another_sound_gives_other_words(recognizer, sounds):
    texts = [
        each.text for each in recognizer.decode(recognizer.encode(sounds), languages(recognizer, sounds), Attempt())
    ]
    likely = [
        each.likelihood
        for each in recognizer.decode(recognizer.encode(sounds), languages(recognizer, sounds), Attempt())
    ]
    assert len(set(texts)) > 1 or len(set(likely)) == len(sounds), "the sound plays no part, and the test shows nothing"


@pytest.mark.parametrize("frames", [1, 100, 1000])
def test_almost_no_sound_breaks_nothing(recognizer, frames):
    sound = np.full(frames, 0.1, np.float32)
    (decoded,) = recognizer.decode(recognizer.encode([sound]), languages(recognizer, [sound]), Attempt())
    assert all(token.end <= max(FRAME, frames / RATE) for token in decoded.tokens)


def test_languages_are_told_apart_where_a_family_can(recognizer, sounds):
    shares = recognizer.languages_of(recognizer.encode(sounds))
    for each in shares:
        assert set(each) == (set(speech_folders.LANGUAGES) if recognizer.traits.detects else set())
        assert not each or sum(each.values()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("family", ["whisper", "canary"])
def test_the_language_that_is_told_reaches_the_decoder(folder, opened, sounds, family):
    recognizer = opened(folder(family))
    encoded = recognizer.encode(sounds[:1])
    likely = {
        language: recognizer.decode(encoded, [language], Attempt())[0].likelihood
        for language in speech_folders.LANGUAGES
    }
    assert len(set(likely.values())) == len(likely)


@pytest.mark.parametrize("family", ["whisper", "canary", "moonshine"])
def test_what_is_drawn_hangs_on_the_seed_and_what_must_not_repeat_does_not(folder, opened, sounds, family):
    import torch

    recognizer = opened(folder(family))
    encoded, language = recognizer.encode(sounds[:1]), languages(recognizer, sounds[:1])

    def drawn(seed):
        torch.manual_seed(seed)
        return recognizer.decode(encoded, language, Attempt(temperature=1.0))[0].text

    assert drawn(1) == drawn(1) != drawn(2)
    assert fresh(recognizer.decode(encoded, language, Attempt())[0]) < 0.6
    assert fresh(recognizer.decode(encoded, language, Attempt(no_repeat=3))[0]) > 0.65


def fresh(decoded):
    """Of the runs of three tokens, the part that is new; special tokens may have stood between them."""
    ids = [token.id for token in decoded.tokens]
    runs = list(zip(ids, ids[1:], ids[2:], strict=False))
    return len(set(runs)) / len(runs)


def test_whisper_writes_what_transformers_writes(folder, opened, talk, tmp_path):
    """The same tokens as its own `generate`, with the language told."""
    import torch
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    said = json.loads((folder("whisper") / "config.json").read_text())
    special = list(range(said["eos_token_id"] + 1, said["vocab_size"]))  # random weights would write them
    place = folder("whisper", generation={"suppress_tokens": special})
    sound = talk[0][: 5 * RATE]
    recognizer = opened(place)
    (decoded,) = recognizer.decode(recognizer.encode([sound]), ["de"], Attempt())
    model = WhisperForConditionalGeneration.from_pretrained(place).eval()
    heard = WhisperFeatureExtractor()(sound, sampling_rate=RATE, return_tensors="pt").input_features
    with torch.inference_mode():
        written = model.generate(heard, language="de", task="transcribe", return_timestamps=False, max_new_tokens=32)
    ends = model.config.eos_token_id
    ours = [token.id for token in decoded.tokens]
    theirs = [token for token in written[0].tolist() if token < ends]
    assert len(ours) > 5
    assert ours == theirs[: len(ours)]


def test_a_whisper_of_one_language_is_told_none(folder, opened, sounds):
    recognizer = opened(folder("whisper", english=True))
    assert (recognizer.traits.languages, recognizer.traits.language, recognizer.traits.detects) == ((), "en", False)
    (decoded,) = recognizer.decode(recognizer.encode(sounds[:1]), ["en"], Attempt())
    assert decoded.tokens


@pytest.mark.parametrize("family", ["whisper", "parakeet_ctc", "wav2vec2"])
def test_half_precision_is_near_to_full(folder, opened, sounds, family):
    full, half = (
        recognizer.decode(recognizer.encode(sounds[:1]), languages(recognizer, sounds[:1]), Attempt())[0]
        for recognizer in (opened(folder(family)), opened(folder(family), precision="bf16"))
    )
    assert half.likelihood == pytest.approx(full.likelihood, rel=0.1)
    assert half.likelihood != full.likelihood


def test_a_wav2vec2_that_is_normalized_over_time_hears_no_padding(folder, opened, sounds):
    recognizer = opened(folder("wav2vec2", feat_extract_norm="group", do_stable_layer_norm=False))
    together = recognizer.encode(sounds)
    for sound, beside in zip(sounds, together, strict=True):
        np.testing.assert_allclose(recognizer.encode([sound])[0].state, beside.state, atol=1e-5)
