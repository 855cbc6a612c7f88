"""An example of an extension for librarian: `collect` puts the measured values of a whole job into one table."""

from __future__ import annotations

from typing import Literal

from librarian import Fact, Field, Kind, Many, Measurements, Operation, Resources, Settings, hookimpl


class Parquet(Kind):
    """A table in a file (Apache Parquet)."""

    word = "parquet"


class CollectSettings(Settings):
    """How the table is written."""

    compression: Literal["zstd", "snappy", "none"] = Field("zstd", description="Of the columns: zstd, snappy, none.")


COLLECT = Operation(
    name="collect",
    version="1",
    run="librarian_parquet.table:collect",
    settings=CollectSettings,
    inputs={"reports": Many(Measurements)},
    outputs={"table": Parquet},
    facts={
        "reports": Fact("How many were gathered."),
        "rows": Fact("How many values the table has."),
    },
    description="Put the measured values of all recordings of a job into one table.",
    each="job",
    resources=Resources(memory="1 GiB"),
    reproducible="tolerance",
    keeps_clean=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`collect`."""
    return [COLLECT]
