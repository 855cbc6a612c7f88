"""A server that works: what it is sent, what becomes of its answers, and what is done where they do not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_language import MODEL, USAGE, FakeLanguage, FakeTask, stream_of

from librarian import Event, Events, Turn, Turns, UnusableInputError, Word, Words
from librarian.servers import ServerError
from librarian_language import Answer, PromptSettings
from librarian_language.fitting import Shape
from librarian_language.prompter import Prompter
from librarian_language.reply import AnswerError

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 20}, "kind": {"enum": ["talk", "song"]}},
    "required": ["title"],
    "additionalProperties": False,
}
FITS = '{"title": "Harvest", "kind": "talk"}'


def test_a_text(fake: FakeLanguage, task: FakeTask, ask: Any) -> None:
    found = ask(given={"system": "Be sober.", "temperature": 0.5, "max_tokens": 40})
    assert found.value == task.folder / "answer.txt"
    assert found.value.read_text() == "A title\n"
    (sent,) = fake.asked
    assert sent == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be sober."},
            {"role": "user", "content": "A title: They talk about the harvest."},
        ],
        "temperature": 0.5,
        "max_tokens": 40,
        "seed": 4711,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    facts = dict(found.facts)
    assert facts.pop("seconds") > 0
    assert facts == {"form": "text", "tries": 1, "characters": 46, "tokens_in": 1000, "tokens_out": 20}
    assert fake.headers[0].keys() == {"Host", "User-Agent", "Accept-Encoding", "Content-Type", "Content-Length"}


def test_data_by_a_schema(fake: FakeLanguage, ask: Any) -> None:
    fake.said = [FITS]
    found = ask(SCHEMA)
    assert found.value == Answer(task="title", model=MODEL, answer={"title": "Harvest", "kind": "talk"})
    assert found.facts["form"] == "json_schema"
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    assert fake.asked[0]["response_format"] == wanted
    assert "JSON Schema" not in fake.texts[0]


def test_a_server_that_sends_the_whole_at_once(fake: FakeLanguage, ask: Any) -> None:
    message = {"role": "assistant", "content": FITS, "refusal": None, "tool_calls": []}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    fake.said = [lambda request: request.json({"model": "other", "choices": choices, "usage": USAGE})]
    found = ask(SCHEMA)
    assert (found.value.model, found.value.answer["title"]) == ("other", "Harvest")
    assert found.facts["tokens_out"] == 20


@pytest.mark.parametrize("usage", [None, "many", {"prompt_tokens": -1, "completion_tokens": "20"}])
def test_a_server_that_does_not_say_what_it_cost(fake: FakeLanguage, ask: Any, usage: Any) -> None:
    fake.said = [lambda request: request.stream(stream_of("A title", usage=usage))]
    assert (ask().facts["tokens_in"], ask().facts["tokens_out"]) == (None, None)


def test_progress_is_seen_while_it_answers(fake: FakeLanguage, task: FakeTask, ask: Any) -> None:
    fake.said = ["A title of some length " * 20]
    ask(given={"max_tokens": 80})
    assert task.fractions == sorted(task.fractions)
    assert len({*task.fractions}) > 4
    assert task.fractions[-1] < 1


@pytest.mark.parametrize("seed", [0, 2**31, 2**32 - 1])
def test_a_seed_is_one_that_every_server_takes(fake: FakeLanguage, task: FakeTask, ask: Any, seed: int) -> None:
    task.seed = seed
    ask()
    assert 0 <= fake.asked[0]["seed"] < 2**31


class TestForms:
    """The strictest form that a server takes."""

    @pytest.mark.parametrize(
        ("takes", "form", "asked"),
        [({"json_object"}, "json_object", 2), (set(), "prompt", 3), (None, "json_schema", 1)],
    )
    def test_a_form_that_is_refused_is_given_up(
        self, fake: FakeLanguage, task: FakeTask, takes: set[str] | None, form: str, asked: int
    ) -> None:
        fake.forms, fake.said = fake.forms if takes is None else takes, [FITS]
        prompt = {"template": "A title: {text}", "schema": SCHEMA}
        built = Prompter(PromptSettings.model_validate({"server": fake.address, "tasks": {"title": prompt}}), "cpu")
        found = built(task)["answer"]  # type: ignore[arg-type]
        assert (found.facts["form"], found.facts["tries"], len(fake.asked)) == (form, 1, asked)
        assert (json.dumps(SCHEMA) in fake.texts[-1]) is (form != "json_schema")
        built(task)  # type: ignore[arg-type]
        assert len(fake.asked) == asked + 1, "what is known is not tried again"
        assert fake.paths.count("GET /v1/models") == 1

    @pytest.mark.parametrize("status", [422, 500])
    def test_a_form_may_be_refused_with_another_status(self, fake: FakeLanguage, ask: Any, status: int) -> None:
        """The server of llama-cpp-python 0.3.36 says 500, and in its text what it expected."""
        said = "1 validation error: {'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}"
        error = {"error": {"message": said, "type": "internal_server_error", "param": None, "code": None}}
        fake.said = [lambda request: request.json(error, status), FITS]
        assert ask(SCHEMA).facts["form"] == "json_object"

    def test_a_schema_that_a_server_does_nothing_with_is_said_in_words(
        self, fake: FakeLanguage, task: FakeTask
    ) -> None:
        """`transformers serve` 5.24 and others take it and answer what they like."""
        fake.said = ["A title", FITS]
        prompt = {"template": "A title: {text}", "schema": SCHEMA}
        built = Prompter(PromptSettings.model_validate({"server": fake.address, "tasks": {"title": prompt}}), "cpu")
        found = built(task)["answer"]  # type: ignore[arg-type]
        assert (found.facts["form"], found.facts["tries"]) == ("json_schema", 2)
        built(task)  # type: ignore[arg-type]
        assert [json.dumps(SCHEMA) in each for each in fake.texts] == [False, True, True]
        assert {each["response_format"]["type"] for each in fake.asked} == {"json_schema"}

    def test_where_it_takes_none_that_is_said(self, fake: FakeLanguage, ask: Any) -> None:
        fake.said = [lambda request: request.json({"error": {"message": "Jane Doe"}}, 400)]
        with pytest.raises(ServerError, match=r"^it does not take the request; its log says why$"):
            ask(SCHEMA)
        assert [each.get("response_format", {}).get("type") for each in fake.asked] == [
            "json_schema",
            "json_object",
            None,
        ]


class TestFitting:
    """What an answer is checked for."""

    @pytest.mark.parametrize(
        "said",
        [
            f"<think>Jane says {{</think>\n{FITS}\n",
            f"well …</think>{FITS}",
            f"```json\n{FITS}\n```",
            f"Here it is:\n```\n{FITS}\n```\nAnything else?",
            f"<think>\n```json\n{{}}\n```</think>\n\n```JSON\n{FITS}```",
        ],
    )
    def test_thinking_and_fences_are_taken_off(self, fake: FakeLanguage, ask: Any, said: str) -> None:
        fake.said = [said]
        assert ask(SCHEMA).value.answer == {"title": "Harvest", "kind": "talk"}

    def test_a_fence_within_a_text_stays(self) -> None:
        assert Shape({"type": "string"}).value_of(r'"a\n```\nb```"') == "a\n```\nb```"

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ('{"title": "Jane Doe and her long harvest"}', "breaks the rule properties/title/maxLength of"),
            ('{"title": 5}', "breaks the rule properties/title/type of"),
            ('{"title": "x", "kind": "Jane"}', "breaks the rule properties/kind/enum of"),
            ('{"title": "x", "Jane": 1}', "breaks the rule additionalProperties of"),
            ("{}", "breaks the rule required of"),
            ("[]", "breaks the rule type of"),
            ('{"title": "Jane', "is no JSON"),
            ('{"title": "x"} and so on', "is no JSON"),
            ('{"title": NaN}', "is no JSON"),
            ('{"title": 1e999}', "is no JSON"),
            ('{"title": 9007199254740993}', "is no JSON"),
            ('{"title": "x", "title": "y"}', "is no JSON"),
            ("I would rather not, Jane.", "is no JSON"),
            (f"```json\n{FITS}\n```\n```json\n{FITS}\n```", "is no JSON"),
            ("[" * 100_000, "is nested too deep"),
            ("  \n ", "is empty"),
            ("<think>Jane, hm", "is empty"),
            ("<think>x</think>", "is empty"),
        ],
    )
    def test_what_does_not_fit_is_asked_for_again_and_then_fails(
        self, fake: FakeLanguage, ask: Any, said: str, why: str
    ) -> None:
        fake.said = [said]
        with pytest.raises(AnswerError, match=r"^no answer of 2 fits; the last one ") as caught:
            ask(SCHEMA, tries=2)
        assert why in str(caught.value)
        assert "Jane" not in str(caught.value) and "\n" not in str(caught.value)
        assert [each["seed"] for each in fake.asked] == [4711, 4712]
        assert f"An answer before this one {why}" in fake.texts[1]
        assert "Jane" not in fake.texts[1]

    def test_the_next_one_may_fit(self, fake: FakeLanguage, ask: Any) -> None:
        fake.said = ["{}", "", FITS]
        found = ask(SCHEMA)
        assert found.value.answer["title"] == "Harvest"
        assert (found.facts["tries"], found.facts["tokens_in"], found.facts["tokens_out"]) == (3, 3000, 60)
        assert "is empty" in fake.texts[2] and "breaks the rule" not in fake.texts[2]

    @pytest.mark.parametrize("said", ["", "<think>x</think>\n", "a \ud800"])
    def test_a_text_that_says_nothing_is_none(self, fake: FakeLanguage, ask: Any, said: str) -> None:
        fake.said = [said]
        with pytest.raises(AnswerError, match="no answer of 3 fits"):
            ask()

    def test_letters_that_are_none_are_in_no_data(self, fake: FakeLanguage, ask: Any) -> None:
        fake.said = [r'{"title": "\ud800"}']
        with pytest.raises(AnswerError, match="has letters that are none"):
            ask(SCHEMA, tries=1)

    def test_a_schema_that_goes_round_in_a_circle(self, fake: FakeLanguage, ask: Any) -> None:
        fake.said = [FITS]
        with pytest.raises(AnswerError, match="is nested too deep"):
            ask({"$ref": "#"}, tries=1)


class TestModel:
    """Which model is asked."""

    @pytest.mark.parametrize(
        ("models", "model", "asked"),
        [
            (["a", "text-embedding-b"], "", "a"),
            (["a", "b"], "b", "b"),
            (["a:latest", "a:7b"], "a", "a:latest"),
        ],
    )
    def test_the_one_that_is_named_or_the_only_one(
        self, fake: FakeLanguage, ask: Any, models: list[str], model: str, asked: str
    ) -> None:
        fake.models = models
        ask(model=model)
        assert fake.asked[0]["model"] == asked

    @pytest.mark.parametrize(
        ("models", "model", "message"),
        [
            (["a", "b"], "", "it has 2 models: say which with model"),
            ([], "", "it has 0 models"),
            (["a"], "c", "it has no model of that name"),
            ([{}, None], "", "it has 0 models"),
        ],
    )
    def test_where_that_is_not_clear_nothing_is_asked(
        self, fake: FakeLanguage, ask: Any, models: list[Any], model: str, message: str
    ) -> None:
        fake.models = models
        with pytest.raises(ServerError, match=message):
            ask(model=model)
        assert not fake.asked


class TestGiven:
    """What stands in the places of a template."""

    def test_every_kind_has_its_form(self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any) -> None:
        words = [
            Word(start=0, end=1, text="Good", speaker=1),
            Word(start=1, end=2, text=" morning.\n", speaker=1),
            Word(start=2, end=3, text="Yes.", speaker=2),
            Word(start=5.5, end=6, text="Well.", speaker=2),
        ]
        turn = Turn(start=0, end=2.25, speaker=1)
        task.inputs |= {
            "words": artifact(Words(language="en", words=words)),
            "turns": artifact(Turns(speakers=1, counted="given", turns=[turn], exclusive=[turn])),
            "events": artifact(Events(events=[Event(start=1, end=2, label="a  dog")])),
            "answer": artifact(Answer(task="x", model="y", answer={"title": "Grüße"})),
        }
        ask(template='{text}|{words}|{turns}|{events}|{answer}|{"a": 1}|')
        assert fake.texts == [
            "They talk about the harvest.|speaker 1: Good morning.\nspeaker 2: Yes.\nspeaker 2: Well.|"
            '0.0-2.2 s: speaker 1|1.0-2.0 s: a dog|{"title": "Grüße"}|{"a": 1}|'
        ]

    @pytest.mark.parametrize(("language", "text"), [("de-AT", "ja so"), ("zh", "jaso"), ("ja-JP", "jaso")])
    def test_words_are_written_as_their_language_is(
        self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any, language: str, text: str
    ) -> None:
        words = [Word(start=n, end=n + 1, text=each) for n, each in enumerate(("ja", "so"))]
        task.inputs = {"words": artifact(Words(language=language, words=words))}
        ask(template="{words}")
        assert fake.texts == [text]

    def test_of_several_each_is_marked(self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any) -> None:
        task.inputs = {"text": (artifact("a", role="left"), artifact("b"))}
        ask(template="{text}")
        assert fake.texts == ["[left]\na\n\n[2]\nb"]

    def test_a_text_that_looks_like_a_place_is_a_text(
        self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any
    ) -> None:
        task.inputs["text"] = artifact(r"{words} {text.x} \1 {0}")
        ask(template="{text}, { text }")
        assert fake.texts == [r"{words} {text.x} \1 {0}, {words} {text.x} \1 {0}"]

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("{words} {text}", "has {words}, and the step is given no words: write what it takes"),
            ("hello", "has no {text}: write what it takes"),
        ],
    )
    def test_places_and_inputs_have_to_be_the_same(
        self, fake: FakeLanguage, ask: Any, template: str, message: str
    ) -> None:
        with pytest.raises(AnswerError, match="the template ") as caught:
            ask(template=template)
        assert message in str(caught.value)
        assert not fake.asked

    @pytest.mark.parametrize("said", [" \n", Words(language="en", words=[])])
    def test_about_nothing_nothing_is_asked(
        self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any, said: Any
    ) -> None:
        task.inputs = {"text" if isinstance(said, str) else "words": artifact(said)}
        with pytest.raises(UnusableInputError, match="nothing is said in it") as caught:
            ask(template="{text}" if isinstance(said, str) else "{words}")
        assert caught.value.cause == "silent"
        assert not fake.paths

    def test_a_text_that_is_none(self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any) -> None:
        task.inputs = {"text": artifact(b"\xff\xfe")}
        with pytest.raises(UnusableInputError, match="no text in UTF-8"):
            ask()
        assert not fake.paths


class TestLong:
    """What does not fit is never cut in silence."""

    def test_beyond_longest_nothing_is_sent(self, fake: FakeLanguage, ask: Any) -> None:
        assert ask(longest=37).value
        with pytest.raises(AnswerError, match="has 37 characters, and longest is 36: raise it if the context"):
            ask(longest=36)
        assert len(fake.asked) == 1

    def test_a_server_that_cuts_without_a_word_is_found_out(
        self, fake: FakeLanguage, task: FakeTask, ask: Any, artifact: Any
    ) -> None:
        task.inputs["text"] = artifact("harvest " * 1400)
        assert ask().value
        few = {**USAGE, "prompt_tokens": 512}
        fake.said = [lambda request: request.stream(stream_of("A title", usage=few))]
        with pytest.raises(AnswerError, match="longer than the context of the model"):
            ask()
