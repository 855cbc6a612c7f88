"""Parent side: which extensions are installed, and what they declare, without importing any of them.

Entry points are read from package metadata; a worker imports them, one at a time. One that raises, hangs or kills its
worker is named, and hurts only the jobs that use it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from librarian.apis import FIRST
from librarian.errors import ExtensionError
from librarian.keys import canonical
from librarian.models.installed import Installed
from librarian.operation import Declaration, Resolved
from librarian.workers import requests
from librarian.workers.asking import Workers, ask
from librarian.workers.installed import code_of, state_of
from librarian.workers.messages import Message
from librarian.workers.remembered import has_text, keep, recall

GROUP = "librarian"
IMPORT_TIMEOUT = 30.0
VALIDATE_TIMEOUT = 30.0
_SEVERAL = "*"
"""In the place of a module, where a package names more than one."""
_TOO_MANY = f"it has several entry points in the group {GROUP}; keep one, whose module gives all operations"
Validate = Callable[[Declaration, Mapping[str, Any]], "Resolved | Sequence[tuple[Any, str]]"]


@dataclass(frozen=True)
class Extension:
    """An installed extension: what it declares, or why it cannot be used.

    Attributes:
        recognizers: what it looks for in texts, as data.
        made_of: its distribution, the distribution's version, the value of its entry point.
        state: what its answers hang on, as `installed.state_of` says of those; empty where that is not known.
        api: the version of the contract that it was written for, see `librarian.apis`.
    """

    package: str
    version: str
    declarations: tuple[Declaration, ...] = ()
    problem: str = ""
    recognizers: tuple[Mapping[str, Any], ...] = ()
    made_of: tuple[str, str, str] = ("", "", "")
    state: str = ""
    api: int = FIRST


@dataclass(frozen=True)
class _Offer:
    """An entry point, and the distribution that has it; that and its version are empty where there is none."""

    distribution: str
    version: str
    name: str
    value: str

    @property
    def package(self) -> str:
        """What the extension is called."""
        return self.distribution or self.value


def extensions(workers: Workers, *, remembered: str = "") -> list[Extension]:
    """All installed extensions, by package name.

    Args:
        workers: who import them.
        remembered: what is installed at all (`installed.state_of_all`), where answers of an earlier run will do for
            what has not changed; empty: everything is asked for.
    """
    found = [
        _recalled(each, workers) if remembered else _declared(each, workers)
        for each in (_offered_before(remembered) if remembered else _offered())
    ]
    return sorted(found, key=lambda extension: extension.package)


def extension_of(package: str, workers: Workers) -> Extension | None:
    """One installed extension, asked anew; None where no distribution of that name offers any."""
    return next((_declared(each, workers) for each in _offered() if each.package == package), None)


def _offered_before(state: str) -> list[_Offer]:
    """What is offered, remembered: to look into the metadata of all that is installed takes longer than most jobs."""
    question = f"entry points {state}"
    if answer := recall(question):
        with contextlib.suppress(KeyError, TypeError):
            return [_Offer(*each) for each in answer["offers"]]
    offers = list(_offered())
    keep(question, {"offers": [astuple(each) for each in offers]})
    return offers


def _recalled(offer: _Offer, workers: Workers) -> Extension:
    made_of = offer.distribution, offer.version, offer.value
    state = state_of(*made_of)
    if not state:
        return _declared(offer, workers)
    if answer := recall(state):
        with contextlib.suppress(ValidationError, KeyError):
            return replace(_read(offer, answer, remembered=True), made_of=made_of, state=state)
    found = replace(_declared(offer, workers), made_of=made_of, state=state)
    if not found.problem:
        declarations = [each.model_dump(mode="json") for each in found.declarations]
        keep(state, {"declarations": declarations, "recognizers": list(found.recognizers), "api": found.api})
    return found


def _offered() -> Iterator[_Offer]:
    """One for each package: what it offers is known by the package's name."""
    found: dict[str, _Offer] = {}
    for point in entry_points(group=GROUP):
        offer = _Offer(*(point.dist.name, point.dist.version) if point.dist else ("", ""), point.name, point.value)
        before = found.setdefault(offer.package, offer)
        if before.value != offer.value:
            found[offer.package] = replace(before, value=_SEVERAL)
    yield from found.values()


def _declared(offer: _Offer, workers: Workers) -> Extension:
    version = offer.version or "0"
    made_of = offer.distribution, offer.version, offer.value
    if offer.value == _SEVERAL:
        return Extension(offer.package, version, problem=_TOO_MANY, made_of=made_of)
    request = requests.declare(offer.package, version, offer.name, offer.value)
    answer = ask(workers, request, IMPORT_TIMEOUT)
    if answer["type"] != "done":
        return Extension(offer.package, version, problem=reason_of(answer), made_of=made_of)
    try:
        return replace(_read(offer, answer), made_of=made_of)
    except (ValidationError, KeyError):
        return Extension(offer.package, version, problem="what it declares is not readable", made_of=made_of)


def _read(offer: _Offer, answer: Mapping[str, Any], *, remembered: bool = False) -> Extension:
    declarations = tuple(Declaration.model_validate(each) for each in answer["declarations"])
    if not remembered:
        declarations = tuple(each.model_copy(update={"code": code_of(offer.value)}) for each in declarations)
    more = {"recognizers": tuple(answer["recognizers"]), "api": answer["api"]}
    return Extension(offer.package, offer.version or "0", declarations, **more)


def reason_of(answer: Message) -> str:
    """Why a request failed, in one line, as the worker said it: to be scrubbed before it is shown."""
    cause = answer.get("cause", {})
    parts = (cause.get("exception"), cause.get("message") or cause.get("reason"))
    return ": ".join(str(part) for part in parts if part).split("\n")[0]


class Validator:
    """What `job.resolve` asks about settings: a worker validates them.

    Args:
        workers: who validate.
        installed: those among them that have a state are asked once for the same settings.
        models: what can be used; what is missing of it is said in each answer.

    Attributes:
        asks_again: whether anything would be asked again the next time, though nothing has changed.
    """

    def __init__(self, workers: Workers, installed: Sequence[Extension] = (), models: Installed | None = None) -> None:
        self._workers, self._models = workers, models or Installed()
        self._states = {each.full_name: extension.state for extension in installed for each in extension.declarations}
        self.asks_again = not all(each.state and not each.problem for each in installed)

    def __call__(self, declaration: Declaration, given: Mapping[str, Any]) -> Resolved | Sequence[tuple[Any, str]]:
        """What a worker made of settings, or what is wrong with them."""
        found = self._answer(declaration, given)
        if not isinstance(found, Resolved) or not (found.models or found.missing):
            return found
        missing = self._models.lacking(found.models, found.missing, declaration.models)
        return found.model_copy(update={"missing": dict(missing)})

    def _answer(self, declaration: Declaration, given: Mapping[str, Any]) -> Resolved | Sequence[tuple[Any, str]]:
        state = self._states.get(declaration.full_name, "")
        if not state:
            return self._validated(declaration, given)
        settings = canonical(dict(given)).decode(errors="surrogatepass")
        question = f"{state} {self._models.state} {declaration.full_name} {settings}"
        if answer := recall(question):
            with contextlib.suppress(ValidationError):
                return Resolved.read(answer)
        found = self._validated(declaration, given)
        if not isinstance(found, Resolved) or has_text(given, found):
            self.asks_again = True
        else:
            keep(question, found.model_dump(mode="json"))
        return found

    def _validated(self, declaration: Declaration, given: Mapping[str, Any]) -> Resolved | Sequence[tuple[Any, str]]:
        request = requests.validate(declaration, given, self._models.models())
        answer = ask(self._workers, request, VALIDATE_TIMEOUT)
        if answer["type"] == "problems":
            return [(tuple(place), message) for place, message in answer["problems"]]
        if answer["type"] != "done":
            raise ExtensionError(f"{declaration.full_name} cannot validate its settings: {reason_of(answer)}")
        return Resolved.read(answer["resolved"])


def words_of(declarations: Iterable[Declaration]) -> Iterator[str]:
    """The words that settings may be: they are the extensions' own, and name no one."""
    waiting: list[object] = [each.settings_schema for each in declarations]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, dict):
            choices = each.get("enum", [each.get("const")])
            yield from (word for word in choices if isinstance(word, str))
            waiting.extend(each.values())
