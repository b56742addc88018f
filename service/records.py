"""An answer as one line of JSON and back: what the archive keeps of it, and what an eval case is made from.

A record is lean: of each article it holds what a reader was shown, not the text and not the metadata, which the archive has.
"""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from service.domain import Answer, Article, Citation
from service.errors import BadInput

_ANSWER = TypeAdapter(Answer)


def dump_answer(answer: Answer) -> str:
    """The answer's record, on one line.

    What is not a character (half a surrogate pair, which no file can hold) is written `?`.
    """
    # Not `dump_json`: it writes an infinite score as null, which does not read back, and fails on half a surrogate pair.
    members = _ANSWER.dump_python(lean(answer), mode="json")
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode("utf-8")


def load_answer(text: str) -> Answer:
    """The lean answer in a record; a field that the record lacks has its default. Raises BadInput for what is no record."""
    try:
        answer = _ANSWER.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "record"
        raise BadInput(f"the record of the answer cannot be read ({place}: {first['msg']}): ask the question again") from error
    return replace(answer, timings_ms=MappingProxyType(dict(answer.timings_ms)))


def lean(answer: Answer) -> Answer:
    """The answer as its record holds it: headlines in the place of titles, no text or metadata of articles, nothing that was only found."""
    return replace(
        answer,
        citations=tuple(_lean_citation(citation) for citation in answer.citations),
        nearest=tuple(_lean_citation(citation) for citation in answer.nearest),
        found=(),
        prompts=(),
        evidence=tuple(replace(one, article=_lean_article(one.article), story=None) for one in answer.evidence),
        timings_ms=dict(answer.timings_ms),
    )


def _lean_citation(citation: Citation) -> Citation:
    return replace(citation, article=_lean_article(citation.article))


def _lean_article(article: Article) -> Article:
    return replace(article, title=article.headline, text="", metadata={})
