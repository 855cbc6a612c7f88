"""What there is to do, and why: job + families of recordings + catalog → tasks. Pure: nothing is read or written."""

from librarian.plan.changes import describe, differences
from librarian.plan.foresight import Foresight, items_of
from librarian.plan.gather import Gathering
from librarian.plan.quote import Quote, Row
from librarian.plan.revised import Revised
from librarian.plan.shape import Absent, Input, Node, Result, Shape, Unit, units_of
from librarian.plan.task import ASKED_FOR, NEW, NOT_READ, Planner, Policy, Task, seal_texts, seal_value
from librarian.plan.uses import Uses
from librarian.plan.weave import Weave

__all__ = [
    "ASKED_FOR",
    "NEW",
    "NOT_READ",
    "Absent",
    "Foresight",
    "Gathering",
    "Input",
    "Node",
    "Planner",
    "Policy",
    "Quote",
    "Result",
    "Revised",
    "Row",
    "Shape",
    "Task",
    "Unit",
    "Uses",
    "Weave",
    "describe",
    "differences",
    "items_of",
    "seal_texts",
    "seal_value",
    "units_of",
]
