"""What was decided about failures, what was copied out of the library, and what was refused."""

from __future__ import annotations

from collections.abc import Sequence

from librarian.acts.act import Say, act
from librarian.manifest.act_lines import DecisionLine, ExportLine, RefusedLine
from librarian.project import Project


def settle(project: Project, lines: Sequence[DecisionLine], because: str, say: Say) -> str:
    """Record decisions. The caller holds the project's lock.

    Args:
        project: the project.
        lines: what was decided.
        because: what the owner said, which the vault keeps.
        say: told what was mended first.

    Returns:
        The job's id.
    """
    with act(project, "settle", say) as doing:
        doing.keep(because)
        doing.record(*lines)
    return doing.job


def export(project: Project, line: ExportLine, say: Say) -> str:
    """Record that results leave the library, before they do. The caller holds the project's lock.

    Returns:
        The job's id.
    """
    with act(project, "export", say) as doing:
        doing.record(line)
    return doing.job


def refuse(project: Project, lines: Sequence[RefusedLine], say: Say) -> str:
    """Record what a job would have done and may not. The caller holds the project's lock.

    Returns:
        The job's id.
    """
    with act(project, "refuse", say) as doing:
        doing.record(*lines)
    return doing.job
