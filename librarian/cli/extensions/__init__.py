"""`librarian extensions`: what is installed, and what those need who write one. One file a command."""

from __future__ import annotations

import click

from librarian.cli import LazyGroup

COMMANDS = {
    "list": "List what is installed and what it can do.",
    "new": "Write a small package that works, to begin an extension with.",
    "check": "Check whether an extension keeps to the contract.",
}
"""Command → its one-line help, in the order of the help page."""
_HELP = ("-h", "--help")


class ExtensionsGroup(LazyGroup):
    """The commands about extensions. What is none of them is meant for `list`."""

    table = COMMANDS
    package = "librarian.cli.extensions"

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Put `list` where it was left out; a shell that completes is told of the others too."""
        if not context.resilient_parsing and (not args or args[0] not in (*self.table, *_HELP)):
            args = ["list", *args]
        return super().parse_args(context, args)


@click.group("extensions", cls=ExtensionsGroup)
def command() -> None:
    """Without a command it lists them: `librarian extensions`, `librarian extensions normalize`."""
