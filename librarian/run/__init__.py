"""The conductor: plan → outcomes → commits. One thread; workers do the work."""

from librarian.run.start import Options, device_of, placed, run

__all__ = ["Options", "device_of", "placed", "run"]
