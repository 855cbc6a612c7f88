"""What a task can do to the run that it is part of: each function is one way; its docstring says what is expected.

The module is the heavy half of an extension as it stands: `test_run_wild.py` lays it beside a light one.
"""

from __future__ import annotations

import ctypes
import locale
import logging
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

import numpy as np

PHONE = "+44 7700 900123"
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


WAYS = {}
"""Name → function. A job says a number: a name in a setting is a text that is kept out of every message."""


def way(function):
    WAYS[function.__name__] = function
    return function


def run(task):
    """Do what the setting says, then what a task should."""
    result = list(WAYS.values())[task.settings.way](task)
    return {"audio": good(task)} if result is None else result


def good(task):
    return task.write_audio("audio", *task.read_audio("audio"))


# Fails, and says why


@way
def raises_with_a_number(task):
    raise ValueError(f"call {PHONE} or write to maria@example.org")


@way
def raises_a_group(task):
    raise ExceptionGroup(f"ring {PHONE}", [ValueError(PHONE), TypeError(PHONE)])


@way
def raises_with_a_cause(task):
    try:
        raise KeyError(PHONE)
    except KeyError as error:
        raise RuntimeError(f"while ringing {PHONE}") from error


@way
def raises_an_endless_message(task):
    raise ValueError("x" * 100_000_000)


@way
def raises_lines_and_colours(task):
    raise ValueError("\x1b[2J\x1b]0;owned\a one\ntwo\r\u202ethree [bold]four[/bold]")


@way
def raises_what_has_no_name(task):
    raise type(f"Call {PHONE}", (Exception,), {})("it went wrong")


@way
def is_killed(task):
    os.kill(os.getpid(), signal.SIGKILL)


@way
def ends_the_group(task):
    os.killpg(0, signal.SIGKILL)


@way
def ignores_sigterm(task):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(600)


@way
def holds_the_interpreter(task):
    ctypes.PyDLL(None).sleep(600)


@way
def stops_itself(task):
    os.kill(os.getpid(), signal.SIGSTOP)


@way
def closes_everything(task):
    os.closerange(0, 65_536)


@way
def speaks_for_the_worker(task):
    for handle in _sockets():
        os.write(handle, b"\xff" * 1000)
    time.sleep(600)


def _sockets():
    for handle in map(int, os.listdir("/proc/self/fd")):
        try:
            socket.socket(fileno=os.dup(handle)).close()
        except OSError:
            continue
        yield handle


@way
def gives_a_pipe(task):
    os.mkfifo(task.folder / "a.flac")
    return {"audio": "a.flac"}


@way
def gives_a_folder(task):
    (task.folder / "a.flac").mkdir()
    return {"audio": "a.flac"}


@way
def gives_a_device(task):
    (task.folder / "a.flac").symlink_to("/dev/zero")
    return {"audio": "a.flac"}


@way
def gives_an_odd_name(task):
    path = good(task)
    return {"audio": path.rename(path.with_name("a.flac; rm -rf $(ls)\n"))}


@way
def gives_another_kind(task):
    (task.folder / "a.flac").write_text('{"schema": "turns"}')
    return {"audio": "a.flac"}


@way
def gives_a_large_fact(task):
    from librarian import Output

    return {"audio": Output(good(task), {"number": 10**400})}


@way
def gives_a_nan_of_numpy(task):
    from librarian import Output

    return {"audio": Output(good(task), {"number": np.float32("nan")})}


@way
def gives_a_fact_of_the_core(task):
    from librarian import Output

    return {"audio": Output(good(task), {"frames": 1})}


@way
def removes_its_folder(task):
    good(task)
    subprocess.run(["rm", "-rf", task.folder], check=True)
    return {"audio": "audio.1.flac"}


@way
def replaces_its_folder(task):
    path = good(task)
    task.folder.rename(task.folder.with_name("aside"))
    task.folder.symlink_to("aside")
    return {"audio": path}


@way
def litters(task):
    for number in range(10_000):
        (task.folder / f"{number}").write_bytes(b"")


@way
def digs(task):
    """A folder 300 deep."""
    here = os.getcwd()
    os.chdir(task.folder)
    for _ in range(300):
        os.mkdir("deeper")
        os.chdir("deeper")
    os.chdir(here)


@way
def saves_an_endless_state(task):
    task.state.value = {"x": "y" * 80_000_000}
    task.state.save()


@way
def exhausts_files(task):
    task.kept = [open(os.devnull) for _ in range(100_000)]


# Is careless, and done all the same


@way
def prints_200_mb(task):
    for _ in range(200):
        print("x" * 1_000_000)


@way
def prints_200_mb_without_a_line(task):
    for handle in (1, 2):
        for _ in range(100):
            os.write(handle, b"\xff" * 1_000_000)


@way
def prints_a_number(task):
    print(f"calling {PHONE}")
    print(f"calling {PHONE}", file=sys.stderr)
    logging.getLogger().error("calling %s", PHONE)
    warnings.warn(f"calling {PHONE}", stacklevel=1)
    os.write(2, f"calling {PHONE}\n".encode())


@way
def reports_without_end(task):
    for number in range(50_000):
        task.progress(number / 50_000)
    task.progress(float("nan"))
    task.progress(-5)


@way
def closes_its_folder(task):
    path = good(task)
    task.folder.chmod(0)
    return {"audio": path}


@way
def leaves_a_child(task):
    subprocess.Popen(SLEEP)


@way
def leaves_a_child_of_a_child(task):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)


@way
def leaves_200_children(task):
    for _ in range(200):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
            os._exit(0)


@way
def leaves_threads(task):
    for _ in range(200):
        threading.Thread(target=time.sleep, args=(600,)).start()


@way
def changes_the_process(task):
    """What the next task in the same worker does not notice."""
    os.chdir("/")
    os.umask(0o777)
    os.environ.clear()
    random.seed(1)
    np.random.seed(1)
    np.seterr(all="raise")
    locale.setlocale(locale.LC_ALL, "C")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.setrecursionlimit(900)
    sys.stdout = sys.stderr = None
    sys.argv = ["wild"]
    warnings.simplefilter("error")
    socket.setdefaulttimeout(0.001)
    resource.setrlimit(resource.RLIMIT_CPU, (600, 600))


@way
def fine(task):
    pass


# Reaches for what is not its own


def _beside(task, name):
    place = os.environ["WILD_OUTSIDE"]
    return os.path.join(place, name)


@way
def writes_outside(task):
    with open(_beside(task, "written by an extension"), "w") as file:
        file.write("x")


@way
def writes_into_the_library(task):
    for folder in task.folder.parents:
        if folder.name == ".staging":
            (folder.parent / "planted.flac").write_text("x")


@way
def edits_its_input(task):
    with open(task.inputs["audio"].path, "ab") as file:
        file.write(b"more")


@way
def leaves_a_child_of_its_own_session(task):
    subprocess.Popen(SLEEP, start_new_session=True)


@way
def kills_its_parent(task):
    os.kill(os.getppid(), signal.SIGKILL)


@way
def stops_its_parent(task):
    os.kill(os.getppid(), signal.SIGTERM)


@way
def takes_all_memory(task):
    """It grows by 256 MiB at a time to 6 GiB, far beyond what it declares."""
    task.kept = [np.ones(32 << 20) for _ in range(24)]


@way
def patches_librarian(task):
    """What it breaks in its worker, no other task notices."""
    import librarian.media
    import librarian.workers.execution

    librarian.workers.execution.collect = lambda *_: []
    librarian.media.open_audio = librarian.media.create_audio = librarian.media.write_audio = None
