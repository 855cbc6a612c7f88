"""Which channel is which loudspeaker, and how much it counts in the loudness (ITU-R BS.1770-5, annex 1 and 3)."""

from __future__ import annotations

from collections.abc import Mapping

SURROUND = 1.41
"""G of a loudspeaker at ear height between 60° and 120° to the side (table 4): +1.5 dB."""

LAYOUTS: Mapping[str, str] = {
    "mono": "FC",
    "stereo": "FL FR",
    "downmix": "DL DR",
    "2.1": "FL FR LFE",
    "3.0": "FL FR FC",
    "3.0(back)": "FL FR BC",
    "3.1": "FL FR FC LFE",
    "4.0": "FL FR FC BC",
    "quad": "FL FR BL BR",
    "quad(side)": "FL FR SL SR",
    "4.1": "FL FR FC LFE BC",
    "5.0": "FL FR FC BL BR",
    "5.0(side)": "FL FR FC SL SR",
    "5.1": "FL FR FC LFE BL BR",
    "5.1(side)": "FL FR FC LFE SL SR",
    "6.0": "FL FR FC BC SL SR",
    "6.0(front)": "FL FR FLC FRC SL SR",
    "hexagonal": "FL FR FC BL BR BC",
    "6.1": "FL FR FC LFE BC SL SR",
    "6.1(back)": "FL FR FC LFE BL BR BC",
    "6.1(front)": "FL FR LFE FLC FRC SL SR",
    "7.0": "FL FR FC BL BR SL SR",
    "7.0(front)": "FL FR FC FLC FRC SL SR",
    "7.1": "FL FR FC LFE BL BR SL SR",
    "7.1(wide)": "FL FR FC LFE BL BR FLC FRC",
    "7.1(wide-side)": "FL FR FC LFE FLC FRC SL SR",
    "octagonal": "FL FR FC BL BR BC SL SR",
}
"""Loudspeakers of each layout in the order of its channels, in the words of ffmpeg."""


def weights(channels: int, layout: str) -> tuple[float, ...]:
    """How much each channel counts: G of eq. (2), by the azimuth of its loudspeaker (table 4).

    A side pair stands at ±90° or ±110° and counts 1.41, as does a back pair that is the only surround pair
    (±110° in ITU-R BS.775). Beside a side pair the back pair stands at ±135° (ITU-R BS.2051) and counts 1, as
    does the one in the middle of the back. LFE does not count.

    Args:
        channels: their number.
        layout: a name of `LAYOUTS`. Empty, one channel is mono and two are stereo.

    Raises:
        ValueError: the layout is unknown, not given for more than two channels, or has another number of them.

    >>> weights(6, "5.1")
    (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)
    >>> weights(8, "7.1")
    (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)
    """
    name = layout or {1: "mono", 2: "stereo"}.get(channels, "")
    known = [each for each, speakers in LAYOUTS.items() if len(speakers.split()) == channels]
    if name not in known:
        said = f"in the layout {layout!r}" if layout else "of which the layout is not known"
        cure = f"write the sound as {' or '.join(known)}" if known else "it is defined for 1 to 8"
        raise ValueError(f"loudness is not defined for {channels} channels {said}: {cure}")
    speakers = LAYOUTS[name].split()
    return tuple(_weight(speaker, speakers) for speaker in speakers)


def _weight(speaker: str, speakers: list[str]) -> float:
    if speaker == "LFE":
        return 0.0
    surround = {"SL", "SR"} if "SL" in speakers else {"BL", "BR"}
    return SURROUND if speaker in surround else 1.0
