"""Text from outside as plain data in a prompt: it cannot speak in a role, close the evidence, or bring a sentence of its own number.

llama.cpp and most servers read special tokens wherever they stand, also inside an article (Greshake et al. 2023 show what follows). What
they look like is each model's own, so whatever looks like one is broken, not only those of one family.
"""

from __future__ import annotations

import re

from service.visible import plain

_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]\[]*)\]\(\s*<?[^()\s]*[^()]*\)")
_NUMBER = re.compile(
    r"[\[【〔]\s*(?:Source |Sentence |\^|#)?(\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*)\s*(?:†[^\]】〕]{0,20})?[\]】〕]", re.IGNORECASE
)
_INST = re.compile(r"\[\s*(/?)\s*([A-Z_]{3,24})\s*\]")
_OPENS = re.compile(r"<(?=[^\s\d=])|<(?=\s*[|/!])")
_CLOSES = re.compile(r"\|\s*>")
_HEADING = re.compile(r"#{2,}|`{2,}|~{3,}|[-=*_]{4,}")
_LABEL = re.compile(
    r"\b(Human|Assistant|User|System|Developer|Question|Answer|Instructions?|Input|Output|Response|Context|Evidence"
    r"|HUMAN|ASSISTANT|USER|SYSTEM|DEVELOPER|QUESTION|ANSWER|INSTRUCTIONS?|INPUT|OUTPUT|RESPONSE|CONTEXT)\s*:"
)


def neutral(text: str) -> str:
    """The text on one line, as a reader would see it, without anything that has a meaning in a prompt.

    Characters nobody sees and HTML comments go; links keep their words; tokens of chat templates, numbers in brackets as ours are, role
    labels and headings are broken. Ordinary text comes back unchanged.
    """
    text = _LINK.sub(r"\1", _COMMENT.sub(" ", plain(text)))
    text = _INST.sub(r"[ \1 \2 ]", _NUMBER.sub(r"(\1)", text))
    text = _CLOSES.sub("| >", _OPENS.sub("< ", text))
    return " ".join(_LABEL.sub(r"\1 –", _HEADING.sub(" ", text)).split())
