"""Notices: articles that correct or retract, themselves or another article.

Only labelled wording counts (`notice_wording`). News of somebody's correction, retraction or withdrawal is news.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from service.domain import Article, Notice, NoticeKind
from service.indexing import notice_wording as wording
from service.sentences import sentence_spans
from service.words import bare_words

MAX_SAID = 500
"""Characters of the sentence that says so."""
REACH = 600
"""Characters behind a label in which it must become a notice. Notices come to the point."""
_READ = 1_000
"""Characters from which the first sentence is cut."""
_PLACES = 200
"""Places of one article that are looked at; no article has more notes."""
_LABEL_WORDS = 4
"""A sentence of no more words is a label, and the next one says what is meant."""
_STATUS_KEYS = frozenset({"status", "creativeworkstatus", "pubstatus"})
_GONE = frozenset({"retracted", "withdrawn"})
_CORRECTION_KEYS = frozenset({"correction", "corrections"})


def notice_of(article: Article) -> Notice | None:
    """The notice that the article carries, or None. `corrects` is its own id where it speaks of itself, else None (see `link`).

    What the headline says goes before what is noted in the text, and there a retraction before a correction.
    """
    noted = [*_of_text(article)]
    noted.sort(key=lambda one: one.kind is not NoticeKind.RETRACTION)
    found = (_of_status(article, noted), _of_title(article), *noted, _of_metadata(article))
    return next((one for one in found if one), None)


def _notice(article: Article, kind: NoticeKind, said: str, *, itself: bool) -> Notice:
    short = " ".join(said.split())
    short = short if len(short) <= MAX_SAID else short[: MAX_SAID - 1].rsplit(" ", 1)[0] + "…"
    return Notice(kind, short, article.id, article.id if itself else None, article.published_at)


# ── what the source says of the page ─────────────────────────────────────────


def _of_status(article: Article, noted: list[Notice]) -> Notice | None:
    for key, value in article.metadata.items():
        if key.casefold() in _STATUS_KEYS and isinstance(value, str) and value.strip().casefold() in _GONE:
            said = next((one.said for one in noted if one.kind is NoticeKind.RETRACTION), value)
            return _notice(article, NoticeKind.RETRACTION, said, itself=True)
    return None


def _of_metadata(article: Article) -> Notice | None:
    """schema.org's `correction`: a text, or a comment that holds one."""
    for key, value in article.metadata.items():
        if key.casefold() not in _CORRECTION_KEYS:
            continue
        first = value[0] if isinstance(value, list) and value else value
        text = (
            next((first[name] for name in ("text", "description", "name") if first.get(name)), None) if isinstance(first, dict) else first
        )
        if isinstance(text, str) and text.strip():
            gone = wording.RETRACTED.search(text[:REACH]) or wording.RETRACTION_LABEL.match(text)
            return _notice(article, NoticeKind.RETRACTION if gone else NoticeKind.CORRECTION, _first(text.strip()), itself=True)
    return None


# ── headlines ────────────────────────────────────────────────────────────────


def _of_title(article: Article) -> Notice | None:
    title, opening = article.title, article.text[:REACH]
    if wording.RETRACTED_TITLE.search(title):
        return _notice(article, NoticeKind.RETRACTION, title, itself=True)
    if wording.CORRECTED_TITLE.search(title):
        note = wording.CORRECTS.match(opening)
        return _notice(article, NoticeKind.CORRECTION, _first(article.text, article.language) if note else title, itself=True)
    if wording.RETRACTION_LABEL.match(title) and _retracts(article, opening):
        return _notice(article, NoticeKind.RETRACTION, _telling(article) or title, itself=_speaks_of_itself(opening))
    if wording.CORRECTION_LABEL.match(title) and (wording.ERROR.search(opening) or _SPEAKS_OF_PRINT.search(opening)):
        return _notice(article, NoticeKind.CORRECTION, _telling(article) or title, itself=_speaks_of_itself(opening))
    return None


_SPEAKS_OF_PRINT = re.compile(rf"{wording.ANOTHER.pattern}|{wording.EARLIER_VERSION.pattern}|\bwe (?:said|reported|wrote)\b", re.IGNORECASE)


def _telling(article: Article) -> str | None:
    """The first sentence of the text that speaks of an error, of a retraction or of what was printed."""
    text = article.text[:_READ]
    for start, end in sentence_spans(text[:REACH], article.language):
        sentence = text[start:end]
        if wording.ERROR.search(sentence) or _SPEAKS_OF_PRINT.search(sentence) or _retracts(article, sentence):
            return _first(text[start:], article.language)
    return None


def _retracts(article: Article, text: str) -> bool:
    """Whether a text under the label of a retraction retracts: passively, as "we", or in the outlet's own name."""
    if wording.RETRACTED.search(text) or wording.WE_RETRACT.search(text):
        return True
    if any(match["gone"] and _is_own(article, match["who"]) for match in wording.OUTLET_SPEAKS.finditer(text)):
        return True
    return bool(wording.IS_RETRACTED.search(text))


# ── notes in the text ────────────────────────────────────────────────────────


def _of_text(article: Article) -> Iterator[Notice]:
    """Notes that stand as a paragraph of their own, or as sentences of one."""
    places, start = 0, 0
    for paragraph in article.text.split("\n"):
        if wording.LABELS.match(paragraph):
            places += 1
            if one := _labelled(article, start, paragraph[:REACH]):
                yield one
        for match in islice(wording.CUES.finditer(paragraph), _PLACES) if paragraph else ():
            places += 1
            if _opens_sentence(paragraph, match.start()) and (one := _unlabelled(article, start + match.start())):
                yield one
        if places > _PLACES:
            return
        start += len(paragraph) + 1


def _labelled(article: Article, start: int, rest: str) -> Notice | None:
    """A paragraph that begins with a label and goes on, it or what follows it, to speak of an error."""
    window = article.text[start : start + REACH]
    if wording.CORRECTS.match(rest) or wording.THE_CHANGED.match(rest):
        return _notice(article, NoticeKind.CORRECTION, _first(article.text[start:], article.language), itself=True)
    kind = NoticeKind.RETRACTION if _retracts_itself(window) else NoticeKind.CORRECTION
    if wording.RETRACTION_LABEL.match(rest):
        speaks, kind = _retracts(article, window), NoticeKind.RETRACTION
    elif wording.CORRECTION_LABEL.match(rest):
        speaks = bool(wording.ERROR.search(window) or wording.CONTRAST.search(window))
    else:
        patterns = (wording.ERROR, wording.PURPOSE, wording.VERSION_SAID)
        kind = NoticeKind.RETRACTION if _retracts_itself(rest) else NoticeKind.CORRECTION
        speaks = kind is NoticeKind.RETRACTION or any(pattern.search(rest) for pattern in patterns)
    if not speaks:
        return None
    alone = start == 0 and len(article.text) <= 2 * REACH
    return _notice(article, kind, _first(article.text[start:], article.language), itself=_speaks_of_itself(window, otherwise=not alone))


def _retracts_itself(text: str) -> bool:
    by_name = wording.ITSELF.search(text) and wording.IS_RETRACTED.search(text)
    return bool(wording.RETRACTED.search(text) or wording.WE_RETRACT.search(text) or by_name)


def _unlabelled(article: Article, start: int) -> Notice | None:
    """A sentence that needs no label, judged by it and what follows it in its paragraph."""
    text = article.text[start : start + REACH].split("\n", 1)[0]
    if wording.RETRACTED.match(text):
        return _notice(article, NoticeKind.RETRACTION, _first(article.text[start:], article.language), itself=True)
    spoken = wording.OUTLET_SPEAKS.match(text)
    if spoken and not _is_own(article, spoken["who"]):
        return None
    if wording.WE_RETRACT.match(text) or wording.WE_REGRET.match(text) or spoken:
        gone = wording.WE_RETRACT.match(text) or (spoken and spoken["gone"])
        itself = _speaks_of_itself(text, otherwise=len(article.text) > 2 * REACH)
        kind = NoticeKind.RETRACTION if gone else NoticeKind.CORRECTION
        return _notice(article, kind, _first(article.text[start:], article.language), itself=itself)
    if _was_corrected(text):
        return _notice(article, NoticeKind.CORRECTION, _first(article.text[start:], article.language), itself=True)
    return None


def _was_corrected(text: str) -> bool:
    """Whether it begins by saying that this article was changed, or had said something, because of an error."""
    if match := wording.EARLIER_VERSION.match(text):
        return bool(wording.ERROR.search(text) or wording.SAYS.match(text, match.end()))
    if match := wording.CHANGED.match(text):
        plain = (match["how"] or "corrected").casefold() == "corrected"
        return plain or bool(wording.PURPOSE.search(text) or wording.ERROR.search(text))
    return False


def _opens_sentence(paragraph: str, start: int) -> bool:
    """Whether a sentence begins there that nobody is quoted as saying."""
    before = paragraph[:start]
    bare = before.rstrip(" *_#>•·[(–—-")
    if bare and bare[-1] not in '.!?…)]”"':
        return False
    return before.count('"') % 2 == 0 and before.count("“") <= before.count("”")


def _speaks_of_itself(text: str, *, otherwise: bool = False) -> bool:
    """Whether a notice speaks of "this article" before it speaks of another one."""
    itself, another = (pattern.search(text) for pattern in (wording.ITSELF, wording.ANOTHER))
    if itself and another:
        return itself.start() <= another.start()
    return bool(itself) or (otherwise and not another)


def _is_own(article: Article, name: str) -> bool:
    """Whether a name is the article's outlet, whole or in part: the Gazette is the Port Asel Gazette."""
    own, named = bare_words(article.source or ""), [word for word in bare_words(name) if word != "the"]
    return bool(named) and set(named) <= set(own)


def _first(text: str, language: str | None = None) -> str:
    """The first sentence; with the one after it where the first is no more than a label."""
    text = text[:_READ]
    end = len(text)
    for _, end in sentence_spans(text, language)[:3]:
        if len(bare_words(text[:end])) > _LABEL_WORDS:
            break
    return text[:end]
