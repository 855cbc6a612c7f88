"""Vocabularies: what tokens spell, and which of them are special. Read as data, by the library of tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from librarian.models.pretrained import UnusableModelError, read_json

MARK = "\ufffd"
"""What stands for bytes that are no whole letter yet."""


class Spelling(Protocol):
    """A vocabulary."""

    def text(self, ids: Sequence[int]) -> str:
        """What tokens spell, special ones left out."""

    def is_special(self, token: int) -> bool:
        """Whether a token spells nothing."""


class Pieces:
    """A vocabulary of parts of words: a `tokenizer.json`.

    Args:
        folder: of the model.
        above: ids from here on are special too: Whisper's times, which its files do not always name.
    """

    def __init__(self, folder: Path, above: int | None = None) -> None:
        from tokenizers import Tokenizer

        document = read_json(folder / "tokenizer.json")
        if not document:
            raise UnusableModelError("the model is not loaded: it holds no tokenizer.json")
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception:  # the library raises nothing more exact
            raise UnusableModelError("the model is not loaded: tokenizer.json is none") from None
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = {number for number, token in added.items() if token.special}
        self._above = above if above is not None else 1 << 62
        self._size = self._tokenizer.get_vocab_size(with_added_tokens=True)

    def text(self, ids: Sequence[int]) -> str:
        """What tokens spell."""
        found: str = self._tokenizer.decode([each for each in ids if not self.is_special(each)])
        return found

    def is_special(self, token: int) -> bool:
        """Whether a token spells nothing."""
        return token in self._special or token >= min(self._above, self._size)

    def id(self, token: str) -> int:
        """The number of a special token.

        Raises:
            UnusableModelError: there is none.
        """
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise UnusableModelError("the model is not loaded: its tokenizer lacks a token that its family has")
        return found

    def languages(self) -> dict[str, int]:
        """What is spelt `<|xx|>` or `<|xxx|>`, by xx."""
        found = self._tokenizer.get_added_tokens_decoder().items()
        names = {token.content[2:-2]: number for number, token in found if token.content[:2] == "<|"}
        return {name: number for name, number in names.items() if name.isalpha() and len(name) in (2, 3)}


class Letters:
    """A vocabulary of letters: a `vocab.json`, as wav2vec2 and its kin have.

    Args:
        folder: of the model.
    """

    SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

    def __init__(self, folder: Path) -> None:
        found = read_json(folder / "vocab.json")
        settings = read_json(folder / "tokenizer_config.json")
        if not found or not all(isinstance(each, int) for each in found.values()):
            raise UnusableModelError("the model is not loaded: it holds no vocab.json with a number for each letter")
        space = settings.get("word_delimiter_token") or "|"
        self._letters = {number: " " if letter == space else letter for letter, number in found.items()}
        self._special = {number for letter, number in found.items() if letter in self.SPECIAL}

    def text(self, ids: Sequence[int]) -> str:
        """What tokens spell."""
        return "".join(self._letters.get(each, "") for each in ids if not self.is_special(each)).strip()

    def is_special(self, token: int) -> bool:
        """Whether a token spells nothing."""
        return token in self._special
