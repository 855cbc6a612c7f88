"""An extension for librarian: `template_client` has a server change a recording."""

from __future__ import annotations

from librarian import Address, Audio, Field, Operation, Resources, Settings, hookimpl

LIBRARIAN_API = 1
"""The version of the contract that this is written for."""


class TemplateClientSettings(Settings):
    """Where to."""

    server: Address = Field(
        "127.0.0.1:8765",
        description="The server, as host:port. It takes a sound by POST /change and answers with one.",
    )


@hookimpl
def librarian_operations() -> list[Operation]:
    """`template_client`."""
    return [
        Operation(
            name="template_client",
            version="1",
            run="librarian_template_client.change:change",
            settings=TemplateClientSettings,
            inputs={"audio": Audio},
            outputs={"audio": Audio},
            description="Have a server change a recording.",
            resources=Resources(memory="1 GiB", timeout="30 min"),
            reproducible="no",
            hosts=lambda settings: [settings.server],
        )
    ]
