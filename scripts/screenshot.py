"""Takes the pictures of the README from a running service on the sample archive: `python scripts/screenshot.py [URL]`.

Needs playwright and the system's Chromium. Each question is asked in earnest, so that the local model writes what is seen.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WAIT = 180_000  # milliseconds
WIDE, PHONE = {"width": 1100, "height": 900}, {"width": 390, "height": 844}
HOMES = "How many homes in Skell did the earthquake destroy or leave beyond repair?"


def main() -> None:
    """One picture after the other, each named as it is kept."""
    url = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8321"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = opened(browser, url, WIDE)
        ask(page, "Why did the ferry Petrel run aground?")
        open_card(page)
        keep(page, "page")
        page.locator(".sources").get_by_text("Read in the article").first.click()
        page.locator("mark").first.wait_for()
        keep(page, "page-article")
        page = opened(browser, url, WIDE)
        ask(page, HOMES)
        keep(page, "page-conflict")
        ask(page, "Who will be the next head of the Orvane Press Agency?")
        keep(page, "page-refusal")
        page = opened(browser, url, WIDE, color_scheme="dark")
        ask(page, "What is the central bank's base rate now?")
        open_card(page)
        keep(page, "page-dark")
        page = opened(browser, url, PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)
        ask(page, "How many people were moved out of the valley below the Halvern Dam?")
        page.locator("button.cite").first.tap()
        page.locator(".card").wait_for()
        keep(page, "page-phone")
        browser.close()


def opened(browser: Browser, url: str, viewport: dict[str, int], **options: object) -> Page:
    """A fresh page at the desk."""
    context = browser.new_context(viewport=viewport, reduced_motion="reduce", **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    return page


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the whole answer."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    page.locator(".busy").wait_for(state="attached", timeout=WAIT)
    page.locator(".made-by").wait_for(timeout=WAIT)


def open_card(page: Page) -> None:
    """The card of the first citation."""
    page.locator("button.cite").first.focus()
    page.locator(".card").wait_for()


def keep(page: Page, name: str) -> None:
    """The picture under `docs/`."""
    page.screenshot(path=DOCS / f"{name}.png")
    print(DOCS / f"{name}.png")


if __name__ == "__main__":
    main()
