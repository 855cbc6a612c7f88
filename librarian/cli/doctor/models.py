"""Whether the models of a project are those of models.lock."""

from __future__ import annotations

from collections.abc import Iterator

import click

from librarian.cli.doctor.finding import MISSING, Finding, fail, ok
from librarian.cli.place import installed_models
from librarian.models.installed import Installed
from librarian.models.lock import LockedModel


def findings(context: click.Context, *, digests: bool) -> Iterator[Finding]:
    """One finding for all of them; none where there are none.

    Args:
        context: of the command.
        digests: whether to read every byte; else sizes are compared.
    """
    installed = installed_models(context)
    if not installed.lock.models:
        return
    good = "verified" if digests else "there, by the sizes of their files"
    found: dict[str, list[str]] = {good: [], "missing": [], "changed": []}
    for model in installed.lock.models:
        found[_fault(installed, model, digests) or good].append(model.name)
    text = "; ".join(f"{', '.join(names)} {what}" for what, names in found.items() if names)
    if found["missing"] or found["changed"]:
        yield fail("models", f"{text}; type: librarian models verify", MISSING)
    else:
        yield ok("models", text if digests else f"{text}; every byte: librarian doctor --digests")


def _fault(installed: Installed, model: LockedModel, digests: bool) -> str:
    """`missing`, `changed`, or nothing."""
    if not digests and installed.store.holds(model):
        return ""
    faults = {what for _, what in installed.store.faults(model)}
    return "missing" if faults == {"missing"} else "changed" if faults else ""
