"""A server that does not work: nothing that it does hangs, fills memory, tells anything, or becomes an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fake_language import USAGE, FakeLanguage, FakeTask, Handler, chunk, stream_of

from librarian import UnreachableError
from librarian import servers as server
from librarian.servers import ServerError, TooLateError
from librarian_language import events, reply
from librarian_language.reply import AnswerError

NAME = "Jane Doe"
ERROR = {"error": {"message": f"cannot read /home/{NAME}", "type": "server_error", "code": None}}
CONTEXT = (
    {"error": {"code": 400, "message": "the request exceeds the available context size", "type": "x"}},
    {"error": {"code": 400, "type": "exceed_context_size_error", "message": ""}},
    {"error": {"code": "context_length_exceeded", "message": NAME}},
    {"object": "error", "message": f"This model's maximum context length is 4096 tokens, {NAME}", "code": 400},
    {"error": "Trying to keep the first 9000 tokens when context overflows. The model has a context length of 4096"},
    {"error": {"message": "the input length exceeds the context length"}},
)


def sse(*given: Any, end: bytes = b"data: [DONE]\n\n") -> Callable[[Handler], None]:
    return lambda request: request.stream(given, end)


def raw(body: bytes, kind: str = "text/event-stream") -> Callable[[Handler], None]:
    return lambda request: request.answer(200, body, kind)


def whole(**message: Any) -> Callable[[Handler], None]:
    ended = message.pop("finish_reason", "stop")
    return lambda request: request.json({"choices": [{"message": message, "finish_reason": ended}]})


def endless(block: bytes, kind: str = "text/event-stream") -> Callable[[Handler], None]:
    def answer(request: Handler) -> None:
        request.begin(kind)
        try:
            while not request.fake.over.is_set():
                request.write(block)
        except OSError:
            request.close_connection = True

    return answer


def silent_after(*given: Any, head: bool = True) -> Callable[[Handler], None]:
    def answer(request: Handler) -> None:
        if head:
            request.begin()
        for each in given:
            request.write(b"data: " + json.dumps(each).encode() + b"\n\n")
        request.fake.over.wait(30)
        request.close_connection = True

    return answer


def dropped_after(*given: Any) -> Callable[[Handler], None]:
    def answer(request: Handler) -> None:
        request.begin()
        for each in given:
            request.write(b"data: " + json.dumps(each).encode() + b"\n\n")
        request.drop()

    return answer


def said(error: BaseException) -> str:
    text = str(error)
    assert text and "\n" not in text
    assert "Jane" not in text and "home" not in text
    return text


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "it does not take the request"),
        (422, "it does not take the request"),
        (401, "it wants a key"),
        (403, "it wants a key"),
        (404, "it has no such model"),
        (418, "status 418"),
        (500, "status 500"),
    ],
)
def test_an_error(fake: FakeLanguage, ask: Any, status: int, message: str) -> None:
    fake.said = [lambda request: request.json(ERROR, status)]
    with pytest.raises(ServerError, match=message) as caught:
        ask()
    said(caught.value)
    assert len(fake.asked) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_one_that_is_busy_or_loads_is_asked_again_later(fake: FakeLanguage, ask: Any, status: int) -> None:
    fake.said = [lambda request: request.json(ERROR, status)]
    with pytest.raises(UnreachableError, match=rf"not there, or busy \({status}\)") as caught:
        ask()
    said(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: request.json(ERROR),
        lambda request: request.json({"error": NAME}),
        sse(ERROR),
        sse(chunk("", role="assistant"), ERROR),
        raw(b"error: " + json.dumps(ERROR).encode() + b"\n\ndata: [DONE]\n\n"),
        raw(b"event: error\ndata: " + json.dumps(ERROR).encode() + b"\n\ndata: [DONE]\n\n"),
    ],
)
def test_an_error_that_says_200_is_no_answer(fake: FakeLanguage, ask: Any, answer: Any) -> None:
    fake.said = [answer]
    with pytest.raises(ServerError, match="answered with an error") as caught:
        ask()
    said(caught.value)


def test_an_answer_that_ends_in_an_error_is_asked_for_again(fake: FakeLanguage, ask: Any) -> None:
    """As llama.cpp does where its model does not say what its grammar makes it expect."""
    broken = sse(*stream_of("A tit")[:-2], ERROR)
    fake.said = [broken, "A title"]
    assert ask().value.read_text() == "A title\n"
    fake.said = [broken]
    with pytest.raises(AnswerError, match=r"^no answer of 3 fits; the last one ended in an error of the server$"):
        ask()


@pytest.mark.parametrize("error", CONTEXT)
@pytest.mark.parametrize("how", [200, 400, 500, "stream"])
def test_a_text_that_is_too_long_for_the_model(fake: FakeLanguage, ask: Any, error: Any, how: Any) -> None:
    if how in (200, "stream") and "object" in error:
        error = {"error": error}
    fake.said = [sse(error) if how == "stream" else lambda request: request.json(error, how)]
    with pytest.raises(AnswerError, match="longer than the context of the model: start it with a longer one") as caught:
        ask({"type": "object"})
    said(caught.value)
    assert len(fake.asked) == 1, "it is not asked for in another form"


def test_a_text_that_is_too_large(fake: FakeLanguage, ask: Any) -> None:
    fake.said = [lambda request: request.answer(413)]
    with pytest.raises(AnswerError, match="longer than the context"):
        ask()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (sse(*stream_of("A tit", "length")), "was cut off: raise max_tokens"),
        (whole(content="A tit", finish_reason="length"), "was cut off: raise max_tokens"),
        (sse(*stream_of("A title", "content_filter")), "held the answer back"),
        (sse(*stream_of("A title", f"{NAME}")), "for another reason"),
        (sse(chunk(refusal=f"Sorry, {NAME}"), chunk(ended="stop")), "refuses to answer"),
        (whole(content=None, refusal=NAME), "refuses to answer"),
        (sse(chunk(tool_calls=[{"function": {"name": NAME}}]), chunk(ended="tool_calls")), "wants to call a tool"),
    ],
)
def test_what_is_no_whole_answer(fake: FakeLanguage, ask: Any, answer: Any, message: str) -> None:
    fake.said = [answer]
    with pytest.raises(AnswerError, match=message) as caught:
        ask()
    said(caught.value)
    assert len(fake.asked) == 1, "asked the same again it would say the same"


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"<html>welcome</html>", "text/html"),
        raw(b"<html>welcome</html>", "application/json"),
        raw(b"[]", "application/json"),
        raw(b'{"choices": NaN}', "application/json"),
        raw(b"{" + b'"a":{' * 100_000, "application/json"),
        raw(b"{}", "application/json"),
        raw(b"", "application/json"),
        raw(b'{"choices": [5]}', "application/json"),
        raw(b'{"choices": [{"message": "x", "finish_reason": "stop"}]}', "application/json"),
        raw(b"data: welcome\n\n"),
        raw(b"data: [1]\n\n"),
        raw(b'data: {"x": "\xff"}\n\n'),
        sse({"choices": None}),
        sse({"choices": [chunk("a")["choices"][0]] * 2}),
        sse(chunk(content=5)),  # type: ignore[arg-type]
        sse(),
        sse(end=b""),
        sse(chunk("A tit", "stop"), chunk("le")),
        whole(content=["A title"]),
        whole(content="A title", finish_reason=None),
        lambda request: request.answer(302, Location="http://127.0.0.1:1/"),
        lambda request: request.answer(200, b"\x1f\x8b" + bytes(50), Content_Encoding="gzip"),
    ],
)
def test_what_is_no_answer(fake: FakeLanguage, ask: Any, answer: Any) -> None:
    fake.said = [answer]
    with pytest.raises(ServerError) as caught:
        ask()
    said(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"<html>welcome</html>", "text/html"),
        raw(b'{"data": {"a": 1}}', "application/json"),
        raw(b'{"models": []}', "application/json"),
        lambda request: request.answer(404),
        lambda request: request.json(ERROR, 401),
        lambda request: request.answer(302, Location="http://127.0.0.1:1/"),
    ],
)
def test_one_that_lists_no_models_is_sent_nothing(fake: FakeLanguage, ask: Any, answer: Any) -> None:
    fake.list_models = answer
    with pytest.raises(ServerError) as caught:
        ask()
    said(caught.value)
    assert not fake.asked


def test_one_that_answers_somebody_else_first_is_waited_for(
    fake: FakeLanguage, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of llama-cpp-python lists its models when it is done with what it does."""
    monkeypatch.setattr(server, "READ_SECONDS", 0.05)
    listing = fake.list_models
    fake.list_models = lambda request: (fake.over.wait(0.3), listing(request))
    assert ask().value
    with pytest.raises(UnreachableError):
        ask(silence=0.05)


def test_one_that_has_none_yet(fake: FakeLanguage, ask: Any) -> None:
    fake.list_models = lambda request: request.json({"object": "list", "data": None})
    with pytest.raises(ServerError, match="it has 0 models"):
        ask()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (endless(b"data: " + json.dumps(chunk("x" * 1000)).encode() + b"\n\n"), "has more than 262,144 characters"),
        (
            endless(b"data: " + json.dumps(chunk(reasoning="x" * 1000)).encode() + b"\n\n"),
            "has more than 1,048,576 bytes",
        ),
        (endless(b": still there\n\n" * 100), "has more than 1,048,576 bytes"),
        (endless(b"data: " + b"x" * 10_000), "an event has no end"),
        (endless(b" " * 10_000, "application/json"), "has more than 1,048,576 bytes"),
    ],
)
def test_an_endless_answer(
    fake: FakeLanguage, ask: Any, answer: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(events, "LONGEST_LINE", 1 << 17)
    monkeypatch.setattr(reply, "LONGEST", 1 << 18)
    fake.said = [answer]
    with pytest.raises((ServerError, AnswerError), match=message):
        ask()


@pytest.mark.parametrize(
    "answer",
    [
        silent_after(head=False),
        silent_after(),
        silent_after(*stream_of("A title")[:2]),
        silent_after(*stream_of("A title")),
        dropped_after(),
        dropped_after(*stream_of("A title")[:2]),
        dropped_after(*stream_of("A title")),
        lambda request: request.drop(),
        sse(*stream_of("A title", None)),
        sse(*stream_of("A title", None), end=b""),
        sse(*stream_of("A title"), end=b"data: [DO"),
        raw(b"data: " + json.dumps(chunk("A title", "stop")).encode()),
        lambda request: request.answer(200, b'{"choices": [{"mess', Content_Length="100"),
    ],
)
def test_one_that_falls_silent_or_dies_is_asked_again_later(fake: FakeLanguage, ask: Any, answer: Any) -> None:
    def dying(request: Handler) -> None:
        request.close_connection = True
        answer(request)

    fake.said = [dying]
    with pytest.raises(UnreachableError, match=r"the server (does not answer|broke off)") as caught:
        ask(silence=0.3)
    said(caught.value)


@pytest.mark.parametrize("usage", [[], stream_of("")[-1:]])
def test_one_that_says_why_it_ends_need_not_say_done(fake: FakeLanguage, ask: Any, usage: list[Any]) -> None:
    """As `transformers serve` 5.24 does."""
    fake.said = [sse(chunk(role="assistant"), chunk("A title"), chunk(ended="stop"), *usage, end=b"")]
    assert ask().value.read_text() == "A title\n"


def test_one_that_is_not_there(fake: FakeLanguage, ask: Any) -> None:
    with pytest.raises(UnreachableError, match=r"the server (does not answer|broke off)"):
        ask(server="127.0.0.1:1")


def test_no_proxy_is_asked(fake: FakeLanguage, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert ask().value


def test_one_that_shows_life_is_waited_for_and_hung_up_on_when_the_time_is_up(
    fake: FakeLanguage, task: FakeTask, ask: Any
) -> None:
    hung_up = threading.Event()

    def slow(request: Handler) -> None:
        request.begin()
        try:
            while not request.fake.over.wait(0.02):
                request.write(b"data: " + json.dumps(chunk("x")).encode() + b"\n\n")
        except OSError:
            hung_up.set()
            request.close_connection = True

    fake.said = [slow]
    with pytest.raises(TooLateError, match="longer than its deadline, and was hung up on"):
        ask(deadline=0.5)
    assert task.fractions
    assert hung_up.wait(20), "which tells the server to stop"


@pytest.mark.parametrize(
    "body",
    [
        b": hello\r\n\r\nevent: message\r\nid: 5\r\ndata: %s\r\n\r\n:\r\ndata:%s\r\n\r\ndata: [DONE]\r\n\r\n",
        b"data: %s\n\ndata: %s\n\n\n\ndata: [DONE]",
        b"retry: 5\ndata: %s\n\ndata:  %s \n\ndata: [DONE]\n",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_streams_are_read_however_they_are_cut_and_written(
    fake: FakeLanguage, ask: Any, body: bytes, size: int
) -> None:
    first = json.dumps(chunk("Grüße – "), ensure_ascii=False).encode()
    content = body % (first, json.dumps({**chunk("alle", "stop"), "usage": USAGE}).encode())

    def answer(request: Handler) -> None:
        request.begin()
        for at in range(0, len(content), size):
            request.write(content[at : at + size])
        request.write(b"")

    fake.said = [answer]
    found = ask()
    assert found.value.read_text() == "Grüße – alle\n"
    assert found.facts["tokens_in"] == 1000


def test_an_event_may_have_several_lines(fake: FakeLanguage, ask: Any) -> None:
    text = json.dumps(chunk("A title", "stop"), indent=1).replace("\n", "\ndata: ").encode()
    fake.said = [raw(b"data: " + text + b"\n\ndata: [DONE]\n\n")]
    assert ask().value.read_text() == "A title\n"
