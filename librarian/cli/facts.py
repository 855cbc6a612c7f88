"""Facts in words: what an operation measured, whichever it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from librarian.cli.display import fact_line
from librarian.cli.words import plural
from librarian.manifest.records import OutcomeLine

MINUS = "\N{MINUS SIGN}"
_SOUND = frozenset({"container", "codec", "sample_rate", "channels", "frames", "frames_exact", "seconds"})
"""Facts that say what a sound file is, not what was done."""
_UNITS = {
    **{"loudness": "LUFS", "true_peak": "dBTP", "sample_peak": "dBFS", "gain": "dB", "loudness_range": "LU"},
    **{"momentary_max": "LUFS", "short_term_max": "LUFS", "rms": "dBFS", "noise_floor": "dBFS", "bandwidth": "Hz"},
    **{"speech_to_noise": "dB", "reduction_max": "dB", "reduction_mean": "dB"},
    **{"speakers": "", "turns": "", "speech": "s", "overlap": "s", "start": "s"},
    **{"duration": "s", "tempo": "BPM", "snr": "dB"},
}
"""Units of the field's names, the most telling first: the record holds numbers only."""
_ENDINGS = {"_seconds": "s", "_db": "dB", "_hz": "Hz"}
_PLURAL = re.compile("[^s]s$")
_MOST_FACTS = 3
_UNHEARD_DB = 0.05


def facts_of(line: OutcomeLine, asked: str = "") -> str:
    """All that an operation measured: `loudness −26.7 → −20.0 LUFS, gain 6.7 dB, normalized`."""
    return _listed(measured(line, asked))


def measured(line: OutcomeLine, asked: str = "") -> dict[str, Any]:
    """The facts of a task's first output that has any but those of every sound file, the most telling first.

    Of a list it is how many there are, unless one of them is asked for: each has facts of its own.
    """
    for each in sorted(line.produced, key=lambda each: each.id != asked):
        if each.item is not None and each.id != asked:
            return {each.output: sum(other.output == each.output for other in line.produced)}
        if names := sorted(each.facts.keys() - _SOUND, key=lambda name: _rank(name, each.facts[name])):
            return {name: each.facts[name] for name in names if each.facts[name] is not None}
    return {}


def gist(facts: Mapping[str, Any]) -> str:
    """What came of a task, in a few words: `raised 6.2 dB to −16.0 LUFS, normalized`.

    A gain tells what was done to a level; without one, what changed tells most; without that, the first few numbers.
    What is yes or no, and words, are always said.
    """
    said = {name: value for name, value in facts.items() if isinstance(value, (bool, str))}
    numbers = {name: value for name, value in facts.items() if name not in said}
    changed = {name: value for name, value in numbers.items() if name.endswith(("_before", "_after"))}
    few = changed or dict(list(numbers.items())[:_MOST_FACTS])
    return ", ".join(filter(None, (_level(numbers) or _listed(few), _listed(said))))


def _level(numbers: Mapping[str, Any]) -> str:
    """What a gain did: `lowered 1.7 dB to −23.0 LUFS`; empty where there is none."""
    if "gain" not in numbers:
        return ""
    gain, after = numbers["gain"], numbers.get("loudness_after")
    if abs(gain) < _UNHEARD_DB:
        return f"left at {after:.1f} LUFS".replace("-", MINUS) if after is not None else "left at its level"
    to = "" if after is None else f" to {after:.1f} LUFS".replace("-", MINUS)
    return f"{'raised' if gain > 0 else 'lowered'} {abs(gain):.1f} dB{to}"


def _listed(facts: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in facts.items() if not isinstance(value, bool) and not _counts(name, value)}
    declared = {_bare(name): {"words": isinstance(value, str), "unit": _unit(name)} for name, value in plain.items()}
    numbers = fact_line(declared, {_bare(name): value for name, value in plain.items()})
    flags = (f"{'' if value else 'not '}{_words(name)}" for name, value in facts.items() if isinstance(value, bool))
    counts = (plural(value, _words(name)[:-1]) for name, value in facts.items() if _counts(name, value))
    return ", ".join(filter(None, (*counts, numbers, *flags)))


def _bare(name: str) -> str:
    """A name without the unit that it ends with: `speech_seconds`."""
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _counts(name: str, value: Any) -> bool:
    """Whether a fact says how many there are of something: `turns`, `speakers`."""
    return type(value) is int and _PLURAL.search(name) is not None and not _unit(name)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _unit(name: str) -> str:
    bare = name.removesuffix("_before").removesuffix("_after")
    return _UNITS.get(bare) or next((unit for ending, unit in _ENDINGS.items() if bare.endswith(ending)), "")


def _rank(name: str, value: object) -> tuple[bool, bool, int, str]:
    """What changed comes first, in the field's order, words last."""
    bare = name.removesuffix("_before").removesuffix("_after")
    place = list(_UNITS).index(bare) if bare in _UNITS else len(_UNITS)
    return isinstance(value, str), bare == name, place, name
