"""Files that have just changed: somebody may still be writing to them, so they wait for the next run."""

from __future__ import annotations

import time

from librarian.job import Sighting
from librarian.recordings.scan import Scan

QUIET = 60.0
"""Seconds for which a file has not changed that is taken."""
_SECOND = 1_000_000_000


def without_fresh(found: Scan) -> tuple[Scan, tuple[Sighting, ...]]:
    """What is taken now, and the files that wait, each with the others of its group.

    Where all files are that young, as after they were copied for a first look, none waits: the last that changed can
    not be told from the others.
    """
    now = time.time_ns()
    fresh = found.sightings.changed_within(now - round(QUIET * _SECOND), now + round(QUIET * _SECOND))
    if not fresh or len(fresh) >= found.sightings.readable:
        return found, ()
    paths = {found.sightings.paths[number] for number in fresh}
    waiting = [family for family in found.families if any(each.path in paths for each in family)]
    if len(waiting) == len(found.families):
        return found, ()
    taken = [family for family in found.families if not any(each.path in paths for each in family)]
    return found.part(taken), tuple(each for family in waiting for each in family)
