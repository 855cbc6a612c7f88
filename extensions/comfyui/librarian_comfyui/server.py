"""What a ComfyUI server takes and gives as files, beside JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from librarian.servers import Answer, Server


class ComfyServer(Server):
    """A server at `name:port`."""

    def upload(self, path: Path, name: str, folder: str) -> Answer:
        """Send a file under a name and into a folder of ours."""
        with open(path, "rb") as file:
            form = {"subfolder": folder, "type": "input", "overwrite": "true"}
            return self.request("POST", "/upload/image", files={"image": (name, file)}, data=form)

    def fetch(self, place: Mapping[str, str], to: Path, most: float, until: float) -> tuple[str, int]:
        """Write a file that it has: its sha256 in hex, and its size in bytes."""
        return self.save("/view", to, most=most, until=until, **place)
