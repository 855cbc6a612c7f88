"""Layers that are computed in another way give what torch's own give."""

import copy
import subprocess
import sys

import pytest
import torch
from demucs.demucs import DConv
from demucs.htdemucs import HTDemucs
from demucs.transformer import MyGroupNorm

from librarian_separation.layers import ROWS, quicken

NEAR = 2e-5
"""Of values around 1: sums in another order."""


def pair(layer):
    """A layer of random weights, and its quick copy."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    quick = copy.deepcopy(layer.eval())
    quicken(torch.nn.Sequential(quick), torch.device("cpu"))
    assert any("forward" in vars(each) for each in quick.modules())
    return layer, quick


def assert_same(layer, quick, *given):
    before = [each.clone() for each in given]
    with torch.inference_mode():
        torch.testing.assert_close(quick(*given), layer(*given), atol=NEAR, rtol=NEAR)
    assert all(map(torch.equal, given, before)), "what is given stays as it is"


@pytest.mark.parametrize("more", [{}, {"lstm": True}, {"attn": True, "heads": 2}, {"norm": False}])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_residual_branches(more, offset):
    layer, quick = pair(DConv(16, compress=4, depth=2, init=0.5, **more))
    assert_same(layer, quick, torch.randn(3, 16, 250) + offset)


def test_a_residual_branch_of_silence():
    layer, quick = pair(DConv(16, compress=4, depth=2, init=0.5))
    assert_same(layer, quick, torch.zeros(1, 16, 50))


@pytest.mark.parametrize("frames", [(40, 40), (ROWS + 30, 60), (60, ROWS + 30)])
def test_attention(frames):
    layer, quick = pair(torch.nn.MultiheadAttention(32, 4, batch_first=True))
    query, key = (torch.randn(2, each, 32) for each in frames)
    with torch.inference_mode():
        expected = layer(query, key, key, need_weights=False)[0]
        torch.testing.assert_close(quick(query, key, key, need_weights=False)[0], expected, atol=NEAR, rtol=NEAR)


@pytest.mark.parametrize("turned", [False, True])
def test_normalization_of_a_whole_sound(turned):
    layer, quick = pair(MyGroupNorm(1, 24))
    given = torch.randn(2, 24, 50).transpose(1, 2) if turned else torch.randn(2, 50, 24)
    assert_same(layer, quick, given * 3 + 1)


def test_normalization_of_groups_is_left_alone():
    layer = MyGroupNorm(4, 24)
    quicken(layer, torch.device("cpu"))
    assert "forward" not in vars(layer)


@pytest.mark.parametrize("shape", [(2, 6, 50), (2, 6, 8, 50)])
def test_convolutions_of_points(shape):
    kind = torch.nn.Conv1d if len(shape) == 3 else torch.nn.Conv2d
    assert_same(*pair(kind(6, 10, 1)), torch.randn(shape))


def test_linear_layers():
    assert_same(*pair(torch.nn.Linear(12, 7)), torch.randn(2, 5, 12))


USED = """
import sys, torch
from demucs.htdemucs import HTDemucs
from librarian_separation.networks import Network
model = HTDemucs(sources=["a", "b"], channels=8, bottom_channels=16, t_layers=1, t_heads=2, nfft=2048, samplerate=8000,
                 segment=1)
network = Network(model, "cpu", None, 0.25, bf16=True)
network(torch.randn(1, 2, 8000).numpy())
assert "torch._dynamo" not in sys.modules
"""


def test_nothing_brings_the_compiler_of_torch():
    """It takes most of a second to import."""
    subprocess.run([sys.executable, "-c", USED], check=True)


def test_weights_are_brought_to_bf16_once(lab):
    from librarian_separation.networks import Network

    model = lab.network(HTDemucs)
    Network(model, "cpu", None, 0.25, bf16=True)
    exact = {name for name, each in model.named_parameters() if each.dtype == torch.float32 and each.dim() > 1}
    ends = {f"{begin}.0.conv.weight" for begin in ("encoder", "tencoder")}
    ends |= {f"{end}.{len(model.decoder) - 1}.conv_tr.weight" for end in ("decoder", "tdecoder")}
    assert exact == {*ends, "freq_emb.embedding.weight"}
