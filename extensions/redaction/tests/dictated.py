"""What a caller says, word by word, with times that were aligned to the sound; and words of any text."""

from __future__ import annotations

from librarian import Word

RATE = 8000
SAID = (
    "Hello, 0.54 1.00 is 1.22 1.34 this 1.34 1.55 the 1.55 1.77 weather 1.77 2.05 station? 2.05 2.68 "
    "Yesterday 5.21 5.75 at 5.75 5.89 noon, 5.89 6.28 please. 6.28 6.80 "
    "Thanks. 10.55 11.00 Could 11.22 11.45 you 11.45 11.57 call 11.57 11.87 me 11.87 12.05 back 12.05 12.31 "
    "tomorrow 12.31 12.85 on 12.85 12.99 five 12.99 13.29 five 13.29 13.55 five, 13.55 14.01 zero 14.01 14.35 "
    "one 14.35 14.54 seven 14.54 14.87 seven? 14.96 15.33"
)
DIGITS = (12.99, 15.33)
"""When the caller says his number (s)."""


def words_of(said, **more):
    """Words from text, start and end of each."""
    parts = said.split()
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return [Word(text=text, start=float(start), end=float(end), **more) for text, start, end in triples]


def in_a_row(text, start=0.0, each=0.4, **more):
    """Words of a text, one after the other."""
    return [
        Word(text=word, start=start + each * n, end=start + each * (n + 1), **more)
        for n, word in enumerate(text.split())
    ]
