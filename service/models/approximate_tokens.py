"""Where tokens may start in a text whose tokenizer is unknown: rather too many than too few.

A token is at most `LETTERS` ASCII letters of a word, at most `OTHER_LETTERS` of any other alphabet, one digit, one sign, or one character
of a script without spaces. A passage cut by it fits into what the model reads, at the price of being shorter than it could be.
"""

from __future__ import annotations

import re

LETTERS = 5
OTHER_LETTERS = 3
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, Chinese, Japanese, Korean."""
_TOKEN = re.compile(rf"[A-Za-z]{{1,{LETTERS}}}|[^\W\d_a-zA-Z{_DENSE}]{{1,{OTHER_LETTERS}}}|\S")


def approximate_starts(text: str) -> list[int]:
    """The character at which each such token starts, ascending; white space belongs to none."""
    return [match.start() for match in _TOKEN.finditer(text)]
