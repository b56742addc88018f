"""What a reader does not see and a model reads all the same: invisible characters, look-alikes, tokens of chat templates."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\ud800-\udfff"  # halves of characters, which no encoder takes
    "\ue000-\uf8ff"  # private use
    "\U000e0000-\U000e0fff]"  # tags and variation selectors: ASCII in disguise (Rehberger 2024, "ASCII smuggling")
)
_TAGS = re.compile("[\U000e0020-\U000e007e]{8,}")
"""Longer than those of a flag, the one honest use."""
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0x2581: 0x20}
"""Full-width ASCII, and the bar that tokenizers write for a space: DeepSeek's tokens are made of the two."""
_ROLE = re.compile(
    r"<\s*\|[^<>]{0,64}?\|\s*>"  # ChatML, Llama 3, Phi, Harmony, DeepSeek
    r"|<\s*/?\s*(?:s|bos|eos|unk|pad|system|user|assistant|im_start|im_end|(?:start|end|begin)_?of_?\w{1,16})\s*>"  # Llama 2, Gemma
    r"|\[\s*/?\s*(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\s*\]|<<\s*/?\s*SYS\s*>>"  # Llama 2, Mistral
    r"|#{2,}\s*(?:Instructions?|System|User|Assistant|Human|Input|Response)\b"  # Alpaca, Vicuna
    r"|^\s*(?:Human|Assistant|System)\s*:",  # Claude's older form
    re.IGNORECASE | re.MULTILINE,
)


def visible(text: str) -> str:
    """The text without controls, zero-width and bidirectional characters, tags, private use, lone surrogates. Line ends and tabs stay."""
    return _UNSEEN.sub("", text)


def plain(text: str) -> str:
    """The visible text with full-width ASCII as ASCII; where that, or another compatibility form, hides a token, all are folded (NFKC).

    Elsewhere they are an article's own signs (½, km², …) and stay.
    """
    text = visible(text).translate(_WIDE)
    return folded if not text.isascii() and _ROLE.search(folded := unicodedata.normalize("NFKC", text)) else text


def speaks_in_a_role(text: str) -> bool:
    """True where the text holds a token of a chat template, however disguised, or writes in tag characters, which only a model sees."""
    return bool(_ROLE.search(plain(text)) or _TAGS.search(text))
