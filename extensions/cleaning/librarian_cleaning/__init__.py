"""Media files without embedded metadata for librarian: `clean`."""

from __future__ import annotations

from librarian import Fact, File, Operation, Resources, Settings, hookimpl


class CleanSettings(Settings):
    """There is nothing to choose: what is kept is what sound and pictures need."""


CLEAN = Operation(
    name="clean",
    version="1",
    run="librarian_cleaning.clean:clean",
    settings=CleanSettings,
    inputs={"file": File},
    outputs={"file": File},
    facts={
        "removed": Fact("Metadata that is not in the copy.", "B"),
        "places": Fact("Kinds of metadata that it was in: ID3v2, LIST, EXIF …"),
        "metadata_free": Fact("Whether the copy was read again, and nothing but sound and pictures was found."),
    },
    description="Copy a sound, picture or video file without embedded metadata, its content bit for bit.",
    resources=Resources(memory="512 MiB"),
    reproducible="bytes",
    keeps_clean=True,
)


@hookimpl
def librarian_operations() -> list[Operation]:
    """`clean`."""
    return [CLEAN]
