"""Patterns → files → recordings: everything that is meant is found, whatever it is called, and known again."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, plain_user

import librarian.recordings.identify as identifying
from librarian.job import Family, Job, JobFile, Recording
from librarian.patterns import not_taken
from librarian.privacy.vault import RACY_NS, Seen, Vault
from librarian.recordings import Identifier, PatternError, Scan, known_families, scan
from librarian.recordings.identify import LOOK_AHEAD, LOOKED_UP_AT_ONCE, NEAR
from librarian.recordings.scan import LARGE

ODD = [
    b"new\nline.wav", b"tab\tand\rmore.wav", b"'quotes' \"and\" `more`.wav", b"$(rm -rf x); ${HOME} & | > <.wav",
    "\u202egnp.\u202c.wav".encode(), b"caf\xe9 \xff\xfe.wav", b"\x1b[31mred\x1b[0m.wav", b"[bold]b.wav",
    b"-rf.wav", b"--help.wav", b" leading and trailing .wav", b"*.wav", b"?.wav", b"{a,b}.wav", b"back\\slash.wav",
    b"~.wav", b"%s%n.wav", b"a" * 251 + b".wav", "e\u0301.wav".encode(), "\u00e9.wav".encode(), "\u79c1.wav".encode(),
]  # fmt: skip


def job(folder: Path, *entries: str | list[str]) -> Job:
    """A job that looks for recordings; its entries are called a, b, …"""
    document = {
        "librarian": 1,
        "name": "test",
        "recordings": [{"id": chr(ord("a") + number), "path": each} for number, each in enumerate(entries)],
        "steps": [{"id": "voice", "use": "normalize"}],
    }
    return Job(JobFile.model_validate(document), b"", folder, ())


def make(folder: Path, *names: str | bytes) -> None:
    """Files, each with its own content."""
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(path))


def found(folder: Path, *patterns: str) -> set[str]:
    looked = scan(job(folder, list(patterns)))
    assert not any(each.reason for each in looked.sightings)
    return {os.path.relpath(each.path, folder) for each in looked.sightings}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "archive"
    made.mkdir()
    return made


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with contextlib.closing(Vault(tmp_path / "vault.db", owned=True)) as opened:
        yield opened


def identify(looked: Scan, vault: Vault, name: str = "job_1") -> list[Recording]:
    """Every recording, in the order in which they are given out."""
    identifier = Identifier(looked, vault, ID_KEY, name)
    given = []
    try:
        while not identifier.exhausted:
            if family := identifier.next_ready(wait=60.0):
                given.append(by_itself(family))
    finally:
        identifier.close()
    return given


def known(looked: Scan, vault: Vault) -> list[Recording]:
    """Every recording as far as it is known without reading it."""
    return [by_itself(family) for family in known_families(looked, vault, ID_KEY)]


def by_itself(family: Family) -> Recording:
    """The one recording of a family that is no group."""
    assert family == Family(family.recordings)
    (recording,) = family.recordings
    return recording


class TestPatterns:
    TREE = (
        *("a.wav", "b.WAV", "c.flac", "d.Mp3", "notes.txt", ".hidden.wav", "1987/e.wav", "1987/Tape 2/f.wav"),
        *("1987/.git/g.wav", "Calls/out-1.wav", "Calls/in-1.wav", "Calls/in-2.m4a", "[x]/h.wav"),
    )

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("*.wav", {"a.wav", "b.WAV"}),
            ("*.{wav,flac}", {"a.wav", "b.WAV", "c.flac"}),
            ("{a,c}.{wav,fl{a,i}c}", {"a.wav", "c.flac"}),
            ("*.mp3", {"d.Mp3"}),
            ("?.wav", {"a.wav", "b.WAV"}),
            ("[ac].*", {"a.wav", "c.flac"}),
            ("[!a].wav", {"b.WAV"}),
            ("1987/*.wav", {"1987/e.wav"}),
            ("1987/**/*.wav", {"1987/e.wav", "1987/Tape 2/f.wav"}),
            ("**/f.wav", {"1987/Tape 2/f.wav"}),
            ("*/*.wav", {"1987/e.wav", "Calls/out-1.wav", "Calls/in-1.wav", "[x]/h.wav"}),
            ("calls/IN-*.{wav,m4a}", {"Calls/in-1.wav", "Calls/in-2.m4a"}),
            ("./Calls/../a.wav", {"a.wav"}),
            ("[[]x]/*.wav", {"[x]/h.wav"}),
            ("1987", None),
            ("**/*.ogg", None),
            ("none/*.wav", None),
            ("~/*.wav", None),
        ],
    )
    def test_what_they_take(self, folder: Path, pattern: str, expected: set[str] | None) -> None:
        make(folder, *self.TREE)
        if expected is not None:
            assert found(folder, pattern) == expected
            return
        with pytest.raises(PatternError, match="matches no file") as caught:
            found(folder, pattern)
        assert caught.value.problems == [(("recordings", 0, "path", 0), "matches no file")]

    def test_what_cannot_be_looked_at_is_not_left_out(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make(folder, "a.wav")
        (folder / "circle.wav").symlink_to("circle.wav")
        monkeypatch.chdir(folder)
        for _ in range(20):  # until a path has more characters than the system takes
            os.mkdir("n" * 250)
            os.chdir("n" * 250)
        looked = scan(job(folder, "**/*.wav"))
        reasons = sorted((each.reason, Path(each.path).name) for each in looked.sightings)
        assert reasons == [
            ("", "a.wav"),
            (os.strerror(errno.ELOOP), "circle.wav"),
            (f"a folder that cannot be opened: {os.strerror(errno.ENAMETOOLONG)}", "n" * 250),
        ]

    def test_everything_but_what_is_hidden(self, folder: Path) -> None:
        make(folder, *self.TREE)
        assert found(folder, "**/*") == {each for each in self.TREE if "/." not in f"/{each}"}

    def test_several_take_each_file_once(self, folder: Path) -> None:
        make(folder, *self.TREE)
        assert found(folder, "*.wav", "a.*", "./a.wav", str(folder / "a.wav")) == {"a.wav", "b.WAV"}
        assert len(scan(job(folder, ["*.wav", "a.*", "./a.wav", str(folder / "a.wav")])).sightings) == 2

    def test_they_may_lead_elsewhere(self, folder: Path, tmp_path: Path) -> None:
        make(tmp_path, "elsewhere/a.wav")
        assert found(folder, "../elsewhere/*.wav", f"{tmp_path}/else*/*.wav") == {"../elsewhere/a.wav"}

    @pytest.mark.parametrize("pattern", ["{1..100000}.wav", "{a,b}" * 20, "{" * 1200 + "a" + "}" * 1200])
    def test_one_that_is_too_much_is_refused_at_once(self, folder: Path, pattern: str) -> None:
        make(folder, "a.wav")
        with pytest.raises(PatternError) as caught:
            scan(job(folder, pattern))
        ((place, wrong),) = caught.value.problems
        assert place == ("recordings", 0, "path")
        assert wrong in ("the pattern cannot be read; check its braces", "matches no file")

    def test_all_that_find_nothing_are_said_at_once(self, folder: Path) -> None:
        make(folder, "a.wav")
        with pytest.raises(PatternError) as caught:
            scan(job(folder, "*.ogg", ["*.wav", "*.mp3"], "x/*"))
        assert [place for place, _ in caught.value.problems] == [
            ("recordings", 0, "path"),
            ("recordings", 1, "path", 1),
            ("recordings", 2, "path"),
        ]

    def test_in_the_order_of_the_job_file_and_of_names(self, folder: Path) -> None:
        make(folder, "b.wav", "a.wav", "B.wav", b"\xff.wav", "1/z.wav", "c.flac")
        looked = scan(job(folder, "*.flac", "**/*.wav"))
        assert [(each.entry, os.fsencode(Path(each.path).relative_to(folder))) for each in looked.sightings] == [
            *(
                ("a", b"c.flac"),
                ("b", b"1/z.wav"),
                ("b", b"B.wav"),
                ("b", b"a.wav"),
                ("b", b"b.wav"),
                ("b", b"\xff.wav"),
            ),
        ]

    def test_what_is_said_of_a_file(self, folder: Path) -> None:
        make(folder, "a.wav", "b.wav")
        looked = scan(job(folder, "*.wav"))
        assert looked.bytes == sum(path.stat().st_size for path in folder.iterdir())
        for each in looked.sightings:
            status = os.stat(each.path)
            assert each.stat_key == (
                *(status.st_dev, status.st_ino, status.st_size),
                *(status.st_mtime_ns, status.st_ctime_ns),
            )


class TestNames:
    def test_of_every_kind_are_found_known_and_told_apart(self, folder: Path, vault: Vault) -> None:
        make(folder, *ODD)
        looked = scan(job(folder, "*.wav"))
        assert {os.fsencode(Path(each.path).name) for each in looked.sightings} == set(ODD)
        given = identify(looked, vault)
        assert {(each.sighting.path, each.id) for each in given} == {
            (str(path), ID_KEY.recording(digest(path))) for path in folder.iterdir()
        }
        assert set(map(str, vault.paths())) == set(looked.paths) == set(map(str, folder.iterdir()))

    @pytest.mark.parametrize("name", [b"a.wav ", b"a.wav.", b"a.wav~", b"awav", b"a\n.wave"])
    def test_another_ending_is_another_ending(self, folder: Path, name: bytes) -> None:
        make(folder, name, "b.wav")
        assert found(folder, "*.wav") == {"b.wav"}

    def test_twins(self, folder: Path) -> None:
        make(folder, "tape.wav", "Tape.wav", "TAPE.WAV", "tape.flac", "e\u0301.wav", "\u00e9.wav")
        assert len(found(folder, "*.wav")) == len([each for each in os.listdir(folder) if each[-4:].lower() == ".wav"])


class TestLinks:
    def test_a_folder_in_a_circle_ends(self, folder: Path) -> None:
        make(folder, "a.wav", "1/b.wav")
        (folder / "1" / "loop").symlink_to("..")
        (folder / "self").symlink_to("self")
        assert found(folder, "**/*.wav") == {"a.wav", "1/b.wav"}
        assert found(folder, "1/loop/*.wav") == {"1/loop/a.wav"}

    def test_a_file_elsewhere_is_taken_under_the_name_it_has_here(self, folder: Path, tmp_path: Path) -> None:
        make(tmp_path, "elsewhere/x.wav")
        (folder / "here.wav").symlink_to(tmp_path / "elsewhere" / "x.wav")
        looked = scan(job(folder, "*.wav"))
        assert [Path(each.path).name for each in looked.sightings] == ["here.wav"]
        assert looked.bytes == (tmp_path / "elsewhere" / "x.wav").stat().st_size

    def test_hard_links_and_links_are_one_recording(self, folder: Path, vault: Vault) -> None:
        make(folder, "a.wav")
        os.link(folder / "a.wav", folder / "b.wav")
        (folder / "c.wav").symlink_to("a.wav")
        (given,) = identify(scan(job(folder, "*.wav")), vault)
        assert given.sighting.path == str(folder / "a.wav")
        assert len(list(vault.paths())) == 3


class TestUnreadable:
    def reasons(self, folder: Path, vault: Vault, pattern: str = "*.wav") -> dict[str, str]:
        given = identify(scan(job(folder, pattern)), vault)
        for each in given:
            path = os.fsencode(each.sighting.path)
            assert each.id == (ID_KEY.unreadable(path) if each.reason else ID_KEY.recording(each.sha256))
            assert bool(each.reason) != bool(each.sha256)
        return {Path(each.sighting.path).name: each.reason for each in given if each.reason}

    def test_what_is_nearly_all_a_hole(self, folder: Path) -> None:
        make(folder, "a.wav")
        with open(folder / "b.wav", "wb") as file:
            file.write(b"RIFF")
            file.truncate(LARGE)
        whole, hollow = scan(job(folder, "*.wav")).sightings
        assert (whole.reason, hollow.reason) == ("", "nearly all of it is a hole: it was never written")

    def test_what_is_no_file(self, folder: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        make(folder, "good.wav", "folder.wav/x.txt")
        os.mkfifo(folder / "fifo.wav")
        (folder / "device.wav").symlink_to("/dev/zero")
        (folder / "dangling.wav").symlink_to("nowhere")
        monkeypatch.chdir(folder)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as bound:
            bound.bind("socket.wav")
            assert self.reasons(folder, vault) == {
                "fifo.wav": "not a regular file",
                "device.wav": "not a regular file",
                "socket.wav": "not a regular file",
                "dangling.wav": "No such file or directory",
            }

    def test_what_may_not_be_read(self, tmp_path: Path) -> None:
        with plain_user() as folder, contextlib.closing(Vault(folder / "vault.db", owned=True)) as vault:
            make(folder, "good.wav", "closed.wav", "below/x.wav")
            (folder / "closed.wav").chmod(0)
            (folder / "below").chmod(0o600)
            assert self.reasons(folder, vault, "**/*.wav") == {
                "closed.wav": "Permission denied",
                "x.wav": "Permission denied",
            }
            (folder / "below").chmod(0o700)

    def test_what_goes_away_shrinks_or_grows_after_it_was_found(self, folder: Path, vault: Vault) -> None:
        make(folder, "good.wav", "gone.wav", "grows.wav", "shrinks.wav", "fifo.wav")
        looked = scan(job(folder, "*.wav"))
        (folder / "gone.wav").unlink()
        (folder / "grows.wav").write_bytes(b"x" * 5000)
        (folder / "shrinks.wav").write_bytes(b"")
        (folder / "fifo.wav").unlink()
        os.mkfifo(folder / "fifo.wav")
        given = {Path(each.sighting.path).name: (each.reason, each.sha256) for each in identify(looked, vault)}
        assert given == {
            "good.wav": ("", digest(folder / "good.wav")),
            "gone.wav": ("No such file or directory", ""),
            "grows.wav": ("changed while it was read", ""),
            "shrinks.wav": ("changed while it was read", ""),
            "fifo.wav": ("not a regular file", ""),
        }
        assert list(vault.paths()) == [folder / "good.wav"]

    def test_each_is_given_once_with_all_its_entries(self, folder: Path, vault: Vault) -> None:
        make(folder, "closed.wav", "gone.wav", "good.wav")
        (folder / "closed.wav").unlink()
        (folder / "closed.wav").symlink_to("nowhere")
        looked = scan(job(folder, "*.wav", "**/*"))
        (folder / "gone.wav").unlink()
        given = [(Path(each.sighting.path).name, each.entries, each.earlier) for each in identify(looked, vault)]
        both = frozenset({"a", "b"})
        assert given == [(name, both, frozenset()) for name in ("closed.wav", "gone.wav", "good.wav")]


class TestNotTaken:
    def test_files_beside_those_that_were_taken_are_counted_by_ending(self, folder: Path) -> None:
        make(folder, "a.wav", "b.WMA", "c.wma", "notes", "d.tar.gz", ".hidden.wma", "1/e.wav", "1/f.m4a", "2/g.wma")
        (folder / "folder.wma").mkdir()
        (folder / "link.wma").symlink_to("b.WMA")
        (folder / "circle.wma").symlink_to("circle.wma")
        os.mkfifo(folder / "fifo.wma")
        looked = scan(job(folder, "*.wav", "1/*.wav"))
        assert looked.not_taken == {".wma": 2, "": 1, ".gz": 1, ".m4a": 1}

    def test_what_another_entry_took_is_taken(self, folder: Path) -> None:
        make(folder, "a.wav", "b.flac", "c.ogg")
        assert scan(job(folder, "*.wav", "*.flac")).not_taken == {".ogg": 1}

    def test_an_ending_that_may_be_a_name_is_not_said(self, folder: Path) -> None:
        make(folder, "a.wav", "Talk with Mr. Smith", "call.Mary Jones", "x.J\u00f6rg", "y.0123456789", "z.")
        assert scan(job(folder, "*.wav")).not_taken == {"": 5}

    def test_a_folder_that_is_gone_meanwhile_is_no_reason_to_stop(self, folder: Path) -> None:
        assert not_taken({str(folder / "gone" / "a.wav")}) == {}


class TestIdentifying:
    def test_the_same_bytes_are_one_recording_wherever_they_lie(self, folder: Path, vault: Vault) -> None:
        make(folder, "a.wav", "b.wav")
        for name in ("1/copy.wav", "c.wav"):
            make(folder, name)
            (folder / name).write_bytes((folder / "a.wav").read_bytes())
        given = identify(scan(job(folder, "**/*.wav")), vault)
        assert [(each.id, Path(each.sighting.path).name) for each in given] == [
            (ID_KEY.recording(digest(folder / "a.wav")), "copy.wav"),
            (ID_KEY.recording(digest(folder / "b.wav")), "b.wav"),
        ]
        assert len(vault.sightings(given[0].id)) == 3

    def test_it_is_given_again_for_the_entries_it_turns_up_in_later(self, folder: Path, vault: Vault) -> None:
        make(folder, "1/a.wav", "2/b.wav", "3/c.wav", "3/d.wav")
        for name in ("2/b.wav", "3/c.wav"):
            (folder / name).write_bytes((folder / "1" / "a.wav").read_bytes())
        given = identify(scan(job(folder, "1/*", "2/*", ["1/*", "2/*"], "3/*")), vault)
        same = ID_KEY.recording(digest(folder / "1/a.wav"))
        a, ab, abd = frozenset("ac"), frozenset("abc"), frozenset("abcd")
        assert [(each.entries, each.earlier) for each in given if each.id == same] == [
            (a, frozenset()),
            (ab, a),
            (abd, ab),
        ]
        assert len(given) == 4

    def test_many_are_each_given_once(self, folder: Path, vault: Vault) -> None:
        make(folder, *(f"{number}.wav" for number in range(3 * LOOK_AHEAD)))
        given = identify(scan(job(folder, "*.wav")), vault)
        assert {each.sha256 for each in given} == {digest(path) for path in folder.iterdir()}
        assert len(given) == 3 * LOOK_AHEAD

    @pytest.mark.parametrize("slow", [False, True])
    def test_small_ones_are_hashed_at_once_unless_that_takes_long(
        self, folder: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch, slow: bool
    ) -> None:
        make(folder, *(f"{number:03}.wav" for number in range(LOOKED_UP_AT_ONCE + 8)))
        real, by = identifying.hash_file, []

        def meanwhile(path: str, *more: Any) -> tuple[int, str]:
            by.append(threading.current_thread() is threading.main_thread())
            time.sleep(2 * NEAR if slow else 0)
            return real(path, *more)

        monkeypatch.setattr(identifying, "hash_file", meanwhile)
        monkeypatch.setattr(identifying, "NEAR", NEAR if slow else 60.0)
        given = identify(scan(job(folder, "*.wav")), vault)
        assert {each.sha256 for each in given} == {digest(path) for path in folder.iterdir()}
        assert by == [True] * LOOKED_UP_AT_ONCE + [not slow] * 8

    def test_touched_moved_and_copied_files_keep_their_id(self, folder: Path, vault: Vault) -> None:
        make(folder, "a.wav", "b.wav", "c.wav")
        before = {each.id for each in identify(scan(job(folder, "*.wav")), vault)}
        os.utime(folder / "a.wav", ns=(1, 1))
        (folder / "b.wav").rename(folder / "renamed.wav")
        (folder / "d.wav").write_bytes((folder / "c.wav").read_bytes())
        (folder / "c.wav").unlink()
        given = identify(scan(job(folder, "*.wav")), vault, "job_2")
        assert {each.id for each in given} == before
        assert vault.seen(folder / "a.wav", given[0].sighting.stat_key)

    def test_another_content_is_another_recording(self, folder: Path, vault: Vault) -> None:
        make(folder, "a.wav")
        path = folder / "a.wav"
        (before,) = identify(scan(job(folder, "*.wav")), vault)
        status = path.stat()
        path.write_bytes(path.read_bytes()[::-1])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # nothing tells but the change time
        (after,) = identify(scan(job(folder, "*.wav")), vault)
        assert after.id == ID_KEY.recording(digest(path)) != before.id
        assert vault.recording_at(path) == after.id

    @pytest.mark.parametrize("later", [RACY_NS - 1, 0])
    def test_what_changed_just_before_it_was_read_is_read_again(self, folder: Path, vault: Vault, later: int) -> None:
        make(folder, "a.wav")
        looked = scan(job(folder, "*.wav"))
        (sighting,) = looked.sightings
        stale = Seen(ID_KEY.recording("0" * 64), "0" * 64)
        hashed = max(sighting.mtime_ns, sighting.ctime_ns) + later
        vault.sight(sighting.path, sighting.stat_key, stale, hashed_at_ns=hashed, job="job_0")
        (given,) = known(looked, vault)
        assert (given.id, given.sha256) == ("", "")
        (given,) = identify(looked, vault)
        assert given.sha256 == digest(folder / "a.wav")

    def test_what_has_not_changed_for_long_is_not_read(self, folder: Path, vault: Vault) -> None:
        make(folder, "a.wav")
        looked = scan(job(folder, "*.wav"))
        (sighting,) = looked.sightings
        trusted = Seen(ID_KEY.recording("0" * 64), "0" * 64)
        hashed = max(sighting.mtime_ns, sighting.ctime_ns) + RACY_NS
        vault.sight(sighting.path, sighting.stat_key, trusted, hashed_at_ns=hashed, job="job_0")
        for given in (*identify(looked, vault), *known(looked, vault)):
            assert (given.id, given.sha256) == (trusted.recording, trusted.sha256)

    def test_the_archive_is_as_it_was(self, folder: Path, vault: Vault) -> None:
        make(folder, *ODD, "below/x.wav")

        def snapshot() -> list[Any]:
            paths = sorted([folder, *folder.rglob("*")], key=os.fsencode)
            return [(path, path.stat().st_mtime_ns, path.stat().st_ctime_ns, path.stat().st_mode) for path in paths]

        before = snapshot()
        assert len(identify(scan(job(folder, "**/*.wav")), vault)) == len(ODD) + 1
        assert snapshot() == before

    def test_an_end_does_not_wait_for_a_file_that_is_being_read(self, folder: Path, vault: Vault) -> None:
        with open(folder / "endless.wav", "wb") as file:
            file.truncate(1 << 40)
        identifier = Identifier(scan(job(folder, "*.wav")), vault, ID_KEY, "job_1")
        assert identifier.next_ready() is None
        assert not identifier.exhausted
        identifier.close()
        identifier._threads.shutdown(wait=True)
        assert list(vault.paths()) == []

    def test_a_file_that_changes_while_it_is_read_is_not_recorded(
        self, folder: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(folder, "a.wav")
        path = folder / "a.wav"
        real = identifying.hash_file

        def meanwhile(path: str, *more: Any) -> tuple[int, str]:
            return real(path, lambda: bool(Path(path).write_bytes(Path(path).read_bytes()[::-1])) and False)

        monkeypatch.setattr(identifying, "hash_file", meanwhile)
        (given,) = identify(scan(job(folder, "*.wav")), vault)
        assert (given.reason, given.sha256) == ("changed while it was read", "")
        assert given.id == ID_KEY.unreadable(os.fsencode(path))
        assert list(vault.paths()) == []


class TestKnownOnes:
    def test_nothing_is_known_at_first_and_everything_afterwards(self, folder: Path, vault: Vault) -> None:
        make(folder, "a.wav", "b.wav")
        looked = scan(job(folder, "*.wav"))
        assert [(each.id, Path(each.sighting.path).name) for each in known(looked, vault)] == [
            ("", "a.wav"),
            ("", "b.wav"),
        ]
        given = identify(looked, vault)
        make(folder, "c.wav")
        again = known(scan(job(folder, "*.wav")), vault)
        assert again[:2] == given
        assert (again[2].id, again[2].sha256) == ("", "")

    def test_as_they_will_be_given_out(self, folder: Path, vault: Vault) -> None:
        make(folder, "1/a.wav", "2/b.wav", "3/c.wav")
        for name in ("2/b.wav", "3/c.wav"):
            (folder / name).write_bytes((folder / "1" / "a.wav").read_bytes())
        looked = scan(job(folder, "1/*", ["1/*", "2/*"], "1/*", "3/*"))
        assert known(looked, vault)[1].id == ""
        assert identify(looked, vault) == known(looked, vault)
