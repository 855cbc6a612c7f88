"""The vault behind a passphrase, and out of it again: `privacy seal`, `privacy unseal`."""

from __future__ import annotations

import contextlib

import click

from librarian.acts.act import mend
from librarian.cli.passphrase import read_passphrase
from librarian.cli.place import held, open_project
from librarian.cli.words import say
from librarian.errors import RefusedError
from librarian.privacy import sealing
from librarian.privacy.vault import Vault


def seal(context: click.Context, no_wait: bool) -> int:
    """Seal the vault."""
    project = open_project(context)
    with held(project, no_wait):
        if sealing.is_sealed(project.vault):
            raise RefusedError("the vault is sealed already; for another passphrase: librarian privacy unseal")
        sealing.module()  # before anybody thinks of a passphrase
        mend(project, say)
        Vault(project.vault, owned=True).close()  # there is one then, whole and of today's version
        sealing.seal(project.vault, read_passphrase(context, "a passphrase for the vault", new=True))
    click.echo("the vault is sealed; nothing and nobody can open it without the passphrase")
    say("copies of it from before (backups) are not sealed, and free blocks of the disk may hold pages of it")
    say("next: librarian doctor --backup FOLDER")
    return 0


def unseal(context: click.Context, no_wait: bool) -> int:
    """Make the vault a plain one."""
    project = open_project(context)
    with held(project, no_wait):
        with contextlib.closing(Vault(project.vault, owned=True)):
            pass  # a wrong passphrase is said before anything else
        sealing.unseal(project.vault)
    click.echo("the vault is plain: whoever can read .librarian/vault.db can read the names in it")
    return 0
