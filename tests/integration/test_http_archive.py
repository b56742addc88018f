"""`/v1/search`, `/v1/articles` and `/v1/coverage`: what goes in, what comes out, and what is gone."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from service.services import Services
from tests.integration.conftest import ASTRAL, ROWS, take_in


def test_search_gives_passages_best_first(door: TestClient) -> None:
    """Each passage has the contract's fields, and its text is the article's between its offsets."""
    found = door.post("/v1/search", json={"question": "evacuated below the Halvern Dam", "asked_at": "2026-04-01", "top_k": 2}).json()
    assert found.keys() == {"passages", "window", "coverage", "timings_ms"}
    assert len(found["passages"]) == 2
    assert found["passages"][0].keys() == {
        "passage_id", "article_id", "title", "source", "url", "published_at", "start", "end", "text", "score", "dense_rank", "lexical_rank",
        "rerank_score",
    }  # fmt: skip
    scores = [passage["score"] for passage in found["passages"]]
    assert scores == sorted(scores, reverse=True)
    for passage in found["passages"]:
        article = door.get(f"/v1/articles/{quote(passage['article_id'], safe='')}").json()
        assert article["text"][passage["start"] : passage["end"]] == passage["text"]


def test_search_hides_the_future_and_keeps_filters(door: TestClient) -> None:
    """Neither what was published after `asked_at` nor what a filter excludes is found."""
    early = door.post("/v1/search", json={"question": "Halvern Dam", "asked_at": "2026-03-10"}).json()
    assert {p["article_id"] for p in early["passages"]} == {"dam/1 ?ü"}
    outlet = door.post("/v1/search", json={"question": "Halvern Dam", "filters": {"sources": ["the ledger"]}}).json()
    assert {p["source"] for p in outlet["passages"]} == {"The Ledger"}


@pytest.mark.parametrize("body", [{}, {"question": " "}, {"question": "x", "top_k": 101}, {"question": "x", "mode": "auto"}])
def test_search_refuses_what_is_no_search(door: TestClient, body: dict[str, Any]) -> None:
    """422 as a problem."""
    response = door.post("/v1/search", json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


def test_each_row_has_its_outcome_and_a_bad_one_costs_no_other(door: TestClient) -> None:
    """Added, updated, unchanged, duplicate and rejected stand side by side, rows that are no objects among them."""
    rows = [
        {"id": "new", "text": "A new bridge opened in Skell."},
        {**ROWS[1], "text": "Some 3,500 people have been evacuated below the Halvern Dam so far."},
        ROWS[2],
        {**ROWS[0], "id": "copy", "url": None},
        7,
        None,
        [],
        {"text": ""},
        {"id": "no text"},
        {"text": "x", "published_at": "tomorrow"},
        {"text": "x" * 1_000_001},
    ]
    found = door.post("/v1/articles", json=rows).json()
    assert [item["outcome"] for item in found["items"]] == [
        "added", "updated", "unchanged", "duplicate_of", *["rejected"] * 5, "added", "rejected",
    ]  # fmt: skip
    assert [item["place"] for item in found["items"]] == [f"item {number}" for number in range(len(rows))]
    assert found["items"][3]["reason"] == "dam/1 ?ü"
    assert all(item["reason"] for item in found["items"] if item["outcome"] == "rejected")
    assert found["items"][9]["warnings"]
    assert found["counts"] == {"added": 2, "duplicate_of": 1, "rejected": 6, "unchanged": 1, "updated": 1}
    assert "3,500" in door.get("/v1/articles/dam-2").json()["text"]


HOSTILE = [
    b'[{"text": "x", "id": "\\ud800"}]', b'[{"text": "x", "k\\ud800": 1}]', b'[{"text": "\\ud800"}]', b'[{"text": "a\\u0000b"}]',
    b'[{"text": "x", "url": "http://[::1"}]', b'[{"text": "x", "published_at": "\\ud800"}]', b'[{"text": "x", "title": "\\u001b[31m"}]',
    b'[{"text": "x", "n": 1e999, "m": NaN, "i": ' + b"9" * 4000 + b"}]", b'[{"text": "x", "deep": ' + b"[" * 500 + b"]" * 500 + b"}]",
    b'[{"text": "x", "id": "' + b"i" * 300 + b'"}]',
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_rows_are_taken_or_rejected(door: TestClient, body: bytes) -> None:
    """Never a 5xx; what was taken in can be listed and read."""
    response = door.post("/v1/articles", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200, response.text
    assert door.get("/v1/articles").status_code == 200
    for item in response.json()["items"]:
        assert item["outcome"] in {"added", "rejected"}
        if item["outcome"] == "added":
            assert door.get(f"/v1/articles/{quote(item['id'], safe='')}").status_code == 200


@pytest.mark.parametrize("body", [{}, {"text": "x"}, "text", [{"text": "x"}] * 1_001])
def test_what_is_no_list_of_rows_is_refused_whole(door: TestClient, body: Any) -> None:
    """422, and nothing is taken in."""
    assert door.post("/v1/articles", json=body).status_code == 422
    assert door.get("/v1/coverage").json()["articles"] == len(ROWS)


def test_articles_are_listed_by_cursor(door: TestClient) -> None:
    """Pages of two, in order, each article once, without texts and without file paths."""
    seen, cursor = [], None
    while True:
        page = door.get("/v1/articles", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += page["articles"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [row["id"] for row in seen] == sorted(row["id"] for row in ROWS)
    assert all("text" not in row and "origin" not in row for row in seen)
    assert seen[1]["characters"] == len(ASTRAL)


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=99999999999999999999", "cursor=" + "x" * 300])
def test_a_listing_that_cannot_be_is_refused(door: TestClient, query: str) -> None:
    """422 as a problem."""
    assert door.get(f"/v1/articles?{query}").status_code == 422


def test_an_article_is_whole(door: TestClient) -> None:
    """Every field of the row comes back, the text to the character."""
    shown = door.get(f"/v1/articles/{quote(ROWS[0]['id'], safe='')}").json()
    at = shown["ingested_at"]
    assert shown == {
        "id": ROWS[0]["id"], "title": "Cracks 🏗 found", "source": "Northern Herald", "author": "A. Reporter", "url": "https://herald.example/dam",
        "language": "en", "published_at": "2026-03-04", "updated_at": None, "date_origin": "document", "ingested_at": at,
        "metadata": {}, "text": ASTRAL, "zone": None, "date_conflicts": [], "version": 1, "state": "current",
        "versions": [{"version": 1, "state": "current", "ingested_at": at, "ended_at": None}], "corrects": [], "corrected_by": [],
        "searched_by": "meaning and words", "story": [],
    }  # fmt: skip


def test_a_removed_article_is_never_cited_again(door: TestClient) -> None:
    """204 once, 404 after that; neither search nor ask nor the list knows it any more."""
    question = {
        "question": "How many people have been evacuated below the Halvern Dam?",
        "asked_at": "2026-04-01",
        "mode": "extractive",
        "debug": True,
    }
    asks = [("POST", "/v1/ask", question), ("POST", "/v1/search", {"question": question["question"]}), ("GET", "/v1/articles", None)]
    assert all('"dam-2"' in door.request(method, path, json=body).text for method, path, body in asks)
    gone = door.delete("/v1/articles/dam-2")
    assert (gone.status_code, gone.content) == (204, b"")
    again = door.delete("/v1/articles/dam-2")
    assert (again.status_code, again.headers["content-type"]) == (404, "application/problem+json")
    assert door.get("/v1/articles/dam-2").status_code == 404
    assert not any('"dam-2"' in door.request(method, path, json=body).text for method, path, body in asks)


@pytest.mark.parametrize("article_id", ["nope", "dam", "dam/1", "", "%00", "..", "dam-2/", "Dam-2"])
def test_an_unknown_article_is_not_found(door: TestClient, article_id: str) -> None:
    """404 for reading and for removing, and the archive stays as it was."""
    for method in ("GET", "DELETE"):
        assert door.request(method, f"/v1/articles/{quote(article_id, safe='')}").status_code in {404, 405}
    assert door.get("/v1/coverage").json()["articles"] == len(ROWS)


@pytest.mark.parametrize("article_id", ["a/b", "a%2Fb", "ü ?#&", "日本/😀", "a//b", "/a", "..", "a/../b", "%"])
def test_any_id_can_be_read_and_removed_over_the_wire(
    open_services: Callable[..., Services], on_loopback: Callable[[Any], str], article_id: str
) -> None:
    """Slashes, percent signs and astral characters in an id survive percent-encoding, through a real server."""
    services = open_services()
    take_in(services)
    with httpx2.Client(base_url=on_loopback(create_app(services))) as client:
        added = client.post("/v1/articles", json=[{"id": article_id, "text": f"A text of {article_id}."}]).json()["items"][0]
        assert (added["outcome"], added["id"]) == ("added", article_id)
        url = client.base_url.copy_with(raw_path=b"/v1/articles/" + quote(article_id, safe="").replace(".", "%2E").encode())
        assert client.get(url).json()["id"] == article_id
        assert client.delete(url).status_code == 204
        assert client.get(url).status_code == 404


def test_coverage_counts(door: TestClient) -> None:
    """Articles, range, outlets and months."""
    assert door.get("/v1/coverage").json() == {
        "articles": 3, "from": "2026-03-04", "to": "2026-03-20T06:30:00Z", "passages": 3,
        "sources": [{"source": "The Ledger", "articles": 2}, {"source": "Northern Herald", "articles": 1}],
        "months": [{"month": "2026-03", "articles": 2}], "examples": [],
    }  # fmt: skip


def test_ingest_at_the_same_time_takes_turns(door: TestClient) -> None:
    """Two lists sent together are both taken in whole."""
    from concurrent.futures import ThreadPoolExecutor

    def send(name: str) -> Any:
        return door.post("/v1/articles", content=json.dumps([{"id": f"{name}{n}", "text": f"{name} says {n}."} for n in range(20)]),
                         headers={"Content-Type": "application/json"}).json()["counts"]  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(send, ["a", "b"])) == [{"added": 20}] * 2
    assert door.get("/v1/coverage").json()["articles"] == 40 + len(ROWS)


def test_debug_explains_every_candidate(door: TestClient) -> None:
    """The parts of each score add up to it; what is below `top_k` is there too, and says so. Without `debug` there is none of it."""
    question = {"question": "What did the Northern Herald report of the Halvern Dam?", "asked_at": "2026-04-01", "top_k": 1}
    found = door.post("/v1/search", json=question | {"debug": True}).json()
    assert found["debug"]["understood"]["outlets"] == ["Northern Herald"]
    candidates = found["debug"]["candidates"]
    assert [one["rank"] for one in candidates] == [1, 2]
    assert [one["used"] for one in candidates] == [True, False]
    assert candidates[1]["why"] == "below the first 1"
    assert len(found["passages"]) == 1
    for one in candidates:
        assert sum(one["parts"].values()) == pytest.approx(one["score"], abs=1e-4)
    assert candidates[0]["parts"]["outlet"] > 0
    assert "debug" not in door.post("/v1/search", json=question).json()
    asked = door.post("/v1/ask", json=question | {"debug": True, "mode": "extractive"}).json()["debug"]
    assert [one["article_id"] for one in asked["candidates"]] == [one["article_id"] for one in candidates]
    assert asked["understood"] == found["debug"]["understood"]


def test_the_newest_come_first_where_asked(door: TestClient) -> None:
    """By date, those without one last; of one outlet, whatever the case of its name; by cursor to the end."""
    page = door.get("/v1/articles", params={"order": "newest", "limit": 2}).json()
    rest = door.get("/v1/articles", params={"order": "newest", "limit": 2, "cursor": page["next"]}).json()
    assert [row["id"] for row in (*page["articles"], *rest["articles"])] == ["dam-2", "dam/1 ?ü", "vote-1"]
    assert rest["next"] is None
    ledger = door.get("/v1/articles", params={"order": "newest", "source": "the LEDGER"}).json()
    assert [row["id"] for row in ledger["articles"]] == ["dam-2", "vote-1"]
    for wrong in ({"order": "oldest"}, {"order": "newest", "cursor": "-1"}, {"order": "newest", "cursor": "٣"}, {"source": "The Ledger"}):
        assert door.get("/v1/articles", params=wrong).status_code == 422


def test_stories_of_several_prints_are_listed_and_named_by_their_articles(door: TestClient) -> None:
    """A reprint joins the story of what it prints: the list has it, and each article names the other."""
    assert door.get("/v1/stories").json() == {"stories": [], "next": None}
    text = "The ferry Petrel ran aground off Port Asel on Monday night with 214 people on board, and all of them were brought ashore. " * 3
    rows = [
        {"id": "first", "title": "Ferry aground", "source": "Asel Gazette", "published_at": "2026-05-01", "text": text},
        {"id": "second", "title": "Ferry aground", "source": "Lowland Wire", "published_at": "2026-05-02", "text": f"{text} It is towed."},
    ]
    door.post("/v1/articles", json=rows)
    found = door.get("/v1/stories", params={"limit": 1}).json()
    assert [[row["id"] for row in one["story"]] for one in found["stories"]] == [["first", "second"]]
    assert found["next"] is None
    assert [row["id"] for row in door.get("/v1/articles/first").json()["story"]] == ["second"]
    assert door.get("/v1/articles/vote-1").json()["story"] == []
    assert door.get("/v1/stories", params={"cursor": "x"}).status_code == 422
