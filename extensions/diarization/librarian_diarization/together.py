"""Recordings through one network together: where one is too short to fill a batch, the next one's pieces join in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar


class Way(Protocol):
    """The way of one recording to its turns, as far as networks have a part in it."""

    def pieces(self) -> Iterator[Any]:
        """What a network is to be applied to; read as it is asked for."""

    def add(self, made: Any) -> None:
        """Take what the network made of the next piece."""


AnyWay = TypeVar("AnyWay", bound=Way)


@dataclass
class _Going(Generic[AnyWay]):
    """A recording that is being read; `outcome` once it has been, or cannot be."""

    outcome: AnyWay | Exception | None = None


def through(
    network: Callable[[Sequence[Any]], Iterable[Any]], begin: Iterable[Callable[[], AnyWay]], size: int
) -> Iterator[AnyWay | Exception]:
    """Bring recordings through a network, one after the other; the end of one and the next share a batch.

    No more than one batch of pieces is held, however many recordings there are, and however long.

    Args:
        network: is given pieces, and gives as many results in their order. What it raises is raised.
        begin: begins each.
        size: pieces in a batch; only the last one has fewer.

    Yields:
        For each, in order and as soon as all of it has been through, its way, or what beginning or reading it raised.
    """
    going: deque[_Going[AnyWay]] = deque()
    with closing(_pieces(begin, going)) as pieces:
        while batch := list(islice(pieces, size)):
            for (way, _), made in zip(batch, network([piece for _, piece in batch]), strict=True):
                way.add(made)
            yield from _arrived(going)
    yield from _arrived(going)


def _pieces(begin: Iterable[Callable[[], AnyWay]], going: deque[_Going[AnyWay]]) -> Generator[tuple[AnyWay, Any]]:
    for each in begin:
        one: _Going[AnyWay] = _Going()
        going.append(one)
        try:
            way = each()
            for piece in way.pieces():
                yield way, piece
            one.outcome = way
        except Exception as error:
            one.outcome = error


def _arrived(going: deque[_Going[AnyWay]]) -> Iterator[AnyWay | Exception]:
    while going and (outcome := going[0].outcome) is not None:
        going.popleft()
        yield outcome
