"""Question files in other people's formats: a suite's `[fields]` says where each of our keys stands in their rows.

A path such as `evidence.text` goes through lists. What is found is brought into our shape: one string, or a list of them,
is one group of alternatives in `answers`, and as many facts in `gold`; speaker turns are paired into `history`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.errors import BadInput
from service.evaluation.cases import ANSWERS, REFUSALS, QuestionRow
from service.evaluation.matching import normalise

Row = Mapping[str, Any]

LISTS = frozenset({"choices", "gold_articles", "stale_articles", "planted_articles", "planted_answers", "only_articles", "tags"})
TARGETS = (frozenset(QuestionRow.model_fields) | {"answerable"}) - {"review", "note", "statuses"}
"""Our keys that can be mapped. `answerable` is a truth value from which `statuses` follow."""


def dig(row: object, path: str) -> object:
    """What stands at a dotted path; on the way through a list, a flat list of what stands in each of its items."""
    found = row
    for part in path.split("."):
        if isinstance(found, list):
            found = [item for one in found for item in _listed(one.get(part) if isinstance(one, dict) else None)]
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return found


def matches(row: Row, wanted: Mapping[str, object]) -> bool:
    """True where every path holds the wanted value; wanted true or false, where it holds something or nothing."""
    for path, value in wanted.items():
        found = dig(row, path)
        if bool(found) is not value if isinstance(value, bool) else found != value:
            return False
    return True


def mapped(row: Row, fields: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """The row with our keys and shapes; what is missing or empty is left out. Raises BadInput for a turn without a text."""
    paths = {"id": "id", "question": "question", **fields}
    out: dict[str, Any] = {}
    for key, path in paths.items():
        found = [item for one in path for item in _listed(dig(row, one))] if not isinstance(path, str) else dig(row, path)
        if found not in (None, "", []):
            out[key] = _shaped(key, found)
    if "answerable" in out:
        out["statuses"] = [*(ANSWERS if out.pop("answerable") else REFUSALS)]
    return settled(out)


def settled(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what contradicts the rest: expected answers where only a refusal is right, planted answers that are true."""
    if all(status in REFUSALS for status in row.get("statuses", ANSWERS)):
        row = {key: value for key, value in row.items() if key not in {"answers", "gold", "gold_articles"}}
    true = {normalise(text) for group in row.get("answers", []) for text in group}
    if "planted_answers" in row:
        row["planted_answers"] = [text for text in row["planted_answers"] if normalise(text) not in true]
    if only := row.get("only_articles"):
        row["gold_articles"] = [name for name in row.get("gold_articles", []) if name in only]
    return row


def _shaped(key: str, found: Any) -> Any:
    if key == "answers":
        groups = found if isinstance(found, list) and all(isinstance(one, list) for one in found) else [_listed(found)]
        kept = [[text for text in map(str, group) if normalise(text)] for group in groups]
        return [group for group in kept if group]
    if key == "gold":
        return [one if isinstance(one, list) else [one] for one in _listed(found) if one]
    if key == "history":
        return list(_turns(found))
    if key in LISTS:
        return [str(one) for one in _listed(found) if one not in (None, "")]
    return str(found) if key in {"id", "question"} else found


def _listed(found: object) -> list[Any]:
    return found if isinstance(found, list) else [] if found is None else [found]


def _turns(found: object) -> Iterator[dict[str, str]]:
    """Our own turns as they are; others' `{speaker, text}` lines in pairs. What a user said without getting an answer has none."""
    question: str | None = None
    for turn in _listed(found):
        if not isinstance(turn, dict):
            raise BadInput(f"history: a turn is an object, not {json.dumps(turn)[:80]}")
        if "question" in turn:
            yield {"question": str(turn["question"]), "answer": str(turn.get("answer", ""))}
        elif turn.get("speaker", turn.get("role")) == "user":
            if question:
                yield {"question": question, "answer": ""}
            question = str(turn.get("text", turn.get("content", "")))
        elif question:
            yield {"question": question, "answer": str(turn.get("text", turn.get("content", "")))}
            question = None
