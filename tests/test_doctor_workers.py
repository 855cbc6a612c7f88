"""What doctor asks of workers: extensions, their own checks, the fence, and whether libraries are quiet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctoring import found, lay_torch, of
from harness import Archive, install

from librarian.cli.doctor.workers import own_checks, reach
from librarian.workers import fence, pool
from librarian.workers.declared import Extension
from librarian.workers.pool import Pool

ENOUGH_SECONDS = 20.0
QUICK_SECONDS = 1.0
CHECKS = "from librarian import hookimpl\n@hookimpl\ndef librarian_checks():\n    {}\n"
HAS_FENCE = pytest.mark.skipif(
    fence.offered() != ("seccomp", "landlock"), reason="this kernel does not keep workers from network and folders"
)


@pytest.fixture
def workers() -> Iterator[Pool]:
    pool = Pool(1, lambda line: None)
    yield pool
    pool.close()


def test_what_extensions_check_is_said_and_counts(archive: Archive, tmp_path: Path) -> None:
    site = tmp_path / "site"
    lay_torch(archive, site)
    good = (
        "return [dict(what='encoder', state='ok', text='is there'), dict(what='room', state='warn', text='is little')]"
    )
    install(site, archive, "good", CHECKS.format(good))
    assert [each[1:] for each in found(archive) if each[0] == "check" and "effects" not in each[2]] == [
        ("ok", "librarian-good, encoder: is there"),
        ("warn", "librarian-good, room: is little"),
    ]
    install(
        site, archive, "poor", CHECKS.format("return [dict(what='server', state='fail', text='call +39 06 1234 5678')]")
    )
    install(site, archive, "wild", CHECKS.format("raise KeyError('no such thing')"))
    checks = [each[1:] for each in found(archive, code=3) if each[0] == "check" and "effects" not in each[2]]
    assert [state for state, _ in checks] == ["ok", "warn", "fail", "fail"]
    assert checks[2][1].startswith("librarian-poor, server: call <PHONE:")
    assert checks[3][1] == "librarian-wild: its checks do not work: KeyError: 'no such thing'"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("while True: pass", "it took longer than its time limit"),
        ("import os; os.kill(os.getpid(), 11)", "its worker was ended by SIGSEGV"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("return [dict(what='a', state='good', text='b')]", "they give no list of what, state and text"),
        ("return [dict(what='../a', state='ok', text='b')]", "they give no list of what, state and text"),
        ("return 7", "TypeError"),
        ("return [dict(what='a', state='ok', text='b')] * 101", "they give more than 100"),
    ],
)
def test_checks_that_do_not_work_hurt_nobody_else(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, said: str
) -> None:
    for name, code in (("wild", does), ("good", "return [dict(what='a', state='ok', text='well')]")):
        install(tmp_path / "site", archive, name, CHECKS.format(code))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with contextlib.closing(Pool(1, lambda line: None)) as workers:
        seconds = QUICK_SECONDS if "while" in does else ENOUGH_SECONDS
        (wild,) = own_checks(Extension("librarian-wild", "1.0", made_of=("", "", "librarian_wild")), workers, seconds)
        (good,) = own_checks(Extension("librarian-good", "1.0", made_of=("", "", "librarian_good")), workers)
    assert (wild.state, wild.code, wild.text.startswith("librarian-wild: its checks do not work:")) == ("fail", 3, True)
    assert said in wild.text
    assert (good.state, good.text) == ("ok", "librarian-good, a: well")


def test_what_an_extension_looks_for_in_texts_is_something_that_it_offers(archive: Archive, tmp_path: Path) -> None:
    lay_torch(archive, tmp_path / "site")
    code = "from librarian import hookimpl\n@hookimpl\ndef librarian_recognizers():\n    return [{}]\n"
    install(tmp_path / "site", archive, "shelf", code.format("dict(type='SHELF', pattern=r'PRIV/[0-9]{4}')"))
    assert ("extension", "ok", "librarian-shelf 1.0: looks in texts for SHELF") in found(archive)


def test_an_extension_without_checks_has_nothing_to_say(workers: Pool) -> None:
    without = Extension("librarian-cleaning", "0.1.0", made_of=("", "", "librarian_cleaning"))
    assert list(own_checks(without, workers)) == []


def test_two_packages_with_one_short_name_are_told_apart(archive: Archive, tmp_path: Path) -> None:
    lay_torch(archive, tmp_path / "site")
    install(
        tmp_path / "site",
        archive,
        "twin",
        """\
        from librarian import Audio, Operation, Settings, hookimpl
        @hookimpl
        def librarian_operations():
            return [Operation(name="clean", version="1", run="x:y", settings=type("S", (Settings,), {}),
                              inputs={"audio": Audio}, outputs={"audio": Audio})]
        """,
    )
    state, text = of(found(archive), "extensions")
    assert state == "warn"
    assert text == (
        "clean is offered by 2 packages; in a job, write use: librarian-cleaning/clean or librarian-twin/clean"
    )


@HAS_FENCE
@pytest.mark.parametrize(
    ("held", "finding"),
    [
        (("seccomp", "landlock"), ("ok", "tried: the kernel keeps workers from network and other folders")),
        (("seccomp", "hook"), ("warn", "only their Python code is kept from other folders,")),
        (("hook", "landlock"), ("warn", "only their Python code is kept from the network,")),
        (("hook",), ("warn", "only their Python code is kept from the network and other folders,")),
    ],
)
def test_what_keeps_workers_from_network_and_folders_is_tried(
    workers: Pool, monkeypatch: pytest.MonkeyPatch, held: tuple[str, ...], finding: tuple[str, str]
) -> None:
    monkeypatch.setattr(pool, "offered", lambda: held)
    tried, quiet = reach(workers)
    assert (tried.what, tried.state) == ("fence", finding[0])
    assert tried.text.startswith(finding[1])
    assert (quiet.what, quiet.state) == ("telemetry", "ok")


def test_a_fence_that_does_not_hold_and_libraries_that_are_loud_are_noticed(archive: Archive, tmp_path: Path) -> None:
    lay_torch(archive, tmp_path / "site")
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'LIBRARIAN_FENCE' in os.environ:\n"
        "    import librarian.workers.fence as fence\n"
        "    fence.Fence.close = lambda self, shielded: None\n"
        "    os.environ['HF_HUB_OFFLINE'] = '0'\n"
    )
    findings = found(archive, code=4)
    state, text = of(findings, "fence")
    assert state == "fail"
    assert "a worker reached other folders and what a run hides and the network" in text
    state, text = of(findings, "telemetry")
    assert (state, "HF_HUB_OFFLINE" in text) == ("fail", True)


def test_a_worker_that_cannot_be_looked_at_fails(workers: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    (only,) = reach(workers)
    assert (only.what, only.state, only.code) == ("fence", "fail", 6)
