"""A model server of the OpenAI protocol on loopback that quotes the evidence at so many tokens a second, or misbehaves as told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

TOKENS_A_SECOND = 20.0
LOGPROBS = [{"token": "Yes", "logprob": -0.05}, {"token": "No", "logprob": -3.0}]


@dataclass
class PacedModel:
    """The ASGI app. `mode` may be changed while it runs: `quotes`, `endless`, `hangs`, `fails`, `garbage`, `drops` or `long-line`.

    `open` counts the requests that are being answered, `begun` all that came, `most` the most at one time.
    """

    mode: str = "quotes"
    tokens_a_second: float = TOKENS_A_SECOND
    open: int = 0
    begun: int = 0
    most: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One chat completion, streamed."""
        request = json.loads(await _body(receive))
        self.begun += 1
        self.open += 1
        self.most = max(self.most, self.open)
        left = asyncio.create_task(_left(receive))
        try:
            work = asyncio.create_task(self._answer(request, send))
            await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
            work.cancel()
            await asyncio.wait({work})
        finally:
            left.cancel()
            self.open -= 1

    async def _answer(self, request: dict[str, Any], send: Any) -> None:
        if self.mode == "hangs":
            await asyncio.Event().wait()
        status = 500 if self.mode == "fails" else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/event-stream")]})
        if self.mode in {"fails", "garbage"}:
            await send({"type": "http.response.body", "body": b"data: {not json\n\n<html>\x00\xff</html>\n\n"})
            return
        if "logprobs" in request:
            await send(_event(_chunk({"content": "Yes"}, logprobs={"content": [{**LOGPROBS[0], "top_logprobs": LOGPROBS}]})))
        elif self.mode == "long-line":
            await send(_event(_chunk({"content": "word " * 2_000_000})))
        else:
            for number, token in enumerate(self._tokens(request)):
                if self.mode == "drops" and number == 3:
                    raise ConnectionResetError("dropped, as told")
                await asyncio.sleep(1 / self.tokens_a_second)
                await send(_event(_chunk({"content": token})))
        await send(_event(_chunk({}, finish_reason="stop")))
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    def _tokens(self, request: dict[str, Any]) -> Iterator[str]:
        prompt = str(request["messages"][-1]["content"])
        quoted = next((line[4:] for line in prompt.splitlines() if line.startswith("[1] ")), "The council voted on Friday.")
        while True:
            yield from (f"{word} " for word in quoted.split())
            if self.mode != "endless":
                return


def _chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "paced", "choices": [choice]}


def _event(data: dict[str, Any]) -> dict[str, Any]:
    return {"type": "http.response.body", "body": f"data: {json.dumps(data)}\n\n".encode(), "more_body": True}


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def running(model: PacedModel, port: int = 0) -> Iterator[str]:
    """The server in a thread; its base URL."""
    config = uvicorn.Config(
        model, host="127.0.0.1", port=port, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "uvicorn did not start"
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
