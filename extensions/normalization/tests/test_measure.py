import math
import subprocess
import sys

import numpy as np
import pyloudnorm
import pytest

from librarian import UnusableInputError
from librarian_normalization import MEASURE, NORMALIZE, NORMALIZE_GROUP, MeasureSettings, librarian_operations
from librarian_normalization.measure import Meter

INDEPENDENT = 0.001
"""LU, between pyloudnorm and us on the same samples: both state four decimals or more."""


def measure(task):
    outputs = Meter(task.settings, "cpu")(task)
    assert set(outputs) == {"report"}
    return outputs["report"]


def values(output):
    return {m.name: m.value for m in output.value.measurements}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "PCM_16"), (".wav", "FLOAT"), (".flac", "PCM_24")])
def test_it_reports_the_levels_of_a_file(make_task, speech, suffix, subtype, channels):
    task = make_task(speech(channels=channels), 48000, MeasureSettings(), suffix, subtype)
    samples, rate = task.read_audio("audio")
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
    assert values(report) == {
        "integrated_loudness": report.facts["loudness"],
        "true_peak": report.facts["true_peak"],
        "sample_peak": report.facts["sample_peak"],
        "duration": report.facts["duration"],
    }


@pytest.mark.parametrize(
    ("samples", "result", "peak"),
    [
        pytest.param(np.zeros((2, 0)), "too_short", None, id="nothing"),
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


def test_what_is_not_a_number_is_refused(make_task):
    samples = np.full((1, 48_000), math.nan, np.float32)
    with pytest.raises(UnusableInputError, match="NaN") as caught:
        measure(make_task(samples, 48000, MeasureSettings()))
    assert caught.value.cause == "corrupt"


def test_what_it_offers():
    assert librarian_operations() == [NORMALIZE, NORMALIZE_GROUP, MEASURE]
    assert {(o.name, o.version, o.each, o.reproducible) for o in librarian_operations()} == {
        ("normalize", "1", "recording", "bytes"),
        ("normalize_group", "1", "group", "bytes"),
        ("measure", "1", "recording", "bytes"),
    }


def test_declaring_them_loads_nothing_heavy():
    script = "import sys, librarian_normalization; print({'numpy', 'numba', 'soundfile'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
