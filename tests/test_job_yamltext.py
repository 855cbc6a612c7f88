"""YAML text: what is read as what, where it stands, and what is refused at the door."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from librarian.job.yamltext import MAX_BYTES, MAX_DEPTH, MAX_NODES, YamlProblemError, parse, read_file

CHILD_MEMORY = 500 << 20
CHILD_SECONDS = 120
"""Generous: all hostile texts together take about ten seconds; one of them was enough for an hour before."""


def refusal(text: bytes | str) -> tuple[str, int, int]:
    """Message, line and column (from 1) of what is wrong."""
    with pytest.raises(YamlProblemError) as caught:
        parse(text.encode() if isinstance(text, str) else text)
    return caught.value.message, caught.value.line + 1, caught.value.column + 1


@pytest.mark.parametrize("text", ["no", "No", "yes", "on", "off", "y", "n"])
def test_only_true_and_false_are_flags(text):
    assert parse(text.encode()).data == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("NULL", None), ("", None),
        ("0", 0), ("-16", -16), ("+3", 3), ("0o14", 12), ("0x1F", 31), (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)), ("1.5", 1.5), ("-.5", -0.5), ("5.", 5.0), ("1e3", 1000.0), ("1.5E-2", 0.015),
    ],
)  # fmt: skip
def test_plain_scalars_of_yaml_1_2(text, value):
    read = parse(f"a: {text}".encode()).data["a"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "012", "-007", "12:30:45", "2001-12-14", "2001-12-14T21:59:43Z", "1_000", "0b101", "0x", "0o8", "-_", "_", ".",
        "-", "1e", "1.2.3", "NaN", "inf", "tRuE", "nULL", "=", "<<", "-16 LUFS", "\N{MINUS SIGN}16", "\uff11\uff16",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_number_or_a_date_is_text(text):
    assert parse(f"[a, {text}]".encode()).data == ["a", text]


@pytest.mark.parametrize("text", ["16", "true", "null", "1e999", ".nan", "2001-12-14", "", "~"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_what_is_quoted_is_text(text, quote):
    assert parse(f"{quote}{text}{quote}".encode()).data == text


def test_block_scalars_are_text():
    assert parse(b"a: |\n  12\nb: >\n  no\n").data == {"a": "12\n", "b": "no\n"}


@pytest.mark.parametrize(
    "text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "-1e400", "9" * 400 + ".0", "1.0e+999"]
)
def test_a_number_that_is_not_finite_is_refused(text):
    assert refusal(f"a:\n  - {text}") == ("a number must be finite", 2, 5)


@pytest.mark.parametrize("text", [str(2**63), str(-(2**63) - 1), "9" * 30, "1" * 100_000, "0x" + "f" * 50_000])
def test_a_huge_integer_is_refused(text):
    assert refusal(f"a:\n  - {text}") == ("a number too large to read", 2, 5)


TEXT = """\
# a comment
name: x
steps:
  - {id: a, with: {target: -16}}
  -
    id: b
    'with' :
      stems:
        - vocals
        - [drums,   bass]
empty:
list:
  -
"""


def test_everything_has_its_line_and_column():
    document = parse(TEXT.encode())
    places = {
        (): (2, 1),
        ("name",): (2, 7),
        ("steps",): (4, 3),
        ("steps", 0): (4, 5),
        ("steps", 0, "with"): (4, 19),
        ("steps", 0, "with", "target"): (4, 28),
        ("steps", 1, "id"): (6, 9),
        ("steps", 1, "with", "stems"): (9, 9),
        ("steps", 1, "with", "stems", 1): (10, 11),
        ("steps", 1, "with", "stems", 1, 1): (10, 21),
    }
    assert {place: document.position(place) for place in places} == places


def test_a_key_has_a_place_of_its_own():
    document = parse(TEXT.encode())
    assert document.position(("steps", 1, "with"), of_key=True) == (7, 5)
    assert document.position(("steps", 0, "with", "target"), of_key=True) == (4, 20)
    assert document.position(("steps", 1), of_key=True) == document.position(("steps", 1))  # an item has no key


def test_a_value_that_was_left_out_is_where_its_key_is():
    assert parse(TEXT.encode()).position(("empty",)) == (11, 1)
    assert parse(b"{a: , b: 1}").position(("a",)) == (1, 2)
    assert parse(b"a: ''\n").position(("a",)) == (1, 4)


def test_what_the_text_lacks_is_at_the_nearest_part_above():
    document = parse(TEXT.encode())
    assert document.position(("steps", 0, "use")) == document.position(("steps", 0))
    assert document.position(("steps", 0, "use"), of_key=True) == document.position(("steps", 0))
    assert document.position(("steps", 0, "from", "id")) == document.position(("steps", 0))
    assert document.position(("nothing", "at", 7)) == (2, 1)
    assert parse(b"").position(("name",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3\n", "this key stands here twice", 3, 1),
        ("x: {a: 1, 'a': 2}", "this key stands here twice", 1, 11),
        ("1: a\n'1': b", "this key stands here twice", 2, 1),
        ("a: 1\n---\nb: 2\n", "a second document", 2, 1),
        ("a: &x 1\nb: 2", "anchors and aliases are not allowed; write it out", 1, 4),
        ("a: &x\n  b: 1", "anchors and aliases are not allowed; write it out", 1, 4),
        ("&a a: 1", "anchors and aliases are not allowed; write it out", 1, 1),
        ("a: *x", "anchors and aliases are not allowed; write it out", 1, 4),
        ("<<: *x", "anchors and aliases are not allowed; write it out", 1, 5),
        ("a: !!str 1", "tags are not allowed", 1, 4),
        ("a: !!python/object/apply:os.system [ls]", "tags are not allowed", 1, 4),
        ("!!map {}", "tags are not allowed", 1, 1),
        ("a: ! 1", "tags are not allowed", 1, 4),
        ("- !<tag:yaml.org,2002:int> 1", "tags are not allowed", 1, 3),
        ("!x a: 1", "tags are not allowed", 1, 1),
        ("? [a]\n: b", "a key must be text", 1, 3),
        ("a: {{b: c}: d}", "a key must be text", 1, 5),
        ("%YAML 1.1\n---\na: no", "only YAML 1.2 is read", 2, 1),
        ("a: b\nc: \0", "a character that YAML does not allow", 2, 4),
        ("a: b\n\n  \x1b[1m", "a character that YAML does not allow", 3, 3),
        ('a: "b\\0"', "a character that text cannot hold", 1, 4),
        ('a: "\\ud800"', "a character that text cannot hold", 1, 4),
        ('"\\ud800": a', "a character that text cannot hold", 1, 1),
        ('a:\n- "\\UFFFFFFFF"', "this cannot be read as YAML", 2, 1),
    ],
)
def test_what_a_job_file_has_no_use_for_is_refused_with_its_place(text, message, line, column):
    assert refusal(text) == (message, line, column)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a:\n\tb: 1", 2, 1), ("a: b: c", 1, 5), ("a: [1, 2", 1, 9), ("a: 'b", 1, 6), ("a: 1\n- b", 2, 1)],
)
def test_what_is_no_yaml_is_refused_with_its_place(text, line, column):
    message, *place = refusal(text)
    assert message.isprintable()
    assert place == [line, column]


def test_a_second_document_is_refused_even_if_it_is_empty():
    assert refusal("a: 1\n---\n")[0] == "a second document"
    assert parse(b"---\na: 1\n...\n").data == {"a": 1}
    assert parse(b"%YAML 1.2\n---\na: no\n").data == {"a": "no"}


def test_bytes_that_are_no_utf8():
    assert refusal(b"a: b\nc\xc3\xa9: x\xffy") == ("not UTF-8", 2, 6)
    assert refusal("a: 1".encode("utf-16")) == ("not UTF-8", 1, 1)
    assert refusal("a: \u00e9".encode("latin-1")) == ("not UTF-8", 1, 4)


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert parse(b"\xef\xbb\xbflibrarian: 1").data == {"librarian": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end):
    document = parse(end.join(["a: 1", "b:", "  c: 2", ""]).encode())
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.position(("b", "c")) == (3, 6)


def test_keys_are_text_whatever_they_look_like():
    assert parse(b"1: a\ntrue: b\n~: c\n<<: {d: e}\n").data == {"1": "a", "true": "b", "~": "c", "<<": {"d": "e"}}


def test_json_is_read_with_all_its_characters():
    assert parse(b'{"a": "\\ud83d\\ude00 \\u00e9", "b": [1, true, null]}').data == {"a": "😀 é", "b": [1, True, None]}
    assert parse(b'"\\udcff.wav"').data == os.fsdecode(b"\xff.wav")  # a file name that is not UTF-8


def test_nothing_is_nothing():
    for text in (b"", b"\n\n", b"# only a comment\n", b"---\n"):
        assert parse(text).data is None


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ("{a: ", "}")])
def test_nesting_has_a_cap(begin, end):
    deepest = begin * MAX_DEPTH + "1" + end * MAX_DEPTH
    assert parse(deepest.encode()).data is not None
    message, line, column = refusal(begin + deepest + end)
    assert (message, line, column) == (f"nested more than {MAX_DEPTH} deep", 1, MAX_DEPTH * len(begin) + 1)


def test_the_number_of_entries_has_a_cap():
    assert len(parse(b"[" + b"1," * (MAX_NODES - 1) + b"]").data) == MAX_NODES - 1
    assert refusal(b"[" + b"1," * MAX_NODES + b"]")[0] == f"more than {MAX_NODES} entries"


HOSTILE = {
    "depth 3000": "'[' * 3000",
    "depth of mappings": "'{a: ' * 3000",
    "depth of dashes": "'- ' * 3000",
    "depth by indentation": "''.join(' ' * n + 'a:\\n' for n in range(700))",
    "a long scalar": "'a: ' + 'x' * (SIZE - 3)",
    "a scalar of many lines": "'a: ' + 'x\\n ' * (SIZE // 3 - 3)",
    "a quoted scalar of many lines": "'\"' + 'x\\n' * (SIZE // 2 - 2) + '\"'",
    "a block of empty lines": "'a: |\\n' + '\\n' * (SIZE - 5)",
    "many items": "'[' + 'a,' * (SIZE // 2 - 1)",
    "many keys": "''.join(f'k{n}: v\\n' for n in range(SIZE // 10))",
    "a long tag": "'!' + 'a' * (SIZE - 3) + ' x'",
    "a long anchor": "'&' + 'a' * (SIZE - 3) + ' x'",
    "many directives": "'%FOO bar\\n' * (SIZE // 9)",
    "many documents": "'---\\n' * (SIZE // 4)",
    "many comments": "'a: b #c\\n' + '#c\\n' * (SIZE // 3 - 4)",
    "billion laughs": "'a: &a [x,x]\\n' + ''.join(f'{c}: &{c} [*{p},*{p}]\\n' for p, c in zip('abcdefgh', 'bcdefghi'))",
    "an alias to itself": "'a: &a [*a]'",
    "a huge number": "'a: ' + '9' * (SIZE - 3)",
    "a huge hexadecimal number": "'a: 0x' + 'f' * (SIZE - 5)",
    "an almost number": "'a: ' + '9' * (SIZE - 4) + '!'",
    "an almost float": "'a: ' + '9' * (SIZE // 2 - 4) + '.' + '9' * (SIZE // 2 - 4) + '!'",
}


def test_hostile_texts_cost_little_time_and_memory():
    script = (
        "import resource\n"
        "from librarian.job.yamltext import MAX_BYTES as SIZE, YamlProblemError, parse\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({CHILD_MEMORY}, {CHILD_MEMORY}))\n"
        + "".join(
            f"try: parse(({text}).encode()[:SIZE]); print({name!r}, 'read')\n"
            f"except YamlProblemError as problem: print({name!r}, 'refused')\n"
            for name, text in HOSTILE.items()
        )
    )
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert answers.keys() == HOSTILE.keys()
    fine = {name for name, answer in answers.items() if answer == "read"}
    assert fine == {
        *("a long scalar", "a scalar of many lines", "a quoted scalar of many lines", "a block of empty lines"),
        *("many comments", "an almost number", "an almost float"),
    }


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content):
    try:
        parse(content)
    except YamlProblemError as problem:
        assert problem.line >= 0
        assert problem.message.isprintable()


@given(st.text("ab1 \n\t:-?,[]{}#&*!|>'\"%@`\\\\.~<=0xeU+_\r\u0085\ufeff\u2028é", max_size=40))
def test_any_punctuation_is_read_or_refused(text):
    try:
        document = parse(text.encode())
    except YamlProblemError as problem:
        assert problem.message.isprintable()
    else:
        lines = text.count("\n") + text.count("\r") + text.count("\u0085") + text.count("\u2028") + 1
        assert all(1 <= document.position(place)[0] <= lines for place in document.positions)


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match="not a regular file"):
            read_file(path)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "missing")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        read_file(tmp_path / "loop")


def test_a_link_to_a_file_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"a: 1")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "link") == b"a: 1"


def test_the_size_of_a_file_has_a_cap(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_file(path)) == MAX_BYTES
    with path.open("ab") as file:
        file.truncate(512 << 30)  # sparse: no byte of it is on the disk
    with pytest.raises(YamlProblemError, match="larger than 256 KiB"):
        read_file(path)
