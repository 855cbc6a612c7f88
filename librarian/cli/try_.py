"""`librarian try`: one operation on a few files, through the real worker, in a temporary project."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
from wcmatch import glob

from librarian import project as projects
from librarian.cli.common import Checked, LateLog, check, refuse_shadow
from librarian.cli.display import fact_line, failures_only
from librarian.cli.place import installed_models
from librarian.cli.run import Stop, exit_code
from librarian.cli.running import carry_out
from librarian.cli.wish_options import private
from librarian.cli.words import say
from librarian.cli.working import workers_for
from librarian.errors import ExtensionError, JobError, MissingError, RefusedError, UsageError
from librarian.job import MissingExtensionError, MissingModelError, Read, read_bytes
from librarian.job.policy import Rules
from librarian.job.read import RefusedJobError
from librarian.job.yamltext import YamlProblemError, parse
from librarian.manifest.catalog import Catalog, MadeArtifact
from librarian.models.installed import Installed
from librarian.operation import Effect
from librarian.privacy.vault import Vault
from librarian.project import Project
from librarian.run.halt import Halt
from librarian.run.order import Order

NAME = "try"
_RULE = re.compile(r"write into the job file: .*\{(hosts: \['(?P<host>.*)'\]|(?P<effect>[a-z-]+): .*)\}\}?$")
_PLACE = re.compile(r"steps\.0\.with(?:\.|(?=:))")
_INPUTS = "steps.0.from"
_EFFECTS = get_args(Effect)


@click.command("try")
@click.argument("operation")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--with",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting, such as target=-20 or 'stems=[vocals, drums]'; may be given again.",
)
@click.option(
    "-o",
    "--out",
    default="librarian-try",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results.",
    show_default=True,
)
@click.option(
    "--format",
    "audio",
    type=click.Choice(["flac", "wav"]),
    default="flac",
    show_default=True,
    help="How sound is written.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="HOST|model-code|deletes",
    help="Let the operation talk to a host, run code that comes with a model, or delete something elsewhere; may be "
    "given again.",
)
@private
@click.option("--json", "as_json", is_flag=True, help="Print files, results and measured facts as JSON.")
@click.pass_context
def command(
    context: click.Context,
    /,
    operation: str,
    files: Sequence[Path],
    settings: Sequence[str],
    out: Path,
    audio: str,
    as_json: bool,
    **let: Any,
) -> int:
    """Runs OPERATION on each of the FILES and puts the results into a folder, under neutral names that overwrite
    nothing. What an operation does and takes: librarian extensions OPERATION.
    """
    refuse_shadow()
    text = _job(operation, files, settings, audio, let["allow"])
    log = LateLog()
    with (
        tempfile.TemporaryDirectory(prefix="librarian-try-") as folder,
        Stop() as stop,
        workers_for(None, log) as pool,
    ):
        checked = _check(text, pool, installed_models(context))
        _refuse(text, checked, let["private"])
        project = projects.init(Path(folder))
        watching = [failures_only({step.id: step.declaration for step in checked.job.steps})]
        stop.running = True
        order = Order(
            *(checked.job, checked.scan, checked.job.steps),
            options={"private": True} if let["private"] else {},
            models=checked.models,
        )
        ended = carry_out(project, order, checked.scrubber(project), pool, log, watching, Halt(stop))
        results = _results(project, checked, files, out, operation)
    if as_json:
        click.echo(json.dumps(results, indent=1))
    else:
        _show(results, checked)
    if kept := [name for name, port in checked.job.steps[0].outputs.items() if port.secret]:
        say(f"not written: {', '.join(kept)}, for it stays in the vault of a project, and a try has none")
    code = exit_code(ended, stop)
    if code == 0:
        say("next: librarian init, then write your recordings into job.yaml")
    return code


def _job(operation: str, files: Sequence[Path], settings: Sequence[str], audio: str, allow: Sequence[str]) -> Read:
    step = {"id": NAME, "use": operation, "with": dict(map(_setting, settings))}
    for path in files:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    document = {
        "librarian": 1,
        "name": NAME,
        "audio": {"format": audio},
        "recordings": [{"id": "files", "path": [glob.escape(os.path.abspath(path)) for path in files]}],
        "steps": [step],
        "allow": {
            "hosts": [each for each in allow if each not in _EFFECTS],
            **{effect: [NAME] for effect in _EFFECTS if effect in allow},
        },
    }
    return read_bytes(json.dumps(document).encode(), name=NAME, folder=Path.cwd())


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name, parse(value.encode()).data
    except YamlProblemError:
        pass
    raise UsageError("--with takes NAME=VALUE, such as: --with target=-20")


def _check(text: Read, workers: Any, models: Installed) -> Checked:
    try:
        return check(text, workers, models)
    except MissingModelError as error:
        raise MissingError("\n".join(line.partition(": ")[2].partition(": ")[2] for line in error.problems)) from None
    except MissingExtensionError as error:
        raise ExtensionError("\n".join(line.partition("steps.0.use: ")[2] for line in error.problems)) from None
    except JobError as error:
        lines = [line.partition(": ")[2] for line in error.problems]
        raise JobError([_as_typed(line) for line in lines]) from None


def _refuse(text: Read, checked: Checked, private: bool) -> None:
    try:
        Rules(checked.job, private, checked.names_someone).refuse(text, checked.job.steps)
    except RefusedJobError as error:
        lines = (line.partition("steps.0.use: ")[2] for line in error.problems)
        raise RefusedError("\n".join(_RULE.sub(_typed_rule, line) for line in lines)) from None


def _typed_rule(found: re.Match[str]) -> str:
    """A rule of a job file as it is typed here."""
    return f"type the same again with --allow {found['host'] or found['effect']}"


def _as_typed(line: str) -> str:
    """A line about a setting with the place where it was typed; one about inputs with what there is to do.

    >>> _as_typed("steps.0.with.target: is missing"), _as_typed("steps.0.with: do not go together")
    ('--with target: is missing', '--with: do not go together')
    """
    if line.startswith(_INPUTS):
        what = line.partition(": ")[2].partition(";")[0]
        return f"try gives recordings alone: {what}; librarian init, then write the steps into job.yaml"
    return _PLACE.sub(lambda found: "--with " if found[0].endswith(".") else "--with", line, count=1)


def _results(
    project: Project, checked: Checked, files: Sequence[Path], out: Path, operation: str
) -> list[dict[str, Any]]:
    catalog = Catalog(project.catalog, project.manifests, owned=False)
    vault = Vault(project.vault, owned=False)
    found = []
    for path in files:
        unit = vault.recording_at(Path(os.path.normpath(os.path.abspath(path))))
        current = catalog.current(NAME, NAME, unit) if unit else None
        made = catalog.made(current.key) if current and current.good else None
        artifacts = made.artifacts if made else ()
        copied = _copy(project.library, artifacts, out, operation.rpartition("/")[2])
        facts = {name: value for artifact in artifacts for name, value in artifact.facts.items()}
        found.append({"file": str(path), "results": copied, "facts": facts})
    vault.close()
    catalog.close()
    return found


def _copy(library: Path, artifacts: Sequence[MadeArtifact], out: Path, operation: str) -> list[str]:
    out.mkdir(parents=True, exist_ok=True)
    for stem in _stems(operation):
        names = {artifact.file: out / f"{stem}.{artifact.file.split('.', 2)[2]}" for artifact in artifacts}
        if not any(target.exists() for target in names.values()):
            for file, target in names.items():
                shutil.copyfile(library / file, target)
            return [str(target) for target in names.values()]
    raise AssertionError("the names never end")


def _stems(operation: str) -> Iterator[str]:
    yield operation
    number = 2
    while True:
        yield f"{operation}-{number}"
        number += 1


def _show(results: Sequence[Mapping[str, Any]], checked: Checked) -> None:
    declared = checked.job.steps[0].declaration.facts
    for each in results:
        click.echo(f"{each['file']}: {fact_line(declared, each['facts']) or 'nothing was made'}")
        for result in each["results"]:
            click.echo(f"  {result}")
