"""The index over what was said: it follows what is current, survives what happens to its file, and forgets for good."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ledger import ID_KEY, Ledger, document, outcome, recording

from librarian.find.index import WordIndex, purge, with_index
from librarian.find.query import parse
from librarian.find.search import AROUND, Hit, search
from librarian.find.transcript import KIND, Channel
from librarian.find.upkeep import Changes, follow, transcripts
from librarian.kinds import Words as Schema
from librarian.manifest.records import OutcomeLine

REBUILT = ".librarian/words.db is damaged or of another version; it is made anew from the transcripts"


def said(text: str, *, channel: int | None = None, **more: Any) -> list[dict[str, Any]]:
    """WordIndex of half a second each; `2:` before one says who speaks from there on."""
    words, speaker = [], 1
    for number, each in enumerate(text.split()):
        by, _, word = each.rpartition(":")
        speaker = int(by or speaker)
        times = {"start": number / 2, "end": number / 2 + 0.4}
        words.append({**times, "text": word, "speaker": speaker, "channel": channel, "confidence": 0.5, **more})
    return words


class Told:
    """A library in which things are said."""

    def __init__(self, root: Path) -> None:
        self.ledger, self.path, self.said = Ledger(root), root / "words.db", list[str]()

    def line(
        self, number: int, words: list[dict[str, Any]], language: str = "en", target: float = -16.0
    ) -> OutcomeLine:
        """The outcome of a transcription of a recording."""
        unit, found = recording(number), {"language": language, "words": words}
        Schema.model_validate(found)  # as a worker has done
        content = json.dumps(found, ensure_ascii=False).encode()
        line = self.ledger.done(unit, {"words.json": content}, key_of=document(unit, target=target), step="words")
        return line.model_copy(update={"produced": [line.produced[0].model_copy(update={"kind": KIND})]})

    def follow(self) -> Changes:
        """Bring the index up to date."""
        return with_index(self.path, self._follow, self.said.append)

    def find(self, query: str) -> list[Hit]:
        """Bring it up to date, and search all of it."""

        def work(words: WordIndex) -> list[Hit]:
            self._follow(words)
            return list(search(words, parse(query), sorted(words.held()), with_text=True))

        return with_index(self.path, work, self.said.append)

    def _follow(self, words: WordIndex) -> Changes:
        with contextlib.closing(self.ledger.catalog()) as catalog:
            current = {artifact: found[0] for artifact, found in transcripts(catalog).items()}
        return follow(words, current, self.ledger.library, ID_KEY)

    def times(self, query: str) -> list[float | None]:
        """When the hits begin."""
        return [hit.start for hit in self.find(query)]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def texts(hits: Sequence[Hit]) -> list[str]:
    return [" ".join(hit.words) for hit in hits]


def test_words_are_found_with_their_time_and_speaker(told: Told) -> None:
    line = told.line(1, said("The holy fire came 2:down on the ground"))
    told.ledger.write(line)
    (hit,) = told.find('"HOLY fire" ground')
    assert hit == Hit(line.produced[0].id, "en", 0.5, 3.9, 1, None, hit.words, frozenset({1, 2, 7}))
    assert texts([hit]) == ["The holy fire came down on the ground"]
    assert told.path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in told.path.parent.glob("words*")) == ["words.db", "words.lock"]


def test_a_phrase_is_word_after_word_and_all_terms_have_to_hold(told: Told) -> None:
    told.ledger.write(told.line(1, said("fire holy fire don't stop")), told.line(2, said("holy water")))
    assert told.times('"holy fire"') == [0.5]
    assert told.times('"fire holy"') == [0.0]
    assert told.times("holy water fire") == []
    assert sorted(told.times("holy")) == [0.0, 0.5]
    assert told.times("don’t") == [1.5]
    assert told.times('"holy wat"*') == [0.0]
    assert told.times('"holy wat"') == []
    assert told.times("holy -water") == [0.5]
    assert told.times("-water") == [None]


def test_places_that_are_near_are_one_hit_and_others_are_not(told: Told) -> None:
    gap = "and " * (AROUND - 1)
    told.ledger.write(told.line(1, said(f"fire {gap} fire {gap} and fire")))
    near, far = told.find("fire")
    assert (near.start, far.start) == (0.0, (2 * AROUND + 1) / 2)
    assert len(near.words) == 2 * AROUND + 1
    assert sorted(near.sought) == [0, AROUND]


def test_a_speaker_has_to_say_all_of_it(told: Told) -> None:
    told.ledger.write(told.line(1, said("1:fire 2:fire 2:water 1:out")))
    assert told.times("fire speaker:2") == [0.5]
    assert told.times("fire water speaker:2") == [0.5]
    assert told.times("fire water speaker:1") == []
    assert told.times("fire -speaker:1") == [0.5]
    assert told.times("fire speaker:3") == []


def test_channels_are_heard_one_by_one(told: Told) -> None:
    told.ledger.write(told.line(1, said("holy fire", channel=0) + said("mhm water", channel=1)))
    (hit,) = told.find('"holy fire"')
    assert (hit.start, hit.channel) == (0.0, 0)
    assert [(each.start, each.channel) for each in told.find("holy water")] == [(0.0, 0), (0.5, 1)]


def test_languages(told: Told) -> None:
    told.ledger.write(*(told.line(number, said("ja"), tag) for number, tag in enumerate(("de", "de-AT", "den", "nl"))))
    assert sorted(each.language for each in told.find("lang:de")) == ["de", "de-AT"]
    assert sorted(each.language for each in told.find("ja -lang:d*")) == ["nl"]


def test_it_follows_what_is_current(told: Told) -> None:
    told.ledger.write(told.line(1, said("fire")), told.line(2, said("water")))
    assert told.follow() == Changes(added=2)
    before = told.path.read_bytes()
    assert told.follow() == Changes()
    assert told.path.read_bytes() == before
    told.ledger.write(told.line(1, said("smoke"), target=-20.0), told.line(3, said("earth")))
    assert told.follow() == Changes(added=2, removed=1)
    assert [len(told.find(word)) for word in ("fire", "smoke", "water", "earth")] == [0, 1, 1, 1]
    told.ledger.write(told.line(3, said("made of other bytes under the same key")))
    assert told.follow() == Changes(added=1, removed=1)
    assert [len(told.find(word)) for word in ("earth", "bytes")] == [0, 1]
    told.ledger.write(outcome(recording(2), "failed", step="words"))
    assert told.follow() == Changes(removed=1)
    assert told.said == []


def test_what_is_not_there_or_not_what_was_recorded_is_left_out_until_it_is(told: Told) -> None:
    line = told.line(1, said("fire"))
    told.ledger.write(line)
    path = next(told.ledger.library.rglob("*.words.json"))
    content = path.read_bytes()
    path.unlink()
    assert told.follow() == Changes(unreadable=1)
    for wrong in (content.replace(b"fire", b"Fire"), content + b" ", b"", b"[]"):
        path.unlink(missing_ok=True)
        path.write_bytes(wrong)
        assert told.follow() == Changes(unreadable=1)
    path.unlink()
    os.mkfifo(path)
    assert told.follow() == Changes(unreadable=1)
    path.unlink()
    path.write_bytes(content)
    assert told.follow() == Changes(added=1)


def test_what_no_time_can_be_is_no_transcript(told: Told) -> None:
    told.ledger.write(told.line(1, [{"text": "fire", "start": 1e306, "end": 1e306}]))
    assert told.follow() == Changes(unreadable=1)


def test_a_channel_is_as_it_was_and_half_a_letter_hinders_nothing() -> None:
    channel = Channel(1, ("Größe", "東京"), (500, 1200), (900, 1200), (None, 2))
    assert Channel.unpacked(channel.packed()) == channel
    assert Channel.unpacked(Channel(None, ("fire\ud800",), (0,), (1,), (None,)).packed()).words == ("fire?",)


def foreign(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE photographs (name TEXT)")
        db.execute("PRAGMA user_version = 1")
        db.commit()


def marked(pragma: str) -> Any:
    def mark(path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute(pragma)
            db.commit()

    return mark


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def junk(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)


def scribbled(path: Path) -> None:
    """Every page but the first few, which say that all is well."""
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = b"\xa5" * (len(content) - 3 * 4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        *(foreign, cut, junk, scribbled, marked("PRAGMA user_version = 99"), marked("DROP TABLE said")),
        marked("UPDATE cut_by SET unicode = '1.0'"),
        marked("UPDATE said SET channel = x'00'"),
        marked("UPDATE said SET channel = substr(channel, 1, 20)"),
    ],
)
def test_one_that_is_damaged_or_none_of_ours_is_made_anew_which_is_said(told: Told, damage: Any) -> None:
    told.ledger.write(told.line(1, said("fire and smoke")))
    assert told.times("smoke") == [1.0]
    if damage is foreign:
        told.path.unlink()
    damage(told.path)
    assert told.times("smoke") == [1.0]
    assert told.said == [REBUILT]
    assert told.times("fire") == [0.0]
    assert told.said == [REBUILT]


def test_what_another_error_says_is_not_taken_for_damage(told: Told) -> None:
    def fails(words: WordIndex) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    told.follow()
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        with_index(told.path, fails, told.said.append)
    assert told.said == []


def windows(content: bytes, width: int = 24) -> list[bytes]:
    return [content[at : at + width] for at in range(0, len(content) - width + 1)]


def left(told: Told, traces: Sequence[bytes]) -> list[str]:
    """The files beside the library that hold any of the traces."""
    files = [path for path in told.path.parent.iterdir() if path.name.startswith("words.")]
    return [path.name for path in files if any(each in path.read_bytes() for each in traces)]


def test_what_is_taken_out_for_good_is_in_no_byte_of_any_file(told: Told) -> None:
    """Neither what is current, nor what was before; among many others, so that pages are shared and freed."""
    several = range(2, 60)
    others = [told.line(number, said(f"zqxother{number} " * 40)) for number in several]
    secret, earlier = "qxzsecretword vwkotherthing " * 30, "jjqformerly " * 30
    told.ledger.write(*others[:30], told.line(1, said(earlier)), *others[30:])
    told.follow()
    now = told.line(1, said(secret), target=-20.0)
    told.ledger.write(now)
    assert told.follow() == Changes(added=1, removed=1)
    packed = [
        Channel(None, tuple(text.split()), *(tuple(of(n) for n in range(len(text.split()))) for of in times)).packed()
        for text in (secret, earlier)
        for times in [(lambda n: 500 * n, lambda n: 500 * n + 400, lambda n: 1)]
    ]
    traces = [b"secretword", b"otherthing", b"jqformerly", *windows(packed[0]), *windows(packed[1])]
    assert left(told, traces) == ["words.db"]
    purge(told.path, [now.produced[0].id, "art_nothingofthat"])
    assert left(told, traces) == []
    assert told.path.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(told.path)) as db:
        db.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab (main, tokens, row)")
        terms = {term for (term,) in db.execute("SELECT term FROM temp.terms")}
        assert terms == {f"zqxother{number}" for number in several}
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.execute("INSERT INTO tokens (tokens) VALUES ('integrity-check')")
    assert len(told.find("zqxother*")) == len(several)
    assert told.said == []


@pytest.mark.parametrize("damage", [junk, cut, foreign])
def test_a_damaged_one_is_removed_rather_than_trusted_to_have_forgotten(told: Told, damage: Any) -> None:
    line = told.line(1, said("qxzsecretword"))
    told.ledger.write(line)
    told.follow()
    if damage is foreign:
        told.path.unlink()
    damage(told.path)
    (told.path.parent / "words.db-journal").write_bytes(b"qxzsecretword")
    (told.path.parent / "words.db.new").write_bytes(b"qxzsecretword")
    purge(told.path, [line.produced[0].id])
    assert left(told, [b"secretword"]) == []
    assert not told.path.exists()


def test_where_there_is_no_index_nothing_is_made_of_a_forget(told: Told) -> None:
    purge(told.path, ["art_nothingofthat"])
    assert not told.path.exists()


def test_letters_are_cut_by_this_python(told: Told) -> None:
    told.follow()
    with contextlib.closing(sqlite3.connect(told.path)) as db:
        assert db.execute("SELECT unicode FROM cut_by").fetchall() == [(unicodedata.unidata_version,)]
