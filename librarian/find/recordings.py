"""Which recordings a query means: by what they are called, when their files were written, and what was measured."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from librarian.find.query import Day, Fact, Query, Word, wrong
from librarian.manifest.catalog import Catalog
from librarian.manifest.holdings import CurrentArtifact
from librarian.privacy.vault import Vault
from librarian.view.results import Members, Units

OWN = {"loud": ("loudness", "loudness_before"), "peak": ("true_peak", "true_peak_before"), "range": ("loudness_range",)}
"""Facts of a recording itself, as `measure` names them, and `normalize`, of its input."""
_OF_MEMBERS = ("grp_", "set_")


@dataclass(frozen=True)
class Value:
    """A fact of a recording, and the result that says so; none where the recording itself does."""

    found: str | float | bool
    artifact: str | None


class Heard(NamedTuple):
    """A transcript, the recording, group or whole job that it is of, and its numbers in lists."""

    made: CurrentArtifact
    unit: str
    items: tuple[int, ...]


@dataclass
class Fitting:
    """The recordings, groups and whole jobs that fit.

    Attributes:
        fits: whether one does.
        values: fact that was asked about → unit → its values that fit.
    """

    fits: Callable[[str, str], bool]
    values: dict[str, Mapping[str, list[Value]]] = field(default_factory=dict)


class Recordings:
    """What is known of all recordings, asked for only where a query wants it.

    Args:
        catalog: the index over the manifests, caught up.
        vault: knows labels, dates and lengths.
    """

    def __init__(self, catalog: Catalog, vault: Vault) -> None:
        self._catalog, self._vault = catalog, vault
        self._members, self.units = Members(catalog), Units(catalog)

    def fitting(self, query: Query) -> Fitting:
        """Which fit. A group or a whole job does where it does itself or one of its recordings does.

        Raises:
            UsageError: no result has a fact of that name.
        """
        tests: list[tuple[set[str], bool]] = []
        for word in query.words("label"):
            tests.append((self._called(word), word.excluded))
        for day in query.days:
            tests.append((self._dated(day), day.excluded))
        values: dict[str, Mapping[str, list[Value]]] = {}
        for fact in query.facts:
            of = self._measured(fact)
            tests.append((set(of), fact.excluded))
            values |= {} if fact.excluded else {fact.name: of}

        def fits(unit: str, key: str) -> bool:
            of = [unit, *(self._members.of(key) if tests and unit.startswith(_OF_MEMBERS) else ())]
            return all(any(each in found for each in of) is not excluded for found, excluded in tests)

        return Fitting(fits, values)

    def heard(
        self, transcripts: Mapping[str, Sequence[CurrentArtifact]], query: Query, fitting: Fitting
    ) -> dict[str, Heard]:
        """The transcripts of what fits, that are of the steps and jobs that are asked for: artifact → it."""
        found = {}
        for artifact, as_often in transcripts.items():
            made = next((each for each in as_often if is_of(query, each)), None)
            if made and fitting.fits((of := Heard(made, *self.units(made.unit, made.item))).unit, made.key):
                found[artifact] = of
        return found

    def everything(self) -> dict[str, str]:
        """All that any task worked on or whose length is known: unit → the key of one of its tasks, if it has any."""
        found = dict.fromkeys(self._vault.lengths(), "")
        for _, _, unit, _, key in self._catalog.current_keys():
            found[self.units(unit, None)[0]] = key
        gone = self._catalog.forgotten()
        return {unit: key for unit, key in found.items() if unit not in gone}

    def with_results(self, query: Query) -> dict[str, list[CurrentArtifact]]:
        """All that have current results of the steps and jobs that are asked for, with these."""
        found: dict[str, list[CurrentArtifact]] = {}
        for made in self._catalog.current_artifacts():
            if is_of(query, made):
                found.setdefault(self.units(made.unit, made.item)[0], []).append(made)
        return found

    def _called(self, word: Word) -> set[str]:
        return {unit for unit, label in self._vault.labels() if fnmatchcase(label.casefold(), word.pattern)}

    def _dated(self, day: Day) -> set[str]:
        dates = self._vault.dates().items()
        return {unit for unit, written in dates if (written >= day.when) is (day.field == "after")}

    def _measured(self, fact: Fact) -> dict[str, list[Value]]:
        found: dict[str, list[Value]] = {}
        if fact.name == "length":
            for unit, seconds in self._vault.lengths().items():
                if fact.holds(seconds):
                    found[unit] = [Value(seconds, None)]
            return found
        known = False
        for name in OWN.get(fact.name, (fact.name,)):
            for unit, artifact, value in self._catalog.current_facts(name, own=fact.name in OWN):
                known = True
                if fact.holds(value):
                    found.setdefault(self.units(unit, None)[0], []).append(Value(value, artifact))
        if not known:
            raise wrong(fact.at, self._unknown(fact.name))
        return found

    def _unknown(self, name: str) -> str:
        if name in OWN:
            return f"no {name} was measured yet; take a step into the job: use: measure"
        names = sorted(self._catalog.fact_names())
        near = difflib.get_close_matches(name, names, n=3)
        return f"no current result has such a fact; there are: {', '.join(near or names) or 'none yet'}"


def is_of(query: Query, made: CurrentArtifact) -> bool:
    """Whether a result is of the steps and jobs that were asked for."""
    steps = (made.step, f"{made.step}.{made.output}")
    return _is_any(query.words("step"), steps) and _is_any(query.words("job"), (made.job_name,))


def _is_any(words: Iterable[Word], names: tuple[str, ...]) -> bool:
    return all(any(fnmatchcase(name, each.pattern) for name in names) is not each.excluded for each in words)
