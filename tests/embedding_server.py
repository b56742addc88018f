"""A server of OpenAI's `/embeddings` on loopback that behaves as it is told, for the contract of embedders and the adapter's own tests."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from service.models.hashing import HashingEmbedder

Answer = tuple[int, bytes]
Script = Callable[["EmbeddingsServer", dict[str, Any]], Answer]


@dataclass
class EmbeddingsServer:
    """What it was asked, and how it answers. `released` lets a hanging answer go."""

    script: Script = field(default_factory=lambda: fine)
    embedder: HashingEmbedder = field(default_factory=lambda: HashingEmbedder(48, max_tokens=10_000))
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    """Headers of every answer."""
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def rows(self, texts: list[str], scale: float = 3.0) -> list[dict[str, Any]]:
        """Vectors that are not of length one, as many servers send them."""
        vectors = self.embedder.embed(texts) * scale
        return [{"object": "embedding", "index": index, "embedding": row.tolist()} for index, row in enumerate(vectors)]


def fine(server: EmbeddingsServer, request: dict[str, Any]) -> Answer:
    """As a server should."""
    return said(server.rows(request["input"]))


def said(rows: list[dict[str, Any]]) -> Answer:
    """Status 200 with these rows."""
    return 200, json.dumps({"object": "list", "data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()


def first(count: int, status: int, then: Script = fine) -> Script:
    """So many answers of that status, then others."""
    left = [count]

    def script(server: EmbeddingsServer, request: dict[str, Any]) -> Answer:
        if left[0] > 0:
            left[0] -= 1
            return status, b'{"error": {"message": "not now"}}'
        return then(server, request)

    return script


def at_most(texts: int, status: int) -> Script:
    """Refuses larger requests."""
    return lambda server, request: (status, b"too many") if len(request["input"]) > texts else fine(server, request)


def hanging(server: EmbeddingsServer, request: dict[str, Any]) -> Answer:
    """Says nothing until it is let go."""
    server.released.wait(60)
    return fine(server, request)


@contextmanager
def running() -> Iterator[EmbeddingsServer]:
    """The server in a thread, closed afterwards."""
    state = EmbeddingsServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.paths.append(self.path)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            status, body = state.script(state, state.requests[-1])
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in state.extra.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # The other end has left, as it should where the answer takes too long.

        def log_message(self, *args: Any) -> None:
            """Nothing on the terminal."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = False  # so that closing waits for the last answer
    state.url = f"http://127.0.0.1:{listening.server_port}/v1"
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield state
    state.released.set()
    listening.shutdown()
    thread.join()
    listening.server_close()
