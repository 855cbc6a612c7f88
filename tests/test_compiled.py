"""Kernels: compiled once on a machine, loaded without numba ever after, and never from bytes that were changed."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from librarian.compiled import kernel

SCALE = 2.0

KERNEL = """
    import sys
    import numpy as np
    from librarian.compiled import kernel
    FACTOR = {factor}

    @kernel
    def times(value):
        return value * FACTOR

    @kernel
    def scaled(x, out):
        total = 0.0
        for i in range(x.size):
            out[i] = times(x[i])
            total += out[i]
        return total

    out = np.zeros(3)
    print(scaled(np.array([1.0, 2.0, 3.0]), out), out.tolist(), sorted({{"numba", "scipy"}} & set(sys.modules)))
"""


@kernel
def double(x):
    return 2 * x


@kernel
def sum_of(x, y):
    total = 0.0
    for i in range(x.size):
        total += x[i] * SCALE + y[i]
    return total


@kernel
def columns(x, out):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[j] += x[i, j]


@kernel
def allocating(x):
    return np.empty(x).sum()


@kernel
def unpacked(x):
    a, b = x
    return a + b


@pytest.fixture
def run(tmp_path: Path) -> Callable[[float], str]:
    """A process of its own that calls a kernel, with a cache of its own."""

    def run(factor: float) -> str:
        (tmp_path / "kernels.py").write_text(textwrap.dedent(KERNEL.format(factor=factor)))
        environment = {**os.environ, "LIBRARIAN_KERNELS": str(tmp_path / "kept")}
        command = [sys.executable, "-P", str(tmp_path / "kernels.py")]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    return run


def test_numbers_and_arrays_go_in_and_a_number_comes_out() -> None:
    assert double(21) == 42
    assert double(0.25) == 0.5
    assert double(np.float64(1.5)) == 3.0
    assert sum_of(np.array([1, 2], np.float32), np.array([10, 20], np.int64)) == 36.0


@pytest.mark.parametrize("order", ["C", "F"])
def test_both_orders_of_memory_are_read_right(order: str) -> None:
    x = np.array(np.arange(6.0).reshape(2, 3), order=order)
    out = np.zeros(3)
    assert columns(x, out) is None
    assert out.tolist() == [3.0, 5.0, 7.0]


def test_what_no_kernel_takes_is_said() -> None:
    with pytest.raises(TypeError, match="C or Fortran order"):
        columns(np.zeros((4, 4))[::2, ::2], np.zeros(2))
    with pytest.raises(TypeError, match="not str"):
        double("x")


def test_what_is_no_kernel_is_said() -> None:
    with pytest.raises(TypeError, match=r"allocating needs NRT_.*a kernel allocates nothing"):
        allocating(3)
    within = 3
    with pytest.raises(TypeError, match="stands in one"):
        kernel(lambda x: x + within)(1)


def test_shapes_that_do_not_go_together_are_an_error() -> None:
    assert unpacked(np.array([1.0, 2.0])) == 3.0
    with pytest.raises(RuntimeError, match="shapes"):
        unpacked(np.array([1.0, 2.0, 3.0]))


def test_threads_that_call_it_first_together_all_get_the_answer() -> None:
    @kernel
    def triple(x):
        return 3 * x

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(triple, range(32))) == [3 * each for each in range(32)]


def test_a_later_process_loads_it_without_numba(run: Callable[[float], str], tmp_path: Path) -> None:
    first, again = run(3.0), run(3.0)
    assert first.startswith("18.0 [3.0, 6.0, 9.0] ['numba'")
    assert again == "18.0 [3.0, 6.0, 9.0] []"
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "kept").iterdir()] == [0o600]


def test_a_constant_of_a_kernel_that_it_calls_makes_it_another(run: Callable[[float], str]) -> None:
    assert run(3.0).startswith("18.0 ")
    assert run(4.0).startswith("24.0 [4.0, 8.0, 12.0] ['numba'")


@pytest.mark.parametrize("damage", [lambda held: held[: len(held) // 2], lambda held: held[:-9] + b"X" + held[-8:]])
def test_what_was_damaged_on_disk_is_compiled_again(
    run: Callable[[float], str], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    run(3.0)
    (kept,) = (tmp_path / "kept").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert run(3.0).startswith("18.0 [3.0, 6.0, 9.0] ['numba'")
    assert kept.read_bytes() == whole


def test_what_cannot_be_kept_is_compiled_all_the_same(run: Callable[[float], str], tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"no folder")
    assert run(3.0).startswith("18.0 [3.0, 6.0, 9.0] ['numba'")
