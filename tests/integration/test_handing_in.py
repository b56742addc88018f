"""Files and addresses handed in over HTTP: told as they go, under limits, with hostile names, and only with an admin key."""

import asyncio
import errno
import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.errors import BadInput
from service.http.handing_in import plain_name
from tests.site import Page, Site

Events = Callable[[Iterable[str]], list[tuple[str, Any]]]
PAGE = """<html><head><title>Bridge opens</title><meta property="og:site_name" content="Harsk Herald">
<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2026-05-02T08:00:00Z", "headline": "Bridge opens"}</script>
</head><body><article><h1>Bridge opens</h1><p>The new bridge over the Merrin opened on Saturday
after four years of work, the council said.</p>
<p>Some 2,000 people walked across it in the first hour, and the ferry made its last crossing in the evening.</p></article></body></html>"""


def hand_in(door: TestClient, events_of: Events, name: str, body: bytes) -> list[tuple[str, Any]]:
    """The events that a file brings."""
    response = door.post("/v1/ingest/file", params={"name": name}, content=body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return events_of(response.text.splitlines())


def test_a_page_is_taken_in_and_told(door: TestClient, events_of: Events) -> None:
    """Progress, then the report, then the article is there, under the outlet and date that the page states."""
    events = hand_in(door, events_of, "bridge.html", PAGE.encode())
    assert [name for name, _ in events] == ["progress", "report"]
    assert events[0][1] == {"articles": 1, "counts": {"added": 1}, "read": len(PAGE.encode()), "size": len(PAGE.encode())}
    item = events[1][1]["items"][0]
    assert (item["place"], item["outcome"]) == ("bridge.html", "added")
    article = door.get(f"/v1/articles/{item['id']}").json()
    assert (article["source"], article["published_at"][:10], article["date_origin"]) == ("Harsk Herald", "2026-05-02", "json-ld")


def test_the_same_words_again_are_one_article_and_the_same_name_is_not(door: TestClient, events_of: Events) -> None:
    """Whatever it is called: unchanged the second time. Another file of that name is another article, and takes nothing's place."""
    text = b"date 2026-05-02 The new bridge opened."
    sent = [("article.txt", text), ("renamed.txt", text), ("article.txt", b"date 2026-05-03 The library closed.")]
    outcomes = [hand_in(door, events_of, name, body)[-1][1]["counts"] for name, body in sent]
    assert outcomes == [{"added": 1}, {"unchanged": 1}, {"added": 1}]


def test_a_changed_page_of_a_known_address_is_updated(door: TestClient, events_of: Events) -> None:
    """A page that says where it is from is known again by that."""
    page = PAGE.replace("<title>", '<link rel="canonical" href="https://herald.example/bridge"><title>')
    outcomes = [hand_in(door, events_of, "saved.html", body.encode())[-1][1]["counts"] for body in (page, page.replace("2,000", "3,000"))]
    assert outcomes == [{"added": 1}, {"updated": 1}]


def test_lines_are_counted_and_a_bad_one_costs_no_other(door: TestClient, events_of: Events) -> None:
    """Packed, too; the rejected come first, with their line."""
    rows = [{"id": f"r{number}", "text": f"Report {number} of the day."} for number in range(70)]
    body = "\n".join([*map(json.dumps, rows[:5]), "{", *map(json.dumps, rows[5:])]).encode()
    events = hand_in(door, events_of, "day.jsonl.gz", gzip.compress(body))
    report = events[-1][1]
    assert report["counts"] == {"added": 70, "rejected": 1}
    assert report["items"][0]["place"] == "day.jsonl.gz:6"
    assert [data["articles"] for name, data in events if name == "progress"] == [71]


@pytest.mark.parametrize("name", ["", "noise.exe", "page", ".html", "..", "a/b/", "x" * 2000 + ".txt"])
def test_a_file_of_no_kind_is_refused_before_it_is_read(door: TestClient, name: str) -> None:
    """422 as a problem that names the kinds."""
    response = door.post("/v1/ingest/file", params={"name": name}, content=b"x")
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\news\\dam.html", "dam.html"),
        ("/abs/olute.md", "olute.md"),
        ("..hidden.txt", "hidden.txt"),
        ("a\0b\n.txt", "ab.txt"),
        ("\u202efdp.txt", "fdp.txt"),
        ("é" * 300 + ".jsonl.gz", "é" * 51 + ".jsonl.gz"),
    ],
)
def test_names_are_names_and_no_paths(name: str, plain: str) -> None:
    """Only the last part, printable, short, and no hidden file."""
    assert plain_name(name) == plain


def test_a_name_that_is_none_is_refused() -> None:
    """Dots alone, and what only hides."""
    for name in ("..", "/", ".txt", "\0.txt"):
        with pytest.raises(BadInput, match="not of a kind"):
            plain_name(name)


def test_a_body_that_is_too_large_is_refused_and_leaves_nothing(open_door: Callable[..., TestClient], events_of: Events) -> None:
    """413, announced or not."""
    door = open_door(max_body_bytes=2_000)
    assert door.post("/v1/ingest/file", params={"name": "a.txt"}, content=b"x" * 3_000).status_code == 413
    assert door.post("/v1/ingest/file", params={"name": "a.txt"}, content=iter([b"x" * 1_500] * 2)).status_code == 413
    assert hand_in(door, events_of, "a.txt", b"It rained.")[-1][1]["counts"] == {"added": 1}


def test_an_upload_that_breaks_off_is_no_incident(door: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Who leaves in the middle of a file is forgotten with what they sent: nothing is taken in, and the log has no error."""
    scope = {
        "type": "http", "method": "POST", "path": "/v1/ingest/file", "raw_path": b"/v1/ingest/file", "query_string": b"name=a.txt",
        "headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }  # fmt: skip
    said = iter([{"type": "http.request", "body": b"It rained", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(said)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(door.app(scope, receive, send))
    assert sent[0]["status"] == 499
    assert "incident" not in caplog.text
    assert door.get("/v1/coverage").json()["articles"] == 3


def test_a_full_disk_for_what_is_sent_is_said(door: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """507 and what to do, where the file cannot be set down."""
    full = tmp_path / "full"
    monkeypatch.setattr(Path, "open", lambda path, mode: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device", str(full))))
    response = door.post("/v1/ingest/file", params={"name": "a.txt"}, content=b"It rained.")
    assert response.status_code == 507
    assert "free some space" in response.json()["detail"]


def test_what_cannot_be_read_is_told_in_the_report(door: TestClient, events_of: Events) -> None:
    """A broken PDF is a rejected item, not a broken stream."""
    events = hand_in(door, events_of, "broken.pdf", b"%PDF-1.7 nothing follows")
    assert events[-1][1]["counts"] == {"rejected": 1}
    assert events[-1][1]["items"][0]["reason"]


def test_an_address_is_fetched_under_the_rules_of_fetching(door: TestClient, events_of: Events) -> None:
    """Loopback is refused unless the settings open it, and what is no address is a 422."""
    response = door.post("/v1/ingest/address", json={"url": "http://127.0.0.1/page.html"})
    report = events_of(response.text.splitlines())[-1]
    assert report[0] == "report"
    assert report[1]["counts"] == {"rejected": 1}
    assert "private" in report[1]["items"][0]["reason"] or "loopback" in report[1]["items"][0]["reason"]
    for body in ({"url": "herald.example"}, {"url": ""}, {}, {"url": "https://x.example/", "more": 1}):
        assert door.post("/v1/ingest/address", json=body).status_code == 422


def test_a_page_of_the_web_is_taken_in(open_door: Callable[..., TestClient], events_of: Events) -> None:
    """From a site on loopback, where the settings allow it."""
    with Site({"/bridge.html": Page(PAGE, headers={"Content-Type": "text/html; charset=utf-8"})}) as site:
        door = open_door(fetch_private_networks=True)
        response = door.post("/v1/ingest/address", json={"url": site.url("/bridge.html")})
        assert events_of(response.text.splitlines())[-1][1]["counts"] == {"added": 1}
