"""Names come back: a folder of links, whatever recordings are called, that touches nothing but its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from harness import Archive
from units import counts, here, outcomes, run, sound, toy_archive

from librarian.privacy.vault import Vault

JOB = r"""
librarian: 1
name: shown
recordings:
  - {id: talks, path: 'talks/**/*.wav'}
  - {id: calls, path: 'calls/*.wav', group: '(?P<role>in|out)-(?P<group>\w+)', roles: {in: left, out: right}}
steps:
  - {id: voice, use: louder, from: talks, with: {gain: 1 dB}}
  - {id: cuts, use: chop, from: voice}
  - {id: loud, use: number, from: cuts}
  - {id: mixed, use: blend, from: calls}
  - {id: level, use: profile, from: voice}
""".lstrip()
NAMES = ("talks/Anna Müller.wav", "talks/1987/Bo.wav", "calls/in-one.wav", "calls/out-one.wav")
SHOWN = {
    *("talks/Anna Müller.voice.flac", "talks/1987/Bo.voice.flac"),
    *(f"talks/{name}.cuts.{number:04d}.flac" for name in ("Anna Müller", "1987/Bo") for number in (1, 2, 3)),
    *(f"talks/{name}.loud.{number:04d}.flac" for name in ("Anna Müller", "1987/Bo") for number in (1, 2, 3)),
    *("calls/one.mixed.audio.flac", "calls/one.mixed.order.txt", "shown.level.json"),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    made = toy_archive(tmp_path_factory.mktemp("view") / "archive")
    for number, name in enumerate(NAMES, 1):
        sound(made.root / name, number)
    made.job(JOB)
    run(made)
    return made


@pytest.fixture
def archive(ran: Archive, tmp_path: Path) -> Archive:
    root = tmp_path / "archive"
    shutil.copytree(ran.root, root, symlinks=True)
    copied = Archive(root, ran.environment)
    run(copied)
    return copied


def shown(folder: Path) -> dict[str, bytes]:
    """Link → what is read through it; of what is no link, nothing."""
    links = (path for path in folder.rglob("*") if path.is_symlink())
    return {str(path.relative_to(folder)): path.read_bytes() for path in links}


def few(tmp_path: Path, *names: str) -> Archive:
    """An archive of some recordings with names of their own."""
    made = toy_archive(tmp_path / "few")
    for number, name in enumerate(names, 1):
        sound(made.root / "talks" / name, number)
    made.job("librarian: 1\nname: few\nrecordings: [{id: a, path: 'talks/**/*'}]\nsteps: [{id: voice, use: louder}]\n")
    run(made)
    return made


class TestNames:
    def test_results_lie_where_recordings_do(self, archive: Archive) -> None:
        said = here(archive, "view", "view").stderr
        assert set(shown(archive.root / "view")) == SHOWN
        assert f"view: {len(SHOWN)} links ({len(SHOWN)} made, 0 removed)" in said
        produced = {each["file"] for line in outcomes(archive, 0) for each in line["produced"]}
        targets = {os.path.basename(os.readlink(archive.root / "view" / link)) for link in SHOWN}
        assert targets == produced

    def test_each_link_leads_to_its_own_result(self, archive: Archive) -> None:
        here(archive, "view", "view")
        found = shown(archive.root / "view")
        by_file = {path.name: path.read_bytes() for path in (archive.root / "library").rglob("*") if path.is_file()}
        for name in NAMES[:2]:
            unit = next(
                line["unit"]
                for line in outcomes(archive, 0, "voice")
                if by_file[line["produced"][0]["file"]] == found[name.replace(".wav", ".voice.flac")]
            )
            with contextlib.closing(Vault(archive.root / ".librarian" / "vault.db", owned=False)) as vault:
                assert archive.root / name in vault.sightings(unit)

    @pytest.mark.parametrize(
        ("layout", "some"),
        [
            ("steps", {"voice/talks/1987/Bo.flac", "cuts/talks/Anna Müller.0002.flac", "mixed.order/calls/one.txt"}),
            ("flat", {"Bo.voice.flac", "Anna Müller.cuts.0002.flac", "one.mixed.order.txt"}),
        ],
    )
    def test_layouts(self, archive: Archive, layout: str, some: set[str]) -> None:
        here(archive, "view", "view", "--layout", layout)
        found = set(shown(archive.root / "view"))
        assert found >= some
        assert len(found) == len(SHOWN)

    def test_some_steps_only(self, archive: Archive) -> None:
        here(archive, "view", "view", "--steps", "voice,mixed.order")
        assert set(shown(archive.root / "view")) == {each for each in SHOWN if ".voice." in each or ".order." in each}
        assert "nothing is current of that step" in here(archive, "view", "view", "--steps", "vioce", code=2).stderr

    def test_twins_are_told_apart(self, tmp_path: Path) -> None:
        accents = (unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD"))
        made = few(tmp_path, "same.wav", "same.aiff.wav", "SAME.wav", *accents, "a.b/x.wav", "A.B/x.wav")
        shutil.copy(made.root / "talks" / "same.wav", made.root / "talks" / "same.wave")
        sound(made.root / "talks" / "stem.wav", 20)
        sound(made.root / "talks" / "stem.WAV", 21)
        run(made)
        here(made, "view", "view")
        found = shown(made.root / "view")
        folded = {unicodedata.normalize("NFC", each).casefold() for each in found}
        assert len(folded) == len(found) == 10  # nine recordings, one of them seen in two places
        assert len(set(found.values())) == 9
        before = set(found)
        here(made, "view", "view")
        assert set(shown(made.root / "view")) == before

    def test_hostile_names(self, tmp_path: Path) -> None:
        names = ("new\nline", "\x1b[31mred", "$(touch x)", "-rf", "\u202egpj", "[b]", "n" * 250)
        made = few(tmp_path, *(f"{name}.wav" for name in names))
        raw = os.fsencode(made.root / "talks") + b"/bad\xff.wav"
        shutil.copy(sound(made.root / "spare.wav", 30), raw)
        folder = sound(made.root / "talks" / "x.voice.flac" / "y.wav", 31).parent
        sound(made.root / "talks" / "x.wav", 32)  # whose link would be called as that folder
        assert folder.is_dir()
        run(made)
        here(made, "view", "view")
        found = shown(made.root / "view")
        assert len(found) == len(set(found.values())) == len(names) + 3
        assert all(each.replace("/", "").isprintable() for each in found)
        assert all(len(os.fsencode(part)) <= 255 for each in found for part in each.split("/"))

    def test_recordings_outside_the_project(self, tmp_path: Path) -> None:
        made = toy_archive(tmp_path / "archive")
        sound(tmp_path / "nas" / "tapes" / "a" / "one.wav", 1)
        sound(tmp_path / "nas" / "tapes" / "b" / "two.wav", 2)
        made.job(
            "librarian: 1\nname: out\nrecordings: [{id: a, path: '../nas/**/*.wav'}]\n"
            "steps: [{id: voice, use: louder}]\n"
        )
        run(made)
        here(made, "view", "../view")
        assert set(shown(tmp_path / "view")) == {"a/one.voice.flac", "b/two.voice.flac"}
        assert all(os.path.isabs(os.readlink(tmp_path / "view" / each)) for each in shown(tmp_path / "view"))

    def test_one_that_was_renamed_has_its_new_name_only(self, tmp_path: Path) -> None:
        made = few(tmp_path, "Anna.wav", "Bo.wav")
        here(made, "view", "view")
        (made.root / "talks" / "Anna.wav").rename(made.root / "talks" / "Other.wav")
        run(made)
        here(made, "view", "view")
        assert set(shown(made.root / "view")) == {"talks/Other.voice.flac", "talks/Bo.voice.flac"}


class TestRefresh:
    def test_what_changed_is_changed_and_nothing_else(self, archive: Archive) -> None:
        here(archive, "view", "view")
        here(archive, "view", "two", "--steps", "voice")
        stats = {path: path.lstat().st_ino for path in (archive.root / "view").rglob("*")}
        assert "0 made, 0 removed" in here(archive, "view", "view").stderr
        assert {path: path.lstat().st_ino for path in (archive.root / "view").rglob("*")} == stats
        archive.job(JOB.replace("gain: 1 dB", "gain: 2 dB"))
        run(archive, "--redo-ok")
        said = here(archive, "view").stderr  # both
        assert "a view: 2 links (2 made, 2 removed)" in said
        current = {each["file"] for line in outcomes(archive) for each in line["produced"]}
        assert {os.path.basename(os.readlink(path)) for path in (archive.root / "two").rglob("*.flac")} < current
        assert counts(archive)["voice", "done"] == 2

    def test_what_is_not_its_own_is_left_alone(self, archive: Archive, tmp_path: Path) -> None:
        top = archive.root / "view"
        (top / "talks").mkdir(parents=True)
        (top / "talks" / "notes.txt").write_text("mine")
        (top / "talks" / "Anna Müller.voice.flac").write_text("mine too")
        (top / "shown.level.json").symlink_to("nowhere")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (top / "calls").symlink_to(elsewhere)
        said = here(archive, "view", "view").stderr
        assert "view: 4 names taken by files that are none of its own" in said
        assert list(elsewhere.iterdir()) == []
        here(archive, "view", "view", "--remove")
        left = sorted(str(path.relative_to(top)) for path in top.rglob("*"))
        assert left == ["calls", "shown.level.json", "talks", "talks/Anna Müller.voice.flac", "talks/notes.txt"]
        assert (top / "talks" / "Anna Müller.voice.flac").read_text() == "mine too"

    def test_a_link_that_the_owner_led_elsewhere_is_his(self, archive: Archive) -> None:
        here(archive, "view", "view")
        link = archive.root / "view" / "shown.level.json"
        link.unlink()
        link.symlink_to("elsewhere")
        here(archive, "view", "view", "--remove")
        assert os.readlink(link) == "elsewhere"

    def test_links_that_were_deleted_are_made_again(self, archive: Archive) -> None:
        here(archive, "view", "view")
        shutil.rmtree(archive.root / "view" / "talks")
        assert "14 made" in here(archive, "view", "view").stderr
        assert set(shown(archive.root / "view")) == SHOWN

    def test_it_is_listed_before_a_link_is_made(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.symlink", broken)
            here(archive, "view", "view", code=6)
        with contextlib.closing(Vault(archive.root / ".librarian" / "vault.db", owned=False)) as vault:
            known = vault.view(archive.root / "view")
            assert known is not None and set(known.links) == SHOWN
            assert vault.views() == [archive.root / "view"]
        here(archive, "view")
        here(archive, "view", "view", "--remove")
        assert not any((archive.root / "view").iterdir())

    def test_what_is_forgotten_leaves_it(self, tmp_path: Path) -> None:
        made = few(tmp_path, "Ottilie/Anna.wav", "Bo.wav")
        here(made, "view", "view")
        here(made, "privacy", "forget", "Anna.wav", "--yes")
        assert [path.name for path in (made.root / "view").rglob("*")] == ["talks", "Bo.voice.flac"]
        assert not any(b"Ottilie" in content for name, content in made.files(".").items() if "talks/" not in name)
        here(made, "view")
        assert set(shown(made.root / "view")) == {"talks/Bo.voice.flac"}

    def test_a_view_inside_the_project_is_moved_with_it(self, archive: Archive, tmp_path: Path) -> None:
        here(archive, "view", "view")
        archive.root.rename(tmp_path / "moved")
        assert set(shown(tmp_path / "moved" / "view")) == SHOWN


@pytest.mark.parametrize(
    "folder", ["library", "library/view", ".librarian", "manifests", ".", "..", "talks", "talks/1987/view"]
)
def test_places_that_are_refused(archive: Archive, folder: str) -> None:
    before = archive.files(".")
    assert "name another" in here(archive, "view", folder, code=2).stderr
    assert archive.files(".").keys() == before.keys()


def test_what_is_typed_wrongly_is_said(archive: Archive) -> None:
    assert "no view yet" in here(archive, "view").stderr
    assert "name the folder" in here(archive, "view", "--layout", "flat", code=2).stderr
    assert "no view of this project" in here(archive, "view", "x", "--remove", code=2).stderr
    assert "Did you mean flat?" in here(archive, "view", "x", "--layout", "flt", code=2).stderr
