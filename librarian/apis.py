"""Versions of the contract with extensions: which are taken, and which will go.

A new version comes where something that extensions count on is changed or goes; what is only added needs none. The one
before it is then taken by every release of the two years that follow. No clock refuses anything: what was installed
together goes on together.
"""

from __future__ import annotations

from collections.abc import Mapping

FIRST = 1
"""What an extension is written for that says nothing of it."""
SUPPORTED_APIS: Mapping[int, str] = {1: ""}
"""LIBRARIAN_API of an extension → from which day on a release may no longer take it (ISO 8601); empty: not set."""


def newest() -> int:
    """The version that is written for now."""
    return max(SUPPORTED_APIS)


def refusal(api: object) -> str:
    """Why an extension that was written for this version cannot be used; empty where it can."""
    if not isinstance(api, int) or isinstance(api, bool):
        return "its LIBRARIAN_API is no whole number"
    if api in SUPPORTED_APIS:
        return ""
    if api > newest():
        return f"it needs LIBRARIAN_API {api}, this is {newest()}; upgrade librarian-media"
    return f"it was written for LIBRARIAN_API {api}, and {min(SUPPORTED_APIS)} is the oldest that is taken; upgrade it"


def leaving(api: int) -> str:
    """From which day on releases may no longer take extensions of this version; empty where none is set."""
    return SUPPORTED_APIS.get(api, "")
