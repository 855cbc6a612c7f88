"""`librarian init`: make a folder a project."""

from __future__ import annotations

from pathlib import Path

import click

from librarian import project as projects
from librarian.cli.words import say

_JOB = """\
librarian: 1
name: my-archive
audio: {format: flac, bits: 24}              # how results are written
recordings:
  - {id: all, path: 'recordings/**/*.{wav,flac}'}
steps:
  - {id: voice, use: normalize, with: {target: -16 LUFS, ceiling: -1 dBTP}}
"""


@click.command("init")
@click.argument("folder", required=False, default=".", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """FOLDER (the current one if left out) gets library/, manifests/, .librarian/ and, where there is none, a job.yaml
    to start from. With LIBRARIAN_KEY set, the project's keys come from it; else they are made and kept in
    .librarian/keys/.
    """
    folder.mkdir(parents=True, exist_ok=True)
    projects.init(folder.resolve())
    job = folder / "job.yaml"
    if not job.exists():
        job.write_text(_JOB)
        say("wrote job.yaml; set the path of your recordings in it")
    say(f"back up {projects.STATE}/keys/ and {projects.STATE}/vault.db: nothing can re-make them")
    say("next: librarian run job.yaml")
