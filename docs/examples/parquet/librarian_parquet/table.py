"""Measured values of many recordings as one table, a row a value; written in groups, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from librarian import Artifact, Measurements, Output, Task

AT_ONCE = 1000
"""Reports in a row group."""
SCHEMA = pa.schema(
    [
        pa.field("recording", pa.string(), nullable=False),
        pa.field("role", pa.string()),
        pa.field("item", pa.int32()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("flag", pa.bool_()),
        pa.field("unit", pa.string()),
        pa.field("channel", pa.int32()),
        pa.field("start", pa.float64()),
        pa.field("end", pa.float64()),
    ]
)
"""A value is a number (`value`), a flag (`flag`), or not defined (neither). What does not apply is null."""


def collect(task: Task) -> Mapping[str, Output]:
    """The operation `collect`."""
    reports: Sequence[Artifact] = task.inputs["reports"]
    path = task.folder / "table.parquet"
    rows = 0
    with pq.ParquetWriter(path, SCHEMA, compression=task.settings.compression) as writer:
        for at in range(0, len(reports), AT_ONCE):
            some = reports[at : at + AT_ONCE]
            values = [row for report in some for row in rows_of(report)]
            writer.write_table(pa.Table.from_pylist(values, SCHEMA))
            rows += len(values)
            task.progress((at + len(some)) / len(reports))
    return {"table": Output(path, {"reports": len(reports), "rows": rows})}


def rows_of(report: Artifact) -> Iterator[dict[str, Any]]:
    """The rows of one report; a recording is known by its id.

    Raises:
        UnusableInputError: `corrupt` where it holds something else.
    """
    place = {"recording": report.recording, "role": report.role or None, "item": report.item or None}
    for each in report.read_data(Measurements).measurements:
        values = each.model_dump()
        value = values.pop("value")
        yield {**place, **values, "unit": each.unit or None, ("flag" if isinstance(value, bool) else "value"): value}
