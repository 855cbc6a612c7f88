"""The vault: keeps what may stand nowhere else, gives it back, and is never made anew where it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledger import ID_KEY, largest_file, recording

from librarian.errors import EnvironmentFailedError
from librarian.privacy.vault import RACY_NS, Seen, Vault

NOW = 1_800_000_000_000_000_000
STAT = (1, 2, 3, NOW - 2 * RACY_NS, NOW - RACY_NS)
NAMES = [b"plain.wav", b"caf\xe9.wav", "Zoë.wav".encode(), b"new\nline.wav", b'"; DROP TABLE sightings; --', b"x" * 255]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "vault.db"


@pytest.fixture
def vault(place: Path) -> Iterator[Vault]:
    with contextlib.closing(Vault(place, owned=True)) as opened:
        yield opened


def seen(number: int, *, racy: bool = False) -> Seen:
    return Seen(recording(number), f"{number:064x}", racy)


def again(place: Path) -> contextlib.closing[Vault]:
    return contextlib.closing(Vault(place, owned=False))


class TestSightings:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_file_that_has_not_changed_is_known(self, vault: Vault, place: Path, name: bytes) -> None:
        path = Path("/archive") / os.fsdecode(name)
        vault.sight(path, STAT, seen(1), hashed_at_ns=NOW, job="job_1")
        vault.commit()
        with again(place) as reader:
            assert reader.seen(path, STAT) == seen(1)
            assert reader.recording_at(path) == recording(1)
            assert list(reader.paths()) == reader.sightings(recording(1)) == [path]
            assert reader.called(path.name) == [recording(1)]

    @pytest.mark.parametrize("changed", range(5))
    def test_a_file_that_changed_in_any_way_is_not(self, vault: Vault, changed: int) -> None:
        path = Path("/archive/a.wav")
        vault.sight(path, STAT, seen(1), hashed_at_ns=NOW, job="job_1")
        one, two, *rest = tuple(each + (number == changed) for number, each in enumerate(STAT))
        assert vault.seen(path, (one, two, rest[0], rest[1], rest[2])) is None
        assert vault.seen(Path("/archive/A.wav"), STAT) is None

    @pytest.mark.parametrize("at", [3, 4])
    def test_one_that_changed_just_before_it_was_read_is_not_trusted(self, vault: Vault, at: int) -> None:
        path = Path("/archive/a.wav")
        for before, racy in [(RACY_NS, False), (RACY_NS - 1, True), (0, True), (-RACY_NS, True)]:
            stat = [1, 2, 3, 0, 0]
            stat[at] = NOW - before
            stat_key = (stat[0], stat[1], stat[2], stat[3], stat[4])
            vault.sight(path, stat_key, seen(1), hashed_at_ns=NOW, job="job_1")
            assert vault.seen(path, stat_key) == seen(1, racy=racy)

    @pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64 - 1])
    def test_numbers_as_large_as_a_file_system_gives_them(self, vault: Vault, number: int) -> None:
        path, stat = Path("/archive/a.wav"), (number, number, *STAT[2:])
        vault.sight(path, stat, seen(1), hashed_at_ns=NOW, job="job_1")
        assert vault.seen(path, stat) == seen(1)
        assert vault.seen(path, (number, number - 1, *STAT[2:])) is None

    def test_another_content_at_the_same_place(self, vault: Vault) -> None:
        path, later = Path("/archive/a.wav"), (1, 2, 4, STAT[3], STAT[4])
        vault.sight(path, STAT, seen(1), hashed_at_ns=NOW, job="job_1")
        vault.sight(path, later, seen(2), hashed_at_ns=NOW, job="job_2")
        assert vault.seen(path, STAT) is None
        assert vault.seen(path, later) == seen(2)
        assert vault.recording_at(path) == recording(2)
        assert list(vault.paths()) == [path]
        rows = vault._db.execute("SELECT first_job, last_job FROM sightings").fetchall()
        assert rows == [("job_1", "job_2")]

    def test_one_recording_in_several_places(self, vault: Vault) -> None:
        paths = [Path("/archive/a.wav"), Path("/archive/b.wav")]
        for path in paths:
            vault.sight(path, STAT, seen(1), hashed_at_ns=NOW, job="job_1")
        assert vault.sightings(recording(1)) == paths
        assert vault.recording_at(Path("/archive/c.wav")) is None

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("a.wav", True), ("/a.wav", True), ("1987/a.wav", True), ("/archive/1987/a.wav", True),
            (".wav", False), ("987/a.wav", False), ("A.wav", False), ("a", False), ("%", False), ("_.wav", False),
        ],
    )  # fmt: skip
    def test_by_a_name_or_the_end_of_a_path(self, vault: Vault, asked: str, found: bool) -> None:
        vault.sight(Path("/archive/1987/a.wav"), STAT, seen(1), hashed_at_ns=NOW, job="job_1")
        assert vault.called(asked) == ([recording(1)] if found else [])

    @pytest.mark.parametrize("asked", ["Zoe\u0308.wav", "Zo\u00eb.wav"])
    def test_by_a_name_however_its_accents_are_written(self, vault: Vault, asked: str) -> None:
        for number, name in enumerate(["Zoe\u0308.wav", "Zo\u00eb.wav"]):
            vault.sight(Path("/archive") / name, STAT, seen(number), hashed_at_ns=NOW, job="job_1")
        assert vault.called(asked) == sorted([recording(0), recording(1)])


class TestTheRest:
    def test_facts_of_a_recording(self, vault: Vault) -> None:
        assert vault.facts(recording(1)) is None
        vault.sight(Path("/a"), STAT, seen(1), hashed_at_ns=NOW, job="job_1")
        assert vault.facts(recording(1)) is None
        vault.note_facts(recording(1), {"frames": 5, "codec": "flac"})
        vault.sight(Path("/b"), STAT, seen(1), hashed_at_ns=NOW, job="job_2")
        assert vault.facts(recording(1)) == {"frames": 5, "codec": "flac"}

    def test_what_the_owner_calls_a_recording_or_a_group(self, vault: Vault) -> None:
        group = ID_KEY.group("calls", "1987")
        assert vault.label(recording(1)) == ("", False)
        vault.note_label(recording(1), "Tape 1", public=False)
        vault.note_label(recording(2), "OH-0001", public=True)
        vault.note_label(group, "OH-0001", public=True)
        assert [vault.label(recording(1)), vault.label(group)] == [("Tape 1", False), ("OH-0001", True)]
        assert vault.labeled("OH-0001") == sorted([recording(2), group])
        assert (vault.labeled("oh-0001"), vault.labeled("")) == ([], [])
        assert vault.public_labels() == ["OH-0001"]
        vault.note_label(recording(2), "OH-0001", public=False)
        vault.note_label(group, "OH-0002", public=True)
        assert (vault.labeled("OH-0001"), vault.public_labels()) == ([recording(2)], ["OH-0002"])
        vault.note_label(recording(3), "Zo\u00eb?", public=False)
        assert vault.labeled("Zoe\u0308\udcff") == vault.labeled("Zo\u00eb?") == [recording(3)]

    def test_free_text_of_settings(self, vault: Vault) -> None:
        digest = ID_KEY.text("a portrait of Mary Jones")
        assert vault.text(digest) is None
        for _ in range(2):
            vault.note_text(digest, "a portrait of Mary Jones")
        assert vault.text(digest) == "a portrait of Mary Jones"

    def test_what_a_task_saved_is_there_at_once_and_until_it_is_dropped(self, vault: Vault, place: Path) -> None:
        assert vault.state("key") == {}
        vault.save_state("key", {"step": 1})
        vault.save_state("key", {"step": 2})
        with again(place) as reader:
            assert reader.state("key") == {"step": 2}
        vault.drop_states(["key"])
        vault.commit()
        with again(place) as reader:
            assert reader.state("key") == {}

    def test_the_rest_is_there_after_the_commit(self, vault: Vault, place: Path) -> None:
        vault.note_text("digest", "text")
        with again(place) as reader:
            assert reader.text("digest") is None
        vault.commit()
        vault.commit()
        with again(place) as reader:
            assert reader.text("digest") == "text"

    def test_what_is_dropped_is_in_no_byte_of_it(self, place: Path) -> None:
        with contextlib.closing(Vault(place, owned=True)) as vault:
            vault.save_state("key", {"name": "Mary Jones" * 1000})
        assert b"Mary Jones" in place.read_bytes()
        with contextlib.closing(Vault(place, owned=True)) as vault:
            vault.drop_states(["key"])
            vault.commit()
        assert b"Mary Jones" not in b"".join(path.read_bytes() for path in place.parent.iterdir())


class TestOpening:
    def test_only_the_owner_can_read_it(self, place: Path) -> None:
        before = os.umask(0)
        try:
            with contextlib.closing(Vault(place, owned=True)) as vault:
                vault.save_state("key", {})
                found = {path.name: path.stat().st_mode & 0o777 for path in place.parent.iterdir()}
        finally:
            os.umask(before)
        assert set(found.values()) == {0o600}
        assert "vault.db-wal" in found

    def test_a_reader_finds_nothing_where_there_is_none_and_makes_none(self, place: Path) -> None:
        with again(place) as reader:
            assert reader.seen(Path("/a"), STAT) is None
            assert reader.state("key") == {}
        assert not place.exists()

    def test_one_that_was_just_begun_is_the_writers_to_fill(self, place: Path) -> None:
        place.touch()
        with again(place) as reader:
            assert list(reader.paths()) == []
        assert place.read_bytes() == b""
        with contextlib.closing(Vault(place, owned=True)) as vault:
            vault.save_state("key", {"a": 1})
        with again(place) as reader:
            assert reader.state("key") == {"a": 1}

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda data: b"no database" * 1000, id="no database"),
            pytest.param(lambda data: data[: len(data) // 2], id="half"),
            pytest.param(lambda data: data[:100] + b"\xff" * 900 + data[1000:], id="schema"),
            *(
                pytest.param(lambda data, at=at: data[:at] + b"\xff" * 64 + data[at + 64 :], id=f"page {at >> 12}")
                for at in range(4096, 4096 * 12, 4096)
            ),
        ],
    )
    @pytest.mark.parametrize("owned", [True, False])
    def test_a_damaged_one_is_said_and_left_as_it_is(
        self, place: Path, damage: Callable[[bytes], bytes], owned: bool
    ) -> None:
        with contextlib.closing(Vault(place, owned=True)) as vault:
            for number in range(100):
                path = Path(f"/archive/{number:040d}.wav")
                vault.sight(path, STAT, seen(number), hashed_at_ns=NOW, job="job_1")
            vault.commit()
        damaged = damage(place.read_bytes())
        place.write_bytes(damaged)
        with pytest.raises(EnvironmentFailedError, match=r"vault\.db is damaged; restore it from your backup"):
            Vault(place, owned=owned)
        assert place.read_bytes() == damaged

    def test_a_newer_one_asks_for_an_upgrade(self, vault: Vault, place: Path) -> None:
        vault._db.execute("PRAGMA user_version = 99")
        vault.close()
        with pytest.raises(EnvironmentFailedError, match="upgrade librarian-media"):
            Vault(place, owned=True)

    def first_version(self, place: Path) -> None:
        """A vault as it was before there were labels."""
        with contextlib.closing(Vault(place, owned=True)) as vault:
            for number in range(100):
                vault.sight(Path(f"/archive/{number:040d}.wav"), STAT, seen(number), hashed_at_ns=NOW, job="job_1")
            vault.commit()
            vault._db.executescript("DROP TABLE labels; DROP TABLE secrets; PRAGMA user_version = 1;")

    @pytest.mark.parametrize("owned", [True, False])
    def test_one_of_the_first_version_is_brought_up_to_date(self, place: Path, owned: bool) -> None:
        self.first_version(place)
        with contextlib.closing(Vault(place, owned=owned)) as vault:
            assert len(list(vault.paths())) == 100
            assert vault.label(recording(1)) == ("", False)
        with contextlib.closing(Vault(place, owned=True)) as vault:
            vault.note_label(recording(1), "Tape 1", public=False)
            assert vault.labeled("Tape 1") == [recording(1)]
            assert list(vault.secrets("voices/1")) == []

    def test_but_not_where_it_is_damaged(self, place: Path) -> None:
        self.first_version(place)
        data = bytearray(place.read_bytes())
        data[8192:8256] = b"\xff" * 64
        place.write_bytes(data)
        with pytest.raises(EnvironmentFailedError, match=r"vault\.db is damaged"):
            Vault(place, owned=True)
        assert place.read_bytes() == data

    def test_a_full_disk_is_not_a_damaged_vault(self, place: Path) -> None:
        with largest_file(1000), pytest.raises(EnvironmentFailedError, match=r"vault\.db cannot be opened: ") as caught:
            Vault(place, owned=True)
        assert "backup" not in str(caught.value)
        with contextlib.closing(Vault(place, owned=True)) as vault:
            assert list(vault.paths()) == []

    def test_nor_is_one_that_is_in_use(self, vault: Vault, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        vault.close()
        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda where: connect(where, timeout=0))
        with contextlib.closing(connect(place)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(EnvironmentFailedError, match=r"vault\.db cannot be opened: database is locked"):
                Vault(place, owned=True)


def test_a_vault_that_was_begun_and_cut_off_is_made_anew(tmp_path: Path) -> None:
    for left in ("vault.db.new", "vault.db.new-journal", "vault.db.new-wal"):
        (tmp_path / left).write_bytes(b"half of something")
    with contextlib.closing(Vault(tmp_path / "vault.db", owned=True)) as vault:
        vault.note_text("text:a", "Anna")
        vault.commit(durable=False)
    assert [each.name for each in tmp_path.iterdir()] == ["vault.db"]
    assert (tmp_path / "vault.db").stat().st_mode & 0o777 == 0o600
    with contextlib.closing(Vault(tmp_path / "vault.db", owned=False)) as vault:
        assert vault.text("text:a") == "Anna"


def test_a_vault_whose_log_the_disk_refused_once_gets_one(place: Path) -> None:
    Vault(place, owned=True).close()
    with contextlib.closing(sqlite3.connect(place)) as db:
        assert db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with contextlib.closing(Vault(place, owned=True)) as vault:
        vault.note_text("text:a", "what was said")
        vault.commit()
    with contextlib.closing(Vault(place, owned=False)) as vault:
        assert vault.text("text:a") == "what was said"
