"""What each step works on, from its operation and from where its inputs come."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from units import STEPS_BEGIN, resolve

from librarian.errors import JobError
from librarian.job import GROUP, JOB, RECORDING, Level

PIECES: Level = (*RECORDING, "pieces.pieces")


def levels(steps: str) -> dict[str, tuple[Level, int]]:
    """Step → what it works on, and its stage."""
    return {step.id: (step.level, step.stage) for step in resolve(steps).steps}


def problems(steps: str) -> list[str]:
    """What is wrong; each must stand where a ▸ marks it, in their order."""
    with pytest.raises(JobError) as caught:
        resolve(steps.replace("▸", ""))
    found = [line.partition(": ") for line in caught.value.problems]
    assert [place.removeprefix("job.yaml:") for place, _, _ in found] == list(marks(steps))
    return [message.partition(": ")[2] for _, _, message in found]


def marks(steps: str) -> Iterator[str]:
    text = textwrap.indent(textwrap.dedent(steps), "  ")
    for number, line in enumerate(text.splitlines(), STEPS_BEGIN + 1):
        pieces = line.split("▸")
        for index in range(1, len(pieces)):
            yield f"{number}:{len(''.join(pieces[:index])) + 1}"


def test_a_step_works_on_recordings_where_nothing_says_otherwise() -> None:
    found = levels("- {id: voice, use: louder}\n- {id: note, use: note, from: voice}\n")
    assert found == {"voice": (RECORDING, 0), "note": (RECORDING, 0)}


def test_behind_a_list_it_works_on_items_and_lists_may_stand_in_lists() -> None:
    assert levels(
        """\
        - {id: pieces, use: chop, from: talks}
        - {id: voice, use: louder, from: pieces}
        - {id: bits, use: chop, from: voice}
        - {id: loud, use: louder, from: bits}
        - {id: joined, use: splice, from: loud}
        """
    ) == {
        "pieces": (RECORDING, 0),
        "voice": (PIECES, 0),
        "bits": (PIECES, 0),
        "loud": ((*PIECES, "bits.pieces"), 0),
        "joined": (RECORDING, 0),
    }


def test_an_operation_on_items_gathers_the_list_below_each() -> None:
    found = levels(
        """\
        - {id: pieces, use: chop, from: talks}
        - {id: voice, use: number, from: pieces}
        - {id: bits, use: chop, from: voice}
        - {id: counted, use: count, from: bits}
        """
    )
    assert (found["voice"][0], found["counted"][0]) == (PIECES, PIECES)


def test_groups_are_gathered_from_recordings_and_what_comes_of_them_reaches_their_members() -> None:
    assert levels(
        """\
        - {id: voice, use: louder, from: calls}
        - {id: mixed, use: blend, from: voice}
        - {id: loud, use: louder, from: mixed.audio}
        - {id: both, use: pair, from: {first: voice, second: mixed.audio}}
        - {id: legs, use: legs, from: voice}
        - {id: leg, use: louder, from: legs}
        """
    ) == {
        "voice": (RECORDING, 0),
        "mixed": (GROUP, 0),
        "loud": (GROUP, 0),
        "both": (RECORDING, 0),
        "legs": (GROUP, 0),
        "leg": ((*GROUP, "legs.parts"), 0),
    }


def test_what_takes_from_the_whole_job_is_of_the_next_stage_and_what_gathers_that_of_the_same() -> None:
    assert levels(
        """\
        - {id: voice, use: louder}
        - {id: level, use: profile, from: voice}
        - {id: fitted, use: fit, from: {audio: voice, profile: level}}
        - {id: grouped, use: group_fit, from: {audio: calls, profile: level}}
        - {id: after, use: louder, from: fitted}
        - {id: second, use: profile, from: fitted}
        - {id: again, use: fit, from: {audio: fitted, profile: second}}
        - {id: all, use: index, from: [voice, again]}
        - {id: first, use: index, from: [voice, calls]}
        """
    ) == {
        "voice": (RECORDING, 0),
        "level": (JOB, 0),
        "fitted": (RECORDING, 1),
        "grouped": (GROUP, 1),
        "after": (RECORDING, 1),
        "second": (JOB, 1),
        "again": (RECORDING, 2),
        "all": (JOB, 2),
        "first": (JOB, 0),
    }


def test_a_list_of_the_whole_job_has_items_of_its_own() -> None:
    assert levels(
        """\
        - {id: made, use: make}
        - {id: all, use: split, from: [calls, made]}
        - {id: voice, use: louder, from: all}
        - {id: once, use: louder, from: made}
        """
    ) == {"made": (JOB, 0), "all": (JOB, 0), "voice": (("all.parts",), 0), "once": (JOB, 0)}


def test_the_order_in_the_file_does_not_matter() -> None:
    found = levels(
        """\
        - {id: fitted, use: fit, from: {audio: voice, profile: level}}
        - {id: level, use: profile, from: voice}
        - {id: voice, use: louder, from: pieces}
        - {id: pieces, use: chop}
        """
    )
    assert found == {"pieces": (RECORDING, 0), "voice": (PIECES, 0), "level": (JOB, 0), "fitted": (PIECES, 1)}


@pytest.mark.parametrize(
    "steps",
    [
        "- {id: mixed, use: blend, from: ▸talks}",
        "- {id: mixed, use: blend, from: {audio: ▸talks}}",
        "- {id: mixed, use: blend, from: ▸[calls, talks]}",
        "- {id: mixed, use: ▸blend}",
        "- {id: voice, use: louder, from: talks}\n- {id: mixed, use: blend, from: ▸voice}",
        "- {id: twice, use: duet, from: {first: calls, second: ▸talks}}",
        "- {id: cuts, use: chop, from: talks}\n- {id: mixed, use: blend, from: ▸cuts}",
    ],
)
def test_a_step_of_groups_over_recordings_without_any(steps: str) -> None:
    assert problems(steps) == ["works on groups, and talks has none; give it `group: …` there"]


def test_what_passes_through_the_whole_job_needs_no_groups() -> None:
    found = levels(
        "- {id: level, use: profile, from: talks}\n"
        "- {id: grouped, use: group_fit, from: {audio: calls, profile: level}}\n"
    )
    assert found["grouped"] == (GROUP, 1)


def test_one_file_where_many_are_given() -> None:
    assert problems("- {id: loud, use: lone, from: ▸calls}") == [
        "the input audio of lone takes one file, and is given one for each recording"
    ]
    assert problems(
        """\
        - {id: pieces, use: chop, from: calls}
        - {id: loud, use: lone, from: {audio: ▸pieces}}
        """
    ) == ["the input audio of lone takes one file, and is given one for each item of pieces.pieces"]


def test_lists_that_do_not_belong_together() -> None:
    assert problems(
        """\
        - {id: cuts, use: chop, from: talks}
        - {id: bits, use: chop, from: talks}
        - {id: both, use: pair, from: {first: cuts, second: ▸bits}}
        """
    ) == [
        "its inputs come from lists that do not belong together: each item of bits.pieces and each item of cuts.pieces"
    ]
    assert problems(
        """\
        - {id: legs, use: legs, from: calls}
        - {id: both, use: pair, from: {first: calls, second: ▸legs}}
        """
    ) == ["its inputs come from lists that do not belong together: each item of legs.parts and each recording"]


def test_a_list_of_the_whole_job_is_not_gathered_by_recordings() -> None:
    said = problems("- {id: all, use: split, from: talks}\n- {id: joined, use: splice, from: ▸[talks, all]}")
    assert said == ["its inputs come from lists that do not belong together: each item of all.parts"]


def test_an_operation_on_items_that_is_given_single_files() -> None:
    for steps in (
        "- {id: one, use: number, from: ▸talks}",
        "- {id: one, use: ▸number}",
        "- {id: one, use: count, from: ▸talks}",
        "- {id: made, use: make}\n- {id: one, use: number, from: ▸made}",
        "- {id: mixed, use: blend, from: calls}\n- {id: one, use: number, from: ▸{audio: mixed.audio}}",
        "- {id: pieces, use: chop, from: talks}\n- {id: one, use: count, from: ▸pieces}",
    ):
        assert problems(steps)[0].startswith("works on the items of a list, and is given single files")


def test_an_operation_without_inputs_works_on_the_whole_job_or_not_at_all() -> None:
    assert levels("- {id: made, use: make}") == {"made": (JOB, 0)}
    assert problems("- {id: made, use: ▸conjure}") == [
        "takes no input, so it has to work on the whole job; its operation says otherwise"
    ]


def test_every_mistake_is_said_once_and_not_again_for_what_hangs_on_it() -> None:
    said = problems(
        """\
        - {id: mixed, use: blend, from: ▸talks}
        - {id: loud, use: louder, from: mixed.audio}
        - {id: one, use: number, from: ▸talks}
        - {id: fine, use: louder, from: talks}
        """
    )
    assert len(said) == 2
