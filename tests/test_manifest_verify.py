"""Verify: says nothing of what is whole, and names whatever is not, wherever the change was made."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger, document, outcome, recording

from librarian.keys import canonical
from librarian.manifest.chain import sha256
from librarian.manifest.journal import manifests, recover
from librarian.manifest.verify import verify

SOUND = {"audio.flac": b"a private sound", "report.json": b'{"a clean report": 1}'}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A library that is whole: five recordings in three manifests; one superseded, one made again, one failed."""
    made = Ledger(tmp_path)
    made.write(*(made.done(recording(number), SOUND) for number in range(3)))
    made.write(
        made.done(recording(0), SOUND, key_of=document(recording(0), target=-20.0)),
        made.done(recording(1), {**SOUND, "audio.flac": b"made again"}, replaces=True),
        outcome(recording(3), "failed"),
        seal="interrupted",
    )
    made.write(outcome(recording(2), "cached", step="other"), made.done(recording(4), SOUND))
    made.catalog().close()
    return made


def problems(ledger: Ledger, *, read_data: bool = True) -> list[str]:
    return ledger.verify(read_data=read_data).problems


def raw(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def files(ledger: Ledger) -> list[Path]:
    return sorted(path for path in ledger.library.rglob("*") if path.is_file())


def write(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


class TestWhole:
    @pytest.mark.parametrize("read_data", [True, False])
    def test_nothing_is_said_and_everything_is_counted(self, ledger: Ledger, read_data: bool) -> None:
        report = ledger.verify(read_data=read_data)
        assert report.problems == []
        assert (report.manifests, report.lines, report.artifacts) == (3, 17, 10)
        assert report.bytes == sum(path.stat().st_size for path in files(ledger))

    def test_nothing_is_written(self, ledger: Ledger) -> None:
        places = [*ledger.library.rglob("*"), *ledger.manifests.iterdir()]
        before = [(path, path.stat().st_mtime_ns) for path in places], ledger.index.read_bytes()
        ledger.verify()
        assert ([(path, path.stat().st_mtime_ns) for path in places], ledger.index.read_bytes()) == before

    def test_an_empty_project(self, tmp_path: Path) -> None:
        assert problems(Ledger(tmp_path / "new")) == []

    def test_a_run_under_way(self, ledger: Ledger) -> None:
        begun = ledger.begin()
        begun.append([ledger.done(recording(5), SOUND)])
        assert problems(ledger) == []

    def test_what_belongs_to_the_library_itself(self, ledger: Ledger) -> None:
        for name in (".owner", ".gitignore"):
            (ledger.library / name).touch()
        (ledger.library / ".staging" / "job_1" / "worker-1").mkdir(parents=True)
        (ledger.library / "ab" / ID_KEY.recording("x")).mkdir(parents=True)  # a crash before the rename
        assert problems(ledger) == []


def spans(line: bytes) -> Iterator[tuple[str, int, int]]:
    """Every part of a line, with where it begins and ends."""
    found: dict[str, Any] = json.loads(line)
    rest = 0
    for part in ("body", "digest", "prev", "seq"):
        text = canonical(found[part])
        start = line.index(b'"%s":%s' % (part.encode(), text), rest) + len(part) + 3
        yield f"before {part}", rest, start
        yield part, start, start + len(text)
        rest = start + len(text)
    yield "end", rest, len(line)


class TestManifests:
    def test_one_flipped_bit_in_any_part_of_any_line_is_found(self, ledger: Ledger) -> None:
        seen = set()
        with contextlib.closing(ledger.catalog()) as catalog:
            for path in manifests(ledger.manifests):
                whole = path.read_bytes()
                begin = 0
                for number, line in enumerate(raw(path), 1):
                    for part, start, end in spans(line):
                        seen.add(part)
                        for at in {start, (start + end) // 2, end - 1, start + (end - start) // 3}:
                            place = begin + at
                            path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
                            report = verify(catalog, ledger.manifests, ledger.library, ID_KEY, read_data=False)
                            where = f"manifests/{path.name}:"
                            named = [each for each in report.problems if each.startswith(where)]
                            assert named, (path.name, number, part, at)
                            if part in ("body", "digest"):
                                assert f"{where}{number}: the line is damaged: it is not what was written" in named
                    begin += len(line)
                path.write_bytes(whole)
        assert seen == {
            "body",
            "digest",
            "prev",
            "seq",
            "end",
            *(f"before {p}" for p in ("body", "digest", "prev", "seq")),
        }

    def test_every_single_byte_of_a_line(self, tmp_path: Path) -> None:
        ledger = Ledger(tmp_path / "small")
        path = ledger.write(outcome(recording(1), "failed"))
        whole, lines = path.read_bytes(), raw(path)
        with contextlib.closing(ledger.catalog()) as catalog:
            for at in range(len(lines[1])):
                place = len(lines[0]) + at
                path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
                report = verify(catalog, ledger.manifests, ledger.library, ID_KEY, read_data=False)
                assert report.problems, at

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_a_line_that_is_gone(self, ledger: Ledger, number: int) -> None:
        path = manifests(ledger.manifests)[number]
        lines = raw(path)
        for at in range(len(lines) - 1):
            path.write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
            assert any(each.startswith(f"manifests/{path.name}:{at + 1}: ") for each in problems(ledger)), at
        path.write_bytes(b"".join(lines))
        assert problems(ledger) == []

    @pytest.mark.parametrize("number", [0, 1])
    def test_an_end_that_is_gone(self, ledger: Ledger, number: int) -> None:
        path = manifests(ledger.manifests)[number]
        lines = raw(path)
        for left in range(len(lines)):
            path.write_bytes(b"".join(lines[:left]))
            found = problems(ledger)
            assert f"manifests/{path.name}: it has no seal" in found
            following = manifests(ledger.manifests)[number + 1].name
            assert any(each.startswith(f"manifests/{following}:1: the line does not follow") for each in found)

    @pytest.mark.parametrize("number", [0, 1])
    def test_a_manifest_that_is_gone(self, ledger: Ledger, number: int) -> None:
        paths = manifests(ledger.manifests)
        paths[number].unlink()
        assert any(
            each.startswith(f"manifests/{paths[number + 1].name}:1: the line does not follow the one before")
            for each in problems(ledger)
        )

    def test_the_last_manifest_is_gone(self, ledger: Ledger) -> None:
        manifests(ledger.manifests)[-1].unlink()
        assert [each.partition(": ")[2] for each in problems(ledger)] == ["no record names it"]

    def test_all_of_them_are_gone(self, ledger: Ledger) -> None:
        for path in manifests(ledger.manifests):
            path.unlink()
        assert len(problems(ledger)) == len({path.parent for path in files(ledger)})

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_lines_in_another_order(self, ledger: Ledger, number: int) -> None:
        path = manifests(ledger.manifests)[number]
        lines = raw(path)
        for at in range(len(lines) - 1):
            path.write_bytes(b"".join([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]))
            assert any(each.startswith(f"manifests/{path.name}:{at + 1}: ") for each in problems(ledger)), at

    def test_a_line_twice(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[0]
        lines = raw(path)
        path.write_bytes(b"".join([*lines[:2], lines[1], *lines[2:]]))
        assert any(each.startswith(f"manifests/{path.name}:3: the line is damaged") for each in problems(ledger))

    def test_a_line_numbered_anew_in_place_of_another(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[0]
        lines = raw(path)
        stranger = json.loads(raw(manifests(ledger.manifests)[2])[1])
        stranger |= {name: json.loads(lines[2])[name] for name in ("seq", "prev")}
        path.write_bytes(b"".join([*lines[:2], canonical(stranger) + b"\n", *lines[3:]]))
        assert any(each.startswith(f"manifests/{path.name}:4: the line does not follow") for each in problems(ledger))

    def test_two_manifests_that_changed_places(self, ledger: Ledger) -> None:
        one, two, _ = manifests(ledger.manifests)
        first, second = one.read_bytes(), two.read_bytes()
        one.write_bytes(second)
        two.write_bytes(first)
        found = problems(ledger)
        for path in (one, two):
            assert any(each.startswith(f"manifests/{path.name}:1: the line does not follow") for each in found)

    def test_a_seal_that_counts_wrongly(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[-1]
        lines = raw(path)
        seal = json.loads(lines[-1])
        seal["body"]["outcomes"] += 1
        seal["digest"] = sha256(canonical(seal["body"]))
        path.write_bytes(b"".join([*lines[:-1], canonical(seal) + b"\n"]))
        assert problems(ledger) == [f"manifests/{path.name}: it has not as many outcomes as its seal counts"]

    def test_an_emptied_line_that_nobody_owns_up_to(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[-1]
        lines = raw(path)
        line = json.loads(lines[1]) | {"body": None}
        path.write_bytes(b"".join([lines[0], canonical(line) + b"\n", *lines[2:]]))
        assert problems(ledger) == [f"manifests/{path.name}:2: the line was emptied, and no record says by what"]

    def test_a_torn_end_is_said_until_the_next_run_has_cut_it(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[-1]
        whole = path.read_bytes()
        for size in (len(whole) - 1, len(whole) - 20):
            path.write_bytes(whole[:size])
            number = len(raw(path))
            assert problems(ledger) == [f"manifests/{path.name}:{number}: the line is torn; the next run cuts it"]
            recover(ledger.manifests)
            assert problems(ledger) == []

    def test_a_torn_end_of_an_older_one_is_damage(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[0]
        path.write_bytes(path.read_bytes()[:-1])
        assert any(each.startswith(f"manifests/{path.name}:6: the line is damaged") for each in problems(ledger))

    def test_a_copy_of_one_is_named(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[0]
        shutil.copy(path, path.with_name(f"{path.stem} copy.jsonl"))
        (ledger.manifests / "README.md").touch()
        (ledger.manifests / "schema").mkdir()
        assert problems(ledger) == ["manifests: 1 .jsonl files there are no manifests"]

    def test_what_a_damaged_line_told_of_is_made_again(self, ledger: Ledger) -> None:
        path = manifests(ledger.manifests)[0]
        path.write_bytes(path.read_bytes().replace(b'"target":-16.0', b'"target":-17.0', 1))
        problems(ledger, read_data=False)
        with contextlib.closing(ledger.catalog()) as catalog:
            suspects = {each.file.split("/")[1] for each in catalog.artifacts() if each.suspect}
        assert suspects == {recording(0)}


class TestArtifacts:
    def test_one_flipped_bit_in_any_byte_is_found(self, ledger: Ledger) -> None:
        for path in files(ledger)[:3]:
            whole = path.read_bytes()
            name = f"library/{path.relative_to(ledger.library)}"
            for at in range(len(whole)):
                write(path, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
                assert problems(ledger, read_data=False) in ([], [f"{name}: {SUSPECT}"])
                assert problems(ledger) == [f"{name}: its content is not what was recorded"]
            write(path, whole)
            assert problems(ledger) == [f"{name}: {SUSPECT}"]
            self.make_again(ledger)
            assert problems(ledger) == []

    def make_again(self, ledger: Ledger) -> None:
        with contextlib.closing(ledger.catalog()) as catalog:
            (suspect,) = (each for each in catalog.artifacts() if each.suspect)
        for path in manifests(ledger.manifests):
            for line in raw(path):
                body = json.loads(line)["body"]
                if any(each["id"] == suspect.id for each in body.get("produced", [])):
                    found = body
        made = {}
        for each in found["produced"]:
            name = each["file"].removeprefix(f"{found['unit']}.normalize.")
            made[name] = (ledger.library / found["folder"] / each["file"]).read_bytes()
        ledger.write(ledger.done(found["unit"], made, key_of=found["document"], replaces=True))

    @pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\n", lambda data: b""])
    @pytest.mark.parametrize("read_data", [True, False])
    def test_another_size_is_found_without_reading(
        self, ledger: Ledger, change: Callable[[bytes], bytes], read_data: bool
    ) -> None:
        path = files(ledger)[0]
        size = path.stat().st_size
        write(path, change(path.read_bytes()))
        said = f"has {path.stat().st_size} bytes where {size} were recorded"
        assert problems(ledger, read_data=read_data) == [f"library/{path.relative_to(ledger.library)}: {said}"]

    @pytest.mark.parametrize("read_data", [True, False])
    def test_one_that_is_gone(self, ledger: Ledger, read_data: bool) -> None:
        one, other, *_ = files(ledger)
        one.unlink()
        shutil.rmtree(other.parent)
        found = problems(ledger, read_data=read_data)
        assert found
        assert {each.partition(": ")[2] for each in found} == {"is missing"}

    def test_another_thing_in_its_place(self, ledger: Ledger) -> None:
        one, two, three, *_ = files(ledger)
        aside = ledger.library / ".aside"
        aside.write_bytes(one.read_bytes())
        one.unlink()
        one.symlink_to("../../../.aside")
        two.unlink()
        two.mkdir()
        three.unlink()
        os.mkfifo(three)
        assert one.lstat().st_size == one.stat().st_size == len(SOUND["audio.flac"])  # nothing else tells them apart
        for read_data in (True, False):
            assert problems(ledger, read_data=read_data) == [
                f"library/{path.relative_to(ledger.library)}: is a link, or no file" for path in (one, two, three)
            ]

    def test_a_folder_that_became_a_file(self, ledger: Ledger) -> None:
        folder = files(ledger)[0].parent
        count = len(list(folder.iterdir()))
        shutil.rmtree(folder)
        folder.touch()
        assert [each.partition(": ")[2] for each in problems(ledger)] == ["cannot be read: Not a directory"] * count

    def test_only_what_was_read_becomes_suspect(self, ledger: Ledger) -> None:
        path = files(ledger)[0]
        write(path, b"")
        problems(ledger, read_data=False)
        with contextlib.closing(ledger.catalog()) as catalog:
            assert not any(each.suspect for each in catalog.artifacts())
        problems(ledger)
        with contextlib.closing(ledger.catalog()) as catalog:
            assert [ledger.library / each.file for each in catalog.artifacts() if each.suspect] == [path]


SUSPECT = "is suspect since an earlier verify; the next run makes it again"


class TestStrangers:
    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("notes.txt", "library: holds a file or folder that no record names"),
            ("Mary Jones/tape.wav", "library: holds a file or folder that no record names"),
            ("ab/notes.txt", "library/ab: holds a file or folder that no record names"),
            ("ab/Mary/tape.wav", "library/ab: holds a file or folder that no record names"),
            ("{unit}/notes.txt", "library/{unit}: holds a file or folder that no record names"),
            ("{unit}/Mary/tape.wav", "library/{unit}: holds a file or folder that no record names"),
            ("{unit}/normalize-aaaaaaaa/x", "library/{unit}/normalize-aaaaaaaa: no record names it"),
            ("{folder}/notes.txt", "library/{folder}: holds a file or folder that no record names"),
            ("{folder}/Mary/tape.wav", "library/{folder}: holds a file or folder that no record names"),
            ("{folder}/.hidden", "library/{folder}: holds a file or folder that no record names"),
        ],
    )
    def test_each_is_found_and_its_name_not_said(self, ledger: Ledger, place: str, said: str) -> None:
        folder = files(ledger)[0].parent
        words = {"folder": folder.relative_to(ledger.library), "unit": folder.parent.relative_to(ledger.library)}
        path = ledger.library / place.format(**words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert problems(ledger, read_data=False) == [said.format(**words)]

    def test_a_link_is_not_followed(self, ledger: Ledger) -> None:
        (ledger.library / "ab").symlink_to(ledger.library)
        (ledger.library / "cd").symlink_to("nowhere")
        assert problems(ledger) == ["library/ab: no record names it", "library/cd: no record names it"]

    def test_names_of_any_kind(self, ledger: Ledger) -> None:
        for name in (b"\xff", b"new\nline", b"x" * 255, b"[bold]"):
            (ledger.library / os.fsdecode(name)).touch()
        assert problems(ledger) == ["library: holds a file or folder that no record names"] * 4

    def test_what_a_run_puts_in_place_meanwhile_is_none(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        with contextlib.closing(ledger.catalog()) as catalog:
            real = catalog.folders
            written: list[Path] = []

            def late() -> set[str]:
                found = real()
                if not written:
                    written.append(ledger.write(ledger.done(recording(7), SOUND)))
                    catalog.follow(written[0].stem)
                return found

            monkeypatch.setattr(catalog, "folders", late)
            assert verify(catalog, ledger.manifests, ledger.library, ID_KEY, read_data=False).problems == []
