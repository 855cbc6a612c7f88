"""What many installed extensions cost: `librarian --help` and `librarian extensions`, asked anew and remembered.

    python benchmarks/extensions.py --extensions 50 --repeat 5

Each is a module with an operation and its metadata, in a folder on the module search path, beside those that are
installed; the first of them cannot be imported. Times are of whole processes, medians (s).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

CODE = """
from librarian import Audio, Field, Gain, Operation, Settings, hookimpl

class AmplifySettings(Settings):
    gain: Gain = Field("6 dB", description="Gain (dB, −60 to 60).", ge=-60, le=60)

@hookimpl
def librarian_operations():
    return [Operation(name="amplify_NUMBER", version="1", run=f"{__name__}:amplify", settings=AmplifySettings,
                      inputs={"audio": Audio}, outputs={"audio": Audio}, description="Make a recording louder.")]
"""


def lay(site: Path, number: int) -> None:
    """Install one."""
    module = f"librarian_amplify_{number}"
    (site / f"{module}.py").write_text(CODE.replace("NUMBER", str(number)) if number else "1 / 0\n")
    metadata = site / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: librarian-amplify-{number}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[librarian]\namplify-{number} = {module}\n")


def seconds(environment: dict[str, str], *arguments: str) -> float:
    """What a command takes."""
    began = time.perf_counter()
    command = [sys.executable, "-P", "-m", "librarian", *arguments]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--extensions", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    print(f"{'extensions more':>15}  {'--help':>7}  {'asked':>7}  {'remembered':>10}")
    for number in (0, given.extensions):
        with tempfile.TemporaryDirectory() as folder:
            site, cache = Path(folder, "site"), Path(folder, "cache")
            site.mkdir()
            for each in range(number):
                lay(site, each)
            environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(cache)}
            asked = seconds(environment, "extensions")
            said, remembered = (
                median(seconds(environment, command) for _ in range(given.repeat))
                for command in ("--help", "extensions")
            )
        print(f"{number:>15}  {said:>7.2f}  {asked:>7.2f}  {remembered:>10.2f}")


if __name__ == "__main__":
    main()
