"""`list: files.csv`: which row is about which file, what it sets, and what of it may be said."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from harness import Archive
from units import here, outcomes, resolve, run, sound, toy_archive

from librarian.errors import JobError
from librarian.job import Job
from librarian.recordings import PatternError, scan

HEAD = """\
librarian: 1
name: listed
recordings:
  - {id: talks, path: '**/*.wav', list: %s}
steps:
"""
PLACE = (4, 41)
"""Line and column of the list in it."""
STEPS = """\
- {id: note, use: note, with: {language: sv, count: 2}}
- {id: other, use: note}
- {id: loud, use: louder}
"""


def job(folder: Path, table: str | bytes, stated: str = "files.csv", steps: str = STEPS) -> Job:
    (folder / "files.csv").write_bytes(table.encode() if isinstance(table, str) else table)
    return resolve(steps, HEAD % stated, folder)


def problems(folder: Path, table: str | bytes, stated: str = "files.csv", steps: str = STEPS) -> list[str]:
    """What is wrong with a list; each must stand at the list's place in the job file."""
    with pytest.raises(JobError) as caught:
        job(folder, table, stated, steps)
    begin = f"job.yaml:{PLACE[0]}:{PLACE[1]}: recordings.0.list: "
    assert all(each.startswith(begin) for each in caught.value.problems)
    return [each.removeprefix(begin) for each in caught.value.problems]


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name))
    return folder


def labels(folder: Path, table: str | bytes, stated: str = "files.csv") -> dict[str, str]:
    """File → its label, where it has one."""
    found = scan(job(folder, table, stated))
    return {os.path.relpath(each.path, folder): each.label for each in found.sightings if each.label}


def settings(folder: Path, table: str) -> dict[str, dict[str, dict[str, Any]]]:
    """File → step → what the list sets beside what the step says."""
    found = job(folder, table)
    return {
        os.path.relpath(each.path, folder): {
            step.id: {
                name: value
                for name, value in found.step_for(step, each).settings.items()
                if value != step.settings[name]
            }
            for step in found.steps
            if found.step_for(step, each) is not step
        }
        for each in scan(found).sightings
    }


def test_a_row_is_about_the_file_whose_path_ends_so(tmp_path: Path) -> None:
    touched(tmp_path, "a.wav", "1987/a.wav", "1987/tape 2/b.wav", "b-side/c.wav", "d.wav")
    table = "file,label\n1987/a.wav,one\n./a.wav,two\ntape 2\\b.wav,three\nside/c.wav,none\nnothing.wav,none\n"
    assert labels(tmp_path, table) == {"a.wav": "two", "1987/a.wav": "one", "1987/tape 2/b.wav": "three"}
    assert scan(job(tmp_path, table)).unlisted == {"talks": (2, 2)}


def test_a_row_may_name_the_whole_path(tmp_path: Path) -> None:
    folder = touched(tmp_path / "archive", "1987/a.wav", "b.wav")
    assert labels(folder, f"file,label\n{folder}/1987/a.wav,one\narchive/b.wav,two\n") == {
        "1987/a.wav": "one",
        "b.wav": "two",
    }


def test_accents_match_whichever_way_they_are_written(tmp_path: Path) -> None:
    one, other = "Zoë Å.wav", "Ängström/é.wav"
    touched(tmp_path, unicodedata.normalize("NFD", one), unicodedata.normalize("NFC", other))
    table = f"file,label\n{unicodedata.normalize('NFC', one)},one\n{unicodedata.normalize('NFD', other)},two\n"
    assert sorted(labels(tmp_path, table).values()) == ["one", "two"]


@pytest.mark.parametrize(
    "table",
    [
        "file,label\na.wav,one\nb.wav,\n",
        "file;label\r\na.wav;one\r\nb.wav;\r\n",
        "file\tlabel\ta column, with a comma\na.wav\tone\n\nb.wav\n",
        "\ufefffile,label\na.wav,one",
        'label,file,,\n"one"," a.wav ",,\n,b.wav\n , ,\n',
        'file,label,remark\na.wav,one,"two\nlines"\nb.wav,,\n',
    ],
    ids=["commas", "semicolons", "tabs", "byte order mark", "quotes", "two lines in a cell"],
)
def test_however_a_table_program_writes_it(tmp_path: Path, table: str) -> None:
    assert labels(touched(tmp_path, "a.wav", "b.wav"), table) == {"a.wav": "one"}


def test_a_label_that_the_path_says_comes_before_that_of_the_list(tmp_path: Path) -> None:
    touched(tmp_path, "OH-7.wav", "b.wav")
    (tmp_path / "files.csv").write_text("file,label\nOH-7.wav,from the list\nb.wav,from the list\n")
    head = HEAD.replace("list: %s", "label: 'OH-\\d', list: files.csv")
    found = {Path(each.path).name: (each.label, each.public) for each in scan(resolve(STEPS, head, tmp_path)).sightings}
    assert found == {"OH-7.wav": ("OH-7", True), "b.wav": ("from the list", False)}


def test_columns_give_settings_to_every_step_that_has_them_or_to_one(tmp_path: Path) -> None:
    touched(tmp_path, "a.wav", "b.wav", "c.wav")
    table = """\
file,language,note.language,speaker,other.count,remark,nothing.language,label
a.wav,de,,,,,,
b.wav,de,fr,Anna,3,x,y,z
c.wav,,,,,,,
"""
    assert settings(tmp_path, table) == {
        "a.wav": {"note": {"language": "de"}, "other": {"language": "de"}},
        "b.wav": {
            "note": {"language": "fr", "speaker": "Anna"},
            "other": {"language": "de", "speaker": "Anna", "count": 3},
        },
        "c.wav": {},
    }
    found = job(tmp_path, table)
    row = found.tables["talks"].rows[2]
    assert row.steps["note"].settings["count"] == 2  # what the step says stays
    assert row.steps["note"].given == ("count", "language")
    assert found.tables["talks"].unused == ("remark", "nothing.language")
    assert found.tables["talks"].private == {"x", "y", "z"}


def test_quantities_are_read_as_in_a_job_file(tmp_path: Path) -> None:
    touched(tmp_path, "a.wav")
    assert settings(tmp_path, "file,gain\na.wav,\N{MINUS SIGN}3 dB\n") == {"a.wav": {"loud": {"gain": -3.0}}}


def test_bad_values_are_said_with_their_line_and_setting(tmp_path: Path) -> None:
    table = "file,language,note.count,gain\na.wav,de,1,0\nb.wav,German,many,0\nc.wav,,,3 LUFS\n\nd.wav,de,0,\n"
    assert problems(tmp_path, table) == [
        "line 3 of the list: note.language: must match ^[a-z]{2}$",
        "line 3 of the list: note.count: input should be a valid integer, unable to parse string as an integer",
        "line 3 of the list: other.language: must match ^[a-z]{2}$",
        "line 4 of the list: loud.gain: expected a number with one of the units dB",
        "line 6 of the list: note.count: input should be greater than or equal to 1",
    ]


def test_a_value_may_not_change_what_a_step_puts_out(tmp_path: Path) -> None:
    steps = "- {id: stem, use: stem}"
    said = problems(tmp_path, "file,stem\na.wav,rest\nb.wav,voice\n", steps=steps)
    assert said == ["line 2 of the list: stem: its settings would change what the step puts out"]


def test_rows_that_say_nothing_of_a_file_or_too_much(tmp_path: Path) -> None:
    assert problems(tmp_path, "file,label\n,x\na.wav,x,more\nb.wav,x\n") == [
        "line 2 of the list: names no file",
        "line 3 of the list: has more cells than the first line has columns",
    ]


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    table = 'file,remark\na.wav,"of\ntwo lines"\n,x\n'
    assert problems(tmp_path, table) == ["line 4 of the list: names no file"]


def test_of_a_list_that_is_wrong_throughout_the_beginning_is_said(tmp_path: Path) -> None:
    rows = "".join(f"{number}.wav,-{number}\n" for number in range(1, 200))
    said = problems(tmp_path, f"file,note.count\n{rows}")
    assert len(said) == 20
    assert said[0].startswith("line 2 of the list: note.count: ")


def test_a_row_that_fits_several_files(tmp_path: Path) -> None:
    touched(tmp_path, "1/a.wav", "2/a.wav", "2/b.wav", "3/b.wav", "c.wav")
    with pytest.raises(PatternError) as caught:
        scan(job(tmp_path, "file,label\nc.wav,x\na.wav,x\n2/b.wav,x\nb.wav,x\n"))
    assert caught.value.problems == [
        (("recordings", 0, "list"), "line 3 of the list: 2 files fit; write more of the path")
    ]


def test_two_rows_about_one_file(tmp_path: Path) -> None:
    touched(tmp_path, "a.wav", "1/b.wav")
    with pytest.raises(PatternError) as caught:
        scan(job(tmp_path, "file,label\na.wav,x\n1/b.wav,x\n\n./a.wav,y\nb.wav,z\n"))
    assert caught.value.problems == [(("recordings", 0, "list"), "line 5 of the list: names the file of line 2 again")]
    assert labels(tmp_path, "file,label\n1/b.wav,x\nb.wav,z\n") == {"1/b.wav": "x"}  # it says more of the path


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "its first line must name the columns, and one of them must be: file"),
        ("File,label\na.wav,x\n", "its first line must name the columns, and one of them must be: file"),
        ("file,label,label\na.wav,x,y\n", "two of its columns have one name"),
        (b"file,label\na.wav,\xe9\n", "the list is not UTF-8; save it as CSV in UTF-8"),
        ("file,label\n".encode("utf-16"), "the list is not UTF-8; save it as CSV in UTF-8"),
        ('file,label\na.wav,"x\n', "the list is no CSV: unexpected end of data"),
        (f"file,label\na.wav,{'x' * 200_000}\n", "the list is no CSV: field larger than field limit (131072)"),
    ],
    ids=["empty", "no column file", "a column twice", "Latin-1", "UTF-16", "an open quote", "an endless cell"],
)
def test_a_file_that_is_no_list(tmp_path: Path, table: str | bytes, said: str) -> None:
    assert problems(tmp_path, table) == [said]


def test_a_public_column_that_is_not_there(tmp_path: Path) -> None:
    stated = "{file: files.csv, public: [label, Anna]}"
    assert problems(tmp_path, "file,label\n", stated) == ["public: it has no column of that name"]


def test_a_list_that_cannot_be_opened(tmp_path: Path) -> None:
    touched(tmp_path, "a.wav")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        *(("none.csv", "No such file or directory"), ("folder", "not a regular file")),
        *(("pipe", "not a regular file"), ("a.wav/x.csv", "Not a directory")),
    ):
        assert problems(tmp_path, "", name) == [f"the list cannot be read: {why}"]


LABEL, SPEAKER, REMARK = "Herta Quastenflosser", "Wilhelmine Brausewetter", "Adelgunde Tintenfisch"
PUBLIC = "OH-1987-014"


@pytest.fixture
def planted(tmp_path: Path) -> Archive:
    """Two talks, one of them silent so that it fails, and a list that says much of both."""
    archive = toy_archive(tmp_path / "archive")
    sound(archive.root / "talks" / "one.wav", 1)
    sound(archive.root / "talks" / "two.wav", 0)
    (archive.root / "files.csv").write_text(
        f"file,language,speaker,remark,label\none.wav,de,{SPEAKER},{REMARK},{LABEL} 1\n"
        f"two.wav,fr,{SPEAKER},{REMARK},{LABEL} 2\n"
    )
    archive.job(HEAD % "files.csv" + "  - {id: note, use: note}\n  - {id: loud, use: louder}\n")
    return archive


def left(archive: Archive) -> dict[str, bytes]:
    """Every byte that a run leaves where no name may stand, and every name of a file."""
    owned = ("job.yaml", "files.csv", "talks/", ".librarian/vault.db")
    contents = {name: content for name, content in archive.files(".").items() if not name.startswith(owned)}
    return {name: b"" if name.endswith(".txt") else content for name, content in contents.items()}


def test_what_a_list_says_is_in_no_byte_that_is_left_but_the_vault_s(planted: Archive) -> None:
    said = [run(planted, "--events", "events", code=1), run(planted, code=1), here(planted, "plan", "job.yaml")]
    said += [here(planted, "plan", "job.yaml", *more) for more in (["--tasks"], ["--json", "--tasks"])]
    said += [here(planted, "show", "two.wav"), here(planted, "jobs"), here(planted, "status", code=None)]
    everything = [*left(planted).items(), *((str(each.args), each.stdout + each.stderr) for each in said)]
    for where, text in everything:
        for name in (LABEL, SPEAKER, REMARK):
            for word in name.split():
                for form in (word, word.lower(), word.upper()):
                    assert form not in where
                    assert (form.encode() if isinstance(text, bytes) else form) not in text, where  # type: ignore[operator]
    languages = {each["document"]["settings"]["language"] for each in outcomes(planted, 0, "note")}
    assert len(languages) == 2
    assert all(each.startswith("text:") for each in languages)
    assert [each["given"] for each in outcomes(planted, 0, "note")] == [["language", "speaker"]] * 2
    notes = sorted(path.read_text() for path in planted.root.glob("library/*/*/*/*.txt"))
    assert notes == [f"de {SPEAKER}\n", f"fr {SPEAKER}\n"]


def test_a_label_that_the_owner_calls_public_is_said(planted: Archive) -> None:
    job_file, table = planted.root / "job.yaml", planted.root / "files.csv"
    job_file.write_text(job_file.read_text().replace("list: files.csv", "list: {file: files.csv, public: [label]}"))
    table.write_text(table.read_text().replace(LABEL, PUBLIC))
    run(planted, "--events", "events", code=1)
    events = (planted.root / "events").read_text()
    assert f'"label": "{PUBLIC} 1"' in events
    assert f'"label": "{PUBLIC} 2"' in events
    assert f"{PUBLIC} 2" in here(planted, "plan", "job.yaml", "--tasks").stdout
    for where, content in left(planted).items():
        for name in (SPEAKER, REMARK):
            assert not any(word.encode() in content for word in name.split()), where


def test_a_label_that_reads_like_a_number_of_somebody_is_refused(planted: Archive) -> None:
    job_file, table = planted.root / "job.yaml", planted.root / "files.csv"
    job_file.write_text(job_file.read_text().replace("list: files.csv", "list: {file: files.csv, public: [label]}"))
    table.write_text(table.read_text().replace(LABEL, "1 555 014 8822"))
    said = run(planted, code=4).stderr
    assert said.startswith("job.yaml:4:41: recordings.0.list: 2 labels read like a name or a number of somebody")
    assert "8822" not in said
    assert not (planted.root / "library").exists()


def test_what_an_operation_says_of_a_value_does_not_give_it_away(planted: Archive) -> None:
    table = planted.root / "files.csv"
    table.write_text(table.read_text().replace(SPEAKER, f"{SPEAKER} 2nd"))
    said = run(planted, code=2).stderr
    assert "line 2 of the list: note.speaker: " in said
    assert said.endswith("is no name\n")
    assert not any(word in said for word in SPEAKER.split())


def test_a_changed_row_redoes_what_it_is_about_and_nothing_else(planted: Archive) -> None:
    run(planted, code=1)
    table = planted.root / "files.csv"
    table.write_text(table.read_text().replace("one.wav,de", "one.wav,en").replace(REMARK, "something else"))
    run(planted, "--redo-ok", code=1)
    assert [(each["step"], each["outcome"]) for each in outcomes(planted)] == [("note", "done")]  # loud's is known
    texts = sorted(path.read_text() for path in planted.root.glob("library/*/*/*/*.txt"))
    assert texts == [f"de {SPEAKER}\n", f"en {SPEAKER}\n", f"fr {SPEAKER}\n"]


def test_a_file_that_two_entries_take_has_what_either_says_of_it(planted: Archive) -> None:
    job_file = planted.root / "job.yaml"
    first = "  - {id: everything, path: '**/*.wav'}\n"
    job_file.write_text(job_file.read_text().replace("recordings:\n", f"recordings:\n{first}"))
    run(planted, code=1)
    assert sorted(path.read_text() for path in planted.root.glob("library/*/*/*/*.txt")) == [
        f"de {SPEAKER}\n",
        f"fr {SPEAKER}\n",
    ]
