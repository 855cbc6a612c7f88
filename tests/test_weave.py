"""Which tasks there are, what each is given, and in which order: the weave, told what became of every task."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import Phase, settings, strategies
from hypothesis import given as drawn
from ledger import ID_KEY
from units import HEAD, resolve

from librarian.errors import JobError
from librarian.job import GROUP, JOB, RECORDING, Family, Job, Recording, Sighting, Source, Step, is_whole
from librarian.plan import Gathering, Input, Node, Result, Shape, Unit, Weave, units_of

ROLES = ("left", "right", "both")
FAILED = -1
DAYS = HEAD.replace("steps:", "  - {id: days, path: days/*.wav, group: '(?P<group>.*)'}\nsteps:")


def of(content: str) -> str:
    """The id of a recording."""
    return ID_KEY.recording(hashlib.sha256(content.encode()).hexdigest())


def grp(name: str, entry: str = "calls") -> str:
    return ID_KEY.group(entry, name)


class Archive:
    """Families, in the order in which a run comes upon them: it knows what it has handed out before."""

    def __init__(self) -> None:
        self._entries: dict[str, frozenset[str]] = {}

    def recording(self, content: str, *entries: str) -> Recording:
        earlier = self._entries.get(content, frozenset())
        self._entries[content] = known = earlier | set(entries)
        sighting = Sighting(entries[0], f"/{entries[0]}/{content}.wav", 1, 1, 1, 1, 1)
        return Recording(of(content), sighting, known, "00", earlier=earlier)

    def alone(self, content: str, *entries: str) -> Family:
        return Family((self.recording(content, *(entries or ("talks",))),))

    def call(self, name: str, *entries: str, **members: str) -> Family:
        """A group of calls: role → content."""
        return Family(
            tuple(self.recording(content, "calls", *entries) for content in members.values()),
            roles=tuple((ROLES.index(role), role) for role in members),
            group=grp(name),
            entry="calls",
            missing=tuple(role for role in ROLES if role not in members),
        )

    def day(self, name: str, *contents: str, entries: Sequence[str] = ()) -> Family:
        """A group without roles."""
        recordings = tuple(self.recording(each, "days", *entries) for each in contents)
        return Family(recordings, tuple((0, "") for _ in contents), grp(name, "days"), "days")


@dataclass
class Walk:
    """A job that is walked as a run does: all families, then what gathers them, stage by stage.

    Attributes:
        became: (step, unit) → `FAILED`, or how many items its lists have.
        chosen: which of so many tasks that could be done is done next.
        tasks: each that was handed out, with what it is given; but for those that were dealt with before.
        units: everything that tasks may work on.
        files: (source, what it is of, its id) of all that there is.
    """

    job: Job
    became: Callable[[str, str], int] = lambda step, unit: 2
    chosen: Callable[[int], int] = lambda number: 0
    tasks: list[Node] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    files: list[tuple[Source, Unit, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape = Shape(self.job, self.job.steps)
        self._outer: dict[str, Result] = {}
        self.handed: dict[tuple[str, tuple[str, ...]], Unit] = {}

    def go(self, *families: Family) -> Walk:
        units = [units_of(each) for each in families]
        self.units = [Unit("", JOB), *(unit for each in units for unit in each)]
        self.files = [
            (Source(entry=entry), unit, unit.id)
            for unit in self.units
            for entry in (unit.recording.entries if unit.recording else ())
        ]
        whole = Weave(self.shape, (), ID_KEY, self.units[:1])
        for stage in range(self.shape.stages):
            steps, gathering = self.shape.of_stage(stage), Gathering(self.shape, stage)
            weaves = [
                Weave(self.shape, steps, ID_KEY, of, family=each, outer=self._outer, stage=stage)
                for of, each in zip(units, families, strict=True)
            ]
            self._decide_all(weaves)
            for weave in weaves:
                gathering.take(weave)
            whole.go_on(self.shape.whole(stage), gathering.gathered())
            self._decide_all([whole])
        return self

    def _decide_all(self, weaves: Sequence[Weave]) -> None:
        waiting: list[tuple[Weave, Node]] = []
        while True:
            for weave in weaves:
                while node := weave.ready():
                    waiting.append((weave, node))
            if not waiting:
                break
            self._decide(*waiting.pop(self.chosen(len(waiting))))
        assert not any(map(len, weaves))
        assert not any(list(weave.waiting()) for weave in weaves)

    def _decide(self, weave: Weave, node: Node) -> None:
        step, unit = node.step.id, node.unit
        first = (step, way(unit)) not in self.handed
        assert first or node.silent
        self.handed[step, way(unit)] = unit
        if not node.silent:
            self.tasks.append(node)
        count = FAILED if node.lost else self.became(step, unit.id)
        made = repr((step, [(each.port, each.role, each.id) for each in node.inputs]))
        result = Result(hashlib.sha256(made.encode()).hexdigest(), count != FAILED)
        lists = {output: range(1, 1 + count) for output in self.shape.lists[step]}
        items = {output: [ID_KEY.artifact(result.key, output, each) for each in of] for output, of in lists.items()}
        weave.decide(node, result, items)
        if unit.level == JOB:
            self._outer[step] = result
        if first and result.good:
            for output in node.step.outputs:
                self._put(Source(step=step, output=output), unit, items.get(output), result.key)

    def _put(self, source: Source, unit: Unit, items: Sequence[str] | None, key: str) -> None:
        if items is None:
            self.files.append((source, unit, ID_KEY.artifact(key, source.output)))
            return
        level = (*unit.level, f"{source.step}.{source.output}")
        made = [
            Unit(each, level, unit, unit.recording, unit.roles, (*unit.items, number))
            for number, each in enumerate(items, 1)
        ]
        self.units += made
        self.files += [(source, each, each.id) for each in made]

    def of(self, step: str, unit: str | None = None) -> list[Node]:
        """The tasks of a step."""
        return [each for each in self.tasks if each.step.id == step and unit in (None, each.unit.id)]

    def one(self, step: str, unit: str | None = None) -> Node:
        (node,) = self.of(step, unit)
        return node


def walk(
    steps: str, *families: Family, head: str = HEAD, failing: Iterable[tuple[str, str]] = (), items: int = 2
) -> Walk:
    """Walk these steps; tasks that fail are given as (step, unit)."""
    bad = set(failing)
    return Walk(resolve(steps, head), lambda step, unit: FAILED if (step, unit) in bad else items).go(*families)


def given(node: Node) -> list[tuple[str, str, str, int]]:
    """What a task is given: role, step or else recordings, the recording or group it comes from, item."""
    return [(each.role, each.step or "-", each.recording, each.item) for each in node.inputs]


def lacking(node: Node) -> list[tuple[str, str, str]]:
    """What it is not: role, step, unit."""
    return [(each.role, each.step, each.unit) for each in node.absent]


A, B, C = of("a"), of("b"), of("c")


def test_a_step_runs_once_a_recording_and_once_an_item() -> None:
    found = walk(
        """\
        - {id: voice, use: louder, from: talks}
        - {id: cuts, use: chop, from: voice}
        - {id: loud, use: louder, from: cuts}
        """,
        *map(Archive().alone, "ab"),
    )
    assert [each.unit.id for each in found.of("voice")] == [A, B]
    assert [each.unit.id for each in found.of("cuts")] == [A, B]
    assert [(each.unit.recording.id, each.unit.items) for each in found.of("loud") if each.unit.recording] == [
        *[(A, (1,)), (A, (2,)), (B, (1,)), (B, (2,))]
    ]
    assert all(each.inputs == (Input("audio", "", each.unit.id, "cuts", "pieces", "", number), )
               for each in found.of("loud") for number in each.unit.items)  # fmt: skip


def test_what_comes_from_further_up_is_given_to_everything_below_it() -> None:
    found = walk(
        """\
        - {id: mixed, use: blend, from: calls}
        - {id: cuts, use: chop, from: calls}
        - {id: both, use: pair, from: {first: cuts, second: mixed.audio}}
        - {id: level, use: profile, from: cuts}
        - {id: fitted, use: fit, from: {audio: cuts, profile: level}}
        """,
        Archive().call("1", left="a", right="b", both="c"),
        Archive().call("2", left="d", right="e", both="f"),
    )
    mixed = {each.unit.id: each for each in found.of("mixed")}
    assert mixed.keys() == {grp("1"), grp("2")}
    for step, port in (("both", "second"), ("fitted", "profile")):
        assert len(found.of(step)) == 12
        seconds = {(each.unit.line[-1].id, each.inputs[1].id) for each in found.of(step)}
        assert all(each.inputs[1].port == port for each in found.of(step))
        assert len(seconds) == 2
        assert len({made for _, made in seconds}) == (2 if step == "both" else 1)


def test_files_are_gathered_by_role_recording_item_and_place_in_from() -> None:
    found = walk(
        """\
        - {id: cuts, use: chop, from: calls}
        - {id: mixed, use: blend, from: [calls, cuts]}
        - {id: all, use: index, from: [cuts, calls, talks]}
        """,
        (archive := Archive()).call("1", both="c", right="b", left="a"),
        archive.alone("d"),
        archive.call("2", left="e", right="f", both="g"),
    )
    assert given(found.one("mixed", grp("1"))) == [
        *[("left", "-", A, 0), ("left", "cuts", A, 1), ("left", "cuts", A, 2)],
        *[("right", "-", B, 0), ("right", "cuts", B, 1), ("right", "cuts", B, 2)],
        *[("both", "-", C, 0), ("both", "cuts", C, 1), ("both", "cuts", C, 2)],
    ]
    roles = {"a": "left", "e": "left", "d": "", "b": "right", "f": "right", "c": "both", "g": "both"}
    ranks = {"": 0, "left": 0, "right": 1, "both": 2}
    expected = [
        (roles[content], step, of(content), item)
        for content in sorted(roles, key=lambda each: (ranks[roles[each]], of(each)))
        for step, item in (("-", 0), ("cuts", 1), ("cuts", 2))
        if step == "-" or content != "d"
    ]
    assert given(found.one("all")) == expected


def test_items_of_groups_and_of_the_whole_job_are_gathered_in_the_order_of_their_list() -> None:
    found = walk(
        """\
        - {id: legs, use: legs, from: calls}
        - {id: loud, use: louder, from: legs}
        - {id: mixed, use: blend, from: loud}
        - {id: all, use: split, from: calls}
        - {id: each, use: louder, from: all}
        - {id: index, use: index, from: [each, loud]}
        """,
        Archive().call("1", left="a", right="b", both="c"),
        items=12,
    )
    assert given(found.one("mixed")) == [("", "loud", grp("1"), number) for number in range(1, 13)]
    assert given(found.one("index")) == [
        *[("", "each", "", number) for number in range(1, 13)],
        *[("", "loud", grp("1"), number) for number in range(1, 13)],
    ]


def test_lists_in_lists_are_gathered_level_by_level() -> None:
    found = walk(
        """\
        - {id: cuts, use: chop, from: talks}
        - {id: bits, use: chop, from: cuts}
        - {id: loud, use: louder, from: bits}
        - {id: counted, use: count, from: loud}
        - {id: joined, use: splice, from: loud}
        """,
        Archive().alone("a"),
        items=3,
    )
    assert [each.unit.items for each in found.of("loud")] == [(x, y) for x in (1, 2, 3) for y in (1, 2, 3)]
    assert [(each.unit.items, [item for *_, item in given(each)]) for each in found.of("counted")] == [
        ((number,), [1, 2, 3]) for number in (1, 2, 3)
    ]
    made = {each.unit.items: each.inputs[0].id for each in found.of("loud")}
    assert len(found.one("joined").inputs) == len(set(made.values())) == 9
    assert [each.item for each in found.one("joined").inputs] == [1, 2, 3] * 3


def test_of_an_empty_list_nothing_is_done_and_nothing_is_gathered() -> None:
    found = walk(
        """\
        - {id: cuts, use: chop, from: talks}
        - {id: loud, use: louder, from: cuts}
        - {id: bits, use: chop, from: loud}
        - {id: joined, use: splice, from: bits}
        - {id: level, use: profile, from: [loud, bits]}
        """,
        Archive().alone("a"),
        items=0,
    )
    assert [each.step.id for each in found.tasks] == ["cuts", "joined", "level"]
    assert not any(each.inputs or each.lost for each in found.tasks if each.step.id != "cuts")


def test_without_a_member_that_failed_nothing_is_gathered() -> None:
    steps = """\
        - {id: voice, use: louder, from: calls}
        - {id: cuts, use: chop, from: voice}
        - {id: loud, use: louder, from: cuts}
        - {id: mixed, use: blend, from: voice}
        - {id: again, use: louder, from: mixed.audio}
        - {id: joined, use: splice, from: loud}
        - {id: level, use: profile, from: loud}
        """
    found = walk(steps, Archive().call("1", left="a", right="b", both="c"), failing=[("voice", B)])
    assert {each.step.id: each.lost for each in found.tasks if each.lost} == {
        **{"cuts": "voice", "joined": "cuts", "mixed": "voice", "again": "mixed", "level": "cuts"},
    }
    assert lacking(found.one("mixed")) == [("right", "voice", B)]
    assert lacking(found.one("cuts", B)) == [("", "voice", B)]
    assert lacking(found.one("joined", B)) == [("", "cuts", B)]
    assert lacking(found.one("level")) == [("right", "cuts", B)]
    assert len(found.of("loud")) == 4


def test_or_what_is_there_where_the_step_says_leave_out_and_the_record_says_who_was_absent() -> None:
    found = walk(
        """\
        - {id: voice, use: louder, from: calls}
        - {id: mixed, use: blend, from: voice, missing: leave out}
        - {id: level, use: profile, from: [voice, mixed.audio], missing: leave out}
        """,
        (archive := Archive()).call("1", left="a", right="b"),
        archive.call("2", left="d", right="e", both="f"),
        failing=[("voice", B), ("voice", of("d")), ("voice", of("e")), ("voice", of("f"))],
    )
    one, two, level = found.one("mixed", grp("1")), found.one("mixed", grp("2")), found.one("level")
    assert (given(one), one.lost) == ([("left", "voice", A, 0)], "")
    assert lacking(one) == [("right", "voice", B), ("both", "", "")]
    assert (given(two), two.lost) == ([], "voice")  # nobody is left
    assert level.lost == ""
    assert {(role, step) for role, step, *_ in given(level)} == {("left", "voice"), ("", "mixed")}
    assert set(lacking(level)) == {
        *{("right", "voice", B), ("left", "voice", of("d")), ("right", "voice", of("e")), ("both", "voice", of("f"))},
        ("", "mixed", grp("2")),
    }


def test_a_failed_item_is_left_out_by_itself() -> None:
    steps = "- {id: cuts, use: chop, from: talks}\n- {id: loud, use: louder, from: cuts}\n"
    joined = "- {id: joined, use: splice, from: loud, missing: leave out}"
    item = walk(steps, Archive().alone("a"), items=3).of("loud")[1].unit.id
    found = walk(steps + joined, Archive().alone("a"), items=3, failing=[("loud", item)])
    assert [item for *_, item in given(found.one("joined"))] == [1, 3]
    assert lacking(found.one("joined")) == [("", "loud", item)]


def test_a_role_without_a_file_costs_what_gathers_members_and_nothing_else() -> None:
    steps = """\
        - {id: voice, use: louder, from: calls}
        - {id: mixed, use: blend, from: voice%s}
        - {id: legs, use: legs, from: voice%s}
        - {id: loud, use: louder, from: legs}
        - {id: again, use: blend, from: loud}
        """
    found = walk(steps % ("", ", missing: leave out"), Archive().call("1", left="a", both="c"))
    assert (found.one("mixed").lost, lacking(found.one("mixed"))) == (Node.NO_FILE, [("right", "", "")])
    assert (found.one("legs").lost, lacking(found.one("legs"))) == ("", [("right", "", "")])
    assert (found.one("again").lost, lacking(found.one("again"))) == ("", [])
    assert len(found.of("voice")) == 2


def test_the_reason_that_decides_stands_first() -> None:
    found = walk(
        """\
        - {id: voice, use: louder, from: calls}
        - {id: made, use: louder, from: voice}
        - {id: twice, use: duet, from: {first: voice, second: made}, missing: leave out}
        """,
        Archive().call("1", left="a"),
        failing=[("made", A)],
    )
    assert found.one("twice").lost == "made"
    assert lacking(found.one("twice"))[0] == ("left", "made", A)


def test_an_optional_input_that_failed_is_missed_like_any_other() -> None:
    found = walk(
        """\
        - {id: level, use: profile, from: talks}
        - {id: fitted, use: fit, from: {audio: talks, profile: level}, missing: leave out}
        - {id: plain, use: fit, from: {audio: talks}}
        """,
        Archive().alone("a"),
        failing=[("level", "")],
    )
    assert (found.one("fitted").lost, found.one("plain").lost) == ("level", "")


def test_a_recording_that_cannot_be_read_is_absent_in_all_that_gather_it() -> None:
    job = resolve("- {id: all, use: index, from: talks, missing: leave out}\n- {id: some, use: profile, from: talks}")
    shape, archive = Shape(job, job.steps), Archive()
    gathering = Gathering(shape, 0)
    for family in map(archive.alone, "ab"):
        gathering.take(Weave(shape, (), ID_KEY, units_of(family), family=family))
    weave = Weave(shape, job.steps, ID_KEY, [Unit("", JOB)], gathered=gathering.gathered())
    nodes = {node.step.id: node for node in iter(weave.ready, None)}
    assert [each.id for each in nodes["some"].inputs] == sorted([A, B])
    weave.spoil(A)
    for node in nodes.values():
        weave.again(node)
    assert (given(nodes["all"]), lacking(nodes["all"])) == ([("", "-", B, 0)], [("", "", A)])
    assert (nodes["all"].lost, nodes["some"].lost) == ("", Node.NO_FILE)


def test_a_recording_twice_in_a_group_is_worked_on_once_and_given_in_both_roles() -> None:
    found = walk(
        "- {id: voice, use: louder, from: calls}\n- {id: mixed, use: blend, from: voice}\n",
        Archive().call("1", left="a", right="b", both="a"),
    )
    assert [each.unit.id for each in found.of("voice")] == [A, B]
    mixed = found.one("mixed")
    assert given(mixed) == [("left", "voice", A, 0), ("right", "voice", B, 0), ("both", "voice", A, 0)]
    assert mixed.inputs[0].id == mixed.inputs[2].id


def test_a_recording_in_two_groups_is_worked_on_once_and_given_to_both() -> None:
    archive = Archive()
    found = walk(
        """\
        - {id: voice, use: louder, from: calls}
        - {id: mixed, use: blend, from: voice}
        - {id: both, use: pair, from: {first: voice, second: mixed.audio}}
        - {id: again, use: blend, from: both}
        - {id: all, use: index, from: [voice, both]}
        """,
        archive.call("1", left="a", right="b", both="c"),
        archive.call("2", left="d", right="a", both="e"),
    )
    assert len(found.of("voice", A)) == 1
    assert {each.unit.line[-1].id for each in found.of("both", A)} == {grp("1"), grp("2")}  # each with its own mix
    assert not any(each.lost for each in found.tasks)
    shared = found.one("mixed", grp("1")).inputs[0].id
    assert shared == found.one("mixed", grp("2")).inputs[1].id
    gathered = found.one("all").inputs
    assert len(gathered) == len({each.id for each in gathered}) == 11
    assert next(each.role for each in gathered if each.id == shared) == "left"  # the first of its roles


def test_a_recording_in_two_entries_can_be_given_from_each() -> None:
    archive = Archive()
    steps = """\
        - {id: voice, use: louder, from: talks}
        - {id: both, use: pair, from: {first: talks, second: calls}}
        - {id: heard, use: pair, from: {first: voice, second: calls}}
        """
    found = walk(steps, archive.call("1", left="a", right="b"), archive.alone("a"), archive.alone("c"))
    assert [each.unit.id for each in found.of("both")] == [A]
    assert [each.id for each in found.one("both").inputs] == [A, A]
    assert [each.unit.id for each in found.of("voice")] == [A, C]
    assert [each.unit.id for each in found.of("heard")] == [A]
    again = walk(steps, (archive := Archive()).alone("a", "talks", "calls"))
    assert len(again.of("both")) == len(again.of("voice")) == len(again.of("heard")) == 1


def test_groups_of_one_entry_are_no_groups_of_another_that_has_the_same_recordings() -> None:
    archive = Archive()
    found = walk(
        """\
        - {id: voice, use: louder, from: calls}
        - {id: mixed, use: blend, from: voice, missing: leave out}
        - {id: loud, use: louder, from: mixed.audio}
        - {id: daily, use: blend, from: days}
        - {id: level, use: profile, from: [calls, days]}
        - {id: all, use: group_fit, from: {audio: [calls, days], profile: level}, missing: leave out}
        """,
        archive.call("1", "days", left="a", right="b"),
        archive.day("monday", "a", "b", "c", entries=["calls"]),
        head=DAYS,
    )
    assert [each.unit.id for each in found.of("mixed")] == [each.unit.id for each in found.of("loud")] == [grp("1")]
    assert [each.unit.id for each in found.of("daily")] == [grp("monday", "days")]
    assert {each.unit.id for each in found.of("all")} == {grp("1"), grp("monday", "days")}
    assert len(found.one("level").inputs) == 3


def test_lists_of_the_whole_job_are_still_there_in_its_next_stage() -> None:
    found = walk(
        """\
        - {id: all, use: split, from: talks}
        - {id: loud, use: louder, from: all}
        - {id: level, use: profile, from: loud}
        - {id: fitted, use: fit, from: {audio: talks, profile: level}}
        - {id: index, use: index, from: [loud, all, fitted]}
        """,
        *map(Archive().alone, "ab"),
        items=3,
    )
    assert [step for _, step, *_ in given(found.one("index"))] == [*["loud", "all"] * 3, "fitted", "fitted"]
    assert (len(found.of("all")), len(found.of("loud"))) == (1, 3)


def test_what_the_whole_job_made_reaches_the_steps_after_it_stage_by_stage() -> None:
    found = walk(
        """\
        - {id: cuts, use: chop, from: talks}
        - {id: level, use: profile, from: cuts}
        - {id: fitted, use: fit, from: {audio: cuts, profile: level}}
        - {id: second, use: profile, from: fitted}
        - {id: again, use: fit, from: {audio: fitted, profile: second}}
        - {id: joined, use: splice, from: again}
        """,
        *map(Archive().alone, "ab"),
    )
    steps = [each.step.id for each in found.tasks]
    assert steps == [*["cuts"] * 2, "level", *["fitted"] * 4, "second", *["again"] * 4, *["joined"] * 2]


def test_behind_a_list_that_is_not_known_everything_waits() -> None:
    job = resolve(
        """\
        - {id: cuts, use: chop, from: talks}
        - {id: loud, use: louder, from: cuts}
        - {id: joined, use: splice, from: cuts}
        - {id: again, use: splice, from: loud}
        - {id: level, use: profile, from: loud}
        - {id: all, use: index, from: [talks, cuts]}
        - {id: heard, use: index, from: talks}
        """
    )
    shape, family = Shape(job, job.steps), Archive().alone("a")
    gathering = Gathering(shape, 0)
    weave = Weave(shape, shape.of_stage(0), ID_KEY, units_of(family), family=family)
    cuts = weave.ready()
    assert cuts is not None
    weave.decide(cuts, Result("made", True), None)
    assert weave.ready() is None
    assert {node.step.id for node in weave.waiting()} == {"joined", "again"}
    gathering.take(weave)
    whole = Weave(shape, shape.whole(0), ID_KEY, [Unit("", JOB)], gathered=gathering.gathered())
    assert [node.step.id for node in iter(whole.ready, None)] == ["heard"]
    assert {node.step.id for node in whole.waiting()} == {"level", "all"}


OPERATIONS = [
    *[("chop", ["audio"]), ("louder", ["audio"]), ("splice", ["audio"]), ("blend", ["audio"]), ("legs", ["audio"])],
    *[("profile", ["audio"]), ("split", ["audio"]), ("index", ["audio"]), ("count", ["audio"])],
    *[("pair", ["first", "second"]), ("duet", ["first", "second"]), ("fit", ["audio", "profile"])],
    *[("fit", ["audio", "profile"]), ("profile", ["audio"])],
]
numbers = strategies.integers(0, 1 << 16)
proposals = strategies.lists(
    strategies.tuples(strategies.sampled_from(OPERATIONS), strategies.tuples(*[numbers] * 3)), min_size=3, max_size=12
)
archives = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["calls", "days", "talks"]),
        strategies.lists(strategies.sampled_from("abcdefg"), min_size=1, max_size=3),
        strategies.sets(strategies.sampled_from(["calls", "days", "talks"])),
    ),
    min_size=1,
    max_size=4,
)
Proposed = list[tuple[tuple[str, list[str]], tuple[int, int, int]]]


def job_of(proposed: Proposed) -> Job:
    """A job of those of the proposed steps that fit what is there already."""
    steps = "- {id: level, use: profile}\n"
    job = resolve(steps, DAYS)
    sources = {"audio": ["calls", "days", "talks"], "profile": ["level"]}
    for number, ((operation, ports), (first, second, more)) in enumerate(proposed):
        picked = [_pick(sources["profile" if port == "profile" else "audio"], first) for port in ports]
        if len(ports) == 1 and more % 3 == 0 and operation in ("splice", "blend", "profile", "split", "index"):
            picked = [f"[{', '.join({picked[0]: 0, _pick(sources['audio'], second): 1})}]"]
        elif len(ports) > 1 and ports[1] == "second":
            picked[1] = _pick(sources["audio"], second)
        given_ports = ", ".join(f"{port}: {each}" for port, each in zip(ports, picked, strict=True))
        leave_out = ", missing: leave out" if more % 2 else ""
        line = f"- {{id: s{number}, use: {operation}, from: {{{given_ports}}}{leave_out}}}\n"
        try:
            job = resolve(steps + line, DAYS)
        except JobError:
            continue
        steps += line
        for output, port in job.steps[-1].outputs.items() if job.steps[-1].id == f"s{number}" else ():
            sources.get("audio" if port.kind == "audio" else output, []).append(f"s{number}.{output}")
    return job


def _pick(sources: Sequence[str], number: int) -> str:
    """One of them, the later ones more often."""
    weighed = [each for place, each in enumerate(sources) for _ in range(place + 1)]
    return weighed[number % len(weighed)]


def families_of(drawn_families: Iterable[tuple[str, list[str], set[str]]]) -> list[Family]:
    archive, found, alone = Archive(), [], set()
    for number, (entry, contents, more) in enumerate(drawn_families):
        if entry == "talks":
            if contents[0] not in alone:
                alone.add(contents[0])
                found.append(archive.alone(contents[0], "talks", *more))
        elif entry == "days":
            found.append(archive.day(str(number), *contents, entries=sorted(more)))
        else:
            found.append(archive.call(str(number), *sorted(more), **dict(zip(ROLES, contents, strict=False))))
    return found


def by_hash(step: str, unit: str) -> int:
    """Any outcome, always the same for a task: one in eight fails, lists have none to three items."""
    drawn_byte = hashlib.sha256(f"{step} {unit}".encode()).digest()[0]
    return FAILED if drawn_byte % 8 == 0 else drawn_byte % 4


@settings(max_examples=60, deadline=None, phases=set(Phase) - {Phase.explain})
@drawn(proposals, archives, numbers)
def test_every_task_is_handed_out_once_with_all_that_belongs_to_it_in_whatever_order_they_end(
    proposed: Proposed,
    drawn_families: list[tuple[str, list[str], set[str]]],
    seed: int,
) -> None:
    job, families = job_of(proposed), families_of(drawn_families)
    plain = Walk(job, by_hash).go(*families)
    mixed = Walk(job, by_hash, random.Random(seed).randrange).go(*families)
    assert facts(plain) == facts(mixed)
    assert plain.handed.keys() == {
        (step.id, way(unit)) for step in job.steps for unit in plain.units if is_for(plain, step, unit)
    }
    for node in plain.tasks:
        for port in node.step.inputs:
            assert [(each.role, each.id) for each in node.inputs if each.port == port] == related(plain, node, port)


def facts(walked: Walk) -> dict[tuple[str, tuple[str, ...]], tuple[object, ...]]:
    """(step, way to its unit) → what it is given, what is absent, whether it is lost."""
    found = {(node.step.id, way(node.unit)): (node.inputs, node.absent, node.lost) for node in walked.tasks}
    assert len(found) == len(walked.tasks)
    return found


def way(unit: Unit) -> tuple[str, ...]:
    """The way from the whole job down to it."""
    return tuple(each.id for each in reversed(unit.line) if each.id)


def belong(one: Unit, other: Unit) -> bool:
    """Whether one of them belongs to the other."""
    return all(here == there for here, there in zip(way(one), way(other), strict=False))


def is_for(walked: Walk, step: Step, unit: Unit) -> bool:
    """Whether there is a task of a step for a unit."""
    entries = walked.shape.entries[step.id]
    if unit.level != step.level or (
        unit.level[-1:] == GROUP[-1:] and entries and entry_of(walked, unit) not in entries
    ):
        return False
    needed = [sources for port, sources in step.inputs.items() if not step.declaration.inputs[port].optional]
    return all(any(can_give(walked, source, unit) for source in sources) for sources in needed)


def entry_of(walked: Walk, unit: Unit) -> str:
    return "calls" if unit.id in {grp(str(number)) for number in range(9)} else "days"


def can_give(walked: Walk, source: Source, unit: Unit) -> bool:
    """Whether anything can come from a source for a unit, however many items its lists have."""
    level = walked.shape.by_id[source.step].level if source.step else RECORDING
    if is_whole(unit.level) and not is_whole(level):
        return True  # the whole job gathers what there is, if only nothing
    if not source.step:
        return any(each == source and belong(of, unit) for each, of, _ in walked.files)
    if any(step == source.step and belong(of, unit) for (step, _), of in walked.handed.items()):
        return True
    last = level[-1] if len(level) > len(unit.level) else ""
    return "." in last and can_give(walked, Source(step=last.partition(".")[0]), unit)


def related(walked: Walk, node: Node, port: str) -> list[tuple[str, str]]:
    """(role, id) of all that belongs to a task, looked up among everything that there is at the end."""
    unit, found = node.unit, []
    for place, source in enumerate(node.step.inputs[port]):
        offered: dict[str, list[tuple[Any, ...]]] = {}
        for each, of, made in walked.files:
            if each == source and belong(of, unit):
                named = node.step.gathers(port) and len(of.level) > len(unit.level) and not unit.recording
                for rank, role in (of.roles if named else ()) or ((0, ""),):
                    offered.setdefault(made, []).append((rank, of.origin, of.items, place, role, made))
        for each_offered in offered.values():
            found += [min(each_offered)] if unit.level == JOB else each_offered
        if found and not node.step.gathers(port):
            return [(role, made) for *_, role, made in found]
    return list(dict.fromkeys((role, made) for *_, role, made in sorted(found)))
