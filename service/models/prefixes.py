"""What an encoder is to be given before a question and before a passage: many were trained with such words, and are worse without.

Where nobody says otherwise: the prompts in the model's own folder (`config_sentence_transformers.json`, as sentence-transformers reads them
for `encode_query` and `encode_document`), else what the model cards of two families say whose folders often lack them. They are put before
the text here rather than by `encode_query`, so that they count among the tokens and a server of embeddings gets the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from service.errors import ModelCorrupt
from service.settings import Settings

_FAMILIES = (
    (re.compile(r"(^|[-_/])e5-(small|base|large)(-v2)?$", re.IGNORECASE), ("query: ", "passage: ")),
    (
        re.compile(r"(^|[-_/])bge-(small|base|large)-en(-v1\.5)?$", re.IGNORECASE),
        ("Represent this sentence for searching relevant passages: ", ""),
    ),
)
"""Wang et al., 2022 (arXiv 2212.03533) and 2024 (arXiv 2402.05672); Xiao et al., 2023 (arXiv 2309.07597)."""
_PASSAGE_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Both as they stand before the text, the space between included."""

    question: str = ""
    passage: str = ""

    @property
    def tag(self) -> str:
        """What a fingerprint ends with: nothing where passages have no prefix, since only they are kept."""
        return f"-{hashlib.sha256(self.passage.encode()).hexdigest()[:6]}" if self.passage else ""


@dataclass(frozen=True, slots=True)
class ToldPrefixes:
    """What the settings say of them; None where they say nothing."""

    question: str | None = None
    passage: str | None = None

    def over(self, known: Prefixes) -> Prefixes:
        """What was told, and what is known for the rest."""
        return Prefixes(
            known.question if self.question is None else self.question, known.passage if self.passage is None else self.passage
        )  # fmt: skip


NONE = Prefixes()
UNTOLD = ToldPrefixes()


def told_prefixes(settings: Settings) -> ToldPrefixes:
    """What the settings say; `none` is an empty prefix."""
    told = (settings.embedding_question_prefix, settings.embedding_passage_prefix)
    return ToldPrefixes(*("" if one == "none" else one for one in told))


def prefixes_of_name(name: str) -> Prefixes:
    """Those of the family that the name belongs to; none for any other."""
    for pattern, (question, passage) in _FAMILIES:
        if pattern.search(name):
            return Prefixes(question, passage)
    return NONE


def prefixes_of_folder(folder: Path, name: str) -> Prefixes:
    """Those in the folder's own settings, else those of the name's family. Raises ModelCorrupt where the settings are no JSON."""
    path = folder / "config_sentence_transformers.json"
    try:
        stated = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ModelCorrupt(f"{path} is not JSON: {error}") from error
    prompts = stated.get("prompts") if isinstance(stated, dict) else None
    named = {key: value for key, value in prompts.items() if isinstance(value, str)} if isinstance(prompts, dict) else {}
    passage = next((named[key] for key in _PASSAGE_PROMPTS if named.get(key)), "")
    found = Prefixes(named.get("query", ""), passage)
    return found if found != NONE else prefixes_of_name(name)
