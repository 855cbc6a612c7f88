"""For tests of extensions: the conformance suite, a task without a worker, models, synthetic sound."""

from librarian.testing.conformance import Conformance
from librarian.testing.models import given_models, install_models
from librarian.testing.sound import tone, voice_like
from librarian.testing.task import FileTask

__all__ = ["Conformance", "FileTask", "given_models", "install_models", "tone", "voice_like"]
