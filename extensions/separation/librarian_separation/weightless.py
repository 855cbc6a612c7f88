"""The methods without weights, by their names."""

from __future__ import annotations

from librarian_separation import SeparateSettings
from librarian_separation.centre import Centre, refuse_all_but_stereo
from librarian_separation.chunked import ChunkModel
from librarian_separation.hpss import Hpss
from librarian_separation.repet import CentredRepet, Repet


def build(settings: SeparateSettings, rate: int, channels: int, device: str) -> ChunkModel:
    """What `settings.model` names, for sounds of a sample rate (Hz) and a number of channels.

    Raises:
        UnusableInputError: `unsupported` where the method wants stereo, and this is not.
    """
    if settings.model == "repet":
        return Repet.at(rate, device)
    if settings.model == "hpss":
        return Hpss.at(rate, settings.margin, device)
    refuse_all_but_stereo(channels)
    return CentredRepet.at(rate, device) if settings.model == "repet_centre" else Centre.at(rate, device)
