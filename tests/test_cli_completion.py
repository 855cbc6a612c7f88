"""Completing in a shell: asked as the shells ask, through the environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from harness import Archive

from librarian.cli import COMMANDS, COMPLETING, cli
from librarian.cli.completing import MOST_IDS

HEAVY = ("pydantic", "librarian.workers", "librarian.manifest", "ruamel", "wcmatch")


def asked(archive: Archive, line: str, shell: str = "bash") -> list[str]:
    """What is offered for the last word of a line; nothing else may be said."""
    words = line.split(" ")
    number = str(len(words) - 1)
    variables = {COMPLETING: f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": number}
    if shell == "fish":
        variables["COMP_CWORD"] = words[-1]
    archive.environment |= variables
    try:
        done = archive.librarian(*(), code=None)
    finally:
        for name in variables:
            del archive.environment[name]
    assert done.stderr == ""
    return done.stdout.splitlines()


def plain(*values: str) -> list[str]:
    return [f"plain,{value}" for value in values]


def ids(archive: Archive) -> list[str]:
    return sorted(path.name for path in (archive.root / "library").glob("*/rec_*"))


def test_commands_and_options(archive: Archive) -> None:
    assert asked(archive, "librarian ") == plain(*COMMANDS)
    assert asked(archive, "librarian s") == plain(*(each for each in COMMANDS if each.startswith("s")))
    assert asked(archive, "librarian --pr") == plain("--project")
    assert asked(archive, "librarian extensions ") == plain("list", "new", "check")
    assert asked(archive, "librarian show --") == plain("--timing", "--names", "--json", "--help")
    assert asked(archive, "librarian --debug run --no-w") == plain("--no-wait")
    assert asked(archive, "librarian schema m") == plain("manifest", "models", "measurements")
    assert asked(archive, "librarian completion ") == plain("bash", "zsh", "fish")


def test_every_command_is_completed_without_what_it_imports() -> None:
    code = (
        "import sys, click\n"
        "from librarian.cli import COMMANDS, cli\n"
        "context = click.Context(cli, resilient_parsing=True)\n"
        "for name in COMMANDS:\n"
        "    command = cli.get_command(context, name)\n"
        "    print(name, *sorted(each.name for each in command.params))\n"
        f"print(*[each for each in {HEAVY!r} if each in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    *found, loaded = done.stdout.split("\n")[:-1]
    assert loaded == ""
    import click

    real = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}
    for line in found:
        name, *parameters = line.split()
        command = real.pop(name)
        assert command is not None
        assert parameters == sorted(str(each.name) for each in command.params)
    assert not real


def test_ids_that_begin_so(calls: Archive) -> None:
    assert asked(calls, "librarian show rec_") == ["file,rec_"]
    calls.librarian("run", "job.yaml")
    found = ids(calls)
    assert asked(calls, "librarian trace rec_") == plain(*found)
    assert asked(calls, f"librarian show {found[0][:10]}") == plain(found[0])
    assert len(asked(calls, "librarian show ")) == 3 + 9 + 1  # recordings, artifacts, the job
    assert asked(calls, "librarian show jo")[0].startswith("plain,job_")
    assert asked(calls, "librarian show calls/") == ["file,calls/"]
    elsewhere = Archive(calls.root / "calls", dict(calls.environment))
    assert asked(elsewhere, f"librarian --project {calls.root} show rec_") == plain(*found)
    assert asked(calls, "librarian --project nowhere show rec_") == ["file,rec_"]


def test_many_ids_are_offered_by_their_beginnings(calls: Archive) -> None:
    shutil.rmtree(calls.root / "calls")
    (calls.root / "calls").mkdir()
    for number in range(MOST_IDS + 1):
        (calls.root / "calls" / f"{number}.wav").write_bytes(b"no sound %d" % number)
    calls.librarian("run", "job.yaml", code=1)
    offered = [each.removeprefix("plain,") for each in asked(calls, "librarian show rec_")]
    assert {len(each) for each in offered} == {len("rec_") + 1}
    below = [each for begin in offered for each in asked(calls, f"librarian show {begin}")]
    assert len(set(below)) == MOST_IDS + 1
    assert asked(calls, "librarian show r") == plain(*offered)


def test_job_files(archive: Archive) -> None:
    for name in ("job.yaml", "other.yml", "notes.txt"):
        (archive.root / name).write_text("")
    (archive.root / "jobs").mkdir()
    (archive.root / "jobs" / "deep.yaml").write_text("")
    for command in ("run", "plan"):
        assert asked(archive, f"librarian {command} ") == plain("job.yaml", "other.yml")
        assert asked(archive, f"librarian {command} jobs/") == plain("jobs/deep.yaml")
        assert asked(archive, f"librarian {command} n") == ["file,n"]  # the shell's own way
    (archive.root / "my job.yaml").write_text("")
    assert asked(archive, "librarian run m") == ["file,m"]  # the shell quotes it


def test_zsh_and_fish_are_told_what_a_word_means(archive: Archive) -> None:
    assert asked(archive, "librarian sto", "zsh") == ["plain", "stop", COMMANDS["stop"]]
    assert asked(archive, "librarian sto", "fish") == [f"plain,stop\t{COMMANDS['stop']}"]


STRANGE = ["librarian nonsense --x", "librarian show 'a", "librarian --project", "librarian run \\", ""]


@pytest.mark.parametrize("line", STRANGE)
def test_nothing_is_said_whatever_is_typed(archive: Archive, line: str) -> None:
    (archive.root / ".librarian").mkdir()
    (archive.root / ".librarian" / "project.toml").write_text("broken")
    (archive.root / ".librarian" / "catalog.db").write_text("broken")
    asked(archive, line)
    assert asked(archive, "librarian show rec_") == ["file,rec_"]
    archive.environment |= {COMPLETING: "bash_complete"}  # without the words
    done = archive.librarian(*(), code=None)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_script_and_the_line_that_loads_it(archive: Archive) -> None:
    for shell, file in (("bash", "~/.bashrc"), ("zsh", "~/.zshrc"), ("fish", "config.fish")):
        said = archive.librarian("completion", shell)
        assert f"{COMPLETING}={shell}_complete" in said.stdout
        assert file in said.stderr
        assert f"librarian completion {shell} 2>/dev/null" in said.stderr
        archive.environment["SHELL"] = f"/usr/bin/{shell}"
        assert archive.librarian("completion").stdout == said.stdout
    archive.environment["SHELL"] = "/bin/tcsh"
    said = archive.librarian("completion", code=2)
    assert said.stderr == "librarian: $SHELL is none that can complete; type: librarian completion bash|zsh|fish\n"


SHELLS = {
    "bash": """source ./script; COMP_WORDS=(librarian sh); COMP_CWORD=1
        _librarian_completion librarian; echo "${COMPREPLY[@]}" """,
    "fish": 'source ./script; complete -C "librarian sh" | cut -f 1',
    "zsh": "compdef() { true }; source ./script; whence -w _librarian_completion | cut -d' ' -f 2",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_real_shell_takes_the_script(archive: Archive, shell: str) -> None:
    if not (program := shutil.which(shell)):
        pytest.skip(f"no {shell} here")
    (archive.root / "script").write_text(archive.librarian("completion", shell).stdout)
    start = archive.root / "bin" / "librarian"
    start.parent.mkdir()
    start.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m librarian "$@"\n')
    start.chmod(0o755)
    environment = {**os.environ, "PATH": f"{start.parent}:{os.environ['PATH']}", "HOME": str(archive.root)}
    clean = {"bash": ["--norc"], "fish": ["--no-config"], "zsh": ["-f"]}[shell]
    ask = [program, *clean, "-c", SHELLS[shell]]
    done = subprocess.run(ask, check=False, cwd=archive.root, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == (["function"] if shell == "zsh" else ["show"]), done.stderr
