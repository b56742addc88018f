"""Takes docs/page.png from a running service: `python scripts/screenshot.py [URL]`. Needs playwright and the system's Chromium."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

QUESTION = "How many homes in Skell did the earthquake destroy or leave beyond repair?"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WAIT = 120_000  # milliseconds


def main() -> None:
    """Ask in the page, open the first citation, keep the picture."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8321/"
    question = sys.argv[2] if len(sys.argv) > 2 else QUESTION
    target = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(__file__).resolve().parent.parent / "docs" / "page.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1100, "height": 900}, reduced_motion="reduce")
        page.goto(url)
        page.get_by_role("textbox").first.fill(question)
        page.keyboard.press("Enter")
        page.locator("section.sources").wait_for(timeout=WAIT)
        marks = page.locator("button.cite")
        if marks.count():
            marks.first.focus()
            page.locator(".card").first.wait_for()
        page.screenshot(path=target)
        browser.close()
    print(target)


if __name__ == "__main__":
    main()
