"""`librarian completion`: what a shell needs to complete commands, options, ids and job files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from librarian.cli import COMPLETING, NAME
from librarian.cli.typed import OneOf
from librarian.cli.words import say
from librarian.errors import UsageError

SHELLS = ("bash", "zsh", "fish")
# Nothing is said where librarian is not there: the environment that it is in may not be active.
_LINES = {
    "bash": ("~/.bashrc", 'eval "$(librarian completion bash 2>/dev/null)"'),
    "zsh": ("~/.zshrc, after compinit", 'eval "$(librarian completion zsh 2>/dev/null)"'),
    "fish": ("~/.config/fish/config.fish", "librarian completion fish 2>/dev/null | source"),
}


@click.command("completion")
@click.argument("shell", required=False, type=OneOf(SHELLS), metavar="[SHELL]")
@click.pass_context
def command(context: click.Context, shell: str | None) -> int:
    """Prints the script for SHELL (bash, zsh or fish; else the one in $SHELL), and says which line to add to the file
    that the shell reads when it starts.
    """
    from click.shell_completion import get_completion_class

    name = shell or _own_shell()
    made = get_completion_class(name)
    assert made is not None  # click knows all of SHELLS
    click.echo(made(context.find_root().command, {}, NAME, COMPLETING).source())
    file, line = _LINES[name]
    say(f"next: add this line to {file}, and open a new terminal")
    say(f"  {line}")
    return 0


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise UsageError(f"$SHELL is none that can complete; type: librarian completion {'|'.join(SHELLS)}")
    return name
