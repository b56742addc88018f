"""Which articles are new, changed, unchanged, the same as another, or not to be taken in: decided before anything is embedded."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from service.articles.items import Gone, Item, Loaded, Looked, Skipped, Unreadable, Untouched
from service.domain import Outcome
from service.indexing.repeats import Repeats
from service.indexing.report import ItemReport
from service.ports import Archive, Visit
from service.urls import url_key

REMEMBERED = 4_096
"""Texts of this run that a twin is looked for among: more than are on their way into the archive, which knows the others."""
_Text = tuple[str, str | None]


@dataclass(slots=True)
class Screened:
    """A batch after the look at it: what is to be prepared, what the report says, and what to remember once all of it is safe."""

    fresh: list[Loaded] = field(default_factory=list)
    rows: list[ItemReport] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Ids of articles to be withdrawn."""
    visits: list[Visit] = field(default_factory=list)

    def add(self, later: Screened) -> None:
        """Another look's finds behind these."""
        for mine, more in (
            (self.fresh, later.fresh), (self.rows, later.rows), (self.skipped, later.skipped), (self.gone, later.gone),
            (self.visits, later.visits),
        ):  # fmt: skip
            mine.extend(more)  # type: ignore[arg-type]


class Screen:
    """Looks at the items of one run, in order."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._seen = Repeats()
        self._texts: OrderedDict[_Text, str] = OrderedDict()
        self._gone: set[str] = set()
        """Articles that this run withdraws; the archive may not know it yet."""

    def looks(
        self, batches: Iterable[Sequence[Item]], size: int, *, seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> Iterator[Screened]:
        """A look at each batch; what little is fresh in several full ones is put together, up to `size` or for `seconds`.

        Where one article in twenty has changed, the encoder would else get three at a time: 68 passages a second instead of 120. A batch
        shorter than `size` is from a slow source, or the last, and is not waited for. What was found before an error is given before it.
        """
        pending, begun, rest = Screened(), 0.0, iter(batches)
        while True:
            try:
                batch = next(rest)
            except StopIteration:
                break
            except Exception:
                if pending.fresh:
                    yield pending
                raise
            if not pending.fresh:
                begun = clock()
            pending.add(self.look(batch))
            if 0 < len(pending.fresh) < size <= len(batch) and clock() - begun < seconds:
                continue
            yield pending
            pending = Screened()
        if pending.fresh:
            yield pending

    def look(self, batch: Sequence[Item]) -> Screened:
        """Those that are new or changed, and a row of the report for every article."""
        articles = self._named([item for item in batch if isinstance(item, Loaded)])
        known, following, found = self._archive.known([loaded.article.id for loaded in articles]), iter(articles), Screened()
        removed = self._archive.removed([key for loaded in articles if loaded.offered for key in _keys(loaded)])
        for item in batch:
            match item:
                case Loaded():
                    loaded = next(following)
                    if loaded.offered and not removed.isdisjoint(_keys(loaded)):
                        found.rows.append(_passed_over(loaded, "was removed from the archive by hand: name it to take it in again"))
                    elif loaded.article.id in self._gone:
                        found.rows.append(_passed_over(loaded, "was taken down in this very run"))
                    else:
                        self._sort(loaded, known, found)
                case Unreadable(place, reason, origin):
                    found.rows.append(ItemReport(place, Outcome.REJECTED, reason=reason, origin=origin))
                case Skipped(place):
                    found.skipped.append(place)
                case Untouched(place, article_id, _, warnings):
                    found.rows.append(ItemReport(place, Outcome.UNCHANGED, article_id, warnings=warnings))
                case Gone(place, article_id, reason):
                    found.rows.append(ItemReport(place, Outcome.WITHDRAWN, article_id, reason))
                    found.gone.append(article_id)
                    self._gone.add(article_id)
            if isinstance(item, (Unreadable, Untouched, Gone, Looked)) and item.visit:
                found.visits.append(item.visit)
        return found

    def _sort(self, loaded: Loaded, known: dict[str, str], found: Screened) -> None:
        row = self._judge(loaded, known)
        found.rows.append(row)
        if row.outcome in {Outcome.ADDED, Outcome.UPDATED}:
            found.fresh.append(loaded)
        if loaded.visit and row.outcome is not Outcome.REJECTED:
            # The page of a duplicate is not that of the article: what becomes of it says nothing of the other.
            held = None if row.outcome is Outcome.DUPLICATE else row.article_id
            found.visits.append(replace(loaded.visit, article_id=held))

    def _named(self, articles: Sequence[Loaded]) -> list[Loaded]:
        """The same, with the archive's own id where it holds the page already, read from elsewhere or under another address."""
        keys = {loaded.article.id: key for loaded in articles if not loaded.has_id and (key := url_key(loaded.article.url))}
        held = self._archive.at_urls(list(keys.values())) if keys else {}
        return [
            replace(loaded, article=replace(loaded.article, id=held[keys[loaded.article.id]]))
            if not loaded.has_id and keys.get(loaded.article.id) in held
            else loaded
            for loaded in articles
        ]

    def _judge(self, loaded: Loaded, known: dict[str, str]) -> ItemReport:
        article, digest = loaded.article, loaded.article.content_hash

        def row(outcome: Outcome, reason: str | None = None) -> ItemReport:
            return ItemReport(loaded.place, outcome, article.id, reason, loaded.warnings, article.origin)

        if again := self._seen.row(loaded):
            return again
        if known.get(article.id) == digest:
            return row(Outcome.UNCHANGED)
        key = article.text_hash, article.source.casefold() if article.source else None
        if article.id not in known and (twin := self._texts.get(key) or self._twin(loaded)):
            return row(Outcome.DUPLICATE, twin)
        self._remember(key, article.id)
        return row(Outcome.UPDATED if article.id in known else Outcome.ADDED)

    def _twin(self, loaded: Loaded) -> str | None:
        """The archive's article of the same outlet and text; none where this very run replaces that text."""
        twin = self._archive.twin(loaded.article)
        if twin is None or twin not in self._seen:
            return twin
        held = self._archive.known([twin]).get(twin)
        return twin if self._seen.digest(twin) == held else None

    def _remember(self, key: _Text, article_id: str) -> None:
        self._texts[key] = article_id
        if len(self._texts) > REMEMBERED:
            self._texts.popitem(last=False)


def _keys(loaded: Loaded) -> list[str]:
    """What an article may have been removed under."""
    pages = (url_key(loaded.article.url), url_key(loaded.visit.url) if loaded.visit else None)
    return [loaded.article.id, *(key for key in pages if key)]


def _passed_over(loaded: Loaded, reason: str) -> ItemReport:
    return ItemReport(loaded.place, Outcome.UNCHANGED, reason=reason, origin=loaded.article.origin)
