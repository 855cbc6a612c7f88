"""Pseudonyms: keyed, stable, and nothing but a stand-in."""

import hashlib
import hmac
import re
from base64 import b32encode

import pytest

from librarian.privacy.pseudonyms import Pseudonyms

KEY = bytes(range(32))


def pseudonym(key, kind, value):
    return Pseudonyms(key)(kind, value)


def test_it_is_the_beginning_of_a_keyed_digest_of_kind_and_value():
    digest = hmac.new(KEY, b"PHONE\x005551234567", hashlib.sha256).digest()
    code = b32encode(digest).decode().lower()[:8]
    assert pseudonym(KEY, "PHONE", "5551234567") == f"<PHONE:{code}>"


def test_a_frozen_example():
    assert pseudonym(KEY, "NAME", "anna") == "<NAME:xsm6j3mc>"


def test_its_form():
    assert re.fullmatch("<EMAIL:[a-z2-7]{8}>", pseudonym(KEY, "EMAIL", "anna@example.org"))


def test_key_kind_and_value_all_change_it():
    made = {
        pseudonym(key, kind, value)[-9:]
        for key in (KEY, KEY[::-1])
        for kind in ("NAME", "USER")
        for value in ("anna", "Anna", "")
    }
    assert len(made) == 12


def test_kind_and_value_do_not_run_together():
    assert pseudonym(KEY, "NAME", "Xanna")[-9:] != pseudonym(KEY, "NAMEX", "anna")[-9:]


def test_a_name_that_is_no_unicode_has_one_too():
    assert pseudonym(KEY, "NAME", "jos\udce9") != pseudonym(KEY, "NAME", "jos\udce8")


def test_without_a_key_there_is_none():
    with pytest.raises(ValueError, match="key"):
        pseudonym(b"", "NAME", "anna")
