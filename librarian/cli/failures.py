"""What failed, at the end of a run: new and known apart, by cause, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from librarian.cli.words import plural
from librarian.events import Failures

REMEDIES = {
    "corrupt": "put a whole copy in its place",
    "too_short": "leave it out of the job, or settle it",
    "silent": "leave it out of the job, or settle it",
    "unsupported": "convert it to wav or flac first",
    "review": "look at what they wait for, as show says of each, and run again",
    "out_of_memory": "give it more memory: fewer --workers, or another device",
    "timeout": "give it more time: run.timeout in the job file",
    "crash": "tell the authors of the extension; what it printed is in .librarian/logs/",
    "bad_output": "tell the authors of the extension; what it printed is in .librarian/logs/",
    "error": "tell the authors of the extension; what it printed is in .librarian/logs/",
    "model_missing": "look at the models: librarian models verify",
    "privacy": "what was said could not be freed of names; tell the authors of the extension",
    "refused": "change what the job asks for",
    "input_changed": "run again once nobody writes to it",
    "absent": "bring back the disk, or go on without: --absent-ok",
    "unreadable": "look whether it is there and may be read",
    "interrupted": "run again",
    "disk": "make room, and run again",
    "unreachable": "look whether its server runs, and run again",
    "breaker": "mend what failed before it, and run again",
}
"""Class of a cause → what to do about it. What only follows from another failure needs nothing of its own."""
FOLLOWS = "input_failed"
_HEADS = {"new": "failed now", "known": "failed before"}


def failure_lines(failures: Sequence[Failures]) -> Iterator[str]:
    """A head for what is new and what is known, below it a line a step and cause; what is settled is counted."""
    for state, head in _HEADS.items():
        found = [each for each in failures if each.state == state]
        if not found:
            continue
        left = sum(each.tasks - each.tried for each in found if each.reason != FOLLOWS)
        yield f"{head}{f'; not tried again: {left:,} (--redo failed tries them)' if left else ''}:"
        yield from (f"  {_line(each)}" for each in found if each.reason != FOLLOWS)
        if behind := sum(each.tasks for each in found if each.reason == FOLLOWS):
            yield f"  {plural(behind, 'task')} skipped behind them"
    if settled := sum(each.tasks for each in failures if each.state == "settled"):
        yield f"settled: {plural(settled, 'task')}"


def _line(each: Failures) -> str:
    units = ", ".join(each.units)
    more = f" and {each.tasks - len(each.units):,} more" if each.tasks > len(each.units) else ""
    return f"{each.step}: {each.tasks:,} {each.reason.replace('_', ' ')}: {units}{more}; {REMEDIES[each.reason]}"
