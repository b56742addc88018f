"""Model output as sentences: what a model sends is hostile, or merely odd, until it has been through here.

Reasoning, code and marks of layout go; loops, echoes of the prompt and an unfinished end are not sentences. Everything is bounded: a model
that sends 10 MB in one line is left after `MAX_TEXT` characters of answer or `MAX_HIDDEN` of reasoning.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field

from service.sentences import MAX_SENTENCE, sentence_spans
from service.visible import visible
from service.words import bare_words, folded, search_terms

MAX_TEXT = 4_000
"""Characters of visible text after which a model that does not stop is left."""
MAX_HIDDEN = 40_000
"""Characters of reasoning and code after which it is left: about 10,000 tokens, more than an answer over eight sentences can need."""
_PART = 2_048
"""Characters that are looked at in one go, however long a piece is."""
_LOOK_BACK = 480
"""Characters of an open sentence that are searched for a loop."""
_TELLING, _FOREIGN = 6, 0.08
"""Words from which on a language shows, and the share of English function words below which a text is not English: in the sample archive
nine of ten sentences have more than 0.25."""
_LONGEST_MARK = 48
"""Characters of the longest mark that may be cut in two by the end of a piece."""
_HIDES = {
    re.compile(r"<(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)>", re.I):
        re.compile(r"</(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)>", re.I),
    re.compile(r"<\|channel\|>(?:analysis|commentary)", re.I): re.compile(r"<\|channel\|>final<\|message\|>", re.I),
    re.compile(r"`{3}|~{3}"): re.compile(r"`{3}|~{3}"),
}  # fmt: skip
"""What opens a part that is no answer, and what closes it: DeepSeek's and Qwen's reasoning, Harmony's channels, fenced code."""
_STRAY = re.compile(r"</(?:think|thinking|thought|reasoning|reflection|analysis|scratchpad)>", re.I)
_FORGET = "\x00"
"""Stands where reasoning ended that never began, as with chat templates that open it themselves; no text holds it (see `visible`)."""
_TOKEN = re.compile(
    r"(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>|<[|｜][^<>|｜]{0,40}[|｜]>|</?s>|<(?:start|end)_of_turn>(?:model)?", re.I
)
_MAY_OPEN = re.compile(r"<[|｜]|<[^>]*$|`{1,2}$|~{1,2}$")
_LAYOUT = re.compile(r"^(?:\s|>\s|#{1,6}\s|[-*•–+]\s+|\(?\d{1,2}[.)]\s+(?=\S))+")
_PREFIX = re.compile(
    r"^[\W_]*(?:(?:here(?:['’]s| is) )?(?:the |my |a |your )?(?:final |short |direct |correct |brief )?"
    r"(?:answer|response|reply)|assistant)(?: is)?[\W_]*[:：][\s*_]*",
    re.I,
)
_ECHO = re.compile(r"^(?:question|today is|earlier question|earlier answer|user|human|system)\b\s*[:：]", re.I)
_STARS = re.compile(r"\*\*|__|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)")
_FOOTNOTE = re.compile(r"[\[【]\s*(?:\^|#|source |sentence |article |ref\. ?)?(\d{1,3})\s*(?:†[^\]】]{0,40}|:\d[^\]】]{0,10})?[\]】]", re.I)
_LOOP = re.compile(r"(.{2,80}?)\1{7,}\s*\S{0,12}$", re.DOTALL)
_END = re.compile(r"(?<!\d)[.!?…。！？][\"'”’)*_\s]*(?:[\[【][\d,;\s]+[\]】]\s*)*$|[\]】)]\s*[.!?]$|\d[!?]$")
_LINK = re.compile(
    r"!?\[[^\]\[]*\](?:\([^)]*\)?|\[[^\]]+\])|^\s*\[[^\]]+\]:\s*\S+|\b(?:javascript|vbscript|data|mailto|file):\S+|<[/!]?[a-z][^<>]*>?|"
    r"\b[a-z][a-z0-9+.-]{1,20}:(?://)?[^\s\d]\S*[./%@=,;]\S*|//[\w.-]+\.\w+\S*|\bwww\.\S+|[\w.+-]+@[\w-]+\.[\w.]+|"
    r"\b(?:[\w-]+\.)+(?:com|net|org|info|biz|xyz|io|ai|co|ru|cn|app|dev|site|online|top|shop|link|example|invalid|onion|me|ly|gg)\b(?:[/?:#]\S*)?",
    re.I | re.MULTILINE,
)


@dataclass(slots=True)
class Report:
    """What became of a model's text: filled in while `sentences_of` runs."""

    cut_off: bool = False
    """Set by whoever reads the model, before the pieces end: it was stopped at its limit, so its last sentence is not whole."""
    sentences: int = 0
    loops: bool = False
    unfinished: bool = False
    hidden: int = 0
    """Characters of reasoning and code."""

    @property
    def trouble(self) -> str | None:
        """Why there is no sentence at all, in words that follow "the model"; None where there is one."""
        if self.sentences:
            return None
        if self.loops:
            return "the model went round in a loop"
        if self.unfinished:
            return "the model was cut off in its first sentence"
        return "the model wrote only reasoning or code, and no answer" if self.hidden else "the model wrote nothing that is an answer"


async def sentences_of(pieces: AsyncIterator[str], report: Report | None = None, *, echoed: str = "") -> AsyncGenerator[str]:
    """Whole sentences of what a model sends, in order, without layout; ends early where it loops, repeats itself or does not stop.

    A last sentence without an end counts, as small models leave it out, unless `report.cut_off`. A sentence that stands in `echoed`, the
    prompt without its evidence, is left out. What the pieces raise passes through, and what was unfinished then is never given out.
    """
    report = report or Report()
    draft = _Draft(folded(echoed), report)
    async for piece in pieces:
        for at in range(0, len(piece), _PART):
            for sentence in draft.take(visible(piece[at : at + _PART])):
                yield sentence
            if draft.is_over:
                return
    for sentence in draft.rest():
        yield sentence


def links(text: str) -> list[str]:
    """Addresses, images, Markdown links and HTML in a text, as they stand."""
    return [match.group().rstrip(".,;:!?)”’\"'") for match in _LINK.finditer(text)]


def smuggles(text: str, quotes: Iterable[str]) -> bool:
    """True where a drafted text carries a link, an image or HTML that none of the quotes it cites holds to the letter."""
    found = links(text)
    held = " ".join(quotes) if found else ""
    return any(one not in held for one in found)


def in_another_language(text: str, evidence: str) -> bool:
    """True where a draft is in other letters than the evidence, or, being of some length, lacks the function words that the evidence has.

    Of languages in Latin letters, only English is known.
    """
    if _latin(text) < 0.5 < _latin(evidence):
        return True
    lengths = len(bare_words(text)), len(bare_words(evidence))
    return min(lengths) >= _TELLING and _grammar(text) < _FOREIGN and _grammar(evidence) > 2 * _FOREIGN


def _latin(text: str) -> float:
    """The share of Latin letters among the letters; 1 without any."""
    letters = [character for character in text if character.isalpha()]
    return sum(character < "\u0250" for character in letters) / len(letters) if letters else 1.0


def _grammar(text: str) -> float:
    """The share of English function words among the words."""
    return 1 - len(search_terms(text)) / max(1, len(bare_words(text)))


@dataclass(slots=True)
class _Draft:
    """A model's text on its way to sentences: what is open is the line, or the rest of one, that no sentence was taken from."""

    echoed: str
    report: Report
    hidden: _Hidden = field(default_factory=lambda: _Hidden())
    seen: set[str] = field(default_factory=set)
    open: str = ""
    at_start: bool = True
    """Nothing was taken from this line yet, so marks of layout may stand in front."""
    characters: int = 0
    is_over: bool = False

    def take(self, piece: str) -> Iterator[str]:
        """The sentences that a piece makes whole."""
        text = self.hidden.take(piece)
        self.report.hidden = self.hidden.characters
        self.characters += len(text)
        self.open = (self.open + text).rpartition(_FORGET)[2]
        *lines, self.open = self.open.split("\n")
        for line in lines:
            yield from self._kept(self._split(line))
            self.at_start = True
        *whole, self.open = self._split(self.open) or [""]
        yield from self._kept(whole)
        self.at_start = self.at_start and not whole
        if _LOOP.search(self.open[-_LOOK_BACK:]):
            self.report.loops = self.is_over = True
        self.is_over = self.is_over or self.characters > MAX_TEXT or self.hidden.characters > MAX_HIDDEN

    def rest(self) -> Iterator[str]:
        """The last sentences, when the model has stopped."""
        last = self._split((self.open + self.hidden.rest()).rpartition(_FORGET)[2].replace("\n", " "))
        if last and self.report.cut_off and not _END.search(last[-1]):
            self.report.unfinished = bool(last.pop())
        yield from self._kept(last)

    def _split(self, line: str) -> list[str]:
        line = _LAYOUT.sub("", line) if self.at_start else line
        return [line[start:end] + (line[end:] if end == len(line.rstrip()) else "") for start, end in sentence_spans(line)]

    def _kept(self, sentences: Iterable[str]) -> Iterator[str]:
        for raw in sentences:
            sentence = tidy(raw)
            key = folded(_FOOTNOTE.sub("", sentence)).strip(" .")
            if self.is_over or not key or not self._counts(sentence, key):
                continue
            if key in self.seen:
                self.report.loops = self.is_over = True
                return
            self.seen.add(key)
            self.report.sentences += 1
            yield sentence

    def _counts(self, sentence: str, key: str) -> bool:
        """False for an echo of the prompt, a question, and a run of words that was only cut because it had no end."""
        if _ECHO.match(sentence) or sentence.endswith("?") or (len(key.split()) > 3 and key in self.echoed):
            return False
        return bool(bare_words(key)) and (len(sentence) < MAX_SENTENCE - 60 or bool(_END.search(sentence)))


class _Hidden:
    """Takes out reasoning, code and tokens of chat templates from text that comes in pieces."""

    def __init__(self) -> None:
        self.characters = 0
        self._held = ""
        self._until: re.Pattern[str] | None = None

    def take(self, piece: str) -> str:
        """The part that is answer; a mark that may go on in the next piece is held back."""
        self._held += piece
        shown = ""
        while True:
            if self._until:
                found = self._until.search(self._held)
                kept = self._held[found.end() :] if found else self._held[-_LONGEST_MARK:]
                self.characters += len(self._held) - len(kept)
                self._held = kept
                if not found:
                    return shown
                self._until = None
            opening = min(((match, closes) for opens, closes in _HIDES.items() if (match := opens.search(self._held))),
                          key=lambda pair: pair[0].start(), default=None)  # fmt: skip
            if opening is None:
                safe = self._safe()
                shown += _cleared(self._held[:safe])
                self._held = self._held[safe:]
                return shown
            match, self._until = opening
            self.characters += len(match.group())
            shown += _cleared(self._held[: match.start()])
            self._held = self._held[match.end() :]

    def rest(self) -> str:
        """What was held back, when nothing more comes."""
        return "" if self._until else _cleared(self._held)

    def _safe(self) -> int:
        """Up to where no mark can have begun that is not whole yet."""
        tail = max(0, len(self._held) - _LONGEST_MARK)
        return min((match.start() for match in _MAY_OPEN.finditer(self._held, tail)), default=len(self._held))


def _cleared(text: str) -> str:
    return _STRAY.sub(_FORGET, _TOKEN.sub("", text))


def tidy(sentence: str) -> str:
    """One sentence without prefix, bold type and odd forms of citation: `【1†source】`, `[^1]` and `[Source 1]` become `[1]`."""
    text = _FOOTNOTE.sub(r"[\1]", _STARS.sub("", sentence))
    return " ".join(_PREFIX.sub("", text).split())
