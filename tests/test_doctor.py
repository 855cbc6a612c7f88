from __future__ import annotations

import json

from harness import Archive


def findings(archive: Archive, code: int = 0) -> dict[str, tuple[str, str]]:
    found = json.loads(archive.librarian("doctor", "--json", code=code).stdout)
    return {each["what"]: (each["state"], each["text"]) for each in found}


def test_a_sound_installation_is_said_to_be(calls: Archive) -> None:
    calls.librarian("run", "job.yaml")
    found = findings(calls)
    assert found["extension"] == ("ok", "librarian-normalization 0.1.0: normalize, measure")
    assert {found[name][0] for name in ("librarian", "project", "secrets")} == {"ok"}
    assert "name" not in found


def test_a_key_that_others_can_read_and_one_that_is_missing_fail(archive: Archive) -> None:
    archive.environment.clear()
    archive.librarian("init")
    key = archive.root / ".librarian" / "keys" / "id"
    key.chmod(0o644)
    assert "chmod 600" in findings(archive, code=1)["secrets"][1]
    key.unlink()
    state, text = findings(archive, code=1)["project"]
    assert (state, "restore" in text) == ("fail", True)


def test_a_broken_extension_fails_with_its_reason(archive: Archive, make_extension) -> None:  # type: ignore[no-untyped-def]
    make_extension("bad", "raise ValueError('it is not well')\n")
    said = archive.librarian("doctor", code=1).stdout
    assert "librarian-bad 1.0: ValueError: it is not well" in said
    assert "no project" not in said
