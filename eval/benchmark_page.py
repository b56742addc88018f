"""How soon a reader sees the first checked sentence, beside the API's own time: `python eval/benchmark_page.py [URL]`.

A service runs there. The page asks in Chromium, then the same question is asked over HTTP, in turn; only ratios within one run are told.
Also what goes over the wire until the desk can be used.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time

import httpx2
from playwright.sync_api import Browser, sync_playwright

QUESTIONS = (
    "Why did the ferry Petrel run aground?",
    "What is the central bank's base rate now?",
    "How many people were moved out of the valley below the Halvern Dam?",
    "How many homes in Skell did the earthquake destroy or leave beyond repair?",
    "Who won the cup final?",
)
SEEN = """() => new Promise((done) => {
  const began = performance.now();
  const look = () => { if (document.querySelector(".sentence, .verdict")) done(performance.now() - began); };
  new MutationObserver(look).observe(document.getElementById("desk"), { childList: true, subtree: true });
  document.getElementById("ask").requestSubmit();
})"""
"""Milliseconds from asking to the first checked sentence, or verdict of a refusal, in the document."""
WAIT = 180_000


def main() -> None:
    """Ask each question by both ways and print what was measured."""
    url = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8321"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        _wire(browser, url)
        pairs = []
        for question in QUESTIONS:
            _told(url, question)  # once before: a local model reads a prompt that it has read before much faster
            seen, told = _seen(browser, url, question), _told(url, question)
            pairs.append((seen, told))
            print(f"{seen:8.2f} s seen {told:8.2f} s told  {seen / told:5.2f}  {question}", flush=True)
        browser.close()
    ratios = [seen / told for seen, told in pairs]
    span = f"from {min(ratios):.2f} to {max(ratios):.2f}"
    print(f"first checked sentence, seen / told: median {statistics.median(ratios):.2f} of {len(ratios)}, {span}")


def _wire(browser: Browser, url: str) -> None:
    page = browser.new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(url, wait_until="networkidle")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
    print(f"over the wire, headers included: {sum(sizes):,.0f} bytes in {len(sizes)} responses; first paint after {paint:.0f} ms")
    page.close()


def _seen(browser: Browser, url: str, question: str) -> float:
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.goto(url, wait_until="networkidle")
    page.get_by_label("Your question").fill(question)
    found = float(page.evaluate(SEEN)) / 1000
    page.locator(".made-by").wait_for()
    page.close()
    return found


def _told(url: str, question: str) -> float:
    """Seconds until the `sentence` or `final` event of the API."""
    began = time.perf_counter()
    with httpx2.stream("POST", f"{url}/v1/ask", json={"question": question, "stream": True}, timeout=WAIT) as response:
        for line in response.iter_lines():
            if line in {"event: sentence", "event: final"}:
                found = time.perf_counter() - began
                break
        else:
            raise SystemExit(f"{url} sent no answer to {question!r}")
    return found


if __name__ == "__main__":
    main()
