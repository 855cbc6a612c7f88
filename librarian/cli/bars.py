"""Progress inside a notebook (`%run -m librarian run job.yaml`): a bar a step, through `tqdm.auto`."""

from __future__ import annotations

from typing import Any

from tqdm.auto import tqdm

from librarian.events import AllStand, Event, RunEnded, RunStarted, TaskEnded, TasksFound, TasksKnown, TasksStand
from librarian.manifest.chain import GOOD


class Bars:
    """Shows a bar a step."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}
        self._failed: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Move the bars."""
        match event:
            case RunStarted():
                self._bars = {step: tqdm(total=tasks, desc=step, unit="task") for step, tasks in event.expected.items()}
            case TasksFound():
                for step, tasks in event.counts.items():
                    self._bars[step].total += tasks
                    self._bars[step].refresh()
            case TasksStand():
                for step in event.steps:
                    self._bars[step].update()
            case AllStand():
                for step, found in event.ended().items():
                    self._bars[step].total = sum(found.values())
                    self._bars[step].update(sum(found.values()))
            case TasksKnown():
                self._bars[event.step].update(len(event.units))
            case TaskEnded():
                self._end(event)
            case RunEnded():
                self.close()

    def _end(self, event: TaskEnded) -> None:
        bar = self._bars[event.step]
        if event.outcome not in GOOD:
            self._failed[event.step] = self._failed.get(event.step, 0) + 1
            bar.set_postfix(failed=self._failed[event.step], refresh=False)
        bar.update()

    def close(self) -> None:
        """Leave the bars as they are."""
        for bar in self._bars.values():
            bar.close()
        self._bars = {}
