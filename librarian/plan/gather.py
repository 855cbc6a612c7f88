"""What the whole job gathers from all families."""

from __future__ import annotations

from collections.abc import Mapping

from librarian.job import Source, is_whole
from librarian.plan.shape import Gathered, Input, Shape, place_of
from librarian.plan.weave import Weave


class Gathering:
    """What steps of the whole job take from all families, at the end of a stage.

    Args:
        shape: how the steps hang together.
        stage: the stage.
    """

    def __init__(self, shape: Shape, stage: int) -> None:
        wanted = {source for step in shape.whole(stage) for each in step.inputs.values() for source in each}
        self._found: dict[Source, dict[str, Gathered]] = {
            source: {} for source in wanted if not is_whole(shape.level_of(source))
        }
        self._open: set[Source] = set()

    def __len__(self) -> int:
        """From how many sources it gathers."""
        return len(self._found)

    def take(self, weave: Weave) -> list[Input]:
        """Take in what a family offers, and say what that is; what several offer counts once."""
        taken = []
        for source, found in self._found.items():
            if not weave.knows(source):
                self._open.add(source)
            for number, (order, each) in enumerate(weave.offered(source)):
                name = each.id if isinstance(each, Input) else f"{each.unit} {each.step}"
                name = name or f"?{len(found)}.{number}"
                found[name] = min((order, each), found.get(name, (order, each)), key=place_of)
                if isinstance(each, Input):
                    taken.append(each)
        return taken

    def gathered(self) -> Mapping[Source, tuple[Gathered, ...] | None]:
        """All of it, by its source; None where that is not known of some family, which happens in a plan only."""
        return {
            source: None if source in self._open else tuple(found.values()) for source, found in self._found.items()
        }
