"""What fails in any thread ends the sound's task, leaves nothing, and does no harm to the next."""

import errno
import os
import threading

import pytest
from demucs.htdemucs import HTDemucs

from librarian.testing import FileTask, given_models
from librarian_separation import SeparateSettings, results
from librarian_separation.cutting import Cutter
from librarian_separation.flow import Separation
from librarian_separation.networks import Network
from librarian_separation.results import Spool
from librarian_separation.separate import Separator

STEMS = ("drums", "bass", "other", "vocals")


def open_files():
    """What this process has open, by inode."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.stat(f"/proc/self/fd/{number}").st_ino)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux says what is open")
@pytest.mark.parametrize(
    ("place", "name"),
    [(Cutter, "next"), (Network, "__call__"), (Separation, "add"), (Spool, "add"), (Separation, "end")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_what_fails_on_the_way_ends_the_task_and_leaves_nothing(lab, noise, tmp_path, monkeypatch, place, name):
    monkeypatch.setattr(results, "IN_MEMORY", 1000)
    settings = SeparateSettings(model="own", stems=STEMS, rest=True)
    folder = lab.save_pickle(tmp_path / "model", "own", lab.network(HTDemucs))
    tasks = []
    for number in (1, 2):
        (made := tmp_path / f"task{number}").mkdir()
        tasks.append(FileTask(made, [noise(80000, seed=number)], 8000, settings))
    before = [set(task.folder.iterdir()) for task in tasks]
    with given_models({"own": folder}, tmp_path / "store"):
        runner = Separator(settings, "cpu")
        given = [runner.read(task) for task in tasks]
        files, threads = open_files(), set(threading.enumerate())
        calls, whole = [], getattr(place, name)

        def fails(*args):
            calls.append(threading.current_thread().name)
            if len(calls) == (1 if name == "end" else 3):
                raise OSError(errno.ENOSPC, "No space left on device")
            return whole(*args)

        with monkeypatch.context() as patch:
            patch.setattr(place, name, fails)
            with pytest.raises(OSError, match="No space left") as failed:  # what it holds on to is not closed by chance
                runner.compute(given)
        assert failed.value.errno == errno.ENOSPC
        assert set(threading.enumerate()) == threads
        assert open_files() <= files
        assert [set(task.folder.iterdir()) for task in tasks] == before
        outputs = runner.write(tasks[1], runner.compute([runner.read(tasks[1])])[0])
    assert list(outputs) == [*STEMS, "rest"]
