"""Segments and back: the same sound where nothing was done to it, demucs' mean where something was."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.audio.overlap import Joiner, recut, segments, triangle

ROUNDING = 1e-6


def noise(frames, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)


def cut(samples, sizes):
    start = 0
    for size in itertools.cycle(sizes):
        yield samples[:, start : start + size]
        start += size
        if start >= samples.shape[1]:
            return


def rejoined(parts, model, window, hop):
    joiner = Joiner(window, hop)
    pieces = [joiner.add(part, model(part.samples)) for part in parts]
    return [*pieces, joiner.end()]


SIZES = st.lists(st.integers(0, 90), min_size=1, max_size=4).filter(any)
LAYOUT = st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size)))


@settings(deadline=None, max_examples=150)
@given(layout=LAYOUT, frames=st.integers(1, 300), sizes=SIZES, power=st.sampled_from([0.5, 1.0, 3.0]))
def test_a_model_that_changes_nothing_changes_no_bit(layout, frames, sizes, power):
    (size, hop), samples = layout, noise(frames)
    out = rejoined(segments(cut(samples, sizes), size, hop), lambda x: x, triangle(size, power), hop)
    assert np.array_equal(np.concatenate(out, axis=1), samples)
    tensor = torch.from_numpy(samples)
    out = rejoined(segments(cut(tensor, sizes), size, hop), lambda x: x, triangle(size, power), hop)
    assert torch.equal(torch.cat(out, dim=1), tensor)


@settings(deadline=None, max_examples=100)
@given(layout=LAYOUT, frames=st.integers(1, 300), sizes=SIZES)
def test_segments_lie_where_they_say_with_the_sound_around_them(layout, frames, sizes):
    (size, hop), samples = layout, noise(frames)
    around = np.pad(samples, [(0, 0), (size, size)])
    found = list(segments(cut(samples, sizes), size, hop, source="x"))
    for number, each in enumerate(found):
        assert (each.source, each.offset) == ("x", number * hop)
        assert np.array_equal(
            each.samples[:, each.lead :][:, : each.length], samples[:, each.offset :][:, : each.length]
        )
        start = size + each.offset - each.lead
        assert np.array_equal(each.samples, around[:, start : start + size])
    assert all((each.length, each.lead) == (size, 0) for each in found[:-1])
    assert all(each.offset + each.length < frames for each in found[:-1])
    assert found[-1].offset + found[-1].length == frames
    assert found[-1].lead == (size - found[-1].length) // 2


def demucs_apply(model, mix, size, hop):
    """`demucs.apply.apply_model` with split=True, and without the segments whose frames are all in the one before."""
    weight = torch.cat([torch.arange(1, size // 2 + 1), torch.arange(size - size // 2, 0, -1)]).float()
    weight = weight / weight.max()
    length = mix.shape[-1]
    out, sum_weight = torch.zeros_like(mix), torch.zeros(length)
    for offset in range(0, max(1, length - size + hop), hop):
        chunk = min(size, length - offset)
        start = offset - (size - chunk) // 2
        padded = torch.nn.functional.pad(mix, (size, size))[:, size + start : size + start + size]
        trimmed = model(padded)[:, offset - start : offset - start + chunk]
        out[:, offset : offset + size] += weight[:chunk] * trimmed
        sum_weight[offset : offset + size] += weight[:chunk]
    return out / sum_weight


@pytest.mark.parametrize("frames", [100, 401, 1000, 1300, 1301])
@pytest.mark.parametrize(("size", "hop"), [(400, 300), (401, 100)])
def test_the_mean_is_that_of_demucs(size, hop, frames):
    mix = torch.from_numpy(noise(frames))

    def model(samples):
        return samples * torch.linspace(0, 1, size) + torch.flip(samples, (1,))

    found = rejoined(segments([mix], size, hop), model, triangle(size), hop)
    torch.testing.assert_close(torch.cat(found, dim=1), demucs_apply(model, mix, size, hop), atol=ROUNDING, rtol=0)


def test_frames_are_given_as_soon_as_nothing_can_change_them():
    pieces = rejoined(segments([noise(1000)], 400, 300), lambda x: x, triangle(400), 300)
    assert [piece.shape[1] for piece in pieces] == [300, 300, 300, 100]


def test_segments_of_several_sounds_go_through_a_model_together():
    sounds = {"a": noise(900), "b": noise(500, seed=1), "c": noise(64, seed=2)}
    parts = itertools.chain(*(segments([sound], 256, 192, source=name) for name, sound in sounds.items()))
    joiners = {name: Joiner(triangle(256), 192) for name in sounds}
    pieces = {name: [] for name in sounds}
    while batch := list(itertools.islice(parts, 4)):
        stems = np.stack([each.samples for each in batch])[:, np.newaxis] * np.array([1, -1], np.float32)[:, None, None]
        for each, result in zip(batch, stems, strict=True):
            pieces[each.source].append(joiners[each.source].add(each, result))
    for name, sound in sounds.items():
        joined = np.concatenate([*pieces[name], joiners[name].end()], axis=-1)
        assert np.array_equal(joined, np.stack([sound, -sound]))


def test_who_changes_a_segment_changes_no_other():
    samples = noise(1000)
    for each in segments([samples], 400, 100):
        assert np.array_equal(
            each.samples[:, each.lead :][:, : each.length], samples[:, each.offset :][:, : each.length]
        )
        each.samples[:] = 0


def test_memory_does_not_grow_with_the_sound():
    def run(seconds):
        blocks = (np.zeros((2, 1000), np.float32) for _ in range(seconds))
        joiner = Joiner(triangle(4000), 3000)
        tracemalloc.start()
        for part in segments(blocks, 4000, 3000):
            joiner.add(part, part.samples)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert run(600) < 1.1 * run(60)


@given(frames=st.integers(1, 50), sizes=SIZES, length=st.integers(0, 200))
def test_recut_blocks_are_of_one_size_but_for_the_last(frames, sizes, length):
    samples = noise(length)
    blocks = list(recut(cut(samples, sizes), frames))
    assert all(block.shape[1] == frames for block in blocks[:-1])
    assert all(0 < block.shape[1] <= frames for block in blocks)
    assert np.array_equal(np.concatenate([samples[:, :0], *blocks], axis=1), samples)


def test_of_nothing_there_are_no_segments():
    assert list(segments([], 10, 5)) == list(segments([noise(0)], 10, 5)) == []


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: segments([], 10, 11), "between 1 and the size"),
        (lambda: segments([], 10, 0), "between 1 and the size"),
        (lambda: Joiner(np.zeros(4), 2), "above 0"),
        (lambda: Joiner(triangle(4), 5), "between 1 and its size"),
        (lambda: Joiner(triangle(4), 2).end(), "no result"),
        (
            lambda: Joiner(triangle(4), 2).add(next(segments([noise(9)], 4, 2)), noise(3)),
            "expected .* 4 frames at 0, got 3",
        ),
        (lambda: Joiner(triangle(4), 2).add(list(segments([noise(9)], 4, 2))[1], noise(4)), "frames at 0, got 4 at 2"),
    ],
)
def test_what_does_not_fit_is_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()
