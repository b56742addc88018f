"""Check `service/articles/language.py`: how often is a language named, and how often wrongly?

    python eval/fit_language.py

Half a of eval/calibration/languages.json (news that was written for this, two texts in each of 14 languages) is for choosing the
threshold, half b for reporting. The English articles of the sample corpus and of realtimeqa-2025q4, where it is there, are cut at their
start and in the middle, and whole: each of them that is named another language would be kept out of an English index.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from service.articles import language
from service.articles.files import load
from service.articles.items import Loaded
from service.articles.language import language_of
from service.articles.reading import Reading
from service.articles.sandbox import Sandbox
from service.domain import Article
from service.settings import load_settings, resources

TEXTS = Path(__file__).parent / "calibration" / "languages.json"
LENGTHS = (40, 80, 160, 400)
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95)


def main() -> None:
    """Print a table of both halves at several thresholds, and the English articles at the one in use."""
    texts: dict[str, dict[str, str]] = json.loads(TEXTS.read_text("utf-8"))
    chosen = language.SURE
    for threshold in THRESHOLDS:
        language.SURE = threshold
        for half in "ab":
            for length in LENGTHS:
                pairs = [(code, piece) for code, halves in texts.items() for piece in pieces(halves[half], length)]
                print(f"probability {threshold:.2f}, half {half}, {length:>3} characters: {tally(pairs)}")
    language.SURE = chosen
    settings = load_settings()
    sets = {"sample": resources() / "corpus" / "articles", "realtimeqa": settings.eval_data / "realtimeqa-2025q4" / "articles.jsonl.gz"}
    for name, place in sets.items():
        if place.exists():
            with Sandbox(settings.parse_seconds, settings.parse_memory_mb) as parser:
                items = load([place], Reading(datetime.now(UTC), settings.max_article_chars, parser))
                articles = [item.article for item in items if isinstance(item, Loaded)]
            english(name, articles)


def english(name: str, articles: list[Article]) -> None:
    """How many pieces of English articles are named English, another language or none, and what a whole article takes."""
    for length in LENGTHS:
        cut = [("en", article.text[start : start + length]) for article in articles for start in (0, len(article.text) // 2)]
        print(f"{name}, English, {length:>3} characters: {tally(cut)}")
    started = time.process_time()
    print(f"{name}, English, whole articles: {tally([('en', article.text) for article in articles])}", end="")
    print(f", {1000 * (time.process_time() - started) / len(articles):.2f} ms each")


def pieces(text: str, length: int) -> Iterator[str]:
    """Overlapping pieces of that length; none of a shorter text."""
    for start in range(0, len(text) - length + 1, max(20, length // 2)):
        yield text[start : start + length]


def tally(pairs: Iterable[tuple[str, str]]) -> str:
    """What became of pieces of known language, and which were named wrongly."""
    named = [(code, language_of(piece)) for code, piece in pairs]
    wrong = Counter(f"{code} as {found}" for code, found in named if found not in {code, None})
    none = sum(found is None for _, found in named)
    right = len(named) - none - wrong.total()
    shares = f"{right / len(named):6.1%} right, {none / len(named):6.1%} not named"
    return f"{len(named):>4} pieces, {shares}, {wrong.total()} wrong {dict(wrong) or ''}"


if __name__ == "__main__":
    main()
