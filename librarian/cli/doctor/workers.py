"""What has to be asked of a worker: extensions and their own checks, the fence, and that libraries are quiet."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from librarian.cli.doctor.finding import ENVIRONMENT, EXTENSION, PRIVACY, Finding, fail, ok, warn
from librarian.cli.working import workers_for
from librarian.errors import ExtensionError
from librarian.workers import requests
from librarian.workers.asking import Workers, ask
from librarian.workers.checks import SECONDS, checks_of
from librarian.workers.declared import Extension, extensions, reason_of
from librarian.workers.fence import HOOK, LANDLOCK, SECCOMP, SHARED_MEMORY
from librarian.workers.tried import FOLDERS, HIDDEN, NETWORK

_WORDS = {NETWORK: "the network", FOLDERS: "other folders", HIDDEN: "what a run hides"}
_TRIED_SECONDS = 60.0


def findings() -> Iterator[Finding]:
    """All of it, with one worker that is replaced where something ends it."""
    with workers_for(1, lambda line: None) as workers:
        found = extensions(workers)
        yield from _extensions(found)
        for each in found:
            if not each.problem:
                yield from own_checks(each, workers)
        yield from reach(workers)


def _extensions(found: Sequence[Extension]) -> Iterator[Finding]:
    if not found:
        yield warn("extensions", "none is installed; start with: pip install librarian-normalization")
    for each in found:
        named = f"{each.package} {each.version}"
        if each.problem:
            remedy = f"mend that, or type: pip uninstall {each.package}"
            yield fail("extension", f"{named}: {each.problem}; {remedy}", EXTENSION)
        else:
            yield ok("extension", f"{named}: {_offered(each)}")
    names = defaultdict(list)
    for each in found:
        for declaration in each.declarations:
            names[declaration.name].append(declaration.full_name)
    for name, offering in names.items():
        if len(offering) > 1:
            remedy = f"in a job, write use: {' or '.join(offering)}"
            yield warn("extensions", f"{name} is offered by {len(offering)} packages; {remedy}")


def _offered(extension: Extension) -> str:
    operations = ", ".join(each.name for each in extension.declarations)
    types = ", ".join(sorted({each["type"] for each in extension.recognizers}))
    said = (operations, f"looks in texts for {types}" if types else "")
    return "; ".join(filter(None, said)) or "no operation"


def own_checks(extension: Extension, workers: Workers, seconds: float = SECONDS) -> Iterator[Finding]:
    """What an extension finds of itself; nothing where it has no checks."""
    try:
        found = checks_of(extension, workers, seconds)
    except ExtensionError as error:
        yield fail("check", f"{extension.package}: {error}", EXTENSION)
        return
    for each in found:
        text = f"{extension.package}, {each.what}: {each.text}"
        yield Finding("check", each.state, text, EXTENSION if each.state == "fail" else 0)


def reach(workers: Workers) -> Iterator[Finding]:
    """What a worker reaches of what should be kept from it, and whether it tells anybody what it does."""
    with tempfile.TemporaryDirectory(prefix="librarian-doctor-", dir=_unshared()) as place:
        top = Path(place)
        for name in ("staging", "outside", "hidden"):
            (top / name).mkdir()
        (top / "hidden" / "file").write_bytes(b"")
        workers.open_to(top / "staging", top / "hidden")
        answer = ask(workers, requests.examine(top / "outside", top / "hidden" / "file"), _TRIED_SECONDS)
    if answer["type"] != "done":
        yield fail("fence", f"no worker can be looked at: {reason_of(answer)}", ENVIRONMENT)
        return
    yield _fence(tuple(workers.fence.split("+")), answer["reached"], answer["reached_from_below"])
    yield _quiet(answer["loud"])


def _unshared() -> str | None:
    """A place for what a worker must not reach: not the memory that all processes share."""
    return "/var/tmp" if os.path.realpath(tempfile.gettempdir()).startswith(SHARED_MEMORY) else None


def _fence(held: tuple[str, ...], reached: Sequence[str], below: Sequence[str]) -> Finding:
    by_kernel = ({NETWORK} if SECCOMP in held else set()) | ({FOLDERS, HIDDEN} if LANDLOCK in held else set())
    if broken := sorted({*reached, *by_kernel.intersection(below)}):
        remedy = "run nothing that you did not write until you know why: a sitecustomize, a .pth file, a container?"
        return fail("fence", f"it does not hold: a worker reached {_listed(broken)}; {remedy}", PRIVACY)
    if HOOK not in held:
        return ok("fence", f"tried: the kernel keeps workers from network and other folders: {', '.join(held)}")
    what = _listed([each for each in (NETWORK, FOLDERS) if each not in by_kernel])
    remedy = "use Linux 5.13 or later with seccomp and Landlock enabled"
    return warn("fence", f"only their Python code is kept from {what}, native code is not; {remedy}")


def _listed(words: Sequence[str]) -> str:
    return " and ".join(_WORDS[each] for each in words)


def _quiet(loud: Sequence[str]) -> Finding:
    if not loud:
        return ok("telemetry", "off, and model hubs are offline, in every worker")
    remedy = "look for what sets them: a sitecustomize, a .pth file"
    return fail("telemetry", f"not off in a worker, or hubs not offline: {', '.join(loud)}; {remedy}", PRIVACY)
