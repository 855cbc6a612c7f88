"""Functions over samples as machine code, for `audio`, `media` and extensions. Imported in workers only.

numba compiles a kernel for the form of its arguments when it is first called on a machine, and the machine code is kept
on disk. From then on llvmlite alone loads it, in a millisecond: numba would take half a second to be imported and to
find its own cache, and would import scipy where it is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from librarian.compiled.forms import form_of, words_of
from librarian.compiled.loading import Native

Compiled = TypeVar("Compiled", bound=Callable[..., object])


def kernel(function: Compiled) -> Compiled:
    """Compile a function on its first call; it runs without the GIL.

    A kernel takes arrays (in C order, or Fortran's) and numbers, allocates nothing (what it needs to work in it is
    given), and returns nothing or one number. It may call other kernels. Fast-math is off: no sum is reordered and
    nothing is fused, so that every machine gives the same bits.

    Raises:
        TypeError: when it is called: with something else, or it is not of this kind.
    """
    return cast(Compiled, Kernel(function))


class Kernel:
    """A function and what was compiled of it, for each form of arguments.

    Attributes:
        function: in Python, as it was written.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self._natives: dict[tuple[object, ...], Native] = {}
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> float | int | None:
        """Run it.

        Raises:
            TypeError: it is no kernel, or no kernel takes such arguments.
            RuntimeError: shapes of arrays do not go together.
        """
        native = self._natives.get(tuple([form_of(each) for each in arguments]))
        if native is None:
            native = self._find(arguments)
        return native.call(words_of(arguments))

    def _find(self, arguments: tuple[Any, ...]) -> Native:
        from librarian.compiled import keeping

        forms = tuple([form_of(each) for each in arguments])
        with self._lock:
            if forms not in self._natives:
                self._natives[forms] = keeping.found_or_built(self.function, arguments)
            return self._natives[forms]

    @property
    def forms(self) -> list[tuple[object, ...]]:
        """Of the arguments that it was called with in this process: for each there is machine code."""
        return list(self._natives)

    @property
    def _numba_type_(self) -> object:
        """What numba takes it for where another kernel calls it."""
        from librarian.compiled.building import dispatcher

        return dispatcher(self.function)._numba_type_
