"""The workers of a command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from librarian.cli.words import say
from librarian.files import keep_memory_in
from librarian.machine import cores, default_size
from librarian.workers.asking import Workers

Log = Callable[[str], None]


@contextlib.contextmanager
def workers_for(count: int | None, log: Log) -> Iterator[Workers]:
    """Workers, started when there is something for them to do. None: one a core, at most eight."""
    keep_memory_in()
    size = default_size() if count is None else count
    workers: Workers
    if size:
        from librarian.workers.pool import Pool

        workers = Pool(size, log, threads=max(1, cores() // size), on_wait=say)
    else:
        from librarian.workers.inline import Inline

        workers = Inline(log)
    try:
        yield workers
    finally:
        workers.close()
