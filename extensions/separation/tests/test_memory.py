"""What a network frees stays with the process."""

import subprocess
import sys

import pytest

HELD = """
import sys
import numpy as np
from librarian.workers.memory import held
from librarian_separation.memory import keep_freed_memory
print(sys.argv[1] == "keep" and keep_freed_memory())
before = held()[0]
np.ones(25_000_000)
print(held()[0] - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc has it")
def test_what_is_freed_is_kept_for_the_next_array():
    grown = {}
    for how in ("keep", "return"):
        done = subprocess.run([sys.executable, "-c", HELD, how], capture_output=True, text=True, check=True)
        kept, held = done.stdout.split()
        assert kept == str(how == "keep")
        grown[how] = float(held)
    assert grown["keep"] > 190e6
    assert grown["return"] < 10e6
