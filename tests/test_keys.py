"""Ids and task keys are frozen: `golden/keys.json` holds what they are of, written out, and what they are.

After a new case was put into the file, or with a new KEY_SCHEMA, fill in what is derived and look at the difference:

    python tests/test_keys.py && git diff tests/golden/keys.json
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from librarian.keys import IdKey, canonical, key8, key_document, seed, shard
from librarian.manifest.fields import Digest, Folder, Id, TaskKey
from librarian.manifest.store import folder_of

GOLDEN = Path(__file__).parent / "golden" / "keys.json"
KEY = IdKey(bytes(range(32)))
OTHER = IdKey(bytes(range(1, 33)))
UNIT = KEY.recording("0" * 64)

TEXTS = st.text(st.characters(exclude_categories=[])) | st.text('a\x00"\\/\n é\ud800𝄞')
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXTS, each, max_size=4))


def derived(golden: dict[str, Any]) -> dict[str, Any]:
    """The golden file with everything derived anew from the cases that stand in it."""
    key = IdKey(bytes.fromhex(golden["id_key"]))
    return {
        "id_key": golden["id_key"],
        "fingerprint": key.fingerprint(),
        "ids": [{**case, "is": getattr(key, case["what"])(*case["of"])} for case in golden["ids"]],
        "unreadable": [
            {**case, "is": key.unreadable(bytes.fromhex(case["path_hex"]))} for case in golden["unreadable"]
        ],
        "content": [{**case, "is": key.content(case["sha256"], private=case["private"])} for case in golden["content"]],
        "tasks": [{**case, **task(key, case["document"])} for case in golden["tasks"]],
    }


def task(key: IdKey, document: dict[str, Any]) -> dict[str, Any]:
    made = key.task(document)
    name = document["operation"].partition("/")[2]
    return {
        "text": canonical(document).decode(),
        "key": made,
        "seed": seed(made),
        "folder": folder_of(UNIT, name, made),
    }


def written(frozen: dict[str, Any]) -> str:
    """As JSON, a case a line."""
    parts = []
    for name, value in frozen.items():
        cases = [json.dumps(case) for case in value] if isinstance(value, list) else []
        parts.append(f'"{name}": ' + ("[\n" + ",\n".join(cases) + "\n]" if cases else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


def test_ids_digests_seeds_and_task_keys_are_what_they_were() -> None:
    assert derived(golden()) == golden()


def test_the_golden_file_has_a_case_of_everything() -> None:
    frozen = golden()
    ids = [case["is"] for case in frozen["ids"] + frozen["unreadable"]]
    assert {"rec", "grp", "set", "art", "src", "mch"} <= {each[:3] for each in ids}
    assert len({case["key"] for case in frozen["tasks"]}) == 20
    inputs = [case["document"]["inputs"] for case in frozen["tasks"]]
    assert max(map(len, inputs)) > 2
    assert any(role for each in inputs for _, role, _ in each)
    assert any(case["document"]["models"] for case in frozen["tasks"])
    assert any(case["document"]["audio"] is None for case in frozen["tasks"])
    text = "".join(case["text"] for case in frozen["tasks"])
    assert all(each in text for each in ("null", "-16.0", "0.1", "1e-07", "text:"))


def test_key_documents_are_written_as_they_were() -> None:
    for case in golden()["tasks"]:
        parts = {name: value for name, value in case["document"].items() if name != "schema"}
        assert key_document(**parts) == case["document"]


def mac(domain: str, data: bytes) -> str:
    """HMAC-SHA256(id key, domain ‖ 0 ‖ data) in lower-case base32, as design.md has it."""
    digest = hmac.new(bytes(range(32)), domain.encode() + b"\0" + data, hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")


def test_the_formulas() -> None:
    sha256 = "0123456789abcdef" * 4
    assert KEY.recording(sha256) == "rec_" + mac("rec", sha256.encode())[:13]
    assert KEY.group("calls", "é 1") == "grp_" + mac("grp", '["calls","é 1"]'.encode())[:13]
    assert KEY.whole_job("calls", "index") == "set_" + mac("set", b'["calls","index"]')[:13]
    assert KEY.artifact("k" * 52, "audio") == "art_" + mac("art", b'["%s","audio",null]' % (b"k" * 52))[:13]
    assert KEY.artifact("k" * 52, "clips", 3) == "art_" + mac("art", b'["%s","clips",3]' % (b"k" * 52))[:13]
    assert KEY.unreadable(b"/a/\xff") == "src_" + mac("src", b"/a/\xff")[:13]
    assert KEY.machine("host") == "mch_" + mac("mch", b"host")[:13]
    assert KEY.task({"b": 1.0, "a": [True, None]}) == mac("task", b'{"a":[true,null],"b":1.0}')
    assert KEY.text("Mary") == "text:" + mac("text", b"Mary")
    assert KEY.content(sha256, private=True) == "keyed:" + mac("content", sha256.encode())
    assert KEY.content(sha256, private=False) == "sha256:" + sha256
    assert seed("k" * 52) == int(hashlib.sha256(b"k" * 52).hexdigest()[:8], 16)
    assert shard("rec_abcdefghijklm") == "ab"
    assert key8("abcdefghijkl") == "abcdefgh"


def pattern(declared: Any) -> str:
    """The regular expression that a type of the record demands."""
    return str(declared.__metadata__[0].metadata[0].pattern)


def test_everything_derived_has_the_form_that_records_demand() -> None:
    made = KEY.task({})
    for each in (KEY.recording("a"), KEY.group("a", "b"), KEY.whole_job("a", "b"), KEY.artifact(made, "audio", 1)):
        assert re.fullmatch(pattern(Id), each)
    assert re.fullmatch(pattern(Id), KEY.unreadable(b"\xff"))
    assert re.fullmatch(pattern(Id), KEY.machine("host"))
    assert re.fullmatch(pattern(TaskKey), made)
    assert re.fullmatch(pattern(Digest), KEY.content("0" * 64, private=True))
    assert re.fullmatch(pattern(Digest), KEY.content("0" * 64, private=False))
    assert re.fullmatch(pattern(Folder), folder_of(UNIT, "normalize", made))


def test_different_things_have_different_ids() -> None:
    ids = [
        *(KEY.group("a", "bc"), KEY.group("ab", "c"), KEY.group("a", 'b","c'), KEY.group('a","b', "c")),
        *(KEY.group("a", "b"), KEY.whole_job("a", "b"), KEY.recording('["a","b"]'), KEY.unreadable(b'["a","b"]')),
        *(KEY.artifact("k", "a"), KEY.artifact("k", "a", 1), KEY.artifact("k", "a", 2), KEY.artifact("k", "b")),
        *(KEY.group("a", "\udce9"), KEY.group("a", "é"), KEY.group("a", "\udce8")),
    ]
    assert len({each[4:] for each in ids}) == len(ids)


def test_two_projects_cannot_be_linked() -> None:
    for name, arguments in [
        ("recording", ["0" * 64]),
        ("group", ["a", "b"]),
        ("whole_job", ["a", "b"]),
        ("artifact", ["k", "a"]),
        ("unreadable", [b"/a"]),
        ("machine", ["host"]),
        ("task", [{}]),
        ("text", ["Mary"]),
        ("fingerprint", []),
    ]:
        assert getattr(KEY, name)(*arguments) != getattr(OTHER, name)(*arguments), name
    assert KEY.content("0" * 64, private=True) != OTHER.content("0" * 64, private=True)
    assert KEY.content("0" * 64, private=False) == OTHER.content("0" * 64, private=False)


def test_a_key_does_not_show_itself() -> None:
    shown = f"{KEY!r} {KEY} {KEY.fingerprint()}"
    assert KEY.secret.hex() not in shown
    assert repr(KEY.secret) not in shown


@settings(deadline=None)
@given(VALUES)
def test_canonical_text_says_all_of_a_value_and_comes_back(value: Any) -> None:
    text = canonical(value)
    again = json.loads(text)
    assert canonical(again) == text
    assert json.dumps(again, sort_keys=True) == json.dumps(value, sort_keys=True)


@settings(deadline=None)
@given(st.dictionaries(TEXTS, SCALARS, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_in_which_a_mapping_was_filled_does_not_matter(value: dict[str, Any], chance: Any) -> None:
    names = list(value)
    chance.shuffle(names)
    assert canonical({"x": {name: value[name] for name in names}}) == canonical({"x": value})


def test_no_two_values_have_one_text() -> None:
    values = [
        None,
        True,
        False,
        0,
        1,
        0.0,
        1.0,
        -0.0,
        "",
        "1",
        "null",
        [],
        {},
        [[]],
        [None],
        {"": None},
        "é",
        "e\u0301",
    ]
    for one, other in itertools.combinations(values, 2):
        assert canonical(one) != canonical(other), (one, other)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("around", [lambda n: n, lambda n: {"a": [1, {"b": n}]}])
def test_what_json_cannot_say_is_refused(number: float, around: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(around(number))


def test_names_that_are_no_utf_8_have_ids_too() -> None:
    name = b"caf\xe9.wav".decode(errors="surrogateescape")
    assert KEY.group("calls", name) == "grp_" + mac("grp", b'["calls","caf\xed\xb3\xa9.wav"]')[:13]
    assert KEY.text(name) == "text:" + mac("text", b"caf\xed\xb3\xa9.wav")


if __name__ == "__main__":
    GOLDEN.write_text(written(derived(golden())))
