"""The operation `clean`."""

from __future__ import annotations

from collections.abc import Mapping

from librarian import Output, Task
from librarian.privacy import tags


def clean(task: Task) -> Mapping[str, Output]:
    """Make the copy. It was read again when `remove` returns: metadata that is left is an error there."""
    source = task.inputs["file"]
    path, removed = tags.remove(source.path, task.folder, "copy")
    facts = {"removed": removed.bytes, "places": len(removed.places), "metadata_free": True}
    return {"file": Output(path, facts)}
