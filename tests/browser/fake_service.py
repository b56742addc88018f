"""A small service that speaks the contract, for the page to be driven against.

The page itself is the real `service/web/`. What a question gets is chosen by a word in it; see `SCRIPTS`. Nothing here
waits for a clock: a stream that should hang waits for its reader to leave.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles

WEB = Path(__file__).parents[2] / "service" / "web"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

EVIL = "<img src=x onerror=\"document.title='owned';alert(1)\"><script>alert(2)</script>" + "W" * 60
EVIL_URL = "javascript:alert(3)//http://x"

ARTICLES: dict[str, dict[str, Any]] = {
    "dam-02": {
        "title": "Families leave Ostrel and Pell as dam cracks widen",
        "source": "The Merrin Courier",
        "author": "Sanna Wick",
        "url": "https://merrin-courier.example/2026/03/families-leave-ostrel",
        "published_at": "2026-03-06",
        "text": "\U0001f6a8\U0001f1ea\U0001f1fa Live \U0001d510errin: updates all day \U0001f4f0\n\n"
        "About 1,200 people were ordered out of their homes below the Halvern Dam on Friday after gauges showed that "
        "cracks in its left spillway were still widening.\n\n"
        "Buses began leaving the villages of Ostrel and Pell at 6 a.m., carrying residents to a sports centre in the "
        "town of Harsk, 19 kilometres away. Each person was allowed two bags. Pets were taken to a riding school "
        "nearby.\n\n\u201cWe were told to be quick and to lock the doors,\u201d said Hanne Tovik, 68, who has lived in "
        "Ostrel all her life. \u201cI left the soup on the table.\u201d\n\n"
        "Rurik Sand, the water board\u2019s chief engineer, said that the order was a precaution and that it could be "
        "widened if the reservoir did not drop fast enough. Two of the dam\u2019s four bottom outlets have been opened, "
        "he said, but one of the remaining pair has not been used since 1998 and may be jammed.\n\n"
        "Schools in Pell will stay closed until at least 20 March. The road between Ostrel and Harsk is shut to "
        "private cars.",
    },
    "dam-07": {
        "title": "Evacuation below Halvern Dam widened to a third village",
        "source": "Lowland Wire",
        "author": None,
        "url": "https://lowland.example/halvern-3",
        "published_at": "2026-03-07T05:40:00Z",
        "text": "The order to leave now covers the village of Dovre as well, the water board said early on Saturday. "
        "It put the number of people who have left their homes at 1,850.",
    },
    "dam-old": {
        "title": "What the engineers wrote about the spillway",
        "source": None,
        "author": None,
        "url": "ftp://old.example/x",
        "published_at": None,
        "text": "The spillway was last repaired in 1987. A second repair was planned and never paid for.",
    },
    "evil": {
        "title": f"Title {EVIL}",
        "source": f"Outlet {EVIL}",
        "author": f"Author {EVIL}",
        "url": EVIL_URL,
        "published_at": "2026-03-06",
        "text": f"Body {EVIL} and [a link](javascript:alert(4)) and ![x](https://tracker.example/p.png).\n\n{EVIL}",
    },
}
_CAME = {"ingested_at": "2026-10-21T08:15:00Z", "ended_at": None}
FIGURES = [("The Merrin Courier", 31), ("Lowland Wire", 24), ("Harsk Herald", 12), ("Broadcasting House", 7)]
VERSIONS: dict[int | None, dict[str, Any]] = {
    3: {"state": "updated"},
    5: {"state": "updated", "version": 5, "date_conflicts": ["meta says 2026-03-05"],
        "versions": [{"version": 6, "state": "current", **_CAME}, {"version": 5, "state": "updated", **_CAME}],
        "story": [{"id": "dam-07", "title": "The same story", "source": "Lowland Wire", "published_at": "2026-03-07"}]},
    4: {"state": "withdrawn", "date_origin": "file name", "corrected_by": [
        {"kind": "retraction", "article_id": "dam-02", "said": "<b>We were wrong.</b>", "about": "dam-07", "published_at": None}]},
}  # fmt: skip
COVERAGE = {
    "articles": 74, "from": "2025-04-07", "to": "2026-10-30", "passages": 212,
    "months": [{"month": "2025-04", "articles": 10}, {"month": "2026-03", "articles": 40}, {"month": "2026-10", "articles": 24}],
    "sources": [{"source": name, "articles": count} for name, count in FIGURES],
    "examples": ["How many people left their homes below the Halvern Dam?", "When was the spillway last repaired?",
                 "Who is to blame for the cracks?"],
}  # fmt: skip
IN_ANSWER = {key: COVERAGE[key] for key in ("articles", "from", "to")}


REPRINTS = [
    {"article_id": "dam-07", "source": "Lowland Wire", "published_at": "2026-03-07T05:40:00Z"},
    {"article_id": "dam-old", "source": "Harsk Herald", "published_at": None},
    {"article_id": "evil", "source": EVIL, "published_at": "2026-03-06"},
]


def cite(marker: int, article_id: str, quote: str, age_days: int | None = 1, also_in: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A citation of `quote`, its offsets counted in code points as Python counts them."""
    article = ARTICLES[article_id]
    start = article["text"].index(quote)
    shown = {key: article[key] for key in ("title", "source", "url", "author", "published_at")}
    before, after = article["text"][max(0, start - 40) : start].split("\n")[-1], article["text"][start + len(quote) :][:40].split("\n")[0]
    return {"marker": marker, "article_id": article_id, **shown, "age_days": age_days, "quote": quote, "start": start,
            "end": start + len(quote), "date_origin": "document" if article["published_at"] else "unknown",
            "also_in": also_in or [], "before": before.strip(), "after": after.strip()}  # fmt: skip


def sentence(text: str, *markers: int, support: str = "supported", missing: tuple[str, ...] = ()) -> dict[str, Any]:
    """One sentence of an answer."""
    return {"text": text, "support": support, "citations": list(markers), "missing": list(missing)}


LEFT = ("About 1,200 people were ordered out of their homes below the Halvern Dam on Friday after gauges showed that "
        "cracks in its left spillway were still widening.")  # fmt: skip
ACROSS = "Pets were taken to a riding school nearby.\n\n\u201cWe were told to be quick"
LATER = "It put the number of people who have left their homes at 1,850."
REPAIR = "The spillway was last repaired in 1987."

ANSWERED = {
    "sentences": [
        sentence("About 1,200 people were ordered to leave Ostrel and Pell on 6 March 2026.", 1),
        sentence("By the next morning 1,850 had left, after the order was widened to a third village.", 2, 3),
    ],
    "citations": [cite(1, "dam-02", LEFT, 230, REPRINTS), cite(2, "dam-07", LATER, 229, REPRINTS[1:2]), cite(3, "dam-old", REPAIR, None)],
}
SCRIPTS: dict[str, dict[str, Any]] = {
    "people": ANSWERED,
    "twice": {
        "sentences": [sentence("Many left.", 1), sentence("Schools are closed.", 2)],
        "citations": [cite(1, "dam-02", LEFT), cite(2, "dam-02", "Schools in Pell will stay closed until at least 20 March.")],
    },
    "pets": {"sentences": [sentence("The pets went to a riding school.", 1)], "citations": [cite(1, "dam-02", ACROSS)]},
    "guess": {
        "sentences": [
            *ANSWERED["sentences"][:1], sentence("Most of them stayed with relatives.", support="unsupported", missing=("relatives",)),
            sentence("It was expected.", support="unsupported"),
        ],
        "citations": ANSWERED["citations"][:1],
    },
    "partly": {"status": "partial", "sentences": ANSWERED["sentences"][:1], "citations": ANSWERED["citations"][:1]},
    "disagree": {
        "status": "conflicting", "sentences": [sentence("Reports give different numbers.", 1, 2)],
        "citations": ANSWERED["citations"][:2],
        "conflicts": [{"about": "People who left their homes", "positions": [
            {"value": "about 1,200", "citations": [1]}, {"value": "1,850", "citations": [2]}]}],
    },
    "blame": {"status": "insufficient_evidence", "nearest": [cite(1, "dam-02", LEFT, 230), cite(2, "dam-old", REPAIR, None)]},
    "1850": {"status": "outside_coverage"},
    "quoted": {
        "sentences": [sentence(LEFT, 1), sentence(LATER, 2)], "citations": ANSWERED["citations"][:2],
        "generator": {"name": "extractive", "kind": "extractive", "fallback": "The language model did not answer in time."},
    },
    "week": {
        **ANSWERED, "window": {"from": "2026-03-02", "to": "2026-03-09", "phrase": "that week", "applied": True},
        "standalone_question": "How many people left Ostrel in that week?",
    },
    "evil": {
        "sentences": [sentence(f"Answer {EVIL}", 1), sentence(f"Unsupported {EVIL}", support="unsupported")],
        "status": "conflicting",
        "citations": [cite(1, "evil", ARTICLES["evil"]["text"].split("\n")[0])],
        "conflicts": [{"about": EVIL, "positions": [{"value": EVIL, "citations": [1]}]}],
        "nearest": [cite(2, "evil", EVIL)],
        "window": {"from": None, "to": "2026-03-09", "phrase": EVIL, "applied": True},
        "generator": {"name": EVIL, "kind": "extractive", "fallback": EVIL},
        "standalone_question": EVIL,
    },
}  # fmt: skip


TURNS = {"ans_1": "How many people left?", "ans_2": "And who is to blame?"}
"""The turns of a conversation: question by the answer's id."""


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """The whole answer, as in the contract, by the first scripted word in the question."""
    question = body["question"]
    script = next((SCRIPTS[word] for word in SCRIPTS if word in question.lower()), ANSWERED)
    answer = {
        "id": "ans_1", "conversation_id": "con_1", "question": question, "standalone_question": question,
        "asked_at": body.get("asked_at", "2026-10-22T09:00:00Z"), "given_at": "2026-10-22T09:00:00Z",
        "filters": {"published_from": None, "published_to": None, "sources": [], "article_ids": [], **body.get("filters", {})},
        "status": "answered", "text": "", "sentences": [],
        "citations": [], "conflicts": [], "window": None, "nearest": [], "coverage": IN_ANSWER,
        "generator": {"name": "local/small", "kind": "model", "fallback": None},
        "timings_ms": {"understand": 4, "search": 26, "generate": 2000, "ground": 90, "total": 2130},
        "usage": {"prompt_tokens": 412, "completion_tokens": 23}, **script,
    }  # fmt: skip
    if body.get("infer_window") is False:
        answer["window"] = None
    if body.get("debug"):
        answer["debug"] = explained(answer["standalone_question"])
    answer["text"] = " ".join(item["text"] for item in answer["sentences"])
    return answer


def explained(question: str) -> dict[str, Any]:
    """The `debug` of an answer: a passage that gave evidence, one that was not read, and twenty more."""
    evil = EVIL in question
    article_id = "evil" if evil else "dam-02"
    article = ARTICLES[article_id]
    row = {"passage_id": "p", "article_id": article_id, "title": article["title"], "source": article["source"], "start": 0,
           "end": len(article["text"]), "published_at": article["published_at"], "score": 1.234, "dense_rank": 1, "lexical_rank": None,
           "rerank_score": None, "text": article["text"]}  # fmt: skip
    candidates = [
        {**row, "rank": 1, "used": True, "why": "gave evidence 1", "parts": {"similarity": 0.8, "recency": 0.434}, "story": None},
        {**row, "rank": 2, "used": False, "why": EVIL if evil else "below the first 8", "article_id": "dam-old", "title": "Old", "end": 5,
         "parts": {"similarity": 0.4, "repeat": -0.07, EVIL if evil else "tomorrow": 0.1}, "story": 7},
    ]  # fmt: skip
    window = {"from": "2026-03-01", "to": "2026-04-01", "phrase": EVIL if evil else "in March", "applied": True}
    understood = {
        "windows": [window],
        "outlets": [EVIL if evil else "Lowland Wire"],
        "authors": [],
        "quoted": [],
        "clauses": [],
        "wants_latest": True,
    }
    more = [{**candidates[1], "rank": rank, "title": f"Passage {rank}"} for rank in range(3, 23)]
    prompts = [{"system": "You answer from numbered sentences.", "user": f"[1] {EVIL if evil else 'It rained.'}"}]
    dropped = [EVIL if evil else "The dam was built by giants."]
    return {"evidence": [], "dropped": dropped, "understood": understood, "candidates": [*candidates, *more], "prompts": prompts}


def encode(event: str, data: dict[str, Any], newline: str = "\n") -> bytes:
    """One server-sent event."""
    return f"event: {event}{newline}data: {json.dumps(data, ensure_ascii=False)}{newline}{newline}".encode()


def events(answer: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The events of an answer in the order of the contract, without the terminal one."""
    found = {item["marker"]: item for item in answer["citations"]}
    evidence = [{"number": marker, "text": item["quote"],
                 **{key: item[key] for key in ("article_id", "title", "source", "published_at", "start", "end")}}
                for marker, item in found.items()]  # fmt: skip
    out: list[tuple[str, dict[str, Any]]] = [
        ("meta", {key: answer[key] for key in ("id", "standalone_question", "window", "coverage")}),
        ("sources", {"evidence": evidence}),
    ]
    for index, item in enumerate(answer["sentences"]):
        new = [dict(found.pop(marker)) for marker in item["citations"] if marker in found]
        for citation in new:
            del citation["age_days"]  # only the final answer says it
        out += [("delta", {"text": "raw "}), ("sentence", {"index": index, **item, "new_citations": new})]
    return out


class FakeService:
    """The application, and what a test may look at: the bodies asked and whether a reader left."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.resumed: list[str] = []
        self.said: list[dict[str, Any]] = []
        self.handed_in: list[tuple[str, bytes]] = []
        self.titles: dict[str, str | None] = {"con_1": None, "con_2": "On the spillway", "con_3": None}
        self.since: dict[str, str] = {}
        self.left = threading.Event()
        self.coverage: dict[str, Any] = COVERAGE
        self.ready: dict[str, Any] = {"ready": True, "generator": {"ready": True, "name": "local/small"}}
        self.key: str | None = None
        self.refusals: list[Response] = []
        self.pace: Callable[[], Any] | None = None
        self.app = self._build()

    def _build(self) -> FastAPI:
        app = FastAPI()
        app.mount("/static", StaticFiles(directory=WEB))

        @app.middleware("http")
        async def guard(request: Request, call_next: Any) -> Response:
            closed = self.key and request.url.path.startswith("/v1/")
            if closed and request.headers.get("authorization", "").encode("latin-1") != f"Bearer {self.key}".encode():
                response: Response = problem(401, "Unauthorized")
            else:
                response = await call_next(request)
            response.headers["Content-Security-Policy"] = CSP
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response

        @app.get("/")
        @app.get("/archive")
        @app.get("/articles/{name}")
        @app.get("/answers/{name}")
        @app.get("/conversations/{name}")
        async def page() -> FileResponse:
            return FileResponse(WEB / "index.html")

        @app.get("/v1/coverage")
        async def coverage() -> dict[str, Any]:
            return self.coverage

        @app.get("/readyz")
        async def ready() -> dict[str, Any]:
            return self.ready

        @app.get("/v1/articles/{article_id}", response_model=None)
        async def article(article_id: str, version: int | None = None) -> Response:
            if article_id not in ARTICLES:
                return problem(404, "Not Found", "There is no such article.")
            return JSONResponse({"id": article_id, **ARTICLES[article_id], "updated_at": None, "language": "en",
                                 "date_origin": "document", "ingested_at": "2026-10-21T08:15:00Z",
                                 **VERSIONS.get(version, {})})  # fmt: skip

        @app.get("/v1/articles")
        async def articles(order: str, cursor: int = 0) -> dict[str, Any]:
            assert order == "newest"
            rows = [{"id": name, **{key: one[key] for key in ("title", "source", "published_at")}} for name, one in ARTICLES.items()]
            return {"articles": rows[cursor : cursor + 3], "next": str(cursor + 3) if len(rows) > cursor + 3 else None}

        @app.get("/v1/stories")
        async def stories() -> dict[str, Any]:
            shown = ("title", "source", "published_at")
            prints = [{"id": name, **{key: ARTICLES[name][key] for key in shown}} for name in ("dam-02", "evil")]
            return {"stories": [{"story": prints}], "next": None}

        @app.post("/v1/feedback", status_code=201)
        async def feedback(request: Request) -> dict[str, Any]:
            self.said.append(await request.json())
            return {}

        @app.get("/v1/answers/{answer_id}", response_model=None)
        async def kept(answer_id: str) -> Response:
            if answer_id not in TURNS:
                return problem(404, "Not Found", f"no answer '{answer_id}' here")
            return JSONResponse(self.turn(answer_id))

        @app.get("/v1/conversations")
        async def conversations(q: str = "") -> dict[str, Any]:
            rows = [{"id": name, "started_at": "2026-10-21T08:00:00Z", "last_asked_at": "2026-10-21T08:15:00Z", "turns": 2, "title": title,
                     "question": f"First question of {name}"} for name, title in self.titles.items()]  # fmt: skip
            return {"conversations": [row for row in rows if q.lower() in f"{row['title']} {row['question']}".lower()], "next": None}

        @app.get("/v1/conversations/{name}", response_model=None)
        async def conversation(name: str) -> Response:
            if name not in self.titles:
                return problem(404, "Not Found", f"no conversation '{name}' here")
            return JSONResponse({"id": name, "title": self.titles[name], "turns": [self.turn(one) for one in TURNS], "next": None})

        @app.patch("/v1/conversations/{name}", status_code=204)
        async def rename(name: str, request: Request) -> None:
            self.titles[name] = (await request.json())["title"]

        @app.delete("/v1/conversations/{name}", status_code=204)
        async def forget(name: str) -> None:
            del self.titles[name]

        @app.post("/v1/ingest/file", response_model=None)
        async def hand_in(name: str, request: Request) -> Response:
            if self.refusals:
                return self.refusals.pop(0)
            self.handed_in.append((name, await request.body()))
            return StreamingResponse(self.taking_in(name), media_type="text/event-stream")

        @app.post("/v1/ingest/address", response_model=None)
        async def fetch(request: Request) -> Response:
            url = (await request.json())["url"]
            self.handed_in.append((url, b""))
            return StreamingResponse(self.taking_in(url), media_type="text/event-stream")

        @app.post("/v1/ask", response_model=None)
        async def ask(request: Request) -> Response:
            body = await request.json()
            self.asked.append(body)
            if self.refusals:
                return self.refusals.pop(0)
            if "resumes" in body["question"]:
                return StreamingResponse(self.broken(body, request.headers.get("last-event-id")), media_type="text/event-stream")
            return StreamingResponse(self.stream(body), media_type="text/event-stream")

        return app

    async def broken(self, body: dict[str, Any], last: str | None) -> AsyncIterator[bytes]:
        """Events with ids: four, then the connection breaks; after the fourth the rest, or with `restarts` all of them again."""
        answer = answer_to(body)
        steps = [*events(answer), ("final", answer)]
        if last:
            self.resumed.append(last)
        if last and "restarts" in body["question"]:
            steps = [("restart", {}), *steps]
        elif last:
            steps = steps[int(last.partition(":")[2]) :]
        for number, step in enumerate(steps if last else steps[:4], 1):
            yield f"id: ans_1:{number}\n".encode() + encode(*step)
        if not last:
            raise ConnectionResetError

    def turn(self, answer_id: str) -> dict[str, Any]:
        """An answer as it is kept."""
        answer = {**answer_to({"question": TURNS[answer_id]}), "id": answer_id}
        return {"answer_id": answer_id, "conversation_id": "con_1", "asked_at": "2026-10-22T09:00:00Z", "question": answer["question"],
                "standalone_question": answer["standalone_question"], "text": answer["text"], "answer": answer, "since": self.since,
                "feedback": [{"verdict": "down", "sentence": None, "reason": "wrong date", "comment": None,
                              "given_at": "2026-10-22T09:01:00Z"}]}  # fmt: skip

    async def taking_in(self, name: str) -> AsyncIterator[bytes]:
        """Progress after each step that the test lets happen, then the report."""
        yield encode("progress", {"articles": 64, "counts": {"added": 64}, "read": 10, "size": 40})
        if self.pace:
            await self.pace()
        items = [{"place": f"{name}:7", "outcome": "rejected", "id": None, "reason": "has no text", "warnings": [], "story": None},
                 {"place": f"{name}:1", "outcome": "added", "id": "dam-02", "reason": None, "warnings": [], "story": None}]  # fmt: skip
        yield encode("report", {"articles": 65, "counts": {"added": 64, "rejected": 1}, "skipped": 0, "items": items})

    async def stream(self, body: dict[str, Any]) -> AsyncIterator[bytes]:
        """The answer as events; `queued`, `still`, `hang`, `snap`, `truncated`, `fails` and `chopped` in the question misbehave."""
        question, answer = body["question"], answer_to(body)
        steps = events(answer)
        misbehaves = [word for word in ("still", "hang", "snap", "truncated", "fails") if word in question]
        if "chopped" in question:
            answer.pop("debug", None)  # some 40 kB: byte by byte that is a while on a busy machine
            whole = b"\xef\xbb\xbf: hello\r\n\r\n" + b"".join(encode(*step, "\r\n") for step in [*steps, ("final", answer)])
            for byte in whole:
                yield bytes([byte])
            return
        try:
            if "queued" in question:
                yield encode("queued", {"ahead": 2})
                await asyncio.Event().wait()
            for step in steps[: 2 if "still" in misbehaves else 4 if misbehaves else None]:
                if self.pace:
                    await self.pace()
                yield b": keep-alive\n\n" + encode(*step)
            if "hang" in question or "still" in question:
                await asyncio.Event().wait()
            if "snap" in question:
                raise ConnectionResetError
            if "fails" in question:
                yield encode("error", {"type": "about:blank", "title": "Service Unavailable", "status": 503,
                                       "detail": "the model stopped and will be restarted"})  # fmt: skip
            if not misbehaves:
                yield encode("final", answer)
        except asyncio.CancelledError:
            self.left.set()
            raise


@dataclass
class Running:
    """A fake service that answers at `url` until `stop()`."""

    fake: FakeService
    url: str
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        """End the server; nothing answers at the address afterwards."""
        self.server.should_exit = True
        self.thread.join(10)


@contextmanager
def running() -> Iterator[Running]:
    """Serve a fresh fake service on a free port of loopback."""
    fake = FakeService()
    config = uvicorn.Config(fake.app, host="127.0.0.1", port=0, log_level="critical", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive(), "the fake service did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    service = Running(fake, f"http://127.0.0.1:{port}", server, thread)
    yield service
    service.stop()


@dataclass
class Watched:
    """What a page did that no page of ours may do."""

    foreign: list[str]
    dialogs: list[str]
    errors: list[str]


def problem(status: int, title: str, detail: str | None = None, **headers: str) -> Response:
    """An RFC 9457 problem."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(content, status, headers, media_type="application/problem+json")
