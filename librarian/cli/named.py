"""What the vault knows of an id, for the owner's eyes."""

from __future__ import annotations

from collections.abc import Iterator

from librarian.cli.asked import Asked, kind_of
from librarian.cli.recorded import TEXT


def names_of(project: Asked, found: str) -> Iterator[tuple[str, str]]:
    """Rows: where a recording was seen, what the owner calls it, texts in the settings that a result was made with."""
    units = [found]
    if kind_of(found) in ("artifact", "task"):
        key = project.catalog.key_of(found) if kind_of(found) == "artifact" else found
        line = project.lineage.made(key).line
        units.append(line.unit)
    for unit in units:
        yield from (("seen at", str(path)) for path in project.vault.sightings(unit))
        for because in dict.fromkeys(each.because for each in project.catalog.decisions(unit=unit) if each.because):
            yield "settled because", project.vault.text(because) or ""
        for because in dict.fromkeys(each.because for each in project.catalog.revisions(unit=unit) if each.because):
            yield "revised because", project.vault.text(because) or ""
        if label := project.vault.label(unit)[0]:
            yield "called", label
    if len(units) > 1:
        for name, value in (line.document or {})["settings"].items():
            if str(value).startswith(TEXT):
                yield name, project.vault.text(value) or ""
