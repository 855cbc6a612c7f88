"""How much of generated personal data is found, type by type, and how much that names no one is left as it is.

python benchmarks/recognizers.py            the corpus that scores, with and without the list of names
python benchmarks/recognizers.py --tuning   the corpus that was tuned on, and what is missed in it
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import corpora_scoring
import corpora_tuning
from corpora import Sample, Score, missed, score
from privacy_peers import peers

from librarian.privacy.names import common_names
from librarian.privacy.scrub import Scrubber

ROWS = {
    "names": "NAME FIRST NAMEFILE",
    "phones": "PHONE PHONEE PHONEFILE",
    "mail": "MAIL",
    "URL with user data": "URL",
    "IP": "IP IPSIX",
    "MAC": "MAC",
    "card": "CARD",
    "IBAN": "IBAN IBANFILE",
    "national ids": "ID IDFILE IDIT SSN",
    "passport": "PASSPORT",
    "licence plate": "PLATE",
    "date of birth": "BIRTH BIRTHLONG BIRTHDOT",
    "coordinates": "PLACE PLACEISO",
    "secrets": "JWT APIKEY AWS GITHUB PASSWORD TOKEN OPENAI PIN",
    "user names in paths": "USER",
    "spoken numbers": "SAID GESAGT DIT DICHO",
    "spoken mail": "SAIDMAIL",
}
"""What is printed → kinds of marks."""


def found_by(scrubber: Scrubber) -> Callable[[str], Iterator[tuple[int, int, str]]]:
    """What a scrubber finds in a text."""
    return lambda text: ((span.start, span.end, span.type) for span in scrubber.hits(text))


def print_table(columns: dict[str, Score]) -> None:
    """A Markdown table, a row a type."""
    print("| |", " | ".join(columns), "| of |\n|---|" + "---|" * (len(columns) + 1))
    first = next(iter(columns.values()))
    for row, kinds in ROWS.items():
        types = [each for each in kinds.split() if first.marked[each]]
        if types:
            figures = [f"{each.recall(*types):.3f}" for each in columns.values()]
            print(f"| {row} |", " | ".join(figures), f"| {sum(first.marked[each] for each in types)} |")
    print("| **recall, all** |", " | ".join(f"{each.recall(*each.marked):.3f}" for each in columns.values()), end="")
    print(f" | {first.marked.total()} |")
    print("| **precision** |", " | ".join(f"{each.precision:.3f}" for each in columns.values()), end="")
    print(f" | {first.hits.total()} hits |")
    print("| **untouched of what names no one** |", " | ".join(f"{each.kept:.3f}" for each in columns.values()), end="")
    print(f" | {first.plain} |")


def print_missed(corpus: Iterable[Sample], find: Callable[[str], Iterator[tuple[int, int, str]]]) -> None:
    """What is missed of the corpus that was tuned on, and what is found too much."""
    for sample in corpus:
        hits = list(find(sample.text))
        for each in sample.marked:
            if missed(sample.text, each, hits):
                print(f"missed {each.type}: {sample.text[each.start : each.end]!r} in {sample.text!r}")
        for start, end, kind in hits:
            if not any(start < each.end and each.start < end for each in sample.marked):
                print(f"too much {kind}: {sample.text[start:end]!r} in {sample.text!r}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuning", action="store_true")
    tuning = parser.parse_args().tuning
    corpus = list((corpora_tuning if tuning else corpora_scoring).corpus())
    levels = {
        "strict": Scrubber(b"benchmark", names=common_names()),
        "strict, no names": Scrubber(b"benchmark"),
        "balanced": Scrubber(b"benchmark", level="balanced"),
    }
    if tuning:
        print_missed(corpus, found_by(levels["strict"]))
    finders = {**{name: found_by(scrubber) for name, scrubber in levels.items()}, **peers()}
    print_table({name: score(corpus, find) for name, find in finders.items()})


if __name__ == "__main__":
    main()
