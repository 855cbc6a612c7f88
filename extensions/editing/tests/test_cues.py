"""Lists of times: what is read of them, and that nothing else is."""

import os

import pytest

from librarian_editing.cues import read_cues
from librarian_editing.settings import CutSettings


@pytest.fixture
def cues(tmp_path):
    def run(content):
        path = tmp_path / "list"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_cues(str(path))

    return run


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start,end\n1,2\n2.5,\n", ((1, 2), (2.5, None))),
        ("\ufeffEND\tx\tSTART\n1:00\ty\t30\n", ((30, 60),)),
        ("0;1:02:03.25\n", ((0, 3723.25),)),
        ("0.0\t1.5\tHello, you, there, again\n", ((0, 1.5),)),
        ("0\n90\n\n100.5\n", ((0, None), (90, None), (100.5, None))),
        ("TRACK 1 AUDIO\n\tindex 01 100:59:74\n", ((100 * 60 + 59 + 74 / 75, None),)),
    ],
)
def test_times_are_read_as_people_write_them(cues, text, expected):
    assert cues(text) == expected


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "holds no times"),
        ("start\n", "holds no times"),
        ("start\nPeter Jones\n", "row 2 holds no time"),
        ("1\n1\n", "not in order"),
        ("start,end\n5,4\n", "ends before it starts"),
        ("99999999\n", "row 1 holds no time"),
        ("2000000\n", "too far off"),
        ('FILE "a"\nINDEX 01 00:00:00\nFILE "b"\nINDEX 01 00:01:00\n', "several files"),
        ("INDEX 01 00:00:75\n", "more than 74 frames"),
        ("".join(f"{n}\n" for n in range(10_001)), "too many times"),
        (b"\0" * 10, "holds no time"),
        (b"1" * ((1 << 20) + 1), "is too large"),
    ],
)
def test_what_is_no_list_of_times_is_refused_in_one_line_without_its_text(cues, content, match):
    with pytest.raises(ValueError, match=match) as caught:
        cues(content)
    assert "Jones" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_list_is_a_plain_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for wrong in (tmp_path, tmp_path / "fifo", tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=r"no such file|is no file"):
            read_cues(str(wrong))
    for wrong in (5, [1], {"a": 1}, [[None, 1]], [["Peter", 1]], [[1]], [[1, 2, 3]], [[{}, 1]]):
        with pytest.raises(ValueError, match="name a cue sheet"):
            read_cues(wrong)


def test_of_a_file_only_its_times_stay(tmp_path):
    path = tmp_path / "calls of Peter Jones.csv"
    path.write_text("start,end,who\n0,5,Peter Jones\n")
    settings = CutSettings(by="cues", cues=str(path))
    assert "Jones" not in settings.model_dump_json()
    assert CutSettings.model_validate(settings.model_dump(mode="json")) == settings
