"""The command line. One file a command, imported when it is typed: `librarian --help` loads click and nothing else."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Iterable
from keyword import iskeyword
from typing import Any, NoReturn

import click

NAME = "librarian"
COMPLETING = "_LIBRARIAN_COMPLETE"
"""The variable by which a shell asks."""
COMMANDS = {
    "init": "Make a folder a project.",
    "run": "Run a job file.",
    "try": "Try one operation on a few files, without a project.",
    "measure": "Measure loudness, peaks and quality of sound files, without a project.",
    "plan": "Say what a run would do, and why.",
    "status": "Say where the run that is going on stands.",
    "stop": "End the run that is going on, in good order.",
    "find": "Find what was said, and recordings by what is known of them.",
    "view": "Show current results under the names of your recordings, as links.",
    "export": "Copy current results for others, verified, with sums and proof.",
    "prune": "Make room: drop results that can be made again.",
    "du": "Say what takes room in the library, by step and state.",
    "settle": "Record what you decided about failures.",
    "revise": "Put a corrected file in the place of a result; later steps take it.",
    "jobs": "List what was done, newest last.",
    "show": "Say everything about a recording, a result or a job.",
    "trace": "Say what a result was made from, and what was made from it.",
    "voices": "Find the voice of a recording in others.",
    "verify": "Check the record and the library.",
    "catalog": "Make the index over the manifests anew.",
    "project": "Move a project's library to another place.",
    "models": "List, add, verify, fetch and pack the models that operations use.",
    "extensions": "List what is installed and what it can do; write and check extensions.",
    "doctor": "Say whether everything is as it should be, and what to do where not.",
    "privacy": "Keep names out of texts; show, seal and forget them.",
    "schema": "Print the JSON Schema of a job file or of the record.",
    "completion": "Print what a shell needs to complete commands, options and ids.",
}
"""Command → its one-line help, in the order of the help page."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called.

    Attributes:
        table: command → its one-line help.
        package: holds the modules of the commands.
    """

    table = COMMANDS
    package = "librarian.cli"

    def list_commands(self, context: click.Context) -> list[str]:
        """All commands, in their order."""
        return list(self.table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one command: `command` in the module of its name."""
        if name not in self.table:
            return None
        module = f"{self.package}.{name}{'_' if iskeyword(name) else ''}"
        if context.resilient_parsing:
            return _for_completing(module)
        command: click.Command = importlib.import_module(module).command
        if not (command.help or "").startswith(self.table[name]):
            command.help = f"{self.table[name]}\n\n{inspect.cleandoc(command.help or '')}"
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table: none of them is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))

    def shell_complete(self, context: click.Context, incomplete: str) -> list[Any]:
        """Options and commands, from the table: none of them is imported."""
        from click.shell_completion import CompletionItem

        begun = [CompletionItem(name, help=line) for name, line in self.table.items() if name.startswith(incomplete)]
        return begun or click.Command.shell_complete(self, context, incomplete)

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        """Find the command; say what was probably meant."""
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            raise _with_hint(error, args[0], self.table) from None


def _for_completing(module: str) -> click.Command:
    from librarian.cli.completing import command_in

    return command_in(module)


def _with_hint(error: click.UsageError, typed: str, table: Iterable[str]) -> click.UsageError:
    import difflib

    close = difflib.get_close_matches(typed, table, n=1)
    return click.UsageError(f"{error.message}{f' Did you mean {close[0]}?' if close else ''}", error.ctx)


def _show_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        import librarian

        click.echo(f"librarian {librarian.__version__}")
        context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: librarian try --help",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Say which version this is.",
)
@click.option("--project", metavar="FOLDER", help="The project; else the nearest above the current folder.")
@click.option("--passphrase-fd", type=int, metavar="N", help="Read the passphrase of a sealed vault from descriptor N.")
@click.option("--debug", is_flag=True, help="Show where an unexpected error comes from.")
@click.pass_context
def cli(context: click.Context, project: str | None, passphrase_fd: int | None, debug: bool) -> None:
    """Bring a private archive of recordings through separation, normalization, transcription and more: every
    output exactly once, verified, and with a record of where it came from that names no one.
    """
    context.obj = {"project": project, "debug": debug}


def main() -> NoReturn:
    """The `librarian` command."""
    _open_closed_streams()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # code of others, which would be told every name
    if COMPLETING in os.environ:
        _complete()
    try:
        code = cli.main(prog_name=NAME, standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        code = _mistyped(error)
    except BrokenPipeError:
        code = _after_broken_pipe()
    except Exception as error:
        code = _failed(error)
    sys.exit(code if isinstance(code, int) else 0)


def _complete() -> NoReturn:
    # A shell asks, in the middle of a line: whatever goes wrong, nothing may be said there.
    with contextlib.suppress(Exception):
        cli.main(prog_name=NAME, standalone_mode=False)
    sys.exit(1)


def _open_closed_streams() -> None:
    # Where 0, 1 or 2 is closed, the next file or socket that is opened would become a standard stream.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004
        pass
    os.close(handle)


def _after_broken_pipe() -> int:
    # The reader went away: nothing is wrong, and nothing may be flushed to it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _mistyped(error: click.ClickException) -> int:
    from librarian.cli.words import say

    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else NAME
    message = error.format_message()
    say(f"{path}: {message}{'' if message.endswith(('.', '?')) else '.'} Type: {path} --help")
    return error.exit_code


def _failed(error: Exception) -> int:
    from librarian.cli.failure import report

    return report(error, debug="--debug" in sys.argv)
