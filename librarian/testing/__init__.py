"""For tests of extensions: the conformance suite, a task without a worker, synthetic sound. See `Conformance`."""

from librarian.testing.conformance import Conformance
from librarian.testing.sound import tone, voice_like
from librarian.testing.task import FileTask

__all__ = ["Conformance", "FileTask", "tone", "voice_like"]
