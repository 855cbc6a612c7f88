"""What was measured of a sound, in words: every value with its unit, and in short what is notable."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from librarian.cli.words import duration, plural

Values = Mapping[str, Any]

MINUS = "\N{MINUS SIGN}"

MONO_AS_STEREO = {
    "no": "no",
    "identical": "yes, bit for bit",
    "rounding": "yes, but for rounding",
    "gain": "yes, up to a gain",
    "one_empty": "one channel is empty",
}


@dataclass(frozen=True)
class Shown:
    """How a value is shown."""

    label: str
    unit: str = ""
    decimals: int = 1
    factor: float = 1.0


SHOWN: Mapping[str, Shown] = {
    "seconds": Shown("length", "s"),
    "sample_rate_hz": Shown("sample rate", "Hz", 0),
    "channels": Shown("channels", "", 0),
    "layout": Shown("layout"),
    "integrated_lufs": Shown("integrated loudness", "LUFS"),
    "loudness_range_lu": Shown("loudness range", "LU"),
    "momentary_max_lufs": Shown("momentary loudness, most", "LUFS"),
    "short_term_max_lufs": Shown("short-term loudness, most", "LUFS"),
    "true_peak_dbtp": Shown("true peak", "dBTP", 2),
    "sample_peak_dbfs": Shown("sample peak", "dBFS", 2),
    "clipped_runs": Shown("clipped", "times", 0),
    "clipped_share": Shown("clipped samples", "%", 4, 100),
    "dc_offset": Shown("offset", "%", 2, 100),
    "noise_floor_dbfs": Shown("noise floor", "dBFS"),
    "speech_to_noise_db": Shown("speech to noise", "dB"),
    "bandwidth_hz": Shown("bandwidth", "Hz", 0),
    "silence_share": Shown("silence", "%", 1, 100),
    "dropouts": Shown("dropouts", "", 0),
    "dropout_seconds": Shown("dropouts together", "s", 3),
    "correlation": Shown("correlation of the channels", "", 3),
    "mono_as_stereo": Shown("mono as stereo"),
    "channel_gain_db": Shown("second channel above the first", "dB", 2),
}
"""Every value that a worker says, in the order of showing."""
WORDS = {"layout": re.compile(r"[a-z0-9.()-]{1,20}"), "mono_as_stereo": re.compile("|".join(MONO_AS_STEREO))}
ALWAYS = frozenset(
    {
        *(
            "seconds",
            "sample_rate_hz",
            "channels",
            "layout",
            "clipped_runs",
            "clipped_share",
            "dc_offset",
            "silence_share",
        ),
        *("dropouts", "dropout_seconds"),
    }
)
"""Those that every sound has."""
CURVES = ("momentary_lufs", "short_term_lufs", "share", "hz", "db_per_hz")
MOST_POINTS = 10_000

UNKNOWN = "unknown"
UNDEFINED = "–"
OFFSET = 0.003
"""Of full scale (−50 dB): what is less, no one has to mend."""
NARROW = 0.8
"""Of half the sample rate."""
CLOSE_TO_NOISE = 15.0
"""dB."""
MUCH_SILENCE = 0.5
OUT_OF_PHASE = -0.5


def values_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values that a worker says; None where they are none. It decoded a file of unknown origin."""
    found = answer.get("values")
    if not isinstance(found, Mapping) or found.keys() != SHOWN.keys():
        return None
    words = {name: value for name, value in found.items() if isinstance(value, str)}
    if not all(name in WORDS and WORDS[name].fullmatch(value) for name, value in words.items()):
        return None
    numbers = (value for name, value in found.items() if name not in words)
    complete = all(found[name] is not None for name in ALWAYS)
    return dict(found) if complete and all(value is None or _is_number(value) for value in numbers) else None


def curves_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a worker says that a picture is drawn from; None where it is none."""
    found = answer.get("curves")
    if not isinstance(found, Mapping) or not _is_number(found.get("step_seconds")):
        return None
    return dict(found) if all(_is_curve(found.get(name)) for name in CURVES) else None


def _is_curve(values: Any) -> bool:
    if not isinstance(values, list) or len(values) > MOST_POINTS:
        return False
    return all(value is None or _is_number(value) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def shown(name: str, value: Any, unit: bool = True) -> str:
    """A value as people read it: `−17.7 LUFS`."""
    how = SHOWN[name]
    if value is None:
        return UNDEFINED
    if isinstance(value, str):
        return MONO_AS_STEREO.get(value, value)
    text = f"{value * how.factor:,.{how.decimals}f}".replace("-", MINUS)
    return f"{text} {how.unit}".rstrip() if unit else text


def rows(values: Values) -> Iterator[tuple[str, str]]:
    """Every value and what it is called; those of two channels where there are two."""
    for name, how in SHOWN.items():
        if name not in ("correlation", "mono_as_stereo", "channel_gain_db") or values["mono_as_stereo"] is not None:
            yield how.label, shown(name, values[name])


HEAD = ("file", "length", "LUFS", "LRA", "max M", "max S", "dBTP", "quality")
LEVELS = ("integrated_lufs", "loudness_range_lu", "momentary_max_lufs", "short_term_max_lufs", "true_peak_dbtp")


def row(label: str, values: Values) -> Sequence[str]:
    """A line of the table."""
    levels = [shown(name, values[name], unit=False) for name in LEVELS]
    return label, duration(values["seconds"]), *levels, ", ".join(notable(values))


def notable(values: Values) -> Iterator[str]:
    """In short, what is not as it should be: `clipped 12×`, `3.4 kHz of 24`, `mono as stereo`."""
    if values["sample_peak_dbfs"] is None:
        yield "digital silence"
        return
    has_loudness = values["integrated_lufs"] is not None
    if values["layout"] == UNKNOWN:
        yield "layout unknown: no loudness"
    elif not has_loudness:
        yield "silent" if values["momentary_max_lufs"] is not None else "too short for a loudness"
    if values["clipped_runs"]:
        yield f"clipped {values['clipped_runs']:,}×"
    if abs(values["dc_offset"]) >= OFFSET:
        yield f"offset {shown('dc_offset', values['dc_offset'])}"
    half = values["sample_rate_hz"] / 2
    if values["bandwidth_hz"] is not None and values["bandwidth_hz"] < NARROW * half:
        yield f"{values['bandwidth_hz'] / 1000:.1f} kHz of {half / 1000:g}"
    ratio = values["speech_to_noise_db"]
    if has_loudness and ratio is not None and ratio < CLOSE_TO_NOISE:
        yield f"{ratio:.0f} dB above its pauses"
    if values["silence_share"] >= MUCH_SILENCE:
        yield f"{values['silence_share']:.0%} silence"
    if values["dropouts"]:
        yield f"{plural(values['dropouts'], 'dropout')} ({values['dropout_seconds']:.2g} s)"
    yield from _channels(values)


def _channels(values: Values) -> Iterator[str]:
    how, correlation = values["mono_as_stereo"], values["correlation"]
    inverted = ", one inverted" if correlation is not None and correlation < 0 else ""
    if how == "one_empty":
        yield "one channel empty"
    elif how in ("identical", "rounding"):
        yield f"mono as stereo{' but for rounding' * (how == 'rounding')}"
    elif how == "gain":
        yield f"mono as stereo ({shown('channel_gain_db', values['channel_gain_db'])}{inverted})"
    elif correlation is not None and correlation <= OUT_OF_PHASE:
        yield f"channels out of phase ({shown('correlation', correlation)})"
