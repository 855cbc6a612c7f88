"""Child side: errors → answers."""

from __future__ import annotations

import errno

from librarian.errors import ModelMissingError, RefusedError, UnreachableError, UnusableInputError
from librarian.workers.discovery import BrokenExtensionError
from librarian.workers.messages import Message, failed

_OUT_OF_MEMORY = ("CUDA out of memory", "CUDA error: out of memory", "can't allocate memory", "ALLOC_FAILED")
"""What torch says where it raises no error of its own for it; the last is cuBLAS's and cuDNN's."""
_POISONED = ("CUDA error", "device-side assert", "illegal memory access")
"""A GPU that refuses everything from then on, in this process, whoever it was."""
_DISK_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class BadOutputError(Exception):
    """What a task gave back is not what its operation declares."""


_REASONS: dict[type[Exception], str] = {
    ModelMissingError: "model_missing",
    RefusedError: "refused",
    UnreachableError: "unreachable",
    BadOutputError: "bad_output",
    BrokenExtensionError: "bad_output",
}


def failure_of(error: BaseException) -> Message:
    """The answer that an error makes. SystemExit is one: an extension that exits has failed.

    Raises:
        KeyboardInterrupt, GeneratorExit: the error, where it is none of a task's.
    """
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        raise error
    if isinstance(error, UnusableInputError):
        return failed(error.cause, message=str(error))
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return failed(reason, message=str(error))
    if is_out_of_memory(error):
        return failed("out_of_memory", exception=type(error).__name__)
    if is_poisoned(error):
        return {**failed("error", exception=type(error).__name__, message=text_of(error)), "end": True, "again": True}
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return failed("bad_output", message="it wrote more into a file than its limit")
    reason = "disk" if isinstance(error, OSError) and error.errno in _DISK_REFUSED else "error"
    return failed(reason, exception=type(error).__name__, message=text_of(error))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice, the machine's or the GPU's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in text_of(error) for words in _OUT_OF_MEMORY)


def is_poisoned(error: BaseException) -> bool:
    """Whether the process can do nothing more on its GPU."""
    if type(error).__name__ == "AcceleratorError":
        return True
    return isinstance(error, RuntimeError) and any(words in text_of(error) for words in _POISONED)


def text_of(error: BaseException) -> str:
    """What an error says; nothing where it cannot."""
    try:
        return str(error)[:10_000]
    except Exception:
        return ""
