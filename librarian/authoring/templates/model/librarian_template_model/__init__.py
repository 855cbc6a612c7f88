"""An extension for librarian: `template_model` makes a recording sound as a telephone does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from librarian import Audio, Field, KnownFile, KnownModel, Model, Operation, Resources, Settings, hookimpl

LIBRARIAN_API = 1
"""The version of the contract that this is written for."""
Chosen = tuple[Settings, Sequence[str]]
"""Settings, and the names of the models that they use."""
BUILT_IN = "built-in"
KNOWN = KnownModel(
    "template-model",
    (KnownFile("model.safetensors"),),
    description="One layer of 1-D convolution: `weight` of [1, 1, taps], at 16 kHz.",
)
"""The model that this knows. Give its files their sha256, so that others are refused."""


class TemplateModelSettings(Settings):
    """Which weights."""

    model: str = Field("auto", description="A model of models.lock, built-in, or auto: the known one, if it is there.")


def resolve(settings: TemplateModelSettings, installed: Mapping[str, Model]) -> Chosen:
    """The settings without `auto`, which says nothing to a record, and the models that they use."""
    if settings.model == "auto":
        chosen = KNOWN.name if KNOWN.name in installed else BUILT_IN
        settings = TemplateModelSettings(model=chosen)
    return settings, [] if settings.model == BUILT_IN else [settings.model]


@hookimpl
def librarian_operations() -> list[Operation]:
    """`template_model`."""
    return [
        Operation(
            name="template_model",
            version="1",
            run="librarian_template_model.telephone:Telephone",
            settings=TemplateModelSettings,
            inputs={"audio": Audio},
            outputs={"audio": Audio},
            description="Make a recording sound as a telephone does.",
            resources=Resources(gpu="optional", memory="2 GiB", gpu_memory="2 GiB"),
            reproducible="tolerance",
            models=(KNOWN,),
            resolve=resolve,
        )
    ]
