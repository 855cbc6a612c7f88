"""The first line of a run's manifest: the job as it was resolved, the versions, the machine."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from librarian.job import Job, Step
from librarian.keys import IdKey
from librarian.machine import machine_record
from librarian.manifest.fields import MachineRecord
from librarian.manifest.journal import now
from librarian.manifest.records import JobLine, StepRecord
from librarian.privacy.scrub import Scrubbed, Scrubber
from librarian.workers.asking import Workers

_MAKERS = ("numpy", "numba", "soundfile", "soxr", "av", "torch", "torchaudio")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def job_line(
    job: Job,
    job_id: str,
    id_key: IdKey,
    scrubber: Scrubber,
    *,
    workers: Workers,
    device: str,
    options: Mapping[str, Any],
) -> JobLine:
    """The first line of the manifest of `job_id`."""
    return JobLine(
        job=job_id,
        act="run",
        name=job.name,
        file=file_digest(job, id_key),
        steps=step_records(job),
        versions=versions_of(job),
        code={each.declaration.extension: each.declaration.code for each in job.steps if each.declaration.code},
        machine=MachineRecord(**machine_record(id_key)),
        device=device,
        workers=workers.size,
        fence=workers.fence,
        options=dict(options),
        privacy=job.file.privacy.level,
        allowed=dict(_allowed(job, scrubber)),
        started=now(),
    )


def file_digest(job: Job, id_key: IdKey) -> str:
    """Keyed digest of the job file."""
    return id_key.content(hashlib.sha256(job.content).hexdigest(), private=True)


def step_records(job: Job) -> list[StepRecord]:
    """The steps as they were resolved, texts sealed."""
    return [_step(step) for step in job.steps]


def _allowed(job: Job, scrubber: Scrubber) -> Iterator[tuple[str, list[Scrubbed]]]:
    """What each step does beside reading its inputs and writing its outputs, which a rule of the job file let it do."""
    for step in job.steps:
        if step.hosts or step.effects:
            yield step.id, [scrubber.scrub(what) for what in (*step.hosts, *step.effects)]


def versions_of(job: Job) -> dict[str, str]:
    """Package → version of what a job runs with."""
    packages = {step.declaration.extension: step.declaration.extension_version for step in job.steps}
    return {**_versions(packages), **packages}


def _versions(extensions: Iterable[str]) -> dict[str, str]:
    """What makes the bytes: this package, Python, what reads, computes and writes sound, what extensions stand on."""
    found = {"python": platform.python_version()}
    for package in ("librarian-media", *_MAKERS, *(name for each in extensions for name in _required(each))):
        for version in _stated(package, "Version"):
            found[package] = version
    return found


def _required(package: str) -> Iterator[str]:
    """What a package says that it requires, with its extras."""
    yield from (match[0] for match in map(_NAME.match, _stated(package, "Requires-Dist")) if match)


def _stated(package: str, field: str) -> list[str]:
    """What the metadata of a package state; nothing where it is not installed.

    Their head alone is looked at: below it stands a whole README, and `importlib.metadata` reads that line by line.
    """
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return []
    head, _, _ = (found.read_text("METADATA") or found.read_text("PKG-INFO") or "").partition("\n\n")
    return re.findall(rf"^{field}: *(.+)$", head, re.MULTILINE)


def _step(step: Step) -> StepRecord:
    return StepRecord(
        id=step.id,
        operation=step.declaration.full_name,
        version=step.declaration.version,
        package_version=step.declaration.extension_version,
        settings=dict(step.public),
        given=list(step.given),
        inputs={
            port: [f"{source.step}.{source.output}" if source.step else source.entry for source in sources]
            for port, sources in step.inputs.items()
        },
        audio=step.audio.model_dump() if step.audio else None,
    )
