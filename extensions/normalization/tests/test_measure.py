import math
import subprocess
import sys

import numpy as np
import pyloudnorm
import pytest
import soundfile

from librarian import UnusableInputError
from librarian_normalization import MEASURE, NORMALIZE, NORMALIZE_GROUP, MeasureSettings, librarian_operations
from librarian_normalization.measure import Measurer

INDEPENDENT = 0.001
"""LU, between pyloudnorm and us on the same samples: both state four decimals or more."""


def measure(task):
    outputs = Measurer(task.settings, "cpu")(task)
    assert set(outputs) == {"report"}
    return outputs["report"]


def values(output):
    return {m.name: m.value for m in output.value.measurements}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "PCM_16"), (".wav", "FLOAT"), (".flac", "PCM_24")])
def test_it_reports_the_levels_of_a_file(make_task, speech, suffix, subtype, channels):
    task = make_task(speech(channels=channels), 48000, MeasureSettings(), suffix, subtype)
    samples, rate = soundfile.read(task.inputs["audio"][0].path, dtype="float32", always_2d=True)
    samples = samples.T
    theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.T.astype(np.float64))
    report = measure(task)
    assert values(report)["integrated_loudness"] == pytest.approx(theirs, abs=INDEPENDENT)
    assert values(report)["sample_peak"] == pytest.approx(20 * math.log10(np.abs(samples).max()), abs=1e-4)
    assert values(report)["true_peak"] >= values(report)["sample_peak"]
    assert values(report)["duration"] == 4.0
    assert report.facts["result"] == "measured"


def test_every_fact_is_declared_and_the_report_agrees(make_task, speech):
    report = measure(make_task(speech(), 48000, MeasureSettings()))
    assert set(report.facts) == set(MEASURE.facts)
    assert report.facts["result"] in MEASURE.facts["result"].words
    facts = {name: value for name, value in report.facts.items() if name not in ("result", "mono_as_stereo")}
    assert values(report) == {"integrated_loudness": facts.pop("loudness"), **facts}


def test_it_reports_what_is_wrong_with_a_sound(make_task, speech):
    samples = speech()
    samples[0] += 0.1
    samples[1, 48_000:50_000] = 0
    report = values(measure(make_task(samples, 48000, MeasureSettings())))
    assert report["dc_offset"] == pytest.approx(0.1, abs=0.01)
    assert report["dropouts"] == 1
    assert report["bandwidth"] == pytest.approx(24_000, rel=0.05)
    assert -0.1 < report["correlation"] < 0.1


def test_it_says_whether_two_channels_are_one(make_task, speech):
    one = np.tile(speech(channels=1), (2, 1))
    assert measure(make_task(one, 48000, MeasureSettings())).facts["mono_as_stereo"] == "identical"
    assert "mono_as_stereo" not in measure(make_task(one[:1], 48000, MeasureSettings())).facts


@pytest.mark.parametrize(
    ("samples", "result", "peak"),
    [
        pytest.param(np.full((1, 1), 0.5), "too_short", -6.0206, id="one sample"),
        pytest.param(np.zeros((2, 19_199)), "too_short", None, id="399 ms of silence"),
        pytest.param(np.zeros((2, 19_200)), "silent", None, id="400 ms of silence"),
        pytest.param(np.full((1, 48_000), 1e-4), "silent", -80.0, id="under the gate"),
    ],
)
def test_what_is_not_defined_is_null_and_says_why(make_task, samples, result, peak):
    report = measure(make_task(samples.astype(np.float32), 48000, MeasureSettings()))
    assert report.facts["result"] == result
    assert values(report)["integrated_loudness"] is None
    assert values(report)["sample_peak"] == peak
    assert values(report)["duration"] == samples.shape[1] / 48000


def test_what_is_not_a_number_is_refused(make_task, speech):
    task = make_task(speech(), 48000, MeasureSettings())
    soundfile.write(task.inputs["audio"][0].path, np.full(48_000, math.nan), 48000, subtype="FLOAT")
    with pytest.raises(UnusableInputError, match="NaN") as caught:
        measure(task)
    assert caught.value.cause == "corrupt"


def test_what_it_offers():
    assert librarian_operations() == [NORMALIZE, NORMALIZE_GROUP, MEASURE]
    assert {(o.name, o.version, o.each, o.reproducible) for o in librarian_operations()} == {
        ("normalize", "2", "recording", "bytes"),
        ("normalize_group", "2", "group", "bytes"),
        ("measure", "2", "recording", "bytes"),
    }


def test_declaring_them_loads_nothing_heavy():
    script = "import sys, librarian_normalization; print({'numpy', 'numba', 'soundfile'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
