"""Child side: a recording that is measured, as a message."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from librarian.workers.messages import Message, failed
from librarian.workers.replies import Send

if TYPE_CHECKING:
    from librarian.audio.curves import Curves

PROGRESS_SECONDS = 0.5
_DECIMALS = 2


def measured(path: Path, *, curves: bool, send: Send) -> Message:
    """The `values` of a recording, see `librarian.audio.measuring`, and its `curves` where they are wanted.

    Raises:
        UnusableInputError: it cannot be measured.
    """
    from librarian.audio.measuring import measure
    from librarian.media import open_audio

    try:
        with open_audio(path) as stream:
            found = measure(stream, _saying(send), any_layout=True)
    except OSError as error:
        return failed("unreadable", message=error.strerror or str(error))
    answer = {"type": "done", "values": found.values()}
    return {**answer, "curves": _curves(found.curves())} if curves else answer


def _saying(send: Send) -> Callable[[float], None]:
    """Sends how much is done, twice a second at the most."""
    said = time.monotonic()

    def progress(fraction: float) -> None:
        nonlocal said
        if (now := time.monotonic()) - said >= PROGRESS_SECONDS:
            said = now
            send({"type": "progress", "fraction": fraction})

    return progress


def _curves(curves: Curves) -> dict[str, Any]:
    return {
        "step_seconds": curves.step,
        "momentary_lufs": _plain(curves.momentary),
        "short_term_lufs": _plain(curves.short_term),
        "share": _plain(curves.shares, 4),
        "hz": _plain(curves.frequencies),
        "db_per_hz": _plain(curves.densities),
    }


def _plain(values: Iterable[float], decimals: int = _DECIMALS) -> list[float | None]:
    return [round(float(value), decimals) if math.isfinite(value) else None for value in values]
