"""A job that had nothing left to do and met no change since: what that is told by.

What a run would do hangs on the job, on what is installed, on the recordings' names and stats, and on the record. Where
all of it is as it was when a run found nothing to do, no task needs to be planned again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from librarian.events import RunEnded
from librarian.job import Job
from librarian.keys import IdKey, canonical
from librarian.manifest.catalog import Catalog, KnownFailures, Settled
from librarian.manifest.chain import GOOD
from librarian.plan import Policy
from librarian.privacy.vault import Vault
from librarian.recordings import Scan
from librarian.run.header import file_digest, step_records


def mark_of(job: Job, scan: Scan, policy: Policy, versions: Mapping[str, str], id_key: IdKey) -> str:
    """What everything that a run hangs on comes down to, but for the record; empty for a run that redoes something.

    Args:
        job: with its texts sealed.
        scan: all that was found.
        policy: what is done again.
        versions: package → version, of what it runs with: under others, what failed before is tried again.
        id_key: keys the digests of the job file, and of all of it.
    """
    if policy != Policy():
        return ""
    found = hashlib.sha256(file_digest(job, id_key).encode())
    for step in step_records(job):
        found.update(canonical(step.model_dump(mode="json")))
    found.update(canonical([dict(versions), *(dict(step.models) for step in job.steps)]))
    for table in job.tables.values():
        for line, row in table.rows.items():
            steps = {name: [dict(step.public), dict(step.models)] for name, step in row.steps.items()}
            found.update(canonical([line, row.label, steps]))
    found.update(canonical([[entry, *roles] for entry, roles in scan.roles.items()]))
    found.update(scan.sightings.digest().encode())
    return id_key.content(found.hexdigest(), private=True)  # names went into it: it must not be guessed from them


def settle(catalog: Catalog, vault: Vault, job: Job, mark: str, ended: RunEnded) -> None:
    """Note that nothing is left to do, unless a recording may have changed without its stat telling.

    What failed is left as it is where it was not tried this time either.
    """
    tried = any(each.tried for each in ended.failures)
    if not mark or tried or ended.interrupted or vault.has_racy():
        return
    counts = {step: sum(found[each] for each in GOOD & found.keys()) for step, found in ended.counts.items()}
    failures = tuple(
        KnownFailures(each.step, each.outcome, each.reason, each.state, each.tasks, each.units)
        for each in ended.failures
    )
    catalog.settle(job.name, mark, Settled(ended.recordings, counts, failures))
