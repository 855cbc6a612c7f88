import importlib.util

import pytest
from pydantic import ValidationError

from librarian_normalization import NormalizeSettings


def test_the_defaults_are_one_gain_to_a_loudness():
    assert NormalizeSettings() == NormalizeSettings(
        by="loudness",
        target="-16 LUFS",
        ceiling="-1 dBTP",
        limiter=False,
        leave_within="0 LU",
        remove_dc=False,
        high_pass="0 Hz",
        meter="librarian",
    )
    assert NormalizeSettings(target=-23).target == -23


@pytest.mark.parametrize(
    "given",
    [
        {"target": "-23 LKFS"},
        {"by": "loudness", "target": "-23 LUFS"},
        {"by": "peak", "target": "-3 dBTP"},
        {"by": "rms", "target": "-23dBFS"},
        {"by": "rms", "target": -23},
        {"high_pass": "0.08 kHz"},
    ],
)
def test_quantities_are_read(given):
    again = NormalizeSettings(**given)
    assert NormalizeSettings(**again.model_dump(mode="json")) == again


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"target": 1}, "target"),
        ({"target": -71}, "target"),
        ({"target": "-16 dB"}, "LUFS"),
        ({"target": "-1 dBTP"}, "a target by loudness is given in LUFS, not in dBTP"),
        ({"by": "peak", "target": "-16 LUFS"}, "a target by peak is given in dBTP, not in LUFS"),
        ({"by": "rms"}, "a target by rms is given in dBFS, not in LUFS"),
        ({"by": "peak", "target": "-0.5 dBTP"}, "ceiling.*below the peak"),
        ({"by": "power"}, "by"),
        ({"ceiling": "0.1 dBTP"}, "ceiling"),
        ({"ceiling": -21}, "ceiling"),
        ({"leave_within": "-1 LU"}, "leave_within"),
        ({"high_pass": "2 kHz"}, "high_pass"),
    ],
)
def test_what_cannot_be_is_refused(given, match):
    with pytest.raises(ValidationError, match=f"(?s){match}"):
        NormalizeSettings(**given)


def test_a_meter_that_is_not_installed_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("librarian_normalization.find_spec", lambda name: None)
    with pytest.raises(ValidationError, match="pip install pyloudnorm"):
        NormalizeSettings(meter="pyloudnorm")


def test_a_target_is_said_in_the_unit_of_what_is_brought_to_it() -> None:
    target = NormalizeSettings.model_json_schema()["properties"]["target"]
    assert target["unit"] == "LUFS"
    assert target["unit_by"] == {"by": {"loudness": "LUFS", "peak": "dBTP", "rms": "dBFS"}}
