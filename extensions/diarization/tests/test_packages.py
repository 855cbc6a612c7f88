"""Files of installed packages."""

import pytest

from librarian.errors import MissingError
from librarian_diarization import packages


def test_what_is_not_installed_is_said_with_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(MissingError, match="silero-nothing is not installed: pip install silero-nothing"):
        packages.file_of("silero_nothing", "weights", "silero-nothing")
    (tmp_path / "hollow.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingError, match="lacks its weights"):
        packages.file_of("hollow", "weights", "hollow")
