"""From the name of a model to what separates: its networks, loaded once, or a method without weights."""

from __future__ import annotations

from librarian_separation import SeparateSettings
from librarian_separation.chunked import ChunkModel
from librarian_separation.ensemble import Ensemble, Member
from librarian_separation.known import WITHOUT_WEIGHTS


class Methods:
    """What separates sounds, with these settings on this device.

    Raises:
        UnusableModelError: the files of its model are not what they should be.
    """

    def __init__(self, settings: SeparateSettings, device: str) -> None:
        self._settings, self._device = settings, device
        self._made: dict[tuple[int, int], Ensemble] = {}
        self._networks = None if settings.model in WITHOUT_WEIGHTS else _networks(settings, device)

    def of(self, rate: int, channels: int) -> Ensemble:
        """What separates a sound of that sample rate (Hz) and number of channels."""
        if self._networks:
            return self._networks
        if (rate, channels) not in self._made:
            model = _without_weights(self._settings, rate, channels, self._device)
            self._made[rate, channels] = Ensemble((Member(model, (1.0,) * len(model.stems)),))
        return self._made[rate, channels]


def _without_weights(settings: SeparateSettings, rate: int, channels: int, device: str) -> ChunkModel:
    from librarian_separation.weightless import build

    return build(settings, rate, channels, device)


def _networks(settings: SeparateSettings, device: str) -> Ensemble:
    from librarian import model_folder
    from librarian_separation.loading import load
    from librarian_separation.networks import Network

    found = load(model_folder(settings.model), settings.model)
    segment, bf16 = settings.segment or None, settings.precision == "bf16"
    networks = [Network(model, device, segment, settings.overlap, bf16=bf16) for model in found.models]
    return Ensemble(
        tuple(Member(network, weights) for network, weights in zip(networks, found.weights, strict=True)),
        standardized=True,
    )
