"""For tests of extensions: the conformance suite and synthetic sound. See `Conformance`."""

from librarian.testing.conformance import Conformance
from librarian.testing.sound import tone, voice_like

__all__ = ["Conformance", "tone", "voice_like"]
