"""How often the dates of pages and feed items are read as a careful reader would: accuracy by origin, and each wrong one.

    python eval/date_set.py

The set is tests/dates: pages and feeds written for it, and labels.json. Its labels were written before the code was
run on them. Half a is every second entry in sorted order from the first on, half b the others. A date is right when
publication, update, origin and zone are all as labelled; n is the entries whose label has that origin. Intervals are
Wilson's, 95 %.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from service.articles.dates import Dated, settle
from service.articles.feeds import feed_articles
from service.articles.raw import Raw
from service.articles.webpage import page_articles
from service.domain import DateOrigin
from service.moments import iso, parse_moment

FOLDER = Path(__file__).parents[1] / "tests" / "dates"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""When the pages are read: fixed, so that the future stays the future."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One entry: what its label says, and what was read."""

    name: str
    half: str
    label: dict[str, Any]
    read: dict[str, Any]

    @property
    def right(self) -> bool:
        """Whether all of it is as labelled."""
        return self.label == self.read


def main() -> None:
    """Print the accuracy by half and origin, then what is wrong."""
    judged = judge()
    print(f"{'':12}{'half a':>22}{'half b':>24}{'both':>24}")
    for origin in (*DateOrigin, None):
        rows = [one for one in judged if origin is None or one.label["date_origin"] == origin]
        shares = (share([one for one in rows if one.half in half]) for half in ("a", "b", "ab"))
        print(f"{origin or 'all':12}" + "".join(f"{text:>24}" for text in shares))
    for one in judged:
        if not one.right:
            print(f"\nwrong: {one.name}\n  label {one.label}\n  read  {one.read}")


def share(rows: Sequence[Judged]) -> str:
    """`21/22 0.95 (0.78-0.99)`."""
    if not rows:
        return "none"
    right = sum(one.right for one in rows)
    interval = binomtest(right, len(rows)).proportion_ci(method="wilson")
    return f"{right}/{len(rows)} {right / len(rows):.2f} ({interval.low:.2f}-{interval.high:.2f})"


def judge(folder: Path = FOLDER) -> list[Judged]:
    """Every entry of the set, read."""
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    judged = []
    for number, label in enumerate(sorted(labels, key=_name)):
        expected = {key: label[key] for key in ("published_at", "updated_at", "date_origin", "zone")}
        for key in ("published_at", "updated_at"):
            expected[key] = iso(parse_moment(expected[key])) if expected[key] else None
        judged.append(Judged(_name(label), "ab"[number % 2], expected, _shown(settle(_raw(folder, label).stated, NOW))))
    return judged


def _name(label: dict[str, Any]) -> str:
    return f"{label['feed']}#{label['item']}" if "feed" in label else str(label["page"])


def _raw(folder: Path, label: dict[str, Any]) -> Raw:
    if "feed" in label:
        return feed_articles((folder / label["feed"]).read_bytes(), url=label.get("url")).items[label["item"] - 1]
    return page_articles((folder / label["page"]).read_bytes(), url=label.get("url"), name=label.get("name", ""))[0]


def _shown(dated: Dated) -> dict[str, Any]:
    return {
        "published_at": iso(dated.published_at),
        "updated_at": iso(dated.updated_at),
        "date_origin": str(dated.date_origin),
        "zone": dated.zone,
    }


if __name__ == "__main__":
    main()
