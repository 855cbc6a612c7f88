"""An extension for tests that uses models: each is a file with a gain, and `auto` takes the loudest that is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness import Archive, install

from librarian import KnownFile, KnownModel
from librarian.models.lock import write_lock
from librarian.testing import install_models

GAINS = {"loud": "2.0\n", "quiet": "0.5\n"}
CODE = f"""
from pydantic import model_validator

from librarian import Audio, Field, KnownFile, KnownModel, Operation, Settings, hookimpl

KNOWN = (
    KnownModel("loud", (KnownFile("gain.txt", sha256="{hashlib.sha256(GAINS["loud"].encode()).hexdigest()[:16]}"),),
               licence="CC0-1.0", loader="gain", source="https://models.invalid/loud", description="Twice as loud."),
    KnownModel("quiet", (KnownFile("gain.txt"), KnownFile("more/notes.txt")), licence="CC0-1.0", loader="gain"),
)

class ScaleSettings(Settings):
    model: str = Field("auto", description="Name of a model, or auto.")
    louder: bool = Field(True, description="Whether it may become louder.")

    @model_validator(mode="after")
    def _is_possible(self):
        if self.model == "loud" and not self.louder:
            raise ValueError("loud makes it louder")
        return self

def resolve(settings, installed):
    if settings.model != "auto":
        model = installed.get(settings.model)
        if model and model.loader != "gain":
            raise ValueError(f"{{settings.model}} is no model that scales")
        return settings, [settings.model]
    name = next((each.name for each in KNOWN if each.name in installed), "loud")
    return ScaleSettings.model_validate({{**settings.model_dump(), "model": name}}), [name]

@hookimpl
def librarian_operations():
    return [Operation(name="scale", version="1", run="librarian_scaling_work:Scale", settings=ScaleSettings,
                      inputs={{"audio": Audio}}, outputs={{"audio": Audio}}, description="Scale.", reproducible="bytes",
                      models=KNOWN, resolve=resolve),
            Operation(name="stray", version="1", run="librarian_scaling_work:Scale", settings=ScaleSettings,
                      inputs={{"audio": Audio}}, outputs={{"audio": Audio}}, description="Asks for what it said not.",
                      resolve=lambda settings, installed: (settings, []))]
"""
WORK = """
import librarian

class Scale:
    def __init__(self, settings, device):
        folder = librarian.model_folder(settings.model)
        self.gain = float((folder / "gain.txt").read_text())

    def __call__(self, task):
        with task.open_audio("audio") as sound:
            with task.create_audio("audio", sound.sample_rate, sound.channels) as writer:
                for block in sound.blocks():
                    writer.write(block * self.gain)
        return {"audio": writer.path}
"""


def scaling(site: Path, archive: Archive) -> Path:
    """Install it; models lie beside it."""
    path = install(site, archive, "scaling", CODE)
    path.with_name("librarian_scaling_work.py").write_text(WORK)
    archive.environment["LIBRARIAN_MODELS"] = str(site.parent / "models")
    return path


def folder_of(place: Path, name: str) -> Path:
    """A folder with the files of a model."""
    folder = place / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gain.txt").write_text(GAINS.get(name, "1.5\n"))
    if name == "quiet":
        (folder / "more").mkdir(exist_ok=True)
        (folder / "more" / "notes.txt").write_text("Half as loud.\n")
    return folder


def lay_in(archive: Archive, place: Path, *names: str) -> None:
    """Put models into the archive's lock and into the store."""
    known = [KnownModel(name, (KnownFile("gain.txt"),), loader="gain") for name in names]
    folders = {name: folder_of(place, name) for name in names}
    installed = install_models(folders, Path(archive.environment["LIBRARIAN_MODELS"]), known)
    write_lock(archive.root / ".librarian" / "models.lock", installed.lock)
