"""models.lock and the machine's store: what is written, what is refused, what two projects share."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from librarian import KnownFile, KnownModel
from librarian.cli.schema import schema
from librarian.errors import EnvironmentFailedError
from librarian.models.lock import Lock, LockedFile, LockedModel, change_lock, locked, read_lock, write_lock
from librarian.models.store import Store, store_folder

GOLDEN = Path(__file__).parent / "golden" / "models.lock"
FILES = [
    LockedFile(name="config.yaml", bytes=12, sha256="1" * 64),
    LockedFile(name="segmentation/model.bin", bytes=1 << 33, sha256="2" * 64),
]


def golden() -> Lock:
    hub = {"source": "hub:pyannote/speaker-diarization", "revision": "0c5f3a1b", "licence": "MIT", "loader": "pyannote"}
    return Lock(
        models=(
            locked("diarization", FILES, **hub),
            locked("mine", [LockedFile(name="a.th", bytes=0, sha256="3" * 64)]),
        )
    )


def test_a_lock_is_written_byte_for_byte_as_it_was(tmp_path):
    """Task keys hang on the digests in it: a change of what is here remakes what was made with any model."""
    write_lock(tmp_path / "models.lock", golden())
    assert (tmp_path / "models.lock").read_bytes() == GOLDEN.read_bytes()
    assert read_lock(GOLDEN)[0] == golden()
    assert Draft202012Validator(schema("models")).is_valid(json.loads(GOLDEN.read_text()))
    assert (tmp_path / "models.lock").stat().st_mode & 0o777 == 0o600


def test_a_digest_hangs_on_the_files_and_the_loader_alone():
    one = locked("a", FILES, loader="x", licence="MIT", source="hub:a/b", revision="1")
    assert one.digest == locked("b", list(reversed(FILES)), loader="x").digest
    others = [
        locked("a", FILES, loader="y"),
        locked("a", FILES[:1], loader="x"),
        locked("a", [FILES[0], FILES[1].model_copy(update={"sha256": "4" * 64})], loader="x"),
        locked("a", [FILES[0], FILES[1].model_copy(update={"name": "model.bin"})], loader="x"),
    ]
    assert len({one.digest, *(each.digest for each in others)}) == 5


@pytest.mark.parametrize(
    "name",
    ["", "../x", "/etc/passwd", "a/../b", "a//b", ".hidden", "a/.git/b", "a b", "a\nb", "Mr. X", "a/" * 9 + "b", "-x"],
)
def test_a_file_that_lies_elsewhere_is_no_models_file(name):
    with pytest.raises(ValidationError):
        LockedFile(name=name, bytes=1, sha256="0" * 64)
    with pytest.raises(ValueError, match="name of a model's file"):
        KnownFile(name)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("a", "a/b"), ("A/x", "a")])
def test_two_files_need_two_places(names):
    with pytest.raises(ValidationError, match="two files have one name"):
        locked("m", [LockedFile(name=each, bytes=1, sha256="0" * 64) for each in names])


@pytest.mark.parametrize(
    "source", ["http://x.org/a", "https://me:secret@x.org/a", "file:///etc", "https://x.org/?token=1", "hub:../x"]
)
def test_a_source_is_https_and_holds_no_secret(source):
    with pytest.raises(ValidationError):
        locked("m", FILES, source=source)
    with pytest.raises(ValueError, match="source"):
        KnownModel("m", (KnownFile("a"),), source=source)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"bytes": 12', '"bytes": 13'),
        ('"pyannote"', '"demucs"'),
        ('"format": 1', '"format": 2'),
        (
            "{",
            "",
        ),
        ("mine", "Mine"),
    ],
)
def test_a_lock_that_was_changed_by_hand_is_refused(tmp_path, before, after):
    path = tmp_path / "models.lock"
    path.write_text(GOLDEN.read_text().replace(before, after, 1))
    with pytest.raises(EnvironmentFailedError, match="changed by hand"):
        read_lock(path)


def test_where_there_is_none_nothing_is_installed(tmp_path):
    assert read_lock(tmp_path / "models.lock") == (Lock(), "")


def test_those_who_change_a_lock_at_once_lose_nothing(tmp_path):
    def put(number: int) -> None:
        model = locked(f"m{number}", FILES)
        change_lock(tmp_path / "models.lock", lambda lock: lock.having(model))

    threads = [threading.Thread(target=put, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_lock(tmp_path / "models.lock")[0].by_name) == {f"m{number}" for number in range(8)}


def put(store: Store, content: bytes = b"weights", name: str = "m") -> LockedModel:
    with store.staging() as staging:
        model = locked(name, [staging.add("a/w.bin", [content[:3], content[3:]]), staging.add("b.txt", [])])
        store.keep(staging, model)
    return model


def test_a_model_is_there_whole_and_for_reading(tmp_path):
    store = Store(tmp_path / "store")
    model = put(store)
    assert store.holds(model)
    assert list(store.faults(model)) == []
    assert (store.folder(model) / "a" / "w.bin").read_bytes() == b"weights"
    assert {path.stat().st_mode & 0o777 for path in store.folder(model).rglob("*.*")} == {0o400}
    assert (model.bytes, [file.bytes for file in model.files]) == (7, [7, 0])
    assert not list((store.top / ".staging").iterdir())
    assert store.kept("m") == store.all_kept() == [model]


def test_what_fails_in_the_middle_leaves_nothing(tmp_path):
    store = Store(tmp_path / "store")

    def blocks():
        yield b"half"
        raise OSError(5, "away")

    with pytest.raises(OSError, match="away"), store.staging() as staging:
        staging.add("w.bin", blocks())
    assert [path for path in store.top.rglob("*") if path.is_file()] == []
    assert store.all_kept() == []


def test_what_a_killed_process_left_goes_after_a_day(tmp_path):
    store = Store(tmp_path / "store")
    for name in ("old", "new"):
        (store.top / ".staging" / name).mkdir(parents=True)
        (store.top / ".staging" / name / "w.bin").touch()
    for path in (store.top / ".staging" / "old" / "w.bin", store.top / ".staging" / "old"):
        os.utime(path, (1, 1))
    put(store)
    assert [path.name for path in (store.top / ".staging").iterdir()] == ["new"]


def test_who_puts_the_same_there_at_once_is_no_error(tmp_path):
    store = Store(tmp_path / "store")
    with store.staging() as staging:
        model = locked("m", [staging.add("a/w.bin", [b"weights"]), staging.add("b.txt", [])])
        put(store)
        store.keep(staging, model)
    assert list(store.faults(model)) == []


def test_the_same_model_is_there_once_and_one_that_was_damaged_is_mended(tmp_path):
    store = Store(tmp_path / "store")
    model = put(store)
    path = store.folder(model) / "a" / "w.bin"
    inode = path.stat().st_ino
    assert put(store) == model
    assert path.stat().st_ino == inode
    path.chmod(0o600)
    path.write_bytes(b"weighty")
    (store.folder(model) / "more.py").write_text("x")
    assert sorted(store.faults(model)) == [("a/w.bin", "changed"), ("more.py", "unlisted")]
    put(store)
    assert list(store.faults(model)) == []


def test_two_versions_lie_side_by_side_the_last_one_first(tmp_path):
    store = Store(tmp_path / "store")
    first, second = put(store, b"first!"), put(store, b"second")
    os.utime(store.folder(first).with_suffix(".json"), ns=(1, 1))
    assert store.kept("m") == [second, first]
    store.remove(second)
    assert store.kept("m") == [first]
    assert not store.folder(second).exists()


def test_the_store_lies_where_programs_keep_data(monkeypatch, tmp_path):
    monkeypatch.delenv("LIBRARIAN_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert store_folder() == Path("/data/librarian/models")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert store_folder() == Path("/home/me/.local/share/librarian/models")
    monkeypatch.setenv("LIBRARIAN_MODELS", "models")
    monkeypatch.chdir(tmp_path)
    assert store_folder() == tmp_path / "models"


if __name__ == "__main__":  # writes the golden file anew, after a change of the format
    write_lock(GOLDEN, golden())
