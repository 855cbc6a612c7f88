"""What a job may ask for, and what `auto` makes of it."""

import re

import pytest
from pydantic import ValidationError

from librarian import Model
from librarian_separation import BAGS, SEPARATE, STEMS, SeparateSettings, ladder, outputs, resolve


def installed(*names):
    return {name: Model(name, "0" * 64, "demucs") for name in names}


@pytest.mark.parametrize(
    ("there", "stems", "model"),
    [
        ([], [], "repet"),
        ([], ["vocals"], "repet"),
        ([], ["percussive"], "hpss"),
        ([], ["drums"], "htdemucs"),
        ([], ["piano"], "htdemucs_6s"),
        (["htdemucs"], [], "htdemucs"),
        (["htdemucs"], ["vocals"], "htdemucs"),
        (["htdemucs", "htdemucs_ft"], ["vocals"], "htdemucs_ft"),
        (["htdemucs", "htdemucs_6s"], ["guitar", "vocals"], "htdemucs_6s"),
        (["htdemucs"], ["accompaniment"], "repet"),
        (["mdx_extra"], [], "mdx_extra"),
        (["something"], [], "repet"),
    ],
)
def test_auto_takes_the_best_that_is_there(there, stems, model):
    settings, used = resolve(SeparateSettings(stems=stems), installed(*there))
    assert settings.model == model
    assert settings.stems == (tuple(stems) or STEMS[model])
    assert list(used) == ([model] if model in BAGS else [])


def test_the_outputs_are_the_stems_that_are_asked_for():
    assert list(outputs(SeparateSettings(model="htdemucs"))) == ["drums", "bass", "other", "vocals"]
    assert list(outputs(SeparateSettings(model="htdemucs", stems=["vocals"], rest=True))) == ["vocals", "rest"]
    settings, _ = resolve(SeparateSettings(rest=True), {})
    assert list(outputs(settings)) == ["vocals", "accompaniment", "rest"]


def test_a_model_of_ones_own_says_its_stems():
    with pytest.raises(ValueError, match="say which stems the model has"):
        resolve(SeparateSettings(model="mine"), installed("mine"))
    settings, used = resolve(SeparateSettings(model="mine", stems=["birds", "wind"]), installed("mine"))
    assert (list(outputs(settings)), used) == (["birds", "wind"], ("mine",))


def test_a_slip_in_a_model_s_name_is_not_taken_for_one_of_ones_own():
    with pytest.raises(ValueError, match="no such model is known or installed; what there is: librarian"):
        resolve(SeparateSettings(model="htdemuc"), installed("mine"))


@pytest.mark.parametrize(
    ("model", "counts", "idle"),
    [
        ("repet", {"shifts": 2}, {"overlap": 0.5, "segment": 4, "ending": "short", "precision": "bf16", "margin": 3}),
        ("hpss", {"margin": 3.0, "shifts": 2}, {"overlap": 0.5, "segment": 4, "ending": "short", "precision": "bf16"}),
        (
            "htdemucs",
            {"overlap": 0.5, "segment": 4.0, "ending": "short", "precision": "bf16", "shifts": 2},
            {"margin": 3},
        ),
    ],
)
def test_what_means_nothing_to_a_model_makes_nothing_anew(model, counts, idle):
    plain, _ = resolve(SeparateSettings(model=model), {})
    assert resolve(SeparateSettings(model=model, **idle), {})[0] == plain
    for name, value in counts.items():
        assert getattr(resolve(SeparateSettings(model=model, **{name: value}), {})[0], name) == value
        assert getattr(plain, name) != value


def test_a_model_of_another_kind_is_refused():
    other = {"mine": Model("mine", "0" * 64, "pyannote")}
    with pytest.raises(ValueError, match="another loader in models"):
        resolve(SeparateSettings(model="mine", stems=["vocals"]), other)
    unsaid = {"mine": Model("mine", "0" * 64, "")}
    assert resolve(SeparateSettings(model="mine", stems=["vocals"]), unsaid)[1] == ("mine",)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"model": "htdemucs", "stems": ["piano"]}, "the stems are drums, bass, other, vocals"),
        ({"model": "repet", "stems": ["drums"]}, "the stems are vocals, accompaniment"),
        ({"stems": ["violin"]}, "the stems are drums, bass, other, vocals, guitar, piano"),
        ({"model": "htdemucs", "stems": ["vocals", "vocals"]}, "names a stem twice"),
        ({"model": "mine", "stems": ["rest"]}, "and not rest"),
        ({"model": "mine", "stems": ["../x"]}, "a stem is named like"),
        ({"model": "htdemucs", "residual": "piano"}, "residual goes nowhere"),
        ({"model": "htdemucs", "stems": ["vocals"], "residual": "drums"}, "leave, spread or one of vocals"),
        ({"overlap": 1}, "less than or equal to 0.95"),
        ({"shifts": -1}, "greater than or equal to 0"),
        ({"precision": "fp8"}, "'fp32' or 'bf16'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_choices(given, match):
    with pytest.raises(ValidationError, match=match):
        SeparateSettings(**given)


def test_all_outputs_are_held_as_float_while_they_are_made():
    an_hour_of_four = 3600 * SEPARATE.scratch(SeparateSettings(model="htdemucs"))
    assert an_hour_of_four == 3600 * 48_000 * 2 * 4 * 4
    assert SEPARATE.scratch(SeparateSettings(model="htdemucs", stems=["vocals"], rest=True)) == an_hour_of_four / 7200


def test_the_ladder_ends_with_short_segments():
    assert ladder(SeparateSettings()) == [{"batch": 1}, {"batch": 1, "segment": 4.0}, {"batch": 1, "segment": 2.0}]
    assert ladder(SeparateSettings(segment="3 s"))[-1] == {"batch": 1, "segment": 2.0}
    assert ladder(SeparateSettings(model="repet")) == [{"batch": 1}]
    for each in ladder(SeparateSettings()):
        SeparateSettings.model_validate({**SeparateSettings().model_dump(), **each})


def test_every_known_model_has_files_with_the_beginning_of_their_digests():
    assert {model.name for model in SEPARATE.models} == set(BAGS)
    for model in SEPARATE.models:
        assert all(re.fullmatch(r"[0-9a-f]{8}", file.sha256) for file in model.files)
        assert len(BAGS[model.name].weights) in (0, len(model.files))


def test_the_known_files_are_those_that_demucs_lists():
    from importlib.resources import files

    import yaml

    remote = files("demucs") / "remote"
    listed = {line for line in (remote / "files.txt").read_text().splitlines() if line.endswith(".th")}
    for name, bag in BAGS.items():
        described = yaml.safe_load((remote / f"{name}.yaml").read_text())
        assert set(bag.files) <= listed
        assert list(bag.signatures) == described["models"]
        assert [list(row) for row in bag.weights] == described.get("weights", [])
        assert bag.segment == described.get("segment")
