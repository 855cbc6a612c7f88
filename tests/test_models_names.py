"""Names that a model finds: a real token classification, small and made here, from files of models.lock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import Archive
from name_folders import make

from librarian.errors import ModelMissingError, RefusedError
from librarian.files import hash_file
from librarian.models.given import give
from librarian.models.names import NameFinder, NotReadError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("model"))


def given(folder: Path) -> None:
    files = [(path.name, *hash_file(path)) for path in sorted(folder.iterdir())]
    give({"tiny": {"folder": str(folder), "files": files}})


@pytest.fixture(scope="module")
def finder(folder: Path) -> NameFinder:
    given(folder)
    return NameFinder("tiny")


def found(finder: NameFinder, text: str) -> list[str]:
    return [text[start:end] for start, end, _ in finder(text)]


def test_names_are_found_as_whole_words(finder: NameFinder) -> None:
    assert finder("Then Quorl called.") == [(5, 10, "PER")]
    assert found(finder, "then Quorl Zibbeth called, then Quorl") == ["Quorl Zibbeth", "Quorl"]
    assert found(finder, "then called.") == []
    assert found(finder, "") == []


@pytest.mark.parametrize("before", [0, 20, 29, 30, 31, 200, 5000])
def test_however_long_a_text_is_its_end_is_read(finder: NameFinder, before: int) -> None:
    text = "then " * before + "Quorl"
    assert finder(text) == [(5 * before, 5 * before + 5, "PER")]


def test_one_without_spaces_too(finder: NameFinder) -> None:
    text = "。".join(["then"] * 6000) + "。Quorl"
    assert found(finder, text) == ["Quorl"]


def test_a_name_across_every_border_of_two_windows_is_whole(finder: NameFinder) -> None:
    for before in range(20, 60):
        assert found(finder, "then " * before + "Quorl Zibbeth " + "then " * 40) == ["Quorl Zibbeth"]


def test_what_was_not_read_is_no_answer(finder: NameFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finder._tokenizer

    def cut(text: str, **asked: object) -> dict[str, object]:  # as without `return_overflowing_tokens`
        windows = whole(text, **asked)
        return {name: windows[name][:1] for name in ("input_ids", "offset_mapping")}

    monkeypatch.setattr(finder, "_tokenizer", cut)
    with pytest.raises(NotReadError):
        finder("then " * 40 + "Quorl")


def test_a_model_that_names_no_people_says_what_it_names(tmp_path: Path) -> None:
    given(make(tmp_path / "places", ("O", "B-LOC", "I-LOC")))
    with pytest.raises(RefusedError, match="knows no label for people; it knows LOC, O"):
        NameFinder("tiny")
    assert found(NameFinder("tiny", labels=["loc"]), "then Quorl") == ["Quorl"]


def test_files_that_changed_and_files_that_are_no_such_model_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    (other / "config.json").write_text("{}")
    given(other)
    with pytest.raises(RefusedError, match="are no token classification"):
        NameFinder("tiny")
    (other / "config.json").write_text("{ }")
    with pytest.raises(ModelMissingError, match="are not what models"):
        NameFinder("tiny")


def test_scrub_takes_out_what_a_model_finds_and_names_it_as_a_list_would(archive: Archive, folder: Path) -> None:
    text = archive.root / "text.txt"
    text.write_bytes(b"then Quorl called\r\nthen called \xff\nthen Zibbeth, +1 415 555 2671\n")
    listed = archive.root / "names.txt"
    listed.write_text("Quorl\n")
    archive.librarian("init")
    missing = archive.librarian("privacy", "scrub", "text.txt", "--ner", "tiny", code=5)
    assert "the model tiny is not installed; type: librarian models add FOLDER --name tiny" in missing.stderr
    assert missing.stdout == ""
    archive.librarian("models", "add", str(folder), "--name", "tiny", "--licence", "CC0-1.0")
    assert "Quorl" in archive.librarian("privacy", "scrub", "text.txt").stdout
    done = archive.librarian("privacy", "scrub", "text.txt", "--ner", "tiny", "--json")
    first, _, third = done.stdout.splitlines()
    assert json.loads(done.stderr)["counts"] == {"NAME": 2, "PHONE": 1}
    assert first == archive.librarian("privacy", "scrub", "text.txt", "--names", "names.txt").stdout.splitlines()[0]
    assert "Zibbeth" not in third
    assert "<NAME:" in third


def test_a_model_that_cannot_be_loaded_lets_nothing_out(archive: Archive, tmp_path: Path) -> None:
    (archive.root / "text.txt").write_text("then Quorl called\n")
    broken = make(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights")
    archive.librarian("init")
    archive.librarian("models", "add", str(broken), "--name", "tiny", "--licence", "CC0-1.0")
    refused = archive.librarian("privacy", "scrub", "text.txt", "--ner", "tiny", code=4)
    assert refused.stdout == ""
    assert "Quorl" not in refused.stderr
