"""What is typed: kinds of arguments."""

from __future__ import annotations

import difflib
from typing import Any

import click


class OneOf(click.Choice[str]):
    """One of a few words; another is refused with the one that was probably meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a word.

        Raises:
            BadParameter: it is none of them.
        """
        if value in self.choices:
            return value
        close = difflib.get_close_matches(str(value), self.choices, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        self.fail(f"{value!r} is not one of {', '.join(self.choices)}.{hint}", param, ctx)
