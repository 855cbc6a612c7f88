"""The conductor: plan → outcomes → commits. One thread; workers do the work."""

from librarian.run.conductor import Halt
from librarian.run.devices import device_of
from librarian.run.header import file_digest, machine_id, step_records
from librarian.run.settled import find_settled, mark_of
from librarian.run.start import Order, placed, run

__all__ = [
    "Halt",
    "Order",
    "device_of",
    "file_digest",
    "find_settled",
    "machine_id",
    "mark_of",
    "placed",
    "run",
    "step_records",
]
