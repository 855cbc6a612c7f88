"""Job files that are broken, odd or hostile, typed at the command line: a reason with its place, and nothing made."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import TOP, Archive, Typed
from hostile_media import pcm, wav

GOOD = """\
librarian: 1
name: tapes
recordings:
  - {id: tapes, path: tapes/*.wav}
steps:
  - {id: voice, use: normalize, with: {target: -20 LUFS}}
  - {id: check, use: measure, from: voice.audio}
"""
PLACE = re.compile(r"job\.yaml:[1-9]\d*:[1-9]\d*: .+")
MOST_SECONDS, MOST_MIB = 5.0, 500
MOST_LINE = 2000


def changed(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new).encode()


def step(text: str) -> bytes:
    return f"{GOOD}  - {text}\n".encode()


def laughs() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "ten megabytes of one word": b"name: " + b"x" * (10 << 20),
    "a word as long as may be": changed("name: tapes", "name: " + "x" * 250_000),
    "3000 deep": b"name: " + b"[" * 3000,
    "3000 deep in blocks": b"".join(b" " * n + b"a:\n" for n in range(500)),
    "a billion laughs": laughs(),
    "a merge": b"<<: {a: 1}\n" + GOOD.encode(),
    "a tag that runs code": changed("name: tapes", 'name: !!python/object/apply:os.system ["touch owned"]'),
    "two documents": GOOD.encode() + b"---\n" + GOOD.encode(),
    "a key twice": GOOD.encode() + b"name: other\n",
    "bad UTF-8": changed("tapes/*", "tapes\udc80/*".encode(errors="surrogateescape").decode("latin-1")).replace(
        b"\xc2\x80", b"\x80"
    ),
    "UTF-16": GOOD.encode("utf-16"),
    "NUL": GOOD.encode() + b"\0",
    "escape sequences as a key": GOOD.encode() + b'"\\x1b[2J\\x1b]0;owned\\a": 1\n',
    "a program": b"\x7fELF" + bytes(4000),
    "a recording": wav(pcm(4000)),
    "JSON with a comment": b'{"librarian": 1, // no\n}',
    "a name that is a flag": changed("name: tapes", "name: true"),
    "a name that is a time": changed("name: tapes", "name: 12:30:45"),
    "a name with a path": changed("name: tapes", "name: ../../tapes"),
    "a version to come": changed("librarian: 1", "librarian: 2"),
    "NaN": changed("-20 LUFS", ".nan"),
    "1e999": changed("-20 LUFS", "1e999"),
    "a quantity of NaN": changed("-20 LUFS", "nan LUFS"),
    "a quantity of another kind": changed("-20 LUFS", "-20 s"),
    "a quantity of 10,000 digits": changed("-20 LUFS", "-" + "9" * 10_000 + " LUFS"),
    "a list for a number": changed("-20 LUFS", "[-20]"),
    "a quantity out of range": changed("-20 LUFS", "20 LUFS"),
    "an unknown key": GOOD.encode() + b"run: {shell: 'touch owned'}\n",
    "an unknown setting": changed("target: -20 LUFS", "exec: touch owned"),
    "a circle": changed("{id: voice, use: normalize,", "{id: voice, use: normalize, from: check,"),
    "an unknown step": changed("from: voice.audio", "from: vioce.audio"),
    "an unknown output": changed("from: voice.audio", "from: voice.vocals"),
    "an output outside": changed("from: voice.audio", "from: ../voice.audio"),
    "an id with a path": step("{id: ../../x, use: measure}"),
    "an id twice": step("{id: voice, use: measure}"),
    "no pattern": changed("path: tapes/*.wav", "path: ''"),
    "a pattern of braces": changed("path: tapes/*.wav", "path: '" + "{a,b}" * 40 + "'"),
    "a pattern of numbers": changed("path: tapes/*.wav", "path: 'x{1..100000000}.wav'"),
    "a pattern that does not end": changed("path: tapes/*.wav", "path: 'tapes/{a,[b'"),
    "a pattern that is a command": changed("path: tapes/*.wav", "path: '$(touch owned)'"),
    "a group that backtracks": changed("path: tapes/*.wav", "path: tapes/*.wav, group: '(?P<group>(a+)+)\\1$'"),
    "a label without end": changed("path: tapes/*.wav", "path: tapes/*.wav, label: '((((((((((x{100}){100}){100}'"),
    "a device that is a path": GOOD.encode() + b"run: {device: /dev/zero}\n",
    "a million workers": GOOD.encode() + b"run: {workers: 1000000}\n",
    "names from a device": GOOD.encode() + b"privacy: {names: /dev/zero}\n",
    "a list from a device": changed("path: tapes/*.wav", "path: tapes/*.wav, list: {file: /dev/zero}"),
    "names from a pipe": GOOD.encode() + b"privacy: {names: pipe}\n",
    "a list from a pipe": changed("path: tapes/*.wav", "path: tapes/*.wav, list: {file: pipe}"),
}


COSTLY = {
    "ten megabytes of one word", "3000 deep", "a billion laughs", "a tag that runs code", "escape sequences as a key",
    "a pattern of braces", "a pattern of numbers", "a group that backtracks", "a label without end",
    "names from a device", "a list from a device", "names from a pipe", "a list from a pipe",
}  # fmt: skip
"""Those whose cost is the point; the others have tests below the command line, and come here in torture."""


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def hole(path: Path) -> None:
    path.touch()
    os.truncate(path, 512 << 30)


PLACES: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe, "a device": device, "a link to itself": circle, "512 GiB of nothing": hole, "a folder": Path.mkdir,
}  # fmt: skip


@pytest.fixture
def tapes(archive: Archive) -> Archive:
    (archive.root / "tapes").mkdir()
    (archive.root / "tapes" / "a.wav").write_bytes(wav(pcm(4000)))
    os.mkfifo(archive.root / "pipe")
    return archive


def refusal(archive: Archive, command: str = "plan") -> Typed:
    """What is said of a job file that is bad: lines with places, nothing made."""
    before = sorted(os.fsencode(path) for path in archive.root.rglob("*"))
    found = archive.measured(command, "job.yaml")
    assert found.code == 2, found
    lines = [line for line in found.said.splitlines() if not line.startswith("next: ")]
    assert lines
    assert all(PLACE.fullmatch(line) and line.isprintable() and len(line) < MOST_LINE for line in lines), found
    assert sorted(os.fsencode(path) for path in archive.root.rglob("*")) == before
    return found


@pytest.mark.parametrize(
    "kind", [kind if kind in COSTLY else pytest.param(kind, marks=pytest.mark.torture) for kind in TEXTS]
)
def test_a_bad_job_file_is_refused_with_its_place(tapes: Archive, kind: str) -> None:
    (tapes.root / "job.yaml").write_bytes(TEXTS[kind])
    assert refusal(tapes, "run").mib < MOST_MIB


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_file_is_no_job_file(tapes: Archive, kind: str) -> None:
    PLACES[kind](tapes.root / "job.yaml")
    assert refusal(tapes, "run").mib < MOST_MIB


def test_the_file_that_is_changed_is_good(tapes: Archive) -> None:
    tapes.job(GOOD)
    assert tapes.measured("plan", "job.yaml").code == 0


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A job file after a few accidents: bytes, lines and indents lost, doubled, swapped."""
    for _ in range(chance.randint(1, 4)):
        lines = content.splitlines(keepends=True) or [b"\n"]
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(6):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at] = b" " * chance.randint(1, 9) + lines[at]
            case 3:
                lines[at] = lines[at].lstrip()
            case 4:
                line = bytearray(lines[at])
                line[chance.randrange(len(line))] = chance.randrange(256)
                lines[at] = bytes(line)
            case 5:
                cut = chance.randrange(len(lines[at]))
                lines[at] = lines[at][:cut] + chance.choice(PIECES) + lines[at][cut:]
        content = b"".join(lines)
    return content


PIECES = [
    *(bytes([byte]) for byte in b"{}[]:,-?&*!|>'\"%@#~ \t\n\r\0\\\x1b"), b"..", b": ", b"- ", b"null", b"1e999",
    b"\xff\xfe", "\u202e".encode(), b"[" * 50, b"9" * 400,
]  # fmt: skip


@pytest.mark.torture
@pytest.mark.parametrize("config", sorted(path.name for path in (TOP / "configs").glob("*.yaml")))
def test_a_shipped_job_file_after_accidents_is_a_job_or_says_where(tapes: Archive, config: str) -> None:
    for name in ("recordings", "names.txt", "list.csv"):
        if (TOP / "configs" / name).exists():
            (tapes.root / name).symlink_to(TOP / "configs" / name)
    content = (TOP / "configs" / config).read_bytes()
    for seed in range(50):
        (tapes.root / "job.yaml").write_bytes(mutated(content, random.Random(f"{config} {seed}")))
        before = sorted(os.listdir(tapes.root))
        found = tapes.measured("plan", "job.yaml")
        lines = [line for line in found.said.splitlines() if not line.startswith(("next: ", "cannot be used: "))]
        assert found.code in (0, 2, 3, 4, 5), (seed, found)  # 5: a model is not installed here
        assert not found.code or all(PLACE.fullmatch(line) and line.isprintable() for line in lines), (seed, found)
        assert sorted(os.listdir(tapes.root)) == before
        assert found.seconds < MOST_SECONDS and found.mib < MOST_MIB, (seed, found)
