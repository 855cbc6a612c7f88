"""Orders of channels, by FFmpeg's names and as the mask of WAVE_FORMAT_EXTENSIBLE: a bit for each place."""

from __future__ import annotations

MASKS = {
    "mono": 0x4,
    "stereo": 0x3,
    "2.1": 0xB,
    "3.0": 0x7,
    "3.0(back)": 0x103,
    "3.1": 0xF,
    "4.0": 0x107,
    "quad": 0x33,
    "quad(side)": 0x603,
    "4.1": 0x10F,
    "5.0": 0x37,
    "5.0(side)": 0x607,
    "5.1": 0x3F,
    "5.1(side)": 0x60F,
    "6.0": 0x707,
    "hexagonal": 0x137,
    "6.1": 0x70F,
    "6.1(back)": 0x13F,
    "7.0": 0x637,
    "7.1": 0x63F,
    "7.1(wide)": 0xFF,
}
NAMES = {mask: name for name, mask in MASKS.items()}
FLAC = {3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""What so many channels are in a FLAC (RFC 9639, table 9.1.3), which calls back and side the same."""


def usual(channels: int) -> str:
    """The order of channels where a file does not say it."""
    return {1: "mono", 2: "stereo"}.get(channels, "")


def checked(layout: str, channels: int) -> str:
    """A layout, or the usual one where none is said.

    Raises:
        ValueError: it is unknown, or has another number of channels.
    """
    if not layout:
        return usual(channels)
    if layout not in MASKS:
        raise ValueError(f"the channel layout {layout} is unknown; use one of {', '.join(MASKS)}")
    if (places := MASKS[layout].bit_count()) != channels:
        raise ValueError(f"the channel layout {layout} has {places} places, the sound {channels} channels")
    return layout
