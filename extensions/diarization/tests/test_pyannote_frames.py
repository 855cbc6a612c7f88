from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("library")

FRAMES, VOICES = 23, 3


def library_turns(active, of, chunk, frame, gap, most):
    """The last steps of the library's own pipeline."""
    from pyannote.audio.pipelines.speaker_diarization import SpeakerDiarization as Theirs
    from pyannote.core import SlidingWindowFeature

    feature = SlidingWindowFeature(active.astype(np.float32), chunk)
    count = Theirs.speaker_count(feature, frame, warm_up=(0.0, 0.0))
    if not count.data.any():
        return [], []
    found = []
    pipeline = SimpleNamespace(to_diarization=Theirs.to_diarization)
    for limit in (most, 1):
        count.data = np.minimum(count.data, limit).astype(np.int8)
        discrete = Theirs.reconstruct(pipeline, feature, of, count)
        annotation = Theirs.to_annotation(discrete, min_duration_on=0.0, min_duration_off=gap)
        found.append(sorted((s.start, s.end, label) for s, _, label in annotation.itertracks(yield_label=True)))
    return found


def our_turns(active, of, chunk, frame, gap, most):
    from librarian_diarization.pyannote_frames import TimeLine, chosen, counted, runs, votes

    line = TimeLine(len(active), FRAMES, chunk, frame)
    number, covered = counted(line, active)
    if not number.any():
        return [], []
    voted = votes(line, active, of)
    agreement = voted / np.maximum(covered, 1)[:, None]
    return [
        [
            (run.start, run.end, run.speaker)
            for run in runs(line, chosen(voted, np.minimum(number, limit).astype(np.int8)), agreement, gap, np.inf)
        ]
        for limit in (most, min(most, 1))
    ]


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.integers(1, 12),
    speakers=st.integers(1, 4),
    density=st.floats(0.0, 1.0),
    gap=st.sampled_from([0.0, 0.07, 0.3]),
    most=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_turns_are_those_of_the_library(chunks, speakers, density, gap, most, seed):
    """More may speak at once than there are speakers, speakers may have the same number of votes, and so on."""
    from pyannote.core import SlidingWindow

    rng = np.random.default_rng(seed)
    active = (rng.random((chunks, FRAMES, VOICES)) < density).astype(np.uint8)
    active *= np.repeat(rng.random((chunks, 5, VOICES)) < 0.7, 5, axis=1)[:, :FRAMES]
    of = np.where(active.any(axis=1), rng.integers(0, speakers, (chunks, VOICES)), -2)
    chunk = SlidingWindow(start=0.0, duration=2.0, step=0.5)
    frame = SlidingWindow(start=0.0, duration=0.1238, step=1.93 / FRAMES)

    expected = library_turns(active, of, chunk, frame, gap, most)

    assert our_turns(active, of, chunk, frame, gap, most) == list(expected) or expected == ([], [])


def test_no_turn_goes_on_behind_the_end_of_the_sound():
    from pyannote.core import SlidingWindow

    from librarian_diarization.pyannote_frames import TimeLine, runs

    line = TimeLine(1, FRAMES, SlidingWindow(duration=2.0, step=0.5), SlidingWindow(duration=0.1, step=0.09))
    speaking = np.zeros((FRAMES + 1, 2), bool)
    speaking[3:18, 0] = speaking[15:, 1] = True
    made = runs(line, speaking, np.full((FRAMES + 1, 2), 0.5), 0.0, 1.2)
    assert [(run.speaker, run.end, run.agreement) for run in made] == [(0, 1.2, 0.5)]
