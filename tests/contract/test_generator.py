"""What every generator does, run against the scripted one and against LangChain speaking to a loopback server."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.domain import Usage
from service.errors import ModelUnavailable
from service.models.generator import ChatGenerator, Target
from service.models.scripted import ScriptedGenerator
from service.ports import Piece, Prompt

TEXT = "The bridge is closed."
PROMPT = Prompt(system="Answer shortly.", user="What of the bridge?", max_tokens=20)
LOGPROBS = {"Yes": -0.1, "No": -2.5}
AnyGenerator = ScriptedGenerator | ChatGenerator
Make = Callable[[str], AnyGenerator]


@dataclass
class FakeProvider:
    """Speaks the OpenAI protocol on loopback; the model's name says how it behaves."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = json.loads((await receive())["body"])
        self.requests.append(request)
        behaviour = request["model"]
        status = {"down": 503, "no-logprobs": 400}.get(behaviour, 200)
        kind = b"text/event-stream" if status == 200 else b"application/json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        if status != 200:
            body = json.dumps({"error": {"message": f"no logprobs for {scope['headers']}", "type": "x"}}).encode()
            await send({"type": "http.response.body", "body": body})
            return
        hung_up = asyncio.ensure_future(receive())
        for number, data in enumerate(self._events(request)):
            if behaviour == "breaks" and number == 2:
                raise ConnectionError("the model crashed")
            await send({"type": "http.response.body", "body": f"data: {data}\n\n".encode(), "more_body": True})
        if behaviour == "endless":
            await hung_up
            self.left.set()
        hung_up.cancel()
        await send({"type": "http.response.body", "body": b""})

    def _events(self, request: dict[str, Any]) -> Iterator[str]:
        words = TEXT.split(" ")[: request["max_tokens"]]
        for number, word in enumerate(words):
            text = word if number == 0 else f" {word}"
            choice: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
            if request.get("logprobs"):
                top = [{"token": token, "logprob": value, "bytes": None} for token, value in LOGPROBS.items()]
                choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
            yield self._chunk(request, [choice])
        if request["model"] == "endless":
            return
        yield self._chunk(request, [{"index": 0, "delta": {}, "finish_reason": "stop"}])
        usage = {"prompt_tokens": 6, "completion_tokens": len(words), "total_tokens": 6 + len(words)}
        yield self._chunk(request, [], usage=usage)
        yield "[DONE]"

    @staticmethod
    def _chunk(request: dict[str, Any], choices: list[dict[str, Any]], **more: Any) -> str:
        return json.dumps(
            {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": request["model"], "choices": choices, **more}
        )


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[FakeProvider, str]]:
    """The fake provider in a thread, and its base URL."""
    import uvicorn

    app = FakeProvider()
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield app, f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(params=["scripted", "langchain"])
def make(request: pytest.FixtureRequest, provider: tuple[FakeProvider, str]) -> Make:
    """Makes a generator that behaves as told: well, down, breaks, endless."""

    def scripted(behaviour: str) -> AnyGenerator:
        script = ModelUnavailable("it is down") if behaviour == "down" else [TEXT]
        breaks = 2 if behaviour == "breaks" else None
        return ScriptedGenerator(script, name="scripted", breaks_after=breaks, logprobs=LOGPROBS)

    def langchain(behaviour: str) -> AnyGenerator:
        return ChatGenerator(Target("openai", behaviour, provider[1], "a-secret-key", timeout=20.0))

    return scripted if request.param == "scripted" else langchain


async def pieces(generator: AnyGenerator, prompt: Prompt = PROMPT) -> list[Piece]:
    return [piece async for piece in generator.stream(prompt)]


def test_pieces_make_the_text_and_the_last_one_carries_the_usage(make: Make) -> None:
    """Joined pieces are the answer; the last is empty and counts tokens."""
    found = asyncio.run(pieces(make("well")))
    assert "".join(piece.text for piece in found) == TEXT
    assert len(found) > 2
    assert found[-1] == Piece("", Usage(6, 4))
    assert all(piece.usage is None for piece in found[:-1])


def test_no_more_than_max_tokens_are_written(make: Make) -> None:
    """The limit of the prompt is kept."""
    found = asyncio.run(pieces(make("well"), Prompt("", "What?", max_tokens=2)))
    assert "".join(piece.text for piece in found) == "The bridge"


def test_a_generator_that_is_down_says_so_before_the_first_piece(make: Make) -> None:
    """A failure to begin is ModelUnavailable."""
    with pytest.raises(ModelUnavailable):
        asyncio.run(pieces(make("down")))


def test_a_generator_that_breaks_says_so_after_what_it_said(make: Make) -> None:
    """A failure in the middle is ModelUnavailable, and the pieces before it were delivered."""
    heard: list[str] = []

    async def listen() -> None:
        async for piece in make("breaks").stream(PROMPT):
            heard.append(piece.text)  # noqa: PERF401 - what was heard before the error counts

    with pytest.raises(ModelUnavailable):
        asyncio.run(listen())
    assert heard == ["The", " bridge"]


def test_a_generator_serves_one_event_loop_after_another(make: Make) -> None:
    """A command line that runs one loop per question gets every answer."""
    generator = make("well")
    assert asyncio.run(pieces(generator)) == asyncio.run(pieces(generator))


def test_first_tokens_come_with_their_probabilities(make: Make) -> None:
    """The likeliest first tokens, by text, with natural logarithms."""
    assert asyncio.run(make("well").first_token_logprobs(PROMPT)) == LOGPROBS


def test_closing_the_stream_is_noticed_at_the_other_end(make: Make, provider: tuple[FakeProvider, str]) -> None:
    """The consumer leaves after one piece and the model is told to stop."""
    generator = make("endless")

    async def leave() -> None:
        async with aclosing(generator.stream(PROMPT)) as stream:
            assert (await anext(stream)).text == "The"
        if isinstance(generator, ChatGenerator):
            assert await asyncio.to_thread(provider[0].left.wait, 20)

    asyncio.run(leave())
    if isinstance(generator, ScriptedGenerator):
        assert generator.closed == 1


def test_the_provider_is_asked_plainly(provider: tuple[FakeProvider, str]) -> None:
    """Temperature zero, both names of the limit, system and user messages, streaming with usage."""
    app, url = provider
    asyncio.run(pieces(ChatGenerator(Target("openai", "well", url, "k", timeout=20.0))))
    request = app.requests[-1]
    assert request["temperature"] == 0
    assert request["max_tokens"] == PROMPT.max_tokens
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert request["stream_options"] == {"include_usage": True}


def test_an_error_from_the_provider_does_not_show_the_key(provider: tuple[FakeProvider, str]) -> None:
    """The provider's message is shown without the key that it repeats."""
    generator = ChatGenerator(Target("openai", "no-logprobs", provider[1], "a-secret-key", timeout=20.0))
    with pytest.raises(ModelUnavailable, match="refused the request") as caught:
        asyncio.run(pieces(generator))
    assert "a-secret-key" not in str(caught.value)


def test_a_provider_without_logprobs_gives_none(provider: tuple[FakeProvider, str]) -> None:
    """A refusal that speaks of logprobs is an empty answer, not an error."""
    generator = ChatGenerator(Target("openai", "no-logprobs", provider[1], "k", timeout=20.0))
    assert asyncio.run(generator.first_token_logprobs(PROMPT)) == {}


def test_a_script_can_be_a_function_of_the_prompt() -> None:
    """The scripted generator answers by function, or in turn with the last text repeated."""
    assert asyncio.run(pieces(ScriptedGenerator(lambda prompt: prompt.user.upper())))[0].text == "WHAT"
    in_turn = ScriptedGenerator(["one", "two"])
    said = [asyncio.run(pieces(in_turn))[0].text for _ in range(3)]
    assert said == ["one", "two", "two"]
