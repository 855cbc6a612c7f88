"""`find`: what an owner types, and what he is shown: on his terminal the words, elsewhere only as he asks for them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Any

import pytest
import saying
from asking import data, on_a_terminal
from faults import points, watch, why_not
from harness import Archive

from librarian import cli
from librarian.project import locked

PIECES = r"""
librarian: 1
name: pieces
recordings:
  - {id: tapes, path: 'tapes/*T-[24].wav', label: 'T-\d'}
steps:
  - {id: cut, use: chop}
  - {id: said, use: say, from: cut}
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive in which things are said. Tests that change it leave it as it was."""
    return saying.archive_in(tmp_path_factory.mktemp("heard") / "archive")


Find = Callable[..., CompletedProcess[str]]


@pytest.fixture
def find(heard: Archive, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Find:
    """`librarian find` as it is typed in a pipe, in this process: `find(*arguments, code=0)`."""

    def find(*arguments: str, code: int = 0) -> CompletedProcess[str]:
        for name, value in heard.variables().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["librarian", "--project", str(heard.root), "find", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        done = CompletedProcess(arguments, int(ended.value.code or 0), *capsys.readouterr())
        assert done.returncode == code, done.stderr
        return done

    return find


def hits(find: Find, *query: str) -> list[tuple[str, float | None]]:
    """Labels, and times where there are any."""
    return [(each["label"], each.get("start")) for each in json.loads(find(*query, "--json").stdout)["hits"]]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("fire", [("T-1", 1.5), ("T-3", 6.5)]),
        ('"holy fire" speaker:1 lang:fr', [("T-3", 6.0)]),
        ("grosse STRASSE", [("T-2", 0.5)]),
        ("Größe", [("T-2", 0.5)]),
        ("hopital", [("T-3", 1.0)]),
        ('"à l’hôpital"', [("T-3", 0.5)]),
        ("елка", [("T-4", 2.0)]),
        ("ЧАЙКОВ*", [("T-4", 0.0)]),
        ("東京", [("T-5", 0.0)]),  # two letters: a trigram is three
        ("京都", [("T-5", 6.0)]),
        ("が", [("T-5", 2.0)]),
        ("か", []),
        ("fire -night", [("T-3", 6.5)]),
        ("fire label:t-[12]", [("T-1", 1.5)]),
        ("fire loud<-30", [("T-3", 6.5)]),
        ("fire step:words.words job:h*", [("T-1", 1.5), ("T-3", 6.5)]),
        ("fire step:level", []),
        ("fire after:2021", [("T-3", 6.5)]),
        ("lang:d*", [("T-2", None)]),
        ("loud<-30", [("T-3", None), ("T-4", None), ("T-5", None)]),
        ("length>1.5 length<=3s -label:T-3", [("T-2", None)]),
        ("after:2020-09 before:2021-02", [("T-1", None), ("T-2", None)]),
        ("words>15", [("T-1", None)]),
        ("still=no result=measured", [("T-1", None), ("T-2", None)]),
        ("step:level speakers=2 label:*5", [("T-5", None)]),
    ],
)
def test_what_is_looked_for_is_found(find: Find, query: str, wanted: list[tuple[str, float | None]]) -> None:
    assert hits(find, query) == wanted


def test_a_hit_leads_to_its_transcript_and_a_fact_to_what_was_measured(heard: Archive, find: Find) -> None:
    hit = json.loads(find("fire", "loud>-30", "--json").stdout)["hits"][0]
    (result,) = hit["results"]
    shown = {
        f"{one['step']}.{each['output']}": each["id"]
        for one in data(heard, "show", hit["unit"])["results"]
        for each in one["artifacts"]
    }
    assert result == {"artifact": shown["words.words"], "job_name": "heard", "step": "words", "output": "words"}
    assert hit["facts"] == {"loud": {"value": -25.0, "artifact": shown["level.report"]}}
    assert (hit["language"], hit["start"], hit["end"], hit["speaker"], hit["channel"]) == ("en", 1.5, 1.9, 1, None)


def test_words_are_shown_on_a_terminal_and_elsewhere_only_as_they_are_asked_for(heard: Archive, find: Find) -> None:
    word = "Hospital"
    assert word in on_a_terminal(heard, "find", '"holy fire"')
    assert word not in on_a_terminal(heard, "find", '"holy fire"', "--no-text")
    assert word not in on_a_terminal(heard, "find", '"holy fire"', "--json")
    piped = find('"holy fire"')
    assert word not in piped.stdout + piped.stderr
    assert re.fullmatch(r"  T-1  0:00:01\.0  speaker 1  art_[a-z2-7]{13}\n  T-3 .*\n", piped.stdout)
    assert "to see the words in a pipe: --text" in piped.stderr
    assert word not in find('"holy fire"', "--json").stdout
    assert word in find('"holy fire"', "--text").stdout
    hit = json.loads(find("京都", "--text", "--json").stdout)["hits"][0]
    assert hit["text"] == "がくが待っている。東の京都へ。"


def test_what_was_said_is_shown_as_it_was_said_and_steers_no_terminal(heard: Archive, find: Find) -> None:
    said = on_a_terminal(heard, "find", "label:T-1 ottilie")
    assert "\x1b[1mOttilie\x1b[22m ?[31msaid so" in said
    plain = Archive(heard.root, {**heard.environment, "NO_COLOR": "1"})
    assert "\x1b" not in on_a_terminal(plain, "find", "label:T-1 ottilie").replace("\x1b[2K", "")
    assert "Ottilie ?[31msaid so" in find("ottilie", "--text").stdout
    assert json.loads(find("ottilie", "--text", "--json").stdout)["hits"][0]["text"].endswith("Ottilie ?[31msaid so")


def test_names_of_files_are_shown_on_a_terminal_only(heard: Archive, find: Find) -> None:
    assert "Ottilie T-3.wav  0:00:06.5" in on_a_terminal(heard, "find", "fire", "--names")
    for more in ((), ("--json",)):
        assert "--names shows names on a terminal only" in find("fire", "--names", *more, code=2).stderr
    piped = find("fire", "loud<0")
    assert "Ottilie" not in piped.stdout + piped.stderr


def test_a_recording_is_a_line_with_the_facts_that_were_asked_about(find: Find) -> None:
    said = find("loud<-40 length>4.5s still=yes")
    assert re.fullmatch(r"  T-5  art_[a-z2-7]{13}  loud −45\.0 LUFS, length 5\.0 s, still yes\n", said.stdout)
    assert said.stderr.startswith("1 recording\nnext: librarian show rec_")


def test_there_are_no_more_than_are_wanted(find: Find) -> None:
    said = find("zqx*", "--limit", "1")
    assert len(said.stdout.splitlines()) == 1
    assert "the first 1 place in 1 recording; all of them: --limit 0" in said.stderr
    assert json.loads(find("zqx*", "--limit", "1", "--json").stdout)["more"] is True
    assert len(hits(find, "zqx*", "--limit", "0")) == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nothere", "nothing in 5 transcripts; how a query is written: librarian find --help"),
        ("loud<-99", "nothing; how a query is written: librarian find --help"),
    ],
)
def test_where_nothing_is_found_it_is_said_where_was_looked(find: Find, query: str, said: str) -> None:
    assert find(query).stderr.splitlines()[-1] == said
    assert hits(find, query) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("fire qxz:qxz", "librarian: at character 6 of the query: no such field; allowed: text: speaker:"),
        ("fire qxz<3", "librarian: at character 6 of the query: no current result has such a fact; there are: loud"),
        ("peak<qxz", "librarian: at character 1 of the query: a number in dBTP has to stand there"),
        ("peak<0", "librarian: at character 1 of the query: no peak was measured yet; take a step into the job"),
        ('"qxz', "librarian: at character 1 of the query: a quote that is not closed"),
    ],
)
def test_a_mistake_is_one_line_with_its_place_that_repeats_nothing(find: Find, query: str, said: str) -> None:
    done = find(query, code=2)
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert "qxz" not in done.stderr + done.stdout


def test_without_words_no_index_is_made(heard: Archive, find: Find) -> None:
    index = heard.root / ".librarian" / "words.db"
    index.unlink(missing_ok=True)
    assert hits(find, "loud<-40")
    assert not index.exists()


def test_the_index_is_its_owners_alone_and_counted(heard: Archive, find: Find) -> None:
    find("fire")
    index = heard.root / ".librarian" / "words.db"
    assert b"ottilie" in index.read_bytes()
    assert data(heard, "du")["beside"]["words"] == index.stat().st_size
    index.chmod(0o644)
    find("fire")
    assert index.stat().st_mode & 0o777 == 0o600


def test_a_second_one_waits_for_the_first(heard: Archive) -> None:
    heard.librarian("find", "fire")
    with locked(heard.root / ".librarian" / "words.lock"):
        second = heard.start("find", "fire")
        assert second.stderr is not None
        assert second.stderr.readline() == "waiting for another command that has .librarian/words.db open\n"
        assert second.poll() is None
    out, err = second.communicate(timeout=60)
    assert (second.returncode, len(out.splitlines())) == (0, 2), err


def test_killed_while_the_index_is_made_the_next_one_finds_all(heard: Archive, find: Find) -> None:
    if reason := why_not():
        pytest.skip(reason)
    state = heard.root / ".librarian"

    def fresh() -> None:
        for path in state.glob("words*"):
            path.unlink()

    def play(fault: Any = None) -> Any:
        command = [sys.executable, "-P", "-m", "librarian", "find", "fire", "--json"]
        environment = {**os.environ, **heard.variables()}
        return watch(command, state, fault, cwd=heard.root, environment=environment)

    fresh()
    undisturbed = play()
    for fault in points(undisturbed, "kill all", 4, "find"):
        fresh()
        ended = play(fault)
        assert ended.code < 0, ended.err
        assert hits(find, "fire") == [("T-1", 1.5), ("T-3", 6.5)], (fault, ended.struck)
        assert sorted(path.name for path in state.glob("words*")) == ["words.db", "words.lock"]
        with sqlite3.connect(state / "words.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()


def test_items_of_a_list_belong_to_their_recording_and_what_is_made_again_is_found_anew(
    heard: Archive, find: Find
) -> None:
    heard.job(PIECES, "pieces.yaml")
    heard.librarian("run", "pieces.yaml")
    found = json.loads(find("step:said", "holy", "--json").stdout)["hits"]
    assert [(each["label"], each["items"], each["start"]) for each in found] == [("T-2", [1], 1.0), ("T-2", [2], 1.0)]
    assert " (item 1)" in find("step:said holy").stdout
    heard.job(saying.JOB.format(more=", with: {more: quetzalcoatl}"))
    heard.librarian("run", "job.yaml", "--redo-ok")
    assert len(hits(find, "quetzal*")) == 5
    assert hits(find, "step:words -quetzal*") == []
    with sqlite3.connect(heard.root / ".librarian" / "words.db") as db:
        assert db.execute("SELECT count(*) FROM transcripts").fetchone() == (5 + 4,)
    db.close()


def test_what_a_person_corrected_is_found_and_what_was_dropped_is_not(heard: Archive, find: Find) -> None:
    hit = json.loads(find("Müller label:T-2", "--json").stdout)["hits"][0]
    transcript = hit["results"][0]["artifact"]
    path = next((heard.root / "library").rglob(f"{hit['unit']}.say.words.json"))
    (heard.root / "mine.json").write_text(path.read_text().replace("Müller", "Meyer"))
    heard.librarian("revise", transcript, "mine.json")
    assert hits(find, "Meyer") == [("T-2", hit["start"])]
    assert hits(find, "Müller label:T-2") == []
    heard.librarian("prune", "--step", "words", "--yes")
    assert hits(find, "Meyer") == [("T-2", hit["start"])]
    assert hits(find, "fire step:words") == []
    assert "left out: 5 transcripts dropped" in find("fire").stderr
    heard.librarian("revise", "--undo", transcript)
    heard.librarian("run", "job.yaml", "--redo", "dropped")
    assert hits(find, "Müller label:T-2") == [("T-2", hit["start"])]
    assert len(hits(find, "fire step:words")) == 2
