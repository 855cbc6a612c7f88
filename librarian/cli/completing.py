"""What a shell completes: commands, options, ids, job files. Imports next to nothing, and never says a word."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import itertools
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from click.shell_completion import CompletionItem

MOST_IDS = 40
"""Ids that are offered; where there are more, what they begin with is."""
_ID = re.compile(r"[a-z]{0,3}|[a-z]{3}_[0-9a-z]*")
_NEXT_ID = """
    SELECT min(id) FROM (
        SELECT min(id) AS id FROM artifacts WHERE id >= :begin
        UNION ALL SELECT min(job) FROM manifests WHERE job >= :begin
        UNION ALL SELECT min(unit) FROM current WHERE unit >= :begin)
"""
_BEHIND = "~"
"""Sorts behind everything that ids are made of."""
_WHOLE = 99
_PLAIN_NAME = re.compile(r"[\w./-]+")
_CHEAP = ("__future__", "click", "pathlib", "librarian.cli.typed")
"""What a command's decorators may import."""

Items = list[CompletionItem[Any]]


def complete_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Ids that begin with what is typed; files, where none does."""
    found: list[str] = []
    with contextlib.suppress(Exception):  # a shell shows whatever is said in the middle of the line
        found = _ids(context, incomplete) if _ID.fullmatch(incomplete) else []
    return [CompletionItem(each) for each in found] or [CompletionItem(incomplete, type="file")]


def _ids(context: click.Context, incomplete: str) -> list[str]:
    from librarian import project

    named = context.find_root().params.get("project")
    root = project.find(Path(named) if named else None)
    if root is None:
        return []
    # The catalog as it stands: opening it properly would bring it up to date, and take too long.
    where = f"file:{quote(os.fspath(root / project.STATE / 'catalog.db'))}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True, timeout=0.1)) as db:
        found = list(itertools.islice(_begun(db, incomplete, _WHOLE), MOST_IDS + 1))
        length = max(len(incomplete), len("art"))
        while len(found) > MOST_IDS:
            length += 1
            begun = list(_begun(db, incomplete, length))
            found = begun if len(begun) > 1 else found
    return found


def _begun(db: sqlite3.Connection, incomplete: str, length: int) -> Iterator[str]:
    """The first characters of ids that begin so, each once; the index is read in leaps."""
    begin = incomplete
    while True:
        (found,) = db.execute(_NEXT_ID, {"begin": begin}).fetchone()
        if found is None or not found.startswith(incomplete):
            return
        yield found[:length]
        begin = found[:length] + _BEHIND


def complete_jobs(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Job files (*.yaml, *.yml) that begin with what is typed; any files and folders, where none does."""
    found: list[str] = []
    with contextlib.suppress(Exception):
        folder, name = os.path.split(incomplete)
        ours = (each for each in os.listdir(folder or ".") if each.endswith((".yaml", ".yml")))
        found = sorted(os.path.join(folder, each) for each in ours if each.startswith(name))
    if not found or not all(map(_PLAIN_NAME.fullmatch, found)):  # shells quote the names of files that they find
        return [CompletionItem(incomplete, type="file")]
    return [CompletionItem(each) for each in found]


_COMPLETERS = {"what": complete_ids, "artifact": complete_ids, "job": complete_jobs}
"""Name of an argument → what completes it."""


def command_in(module: str) -> click.Command:
    """A command that is good for completing only: its module is not imported where that can be avoided."""
    try:
        command: click.Command = _light(module)["command"]
    except Exception:  # its decorators need more than is made out here
        command = importlib.import_module(module).command
    command.params = [_completed(each) for each in command.params]
    return command


def _completed(parameter: click.Parameter) -> click.Parameter:
    name = parameter.name or ""
    if isinstance(parameter, click.Argument) and name in _COMPLETERS:
        return click.Argument([name], required=False, shell_complete=_COMPLETERS[name])
    return parameter


def _light(module: str) -> dict[str, Any]:
    """The names of a module that a command's decorators may need; those that they take from another come from there."""
    spec = importlib.util.find_spec(module)
    tree = ast.parse(Path(str(spec and spec.origin)).read_text(encoding="utf-8"))
    wanted = {
        name.id
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "command"
        for name in node.decorator_list
        if isinstance(name, ast.Name)
    }
    namespace: dict[str, Any] = {"__name__": module}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and (names := wanted & {each.name for each in node.names}):
            there = _light(node.module)
            namespace |= {name: there[name] for name in names}
    tree.body = [node for node in tree.body if _costs_nothing(node)]
    exec(compile(tree, module, "exec"), namespace)
    return namespace


def _costs_nothing(node: ast.stmt) -> bool:
    """Whether a statement is the command, or one that it may need and that neither imports nor works."""
    match node:
        case ast.FunctionDef(name="command"):
            return True
        case ast.FunctionDef(decorator_list=[], args=ast.arguments(defaults=[], kw_defaults=[])):
            return True
        case ast.Import(names=names):
            return all(each.name in _CHEAP for each in names)
        case ast.ImportFrom(module=module):
            return module in _CHEAP
        case ast.Assign(value=value):
            with contextlib.suppress(ValueError):
                ast.literal_eval(value)
                return True
    return False
