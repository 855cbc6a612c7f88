"""The owner's files: patterns → sightings → recordings, in the families that are worked on together. Read only.

`scan` is complete before anything runs: names and stats, no content. `Identifier` then hashes ahead of the tasks,
in threads, and hands out each recording once, however often its bytes lie around
(again only where it turns up in another entry of the job file, or in another group).
"""

from librarian.recordings.fresh import without_fresh
from librarian.recordings.identify import Identifier, known_families
from librarian.recordings.scan import PatternError, Scan, scan

__all__ = ["Identifier", "PatternError", "Scan", "known_families", "scan", "without_fresh"]
