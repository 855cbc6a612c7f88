"""Embedded metadata: what a media file holds beside its sound and pictures, found and removed.

A walker per format says of every byte whether sound or picture needs it; what is on no list is not needed. Nothing here
looks at what a file is called. Sound and pictures themselves are never decoded.
"""

from librarian.privacy.tags.formats import FORMATS, Format, format_of, parts, remains
from librarian.privacy.tags.part import Part
from librarian.privacy.tags.removing import Removed, remove

__all__ = ["FORMATS", "Format", "Part", "Removed", "format_of", "parts", "remains", "remove"]
