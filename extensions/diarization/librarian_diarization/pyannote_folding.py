"""Batch normalization folded into the convolutions before it: the same numbers but for their last bits, in less time.

Applied, not trained, a normalization is a factor and an offset for each channel, and so is a convolution's weight and
bias (Ioffe & Szegedy 2015, section 3.1).
"""

from __future__ import annotations

from librarian_diarization.pyannote_stack import BaseWeSpeakerResNet, Model, torch


def folded(network: Model, device: torch.device) -> Model:
    """The network, changed in place where it is known how, on its device.

    Args:
        network: to be applied only.
        device: on a CPU the channels of a convolution lie side by side, as its kernels want them.
    """
    if not isinstance(network, BaseWeSpeakerResNet):
        return network.to(device)
    for module in [*network.modules()]:
        for conv, norm in _pairs(module):
            fused = torch.nn.utils.fusion.fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm))
            setattr(module, conv, fused)
            setattr(module, norm, torch.nn.Identity())
    if device.type == "cpu":
        network.resnet.to(memory_format=torch.channels_last)
    return network.to(device)


def _pairs(module: torch.nn.Module) -> list[tuple[str, str]]:
    """Names of convolutions and of the normalizations behind them, as residual blocks and their shortcuts have them."""
    names = [("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")]
    return [
        (conv, norm)
        for conv, norm in names
        if isinstance(getattr(module, conv, None), torch.nn.Conv2d)
        and isinstance(getattr(module, norm, None), torch.nn.BatchNorm2d)
    ]
