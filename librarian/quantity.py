"""Numbers with a unit, as people write them: `-16 LUFS`, `7.8 s`, `6 GiB`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
from pydantic_core import core_schema


class Quantity:
    """Annotation of a float that carries a unit: reads `-16 LUFS`, `7.8 s`, `6 GiB` or a bare number.

    Args:
        unit: the field's unit; values are held as floats in it.
        unit_by: setting → its value → the unit that the quantity is then said in: what a target is in hangs on what is
            brought to it.
        **scales: other units that are read, each with the factor to `unit`.
    """

    # No two parts of it can take the same characters, so that hostile text costs no more than its length.
    _PATTERN = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z%/]*)")

    def __init__(self, unit: str, *, unit_by: Mapping[str, Mapping[str, str]] | None = None, **scales: float) -> None:
        self.unit, self.unit_by = unit, unit_by or {}
        self.scales = {unit: 1.0, **scales}

    def parse(self, value: Any) -> Any:
        """The value as a float in the field's unit; what is neither number nor text is left to pydantic."""
        if isinstance(value, bool):
            raise ValueError(f'expected a quantity in {self.unit}, such as "1 {self.unit}"')
        if not isinstance(value, str):
            return value
        match = self._PATTERN.fullmatch(value.strip().replace("\N{MINUS SIGN}", "-"))
        scale = self.scales.get(match[2] or self.unit) if match else None
        if match is None or scale is None:
            raise ValueError(f"expected a number with one of the units {', '.join(self.scales)}")
        return float(match[1]) * scale

    def __get_pydantic_core_schema__(
        self, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """A float with the field's bounds, whatever form it was written in."""
        return core_schema.no_info_before_validator_function(self.parse, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Number or text, with the unit beside it."""
        more = {"unit_by": {name: dict(units) for name, units in self.unit_by.items()}} if self.unit_by else {}
        return {"anyOf": [handler(schema), {"type": "string"}], "unit": self.unit, **more}


Loudness = Annotated[float, Quantity("LUFS", LKFS=1.0)]
LoudnessRange = Annotated[float, Quantity("LU")]
TruePeak = Annotated[float, Quantity("dBTP")]
Level = Annotated[float, Quantity("dBFS")]
Gain = Annotated[float, Quantity("dB")]
Duration = Annotated[float, Quantity("s", ms=0.001, min=60.0, h=3600.0)]
Frequency = Annotated[float, Quantity("Hz", kHz=1000.0)]
Size = Annotated[
    float,
    Quantity("B", KiB=2.0**10, MiB=2.0**20, GiB=2.0**30, TiB=2.0**40, kB=1e3, MB=1e6, GB=1e9, TB=1e12),
]
