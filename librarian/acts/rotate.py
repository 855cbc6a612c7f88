"""Another key for pseudonyms: what was written before can be joined with nothing that is written from now on."""

from __future__ import annotations

import os

from librarian import project as projects
from librarian.acts.act import Say, act
from librarian.keys import IdKey
from librarian.manifest.act_lines import RotatedLine
from librarian.project import Project


def rotate(project: Project, say: Say) -> str:
    """Renew the pseudonym key; the id key stays, and so do all ids. The caller holds the project's lock.

    One that is cut off leaves the old key or the new one. Which it is, the line says that was written before.

    Returns:
        The job's id.
    """
    key = os.urandom(projects.KEY_BYTES)
    with act(project, "rotate", say) as doing:
        doing.record(RotatedLine(before=_fingerprint(project.pseudonym_key), after=_fingerprint(key)))
        projects.rotate(project, key)
    return doing.job


def _fingerprint(key: bytes) -> str:
    return IdKey(key).fingerprint()
