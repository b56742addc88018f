"""Sentences of articles that are spoken to whoever reads them by machine: orders, requests, questions, code, forged roles.

None of them reports anything, so none is evidence; they stay in the article and are found by search like the rest.

What is recognised is a mood and an addressee, not a list of attacks: an order about "your answer", a task whose product is a text ("write
a poem"), an order to forget other orders, a sentence that is a question. Orders to people ("Boil water before drinking") report what
people are told, and pass. The figures are in docs/hostile.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum
from itertools import pairwise

from service.visible import plain, speaks_in_a_role


class Kind(StrEnum):
    """Why a sentence is no evidence."""

    ORDER = "order"
    TASK = "task"
    QUESTION = "question"
    ENCODED = "encoded"
    MARKUP = "markup"
    FORGED = "forged"


def _any(words: str) -> str:
    return "|".join(words.split())


_QUOTED = re.compile(r"“[^”]*(?:”|$)|\"[^\"]*(?:\"|$)|(?<![\w’'])[‘'][^’'\n]*[’'](?!\w)")
_CLAUSE = r"(?:^|[.!?:;,—–-]\s+|\b(?:and|then|now|please,?)\s+|\byou (?:must|should|will|have to|need to|are to)\s+)"
"""Where an order may begin inside a sentence."""
_OPENERS = _any("""
    important note attention warning reminder update also ok okay hey hi hello now then and but so first finally please kindly just
    dear ai chatbot assistant model llm
""")
_START = rf"^[\W_]*(?:(?:{_OPENERS})\b[\s,:!.–-]*){{0,4}}"
"""The start of a sentence, after words that only open it."""
_VERB = "(?:" + _any("""
    add adapt adjust alter alternate anagram answer append apply attach augment avoid begin blend capitali[sz]e change cite code
    combine complete compose conclude convert craft create cut decode delete describe display draft elaborate embed emphasi[sz]e
    encode encrypt end enhance ensure exclude explain express finish follow format generate give group hide highlight hint ignore
    include incorporate insert integrate interleave introduce jumble keep limit link list make mask mention misspell mix modify
    offer omit open output phrase place post prefix present print produce promote provide put quote rearrange recommend refer remove
    render reorder repeat rephrase replace reply respond restrict return reverse rewrite say scramble send separate share show
    shuffle sign speak spell start state stop structure substitute suffix suggest summari[sz]e swap talk tease tell thank transform
    translate turn type use utili[sz]e weave wrap write
""") + ")"  # fmt: skip
_PRODUCT = "(?:" + _any("""
    answers? answering replies reply respon[sc]es? responding outputs? messages? completions? generations? summary translations?
""") + ")"  # fmt: skip
_AS = _any("only exactly always solely just in with as using by to back the every all no yes this like")
_OF_ANSWER = re.compile(
    rf"{_START}{_VERB}\b.{{0,300}}?\b(?:your|the|this|each|every)\s+(?:\w+\s+){{0,2}}?{_PRODUCT}\b"
    rf"|{_CLAUSE}{_VERB}\b.{{0,300}}?\byour\s+(?:\w+\s+)?{_PRODUCT}\b"
    rf"|(?:{_START}|{_CLAUSE})(?:in|within|at the (?:end|start|beginning) of|before|after|throughout|when|while)\s+(?:giving |writing )?"
    rf"your\s+(?:\w+\s+)?{_PRODUCT}\b,?\s.*?\b{_VERB}\b"
    rf"|{_START}(?:respond|reply|answer|output|print)\s+(?:{_AS})\b"
    r"|\byour\s+(?:next\s+|only\s+|final\s+)?(?:answer|reply|response|output)\s+(?:must|should|shall|has to|needs to|is to)\s+(?:\w+\s+)?"
    r"(?:be|contain|include|end|begin|start|read|say|mention|cite|use)\b",
    re.IGNORECASE,
)
_DROP = r"(?:ignore|disregard|forget|override|bypass|discard|skip|drop|neglect|cancel|erase|stop following|never (?:mention|cite|reveal)|" \
        r"(?:do not|don['’]t) (?:follow|obey|use|trust|cite|mention|reveal))"  # fmt: skip
_TOLD = r"(?:text|rules?|orders?|sentences?|sources?|articles?|context|messages?|directions?|commands?|information|evidence)"
_OVERRIDE = re.compile(
    rf"(?:{_START}|{_CLAUSE}){_DROP}\b[^.?!]{{0,60}}?\b(?:instructions?|prompts?|system prompt|guidelines|you (?:were|have been) told"
    rf"|(?:previous|prior|above|earlier|preceding|other|numbered|remaining)\s+(?:\w+\s+)?{_TOLD}"
    r"|(?:sentences?|everything|anything|all|text|context)\s+(?:\w+\s+)?(?:above|below|before|else|so far))\b"
    r"|^[\W_]*(?:act as an? (?:ai|expert|assistant|\w+ (?:bot|assistant|model))|pretend (?:to be|that you)|roleplay as)"
    r"|\b(?:you are (?:now|no longer) (?:an?|the|in|bound)\b|from now on,? you|as an? (?:ai|language model|llm|chatbot|assistant),? you)\b"
    r"|\b(?:new|updated|real|actual|hidden|secret|following|these)\s+(?:\w+\s+)?instructions?\s*"
    r"(?:for (?:the |an? )?(?:ai|model|assistant|llm)[^:]*)?:"
    r"|\b(?:ai|llm|language)[- ]?(?:models?|assistants?|systems?|agents?|readers?)?\s*"
    r"(?:reading|processing|summari[sz]ing|answering)\s+this\b"
    r"|\bif you are (?:an? )?(?:ai|llm|(?:large )?language model|chatbot|assistant|bot)\b"
    r"|\b(?:reveal|print|repeat|output|show|leak|tell me|send)\s+(?:\w+\s+){0,3}(?:system prompt|your instructions|your prompt|api keys?)\b"
    r"|\b(?:when|if|whenever)\s+(?:you(?:['’]re| are)\s+|anyone\s+|someone\s+|a (?:user|reader)\s+|the user\s+)?asks?(?:ed)?\b[^.?!]{0,80},"
    r"\s*(?:always\s+|you\s+must\s+|only\s+)?(?:say|answer|reply|respond|state|claim|cite|tell)\b",
    re.IGNORECASE,
)
_TEXT = "(?:blog posts?|" + _any("""
    poems? haikus? sonnets? limericks? essays? stor(?:y|ies) letters? e-?mails? speech(?:es)? songs? lyrics jokes? paragraphs?
    sentences? dialogues? scripts? blogs? slogans? tweets? captions? headlines? outlines? summar(?:y|ies) introductions?
    conclusions? descriptions? translations? equivalents? synonyms? definitions? examples? analog(?:y|ies) tutorials? code
    functions? snippets? programs? regex quer(?:y|ies) recipes? lists? tables? quiz(?:zes)? riddles? plans? steps overview word
""") + ")"  # fmt: skip
_MAKE = _any(
    "write draft compose generate craft create develop produce provide give show list suggest prepare design outline construct tell"
)
_DISCUSS = "elaborate on|break down|walk me through|" + _any("""
    explain describe summari[sz]e translate define paraphrase rewrite rephrase analy[sz]e calculate compute solve discuss outline
    identify classify convert correct proofread simplify brainstorm recite
""")  # fmt: skip
_TURN = _any(
    "replace substitute swap convert turn scramble rearrange reverse jumble shuffle misspell anagram remove group change encode render use"
)
_LETTERS = _any("letters? vowels? consonants? words? spaces characters spelling typos punctuation anagrams? symbols base64 rot13 morse")
_TASK = re.compile(
    rf"{_START}(?:{_MAKE})\b(?:\s+(?:me|us|the user|readers))?\s+(?:an?|the|some|several|two|three|four|five|ten|\d+|another|your)\b"
    rf"(?:\s+[\w'’-]+){{0,4}}?\s+{_TEXT}\b(?!\s+(?:was|were|is|are|has|had)\b)"
    rf"|{_START}(?:{_DISCUSS})\s+(?:the|an?|this|that|these|how|why|what|in|to|into|your|all|each|following|between|['‘\"“]"
    r"|\w+s?\s+(?:works?|to|in|into|with|for)\b)"
    rf"|{_START}(?:{_TURN})\b[^.?!]*\b(?:{_LETTERS})\b"
    rf"|{_START}(?:your task is to|tell me|help me (?:to )?(?:write|understand|with))\b",
    re.IGNORECASE,
)
_ASKING = _any("""
    who whom whose what which when where why how is are was were am do does did has have had can could will would should shall may
    might must isn['’]t aren['’]t wasn['’]t weren['’]t don['’]t doesn['’]t didn['’]t can['’]t couldn['’]t won['’]t wouldn['’]t
    shouldn['’]t
""")  # fmt: skip
_QUESTION = re.compile(
    r"^[\W_]*(?:(?:and|but|so|or|then|well|ok|okay|also|now|yet|first|finally|if so|if not)\b[\s,]*)?"
    rf"(?:{_ASKING}|(?:in|at|on|for|to|by|from|with|of|under|about) (?:what|which|whom|whose))(?:['’]\w+)?\b.*\?[\W_]*$",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP = re.compile(
    r"!\[[^\]]*\]\(|\]\(\s*<?\s*[a-z][a-z0-9+.-]*:|<!--|\b(?:javascript|vbscript|data):\S|^\s*(?:`{3}|~{3})"
    r"|<\s*(?:img|script|iframe|svg|style|link|meta|object|embed|form|a|video|audio)\b[^>]*[=>]",
    re.IGNORECASE,
)
_LONG_TOKEN = re.compile(
    r"[A-Za-z0-9+/_-]{24,}={0,2}|(?:[0-9a-fA-F]{2}[\s:]?){20,}|(?:%[0-9a-fA-F]{2}){8,}|(?:\\u[0-9a-fA-F]{4}|&#x?[0-9a-fA-F]+;){4,}"
)
_ABOUT = re.compile(
    r"\b(?:prompt injections?|hidden (?:text|instructions?|prompts?)|instructions?|orders?|commands?|prompts?)\b.*"
    r"\b(?:ai|models?|chatbots?|assistants?|readers?|articles?|text|sentences?|machines?)\b"
    r"|\b(?:ai|models?|chatbots?|assistants?)\b.*\b(?:told|ordered|instruct\w*|prompt\w*|asked to)\b",
    re.IGNORECASE,
)


def addressed(text: str) -> Kind | None:
    """What makes this sentence one that is spoken to its reader instead of a report; None for a report.

    What stands between quotation marks is someone's words and is judged only where the sentence is nothing else.
    """
    if speaks_in_a_role(text):
        return Kind.FORGED
    text = " ".join(plain(text).split())
    if _MARKUP.search(text):
        return Kind.MARKUP
    if any(_is_encoded(match.group()) for match in _LONG_TOKEN.finditer(text)):
        return Kind.ENCODED
    said = _QUOTED.sub(" … ", text)
    if not re.search(r"\w", said):
        said = text.strip("“”\"'‘’ ")
    if _OVERRIDE.search(said) or _OF_ANSWER.search(said):
        return Kind.ORDER
    if _TASK.search(said):
        return Kind.TASK
    return Kind.QUESTION if _QUESTION.search(said) else None


def asks_about_instructions(question: str) -> bool:
    """True where a question is itself about orders to machines or readers: then the sentences that hold them are its evidence."""
    return bool(_ABOUT.search(question))


def _is_encoded(token: str) -> bool:
    """True for base64, hexadecimal, percent or entity coding of text; false for a long word, a path or a number."""
    if not re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", token):
        return True
    if re.fullmatch(r"[0-9a-fA-F]+", token):
        return len(token) >= 40
    turns = sum(one.isupper() != two.isupper() for one, two in pairwise(token))
    if turns < len(token) / 6:  # Words joined by hyphens change case seldom; base64 at every other character.
        return False
    try:
        found = base64.b64decode(token.rstrip("=") + "=" * (-len(token.rstrip("=")) % 4), altchars=b"-_", validate=False)
    except (binascii.Error, ValueError):
        return False
    return sum(32 <= byte < 127 for byte in found) >= 0.9 * len(found)
