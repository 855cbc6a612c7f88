"""One pass for everything: what is measured of a stream, and the curves that pictures are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from librarian.audio.curves import MOST_POINTS, curves, lufs, short_term
from librarian.audio.layout import weights
from librarian.audio.measuring import measure
from librarian.audio.meter import Meter
from librarian.audio.quality import Ledger
from librarian.errors import UnusableInputError
from librarian.media import open_audio
from librarian.testing.sound import tone, voice_like
from librarian.workers.measured import PROGRESS_SECONDS, measured

RATE = 48000


@dataclass
class Blocks:
    """A stream that gives blocks of its own sizes, whatever is asked for."""

    samples: NDArray[np.float32]
    sizes: list[int]
    sample_rate: int = RATE
    layout: str = ""

    @property
    def channels(self) -> int:
        return len(self.samples)

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    def blocks(self, frames: int | None = None) -> Iterator[NDArray[np.float32]]:
        at = 0
        for number in range(self.frames):
            size = self.sizes[number % len(self.sizes)]
            if at >= self.frames:
                return
            yield np.ascontiguousarray(self.samples[:, at : at + size])
            at += size


def of(samples: NDArray[np.float32], *sizes: int, **more: Any) -> Any:
    return Blocks(samples, list(sizes) or [1 << 30], **more)


def test_one_pass_gives_what_meter_and_ledger_give() -> None:
    samples = voice_like(5, RATE, channels=2)
    found = measure(of(samples))
    meter, ledger = Meter(RATE, weights(2, "stereo")), Ledger(RATE, 2)
    meter.add(samples)
    ledger.add(samples)
    assert (found.levels, found.quality) == (meter.levels(), ledger.quality())
    assert (found.sample_rate, found.channels, found.frames) == (RATE, 2, 5 * RATE)


@pytest.mark.parametrize("sizes", [(4096,), (1, 48_000, 333), (100_000,)])
def test_the_sizes_of_the_blocks_change_nothing(sizes: tuple[int, ...]) -> None:
    samples = voice_like(4, RATE, channels=2)
    whole, pieces = measure(of(samples)), measure(of(samples, *sizes))
    assert pieces.values() == whole.values()
    assert np.array_equal(pieces.spectrum, whole.spectrum)
    assert np.array_equal(pieces.curves().momentary, whole.curves().momentary)


@pytest.mark.parametrize(("channels", "rate", "layout"), [(3, RATE, ""), (6, RATE, "sphere"), (1, 2000, "mono")])
def test_where_loudness_is_not_defined_the_sound_is_refused(channels: int, rate: int, layout: str) -> None:
    with pytest.raises(UnusableInputError) as refused:
        measure(of(tone(100, 1, rate, channels=channels), sample_rate=rate, layout=layout))
    assert refused.value.cause == "unsupported"


def test_with_any_layout_all_but_loudness_is_measured() -> None:
    samples = tone(1000, 5, RATE, channels=3)
    samples[1] = 0
    found = measure(of(samples), any_layout=True).values()
    assert found["layout"] == "unknown"
    assert [name for name, value in found.items() if value is None and name.endswith(("lufs", "lu"))] == [
        *("integrated_lufs", "loudness_range_lu", "momentary_max_lufs", "short_term_max_lufs")
    ]
    assert found["true_peak_dbtp"] == pytest.approx(-20, abs=0.1)
    assert found["noise_floor_dbfs"] == pytest.approx(-20 - 3 - 1.8, abs=0.1)
    stereo = of(samples[:2])
    assert measure(stereo, any_layout=True).values() == measure(of(samples[:2])).values()


def test_surround_is_measured_with_its_weights() -> None:
    samples = np.zeros((6, 2 * RATE), np.float32)
    samples[3] = tone(1000, 2, RATE)[0]
    assert measure(of(samples, layout="5.1")).values()["integrated_lufs"] is None  # the LFE alone
    samples[4] = samples[3]
    assert measure(of(samples, layout="5.1")).values()["integrated_lufs"] == pytest.approx(-23 + 1.5, abs=0.1)


def test_values_are_plain_numbers_words_or_none() -> None:
    found = measure(of(np.zeros((2, RATE), np.float32))).values()
    assert {type(value) for value in found.values()} <= {float, int, str, type(None)}
    assert all(math.isfinite(value) for value in found.values() if isinstance(value, float))
    assert found["integrated_lufs"] is None


def test_progress_grows_to_the_whole() -> None:
    told: list[float] = []
    measure(of(tone(440, 5, RATE), RATE), told.append)
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_the_short_term_curve_is_that_of_whole_windows() -> None:
    random = np.random.default_rng(1)
    hops = random.lognormal(-5, 0.7, 2000)  # by 3 dB from each 100 ms to the next
    blocks = np.lib.stride_tricks.sliding_window_view(hops, 4).mean(axis=1)
    exact = np.lib.stride_tricks.sliding_window_view(hops, 30).mean(axis=1)
    found = short_term(blocks)
    assert np.isnan(found[:26]).all()
    assert lufs(found[26:]) == pytest.approx(lufs(exact), abs=0.7)
    steady = short_term(np.full(100, 0.25))
    assert steady[26:] == pytest.approx(0.25)


def test_curves_are_bounded_whatever_the_length() -> None:
    random = np.random.default_rng(1)
    for blocks in (0, 1, 26, 27, 1999, 2000, 2001, 360_000):
        powers = random.lognormal(-5, 1.5, blocks)
        found = curves(powers, (np.ones(3), np.ones(3)))
        assert len(found.momentary) == len(found.short_term) <= MOST_POINTS
        assert found.step * len(found.momentary) == pytest.approx(blocks * 0.1, rel=0.001, abs=found.step)
        if blocks:
            assert found.momentary.max() == pytest.approx(lufs(powers).max())  # no peak is lost
            assert found.shares.sum() == pytest.approx(1, abs=0.01)


def test_silence_has_curves() -> None:
    found = curves(np.zeros(100), (np.ones(3), np.ones(3)))
    assert found.momentary.max() == -math.inf
    assert not found.shares.any()


def test_a_worker_says_how_far_it_is_and_why_a_file_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sf.write(tmp_path / "a.wav", tone(440, 3, RATE).T, RATE)
    monkeypatch.setattr("librarian.workers.measured.PROGRESS_SECONDS", 0.0)
    assert PROGRESS_SECONDS > 0
    sent: list[dict[str, Any]] = []
    answer = measured(tmp_path / "a.wav", curves=True, send=sent.append)
    assert [each["fraction"] for each in sent] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert answer["values"]["seconds"] == 3.0
    assert len(answer["curves"]["momentary_lufs"]) == 27
    gone = measured(tmp_path / "gone.wav", curves=False, send=sent.append)
    assert gone["cause"] == {"reason": "unreadable", "message": "No such file or directory"}


def test_a_file_is_measured_as_what_it_holds(tmp_path: Path) -> None:
    samples = voice_like(3, RATE, channels=2)
    sf.write(tmp_path / "a.wav", samples.T, RATE, subtype="FLOAT")
    with open_audio(tmp_path / "a.wav") as stream:
        assert measure(stream).values() == measure(of(samples)).values()
