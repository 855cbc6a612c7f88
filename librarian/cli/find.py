"""`librarian find`: where something was said, and which recordings are of some kind."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Mapping, Sequence

import click

from librarian.cli.asked import Asked, asked, may_show_names
from librarian.cli.found import Found, Shown, show
from librarian.cli.progress import ProgressLine
from librarian.cli.words import AGAIN, plural, say
from librarian.find import upkeep
from librarian.find.index import WordIndex, with_index
from librarian.find.query import Query, parse
from librarian.find.recordings import Fitting, Recordings
from librarian.find.search import Hit, search
from librarian.find.transcript import KIND
from librarian.manifest.holdings import CurrentArtifact

MOST = 50
TERMS = """\
\b
Terms of a query:
  hospital           said in the recording; letter case and accents do not
                     matter, and some Asian scripts are found within words
  "night shift"      said, word after word
  hosp*              a word that begins so, or "night sh*"
  -hospital          not said; - before any term excludes what it means (a
                     query that begins with it stands behind --)
  text:hospital      the same as hospital, and as text:"night shift"
  speaker:2          said by the second speaker, all of it
  lang:de            in German; de is de-AT too
  label:OH-*         called so; * and ? stand for letters, case is ignored
  step:words         by a result of this step, or step.output
  job:interviews     by a result of this job
  after:2026-11      the file was last written in November 2026 or later
  before:2026-11-30  it was written before that day (time of this machine)
  length>10min       length of the recording (s, min, h)
  loud<-30           integrated loudness of the recording (LUFS), as measured;
                     likewise peak (dBTP) and range (LU)
  speakers>2         any other fact of a current result, by the name that
  result=silent      show --json has for it: < <= > >= =

\b
  librarian find '"night shift" -nurse label:OH-* length>10min'
"""


@click.command("find", epilog=TERMS)
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(0), default=MOST, show_default=True, help="Hits at the most; 0: all.")
@click.option(
    "--text/--no-text", default=None, help="Show the words around a hit; left out, on a terminal only, without --json."
)
@click.option("--names", is_flag=True, help="Show the names of the files; on a terminal only.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def command(
    context: click.Context, query: tuple[str, ...], limit: int, text: bool | None, names: bool, as_json: bool
) -> int:
    """QUERY is made of terms with spaces between them, in a shell in single quotes; all of them have to hold.

    What was said is looked for in an index, .librarian/words.db, which is brought up to date first. It is as private as
    the transcripts, made from them alone, and may be removed at any time. Queries are recorded nowhere; a shell keeps
    what is typed.
    """
    names = may_show_names(names, as_json)
    wanted = parse(" ".join(query))
    shows_text = text if text is not None else not as_json and sys.stdout.isatty()
    with asked(context) as project:
        recordings = Recordings(project.catalog, project.vault)
        fitting = recordings.fitting(wanted)
        if wanted.wants_words:
            found, transcripts = _said(project, wanted, recordings, fitting, limit, with_text=shows_text)
        else:
            found, transcripts = _known(project, wanted, recordings, fitting), None
        more = bool(limit) and len(found) > limit
        found = found[:limit] if limit else found
        show(project, found, Shown(shows_text, names, as_json), more=more, transcripts=transcripts)
    _last_words(found, more, transcripts)
    if not (shows_text or as_json) and any(each.hit and each.hit.start is not None for each in found):
        say("to see the words in a pipe: --text")
    return 0


def _said(
    project: Asked, wanted: Query, recordings: Recordings, fitting: Fitting, limit: int, *, with_text: bool
) -> tuple[list[Found], int]:
    """Hits in transcripts, at the most one more than are shown; and how many transcripts were looked through."""
    current = upkeep.transcripts(project.catalog)
    heard = recordings.heard(current, wanted, fitting)
    order = sorted(heard, key=lambda each: (project.called(heard[each].unit), *heard[each][1:], each))
    with ProgressLine() as progress:

        def work(index: WordIndex) -> list[Hit]:
            _follow(project, index, {artifact: made for artifact, (made, *_) in current.items()}, progress)
            hits = search(index, wanted, order, with_text=with_text)
            return list(itertools.islice(hits, limit + 1 if limit else None))

        hits = with_index(project.project.words, work, say)
    if dropped := sum(project.catalog.dropped_results(KIND).values()):
        say(f"left out: {plural(dropped, 'transcript')} dropped, of all steps; {AGAIN}")
    found = ((heard[hit.artifact], hit) for hit in hits)
    return [Found(of.unit, of.items, [of.made], _values(fitting, of.unit), hit) for of, hit in found], len(order)


def _follow(project: Asked, index: WordIndex, wanted: Mapping[str, CurrentArtifact], progress: ProgressLine) -> None:
    def shown(done: int, total: int) -> None:
        progress.show(f"{done:,} of {total:,} transcripts read into .librarian/words.db")

    changes = upkeep.follow(index, wanted, project.project.library, project.project.id_key, shown)
    if changes.unreadable:
        left_out = plural(changes.unreadable, "transcript")
        say(f"left out: {left_out} not there or not what was recorded; type: librarian verify --read-data")


def _known(project: Asked, wanted: Query, recordings: Recordings, fitting: Fitting) -> list[Found]:
    """Recordings by what is known of them."""
    if wanted.words("step") or wanted.words("job"):
        results = recordings.with_results(wanted)
        keys = {unit: made[0].key for unit, made in results.items()}
    else:
        results, keys = {}, recordings.everything()
    units = [unit for unit, key in keys.items() if fitting.fits(unit, key)]
    units.sort(key=lambda unit: (project.called(unit), unit))
    return [Found(unit, (), results.get(unit, []), _values(fitting, unit), None) for unit in units]


def _values(fitting: Fitting, unit: str) -> dict[str, tuple[object, str | None]]:
    """The first of the values that fit, of each fact that was asked about."""
    return {name: (of[unit][0].found, of[unit][0].artifact) for name, of in fitting.values.items() if unit in of}


def _last_words(found: Sequence[Found], more: bool, transcripts: int | None) -> None:
    if not found:
        where = "" if transcripts is None else f" in {plural(transcripts, 'transcript')}"
        say(f"nothing{where}; how a query is written: librarian find --help")
        return
    recordings = plural(len({each.unit for each in found}), "recording")
    places = sum(each.hit is not None and each.hit.start is not None for each in found)
    what = f"{plural(places, 'place')} in {recordings}" if places else recordings
    say(f"the first {what}; all of them: --limit 0" if more else what)
    say(f"next: librarian show {found[0].unit}")
