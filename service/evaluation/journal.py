"""What an interrupted run has already asked, so that the next one goes on where it stopped.

One JSON object a line, written as each answer comes and removed when the run is whole. A line that was cut off is passed over.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from service.domain import Answer, Article, Hit
from service.errors import BadInput, NotFound
from service.evaluation.cases import Case, digest
from service.evaluation.systems import Response
from service.records import dump_answer, load_answer

log = logging.getLogger(__name__)
_RANKING = TypeAdapter(tuple[Hit, ...])
Lookup = Callable[[str], Article]


class Journal:
    """The answers of one run. `identity` names all that answers depend on: with another one, nothing is taken over."""

    def __init__(self, folder: Path, suite: str, identity: str, lookup: Lookup) -> None:
        self.path = folder / f"{suite}-{digest(identity)[:16]}.jsonl"
        self._lookup = lookup
        self._lines = self._read()

    def __len__(self) -> int:
        return len(self._lines)

    def known(self, system: str, case: Case) -> Response | None:
        """What this system answered to this very question; None where it was not asked, or its articles are gone."""
        line = self._lines.get((system, case.id, case.fingerprint))
        if line is None:
            return None
        try:
            answer = load_answer(line["answer"]) if line["answer"] else None
            ranking = _RANKING.validate_python(line["ranking"]) if line["ranking"] is not None else None
            return Response(
                None if ranking is None else tuple(replace(hit, article=self._lookup(hit.article.id)) for hit in ranking),
                self._whole(answer) if answer else None,
                line["first_sentence_ms"],
                line["search_ms"],
            )
        except (BadInput, NotFound, ValidationError, KeyError):
            return None

    def add(self, system: str, case: Case, response: Response) -> None:
        """Keep what was answered. Where that cannot be written, the run goes on, and one cut short begins anew."""
        hits = response.ranking
        lean = None if hits is None else tuple(replace(hit, article=Article(hit.article.id, "", metadata={})) for hit in hits)
        line = {
            "system": system,
            "id": case.id,
            "fingerprint": case.fingerprint,
            "answer": dump_answer(response.answer) if response.answer else None,
            "ranking": _RANKING.dump_python(lean, mode="json") if lean is not None else None,
            "first_sentence_ms": response.first_sentence_ms,
            "search_ms": response.search_ms,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{json.dumps(line)}")  # the break comes first: a line that was cut off spoils no other
        except OSError as error:
            log.warning("question %s is not kept for a run that is cut short: %s", case.id, error)

    def close(self) -> None:
        """The run is whole: forget it."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        try:
            lines = self.path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for text in lines:
            try:
                line = json.loads(text)
                found[line["system"], line["id"], line["fingerprint"]] = line
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def _whole(self, answer: Answer) -> Answer:
        """The answer with its articles as they are in the archive."""
        return replace(
            answer,
            citations=tuple(replace(one, article=self._lookup(one.article.id)) for one in answer.citations),
            nearest=tuple(replace(one, article=self._lookup(one.article.id)) for one in answer.nearest),
            evidence=tuple(replace(one, article=self._lookup(one.article.id)) for one in answer.evidence),
        )
