"""Names in texts, by a token-classification model of transformers, in a worker. For extensions too.

    finder = NameFinder("my-ner")          # a model that the operation's `resolve` said it uses
    for start, end, label in finder("Then Anna called."):
        ...                                # 5, 9, "PER"

The model lies in models.lock as every other: `config.json`, `tokenizer.json` and what belongs to it, and the weights as
safetensors. Nothing is fetched and no code of the model's is run. A text of any length is read in windows that overlap;
that every letter and digit was read, the last one included, is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from librarian.errors import RefusedError
from librarian.models.given import model_folder

PERSONS = ("PER", "PERSON", "NAME", "GIVENNAME", "FIRSTNAME", "MIDDLENAME", "SURNAME", "LASTNAME")
"""Labels of models that name people, without `B-` and `I-`."""
MOST_TOKENS = 512
"""In one window, whatever the model says it takes: more makes little better and costs memory by its square."""
OVERLAP = 4
"""A window repeats one in so many tokens of the one before, so that every word is read with words around it."""
AT_ONCE = 16
"""Windows that are computed together."""
LONGEST = 20_000
"""Characters of a text that are tokenized at once."""

Hit = tuple[int, int, str]
"""Index of the first character, index after the last one, label."""


class NotReadError(RuntimeError):
    """Part of a text was not looked at. Nothing of what was found counts then."""


class NameFinder:
    """Finds names with a model, built once and used for many texts.

    Args:
        model: its name in models.lock.
        device: where it computes: `cpu`, `cuda:0` …
        labels: which of its labels count.

    Raises:
        ModelMissingError: it is no model of this task, or not what models.lock says.
        RefusedError: its files are no such model, need code of their own to be run, or know none of the labels.
    """

    def __init__(self, model: str, device: str = "cpu", labels: Iterable[str] = PERSONS) -> None:
        self._device = device
        self._tokenizer, self._network = _load(model_folder(model), device)
        wanted = {label.upper() for label in labels}
        known = {int(number): _bare(label) for number, label in self._network.config.id2label.items()}
        self._labels = {number: label for number, label in known.items() if label in wanted}
        if not self._labels:
            raise RefusedError(
                f"the model {model} knows no label for people; it knows {', '.join(sorted(set(known.values())))}"
            )
        self._tokens = min(MOST_TOKENS, self._tokenizer.model_max_length, self._places())

    def _places(self) -> int:
        """How many tokens the model can tell the places of; RoBERTa and its kin keep two of them for themselves."""
        most = getattr(self._network.config, "max_position_embeddings", MOST_TOKENS)
        return int(most) - 2 if getattr(self._network.config, "pad_token_id", 0) == 1 else int(most)

    def __call__(self, text: str) -> list[Hit]:
        """The names in a text, in order and without overlaps, each to the borders of its words.

        Raises:
            NotReadError: a letter or digit of it was in no window.
        """
        found: list[Hit] = []
        begin = 0
        while begin < len(text):
            piece, step = _piece(text, begin)
            found += [(begin + start, begin + end, label) for start, end, label in self._in_piece(piece)]
            begin += step
        return _merged(text, found)

    def _in_piece(self, text: str) -> list[Hit]:
        windows = self._tokenizer(
            text,
            truncation=True,
            max_length=self._tokens,
            stride=self._tokens // OVERLAP,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            padding=False,
        )
        offsets: Sequence[Sequence[tuple[int, int]]] = windows["offset_mapping"]
        _check_read(text, offsets)
        hits: list[Hit] = []
        for first in range(0, len(offsets), AT_ONCE):
            chosen = self._chosen(windows["input_ids"][first : first + AT_ONCE])
            for places, numbers in zip(offsets[first : first + AT_ONCE], chosen, strict=True):
                hits += [
                    (start, end, self._labels[number])
                    for (start, end), number in zip(places, numbers, strict=True)
                    if number in self._labels and end > start
                ]
        return hits

    def _chosen(self, windows: Sequence[Sequence[int]]) -> list[list[int]]:
        """The number of the label of each token of some windows."""
        import torch

        longest = max(map(len, windows))
        fill = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[*each, *[fill] * (longest - len(each))] for each in windows], device=self._device)
        mask = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in windows], device=self._device)
        with torch.inference_mode():
            best = self._network(input_ids=ids, attention_mask=mask).logits.argmax(-1).tolist()
        return [row[: len(each)] for row, each in zip(best, windows, strict=True)]


def _load(folder: Path, device: str) -> tuple[Any, Any]:
    import os

    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        network = AutoModelForTokenClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}; it needs config.json, tokenizer.json and model.safetensors"
        raise RefusedError(
            f"the model is not loaded: its files are no token classification of transformers ({why})"
        ) from None
    return tokenizer, network.to(device).eval()


def _bare(label: str) -> str:
    """A label without what says where in a name a token stands: `B-PER` is `PER`."""
    before, parted, after = label.upper().partition("-")
    return after if parted and len(before) == 1 else label.upper()


def _piece(text: str, begin: int) -> tuple[str, int]:
    """The next part of a long text, and how far on the one after it begins: both hold what lies between."""
    if len(text) - begin <= LONGEST:
        return text[begin:], len(text) - begin
    half, most = begin + LONGEST // 2, begin + LONGEST * 3 // 4
    again = text.rfind(" ", half, most)
    last = text.rfind(" ", most, begin + LONGEST)
    return text[begin : last if last > 0 else begin + LONGEST], (again if again > 0 else half) - begin


def _check_read(text: str, windows: Sequence[Sequence[tuple[int, int]]]) -> None:
    """Every letter and digit is within a token of some window.

    Raises:
        NotReadError: one is not.
    """
    read = bytearray(len(text))
    for places in windows:
        for start, end in places:
            read[start:end] = b"\1" * (end - start)
    if any(char.isalnum() and not seen for char, seen in zip(text, read, strict=True)):
        raise NotReadError("the model did not read all of a text; nothing of it is let through")


def _merged(text: str, hits: list[Hit]) -> list[Hit]:
    """Hits from border to border of their words; those that touch, or have one space between them, are one."""
    merged: list[Hit] = []
    for first, last, label in sorted(hits):
        if merged and last <= merged[-1][1]:
            continue
        start, end = _border(text, first, -1), _border(text, last, 1)
        if merged and (start <= merged[-1][1] or text[merged[-1][1] : start].isspace()):
            merged[-1] = merged[-1][0], end, merged[-1][2]
        else:
            merged.append((start, end, label))
    return merged


def _border(text: str, at: int, step: int) -> int:
    """The end of the word, in one direction, that a place is within."""
    while 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum():
        at += step
    return at
