"""The operations `redact` and `redact_group`: the words first, then every sound; all is verified, or nothing counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from librarian import Artifact, Output, Task
from librarian_redaction import RedactSettings
from librarian_redaction.coverage import levels, uncovered
from librarian_redaction.finding import finder
from librarian_redaction.sounds import Made, without
from librarian_redaction.stretches import Time, apart, joined, padded, taken
from librarian_redaction.talks import Listed, Talk, check_reviewed


class Redactor:
    """The operation `redact`; built once for its settings."""

    def __init__(self, settings: RedactSettings, device: str) -> None:
        self._settings, self._find = settings, finder(settings)

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Redact a recording, its stems and its words."""
        audio, stems = task.inputs["audio"], task.inputs.get("stems", ())
        given = self._listed([task.inputs["spans"]])
        talks = [Talk.of(task.inputs["words"], given).closed(self._find)]
        (made, *others) = _silenced(task, self._settings, talks, [audio], stems)
        return {"audio": made, "words": talks[0].output(), "stems": others}

    def _listed(self, spans: Sequence[Artifact]) -> list[Listed]:
        found = [Listed.of(each) for each in spans]
        if self._settings.review == "required":
            check_reviewed(found)
        return found


class GroupRedactor(Redactor):
    """The operation `redact_group`."""

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Redact the recordings of a group, and their words."""
        given = self._listed(task.inputs["spans"])
        talks = [Talk.of(words, given).closed(self._find) for words in task.inputs["words"]]
        made = _silenced(task, self._settings, talks, task.inputs["audio"], ())
        return {"audio": made, "words": [talk.output() for talk in talks]}


def _silenced(
    task: Task, settings: RedactSettings, talks: Sequence[Talk], sounds: Sequence[Artifact], stems: Sequence[Artifact]
) -> list[Output]:
    """Every sound without what is private in any talk: the same stretches in all of them.

    Args:
        task: the task.
        settings: what is taken around it, and what is put there.
        talks: what is said in the sounds.
        sounds: recordings.
        stems: of a recording; what no word covers is looked for in the recording itself.
    """
    words = [word for talk in talks for word in talk.words]
    spans = [(span.start, span.end) for talk in talks for span in talk.spans]
    times = taken(spans, words, settings.padding, settings.fade)
    unheard = [_unheard(task, sound, [*((word.start, word.end) for word in words), *times]) for sound in sounds]
    if settings.uncovered == "silence":
        more = padded((each for found in unheard for each in found), settings.padding)
        times, unheard = joined([*times, *more], apart(settings.fade)), []
    reviewed = all(talk.reviewed for talk in talks)
    every = [*((sound, "audio") for sound in sounds), *((stem, "stems") for stem in stems)]
    outputs = []
    for number, (sound, output) in enumerate(every):
        made = without(task, sound, output, times, settings, partial(_progressed, task, number, len(every)))
        left = unheard[number] if number < len(unheard) else ()
        outputs.append(Output(made.path, _facts(made, left, reviewed)))
    return outputs


def _progressed(task: Task, done: int, sounds: int, part: float) -> None:
    task.progress((done + part) / sounds)


def _unheard(task: Task, sound: Artifact, covered: Sequence[Time]) -> list[Time]:
    with task.open_audio(sound) as stream:
        return uncovered(levels(stream.sampled_blocks(), stream.sample_rate), covered)


def _facts(made: Made, unheard: Sequence[Time], reviewed: bool) -> dict[str, Any]:
    return {
        "stretches": made.stretches,
        "silenced_seconds": round(made.silenced, 3),
        "share": round(made.silenced / made.seconds, 6) if made.seconds else 0.0,
        "uncovered_seconds": round(sum(end - start for start, end in unheard), 3),
        "reviewed": reviewed,
    }
