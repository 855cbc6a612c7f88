"""Packages in a folder that is put on the module search path, as pip would lay them there."""

from __future__ import annotations

import tomllib
from pathlib import Path


def lay(package: Path, site: Path) -> str:
    """Make the package in a folder one that is installed, editable; its name."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    module = project["name"].replace("-", "_")
    site.mkdir(exist_ok=True)
    (site / module).symlink_to(package / module)
    metadata = site / f"{module}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = (f"{name} = {value}\n" for name, value in project["entry-points"]["librarian"].items())
    (metadata / "entry_points.txt").write_text("[librarian]\n" + "".join(points))
    return str(project["name"])
