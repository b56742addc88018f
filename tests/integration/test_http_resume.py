"""Streams that broke off and are taken up again: what is replayed, what is asked again, and for whom."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.answering.request import AskRequest
from service.errors import BadQuestion, NotFound
from service.http.recordings import KEPT, KEPT_SECONDS, Recording, Recordings, Sent
from service.ports import Piece, Prompt
from service.services import Services
from tests.doors import WIDE
from tests.fakes import NOON
from tests.integration.conftest import SAID, take_in

QUESTION = "How many people have been evacuated below the Halvern Dam?"
BODY = {"question": QUESTION, "asked_at": "2026-04-01T09:00:00Z", "stream": True}
KEYS = "ask:the-first-key-of-the-newsroom,ask:the-second-key-of-the-newsroom"


class Halting:
    """A model that says its words one by one and stops before the last until it is let go on; knows when its stream was closed."""

    name = "halting"

    def __init__(self, *drafts: str) -> None:
        self._drafts = list(drafts)
        self.go_on = asyncio.Event()
        self.spoken: list[str] = []
        self.closed = 0

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        *words, last = self._drafts.pop(0).split(" ")
        try:
            for word in words:
                self.spoken.append(word)
                yield Piece(f"{word} ")
            await self.go_on.wait()
            self.spoken.append(last)
            yield Piece(last)
        finally:
            self.closed += 1

    async def first_token_logprobs(self, prompt: Prompt) -> dict[str, float]:
        return {}


async def read_until(recording: Recording, word: str) -> list[Sent]:
    """What a reader sees who leaves at the delta of that word."""
    seen: list[Sent] = []
    async with aclosing(recording.read()) as sent:
        async for one in sent:
            seen.append(one)
            if one.name == "delta" and word in one.data:
                break
    return seen


async def rest_of(recording: Recording, after: int) -> list[Sent]:
    """Everything after that number, to the end."""
    async with aclosing(recording.read(after)) as sent:
        return [one async for one in sent]


@pytest.fixture
def begun(open_services: Callable[..., Services]) -> Callable[[Any], Recording]:
    """A stream of the question over a model."""

    def begin(model: Any) -> Recording:
        services = open_services(model)
        take_in(services)
        return Recordings().begin(services.answerer, AskRequest(QUESTION, asked_at=NOON), NOON, debug=False, door=WIDE)

    return begin


def test_leaving_stops_the_model_before_its_next_word(begun: Callable[[Any], Recording]) -> None:
    """When the reader is gone, the model's stream is closed, and it said nothing after what had been said."""

    async def leave() -> None:
        model = Halting(SAID)
        recording = begun(model)
        await read_until(recording, "Halvern")
        assert model.closed == 1
        spoken = list(model.spoken)
        model.go_on.set()
        for _ in range(100):
            await asyncio.sleep(0)
        assert model.spoken == spoken
        assert not recording.has_ended

    asyncio.run(leave())


def test_a_stream_that_was_stopped_goes_on_where_it_broke_off(begun: Callable[[Any], Recording]) -> None:
    """The same question is asked again under the same ids: nothing comes twice, nothing is missing, and the last event is the answer."""

    async def come_back() -> None:
        model = Halting(SAID, SAID)
        recording = begun(model)
        seen = await read_until(recording, "evacuated")
        model.go_on.set()
        rest = await rest_of(recording, len(seen))
        ids = [one.id for one in (*seen, *rest)]
        assert ids == [f"{recording.id}:{number}" for number in range(1, len(ids) + 1)]
        names = [one.name for one in (*seen, *rest)]
        assert names[:2] == ["meta", "sources"]
        assert (names.count("meta"), names.count("restart"), names[-1]) == (1, 0, "final")
        assert "".join(json.loads(one.data)["text"] for one in (*seen, *rest) if one.name == "delta") == SAID
        meta, final = json.loads(seen[0].data), json.loads(rest[-1].data)
        assert (meta["id"], meta["conversation_id"]) == (final["id"], final["conversation_id"])
        assert await rest_of(recording, len(ids) - 1) == rest[-1:]

    asyncio.run(come_back())


def test_a_reader_may_come_back_to_an_earlier_place(begun: Callable[[Any], Recording]) -> None:
    """What was sent and lost on the way is sent again, with the same ids."""

    async def come_back() -> None:
        model = Halting(SAID, SAID)
        recording = begun(model)
        seen = await read_until(recording, "evacuated")
        model.go_on.set()
        rest = await rest_of(recording, 2)
        assert rest[: len(seen) - 2] == seen[2:]
        assert rest[-1].name == "final"

    asyncio.run(come_back())


def test_another_draft_begins_anew(begun: Callable[[Any], Recording]) -> None:
    """Where the model says something else the second time, `restart` voids what came before, and all of the new run follows."""

    async def come_back() -> None:
        other = "About 3,400 people have been evacuated below the Halvern Dam [1]."
        model = Halting(SAID, other)
        recording = begun(model)
        seen = await read_until(recording, "evacuated")
        model.go_on.set()
        rest = await rest_of(recording, len(seen))
        names = [one.name for one in rest]
        anew = names.index("restart")
        assert names[anew : anew + 3] == ["restart", "meta", "sources"]
        assert "".join(json.loads(one.data)["text"] for one in rest[anew:] if one.name == "delta") == other
        assert (names.count("restart"), names[-1]) == (1, "final")

    asyncio.run(come_back())


def test_a_second_reader_keeps_the_model_going(begun: Callable[[Any], Recording]) -> None:
    """Who comes back before the old connection is noticed to be dead reads on, and the old one's end stops nothing."""

    async def two() -> None:
        model = Halting(SAID)
        recording = begun(model)
        async with aclosing(recording.read()) as old:
            async for one in old:
                if one.name == "delta" and "evacuated" in one.data:
                    break
            new = asyncio.create_task(rest_of(recording, 1))
            while not recording.count() > 8:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        model.go_on.set()
        assert (await new)[-1].name == "final"
        assert model.closed == 1

    asyncio.run(two())


def test_streams_are_kept_for_a_while_and_not_without_number(open_services: Callable[..., Services]) -> None:
    """The oldest that nobody reads goes first, and time takes them all."""
    answerer, seconds = open_services().answerer, [0.0]
    kept = Recordings(lambda: seconds[0])
    first, *others = [kept.begin(answerer, AskRequest(QUESTION), NOON, debug=False, door=WIDE) for _ in range(KEPT + 1)]
    with pytest.raises(NotFound):
        kept.resume(first.id, "")
    assert kept.resume(others[-1].id, "") == (others[-1], 0)
    seconds[0] += KEPT_SECONDS + 1
    with pytest.raises(NotFound, match="ask again without Last-Event-ID"):
        kept.resume(others[-1].id, "")


def test_only_the_same_question_of_the_same_owner_is_taken_up(open_services: Callable[..., Services]) -> None:
    """Another owner gets what an unknown id gets; another question is told so, and so is an id that is none."""
    mine, kept = AskRequest(QUESTION, owner="me"), Recordings()
    recording = kept.begin(open_services().answerer, mine, NOON, debug=False, door=WIDE)
    assert kept.resume(recording.id, "me", mine) == (recording, 0)
    for name, owner in ((recording.id, "you"), (recording.id, ""), (f"{recording.id}:9", "me"), ("ans_unknown:1", "me")):
        with pytest.raises(NotFound):
            kept.resume(name, owner)
    for name in (f"{recording.id}:x", f"{recording.id}:-1", f"{recording.id}:1:1", f"{recording.id}:{'9' * 99}", f"{recording.id}:²"):
        with pytest.raises(BadQuestion):
            kept.resume(name, "me")
    with pytest.raises(BadQuestion, match="another question"):
        kept.resume(recording.id, "me", AskRequest("Who won?", owner="me"))
    kept.forget("me", [recording.conversation_id])
    with pytest.raises(NotFound):
        kept.resume(recording.id, "me")


def ids_and_events(text: str) -> list[tuple[str, str, str]]:
    """Of an event stream, each event's id, name and data."""
    blocks = [block.splitlines() for block in text.replace("\r\n", "\n").split("\n\n") if "data: " in block]
    fields = [{line.partition(": ")[0]: line.partition(": ")[2] for line in block} for block in blocks]
    return [(one["id"], one["event"], one["data"]) for one in fields]


def test_over_http_a_finished_stream_is_replayed_from_any_place(door: TestClient) -> None:
    """By the same POST or by GET, which an `EventSource` can do; after the last event there is nothing, 204."""
    whole = ids_and_events(door.post("/v1/ask", json=BODY).text)
    answer_id = whole[0][0].partition(":")[0]
    assert [one[0] for one in whole] == [f"{answer_id}:{number}" for number in range(1, len(whole) + 1)]
    for after in (1, 3, len(whole) - 1):
        last = {"Last-Event-ID": whole[after - 1][0]}
        assert ids_and_events(door.post("/v1/ask", json=BODY, headers=last).text) == whole[after:]
        assert ids_and_events(door.get(f"/v1/answers/{answer_id}/events", headers=last).text) == whole[after:]
    assert ids_and_events(door.get(f"/v1/answers/{answer_id}/events").text) == whole
    done = {"Last-Event-ID": whole[-1][0]}
    assert door.post("/v1/ask", json=BODY, headers=done).status_code == 204
    assert door.get(f"/v1/answers/{answer_id}/events", headers=done).status_code == 204
    assert len(door.get("/v1/conversations").json()["conversations"]) == 1


def test_over_http_what_is_not_kept_is_a_clear_error(open_door: Callable[..., TestClient]) -> None:
    """Unknown, another key's, deleted with its conversation: 404; another question or no id at all: 422."""
    door = open_door(api_keys=KEYS)
    first, second = ({"Authorization": f"Bearer the-{name}-key-of-the-newsroom"} for name in ("first", "second"))
    whole = ids_and_events(door.post("/v1/ask", json=BODY, headers=first).text)
    last, answer_id = {"Last-Event-ID": whole[0][0]}, whole[0][0].partition(":")[0]
    assert door.post("/v1/ask", json=BODY, headers=second | last).status_code == 404
    assert door.get(f"/v1/answers/{answer_id}/events", headers=second).status_code == 404
    assert door.get("/v1/answers/ans_unknown/events", headers=first).status_code == 404
    assert door.get("/v1/answers/ans_unknown/events", headers=first | last).status_code == 422
    assert door.post("/v1/ask", json={**BODY, "question": "Who won?"}, headers=first | last).status_code == 422
    assert door.post("/v1/ask", json=BODY, headers=first | {"Last-Event-ID": f"{answer_id}:x"}).status_code == 422
    assert door.post("/v1/ask", json=BODY, headers=first | last).status_code == 200
    assert door.delete("/v1/conversations", headers=first).status_code == 204
    assert door.post("/v1/ask", json=BODY, headers=first | last).status_code == 404
