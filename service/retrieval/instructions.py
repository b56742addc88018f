"""Sentences of articles that are spoken to whoever reads them by machine: orders, requests, questions, code, forged roles. None of them
reports anything, so none is evidence; they stay in the article and are found by search like the rest.

What is recognised is a mood and an addressee, not a list of attacks: an order about "your answer", a task whose product is a text ("write a poem"),
an order to forget other orders, a sentence that is a question. Orders to people ("Boil water before drinking") report what people are told
and pass. The figures are in docs/hostile.md.
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


_QUOTED = re.compile(r"“[^”]*(?:”|$)|\"[^\"]*(?:\"|$)|(?<![\w’'])[‘'][^’'\n]*[’'](?!\w)")
_CLAUSE = r"(?:^|[.!?:;,—–-]\s+|\band\s+|\bthen\s+|\bnow\s+|\bplease,?\s+|\byou (?:must|should|will|have to|need to|are to)\s+|:\s+)"
_POLITE = r"^[\W_]*(?:(?:important|note|attention|warning|reminder|update|also|ok|okay|hey|hi|hello|now|then|and|but|so|first|finally|please|kindly|just|dear|ai|chatbot|assistant|model|llm)\b[\s,:!.–-]*){0,4}"  # noqa: E501
_VERB = (
    r"(?:add|adapt|adjust|alter|alternate|anagram|answer|append|apply|attach|augment|avoid|begin|blend|capitali[sz]e|change|cite|code|combine|complete|"
    r"compose|conclude|convert|craft|create|cut|decode|delete|describe|display|draft|elaborate|embed|emphasi[sz]e|encode|encrypt|end|enhance|ensure|exclude|"
    r"explain|express|finish|follow|format|generate|give|group|hide|highlight|hint|ignore|include|incorporate|insert|integrate|interleave|introduce|jumble|"
    r"keep|limit|link|list|make|mask|mention|misspell|mix|modify|offer|omit|open|output|phrase|place|post|prefix|present|print|produce|promote|provide|put|"
    r"quote|rearrange|recommend|refer|remove|render|reorder|repeat|rephrase|replace|reply|respond|restrict|return|reverse|rewrite|say|scramble|send|"
    r"separate|share|show|shuffle|sign|speak|spell|start|state|stop|structure|substitute|suffix|suggest|summari[sz]e|swap|talk|tease|tell|thank|transform|"
    r"translate|turn|type|use|utili[sz]e|weave|wrap|write)"
)
_PRODUCT = r"(?:answers?|answering|replies|reply|respon[sc]es?|responding|outputs?|messages?|completions?|generations?|final text|summary|translations?)"
_OF_ANSWER = re.compile(
    rf"{_POLITE}{_VERB}\b.{{0,300}}?\b(?:your|the|this|each|every)\s+(?:\w+\s+){{0,2}}?{_PRODUCT}\b"
    rf"|{_CLAUSE}{_VERB}\b.{{0,300}}?\byour\s+(?:\w+\s+)?{_PRODUCT}\b"
    rf"|(?:{_POLITE}|{_CLAUSE})(?:in|within|at the (?:end|start|beginning) of|before|after|throughout|when|while)\s+(?:giving |writing )?"
    rf"your\s+(?:\w+\s+)?{_PRODUCT}\b,?\s.*?\b{_VERB}\b"
    rf"|{_POLITE}(?:respond|reply|answer|output|print)\s+(?:only|exactly|always|solely|just|in|with|as|using|by|to|back|the|every|all|no|yes|this|like)\b"
    rf"|\byour\s+(?:next\s+|only\s+|final\s+)?(?:answer|reply|response|output)\s+(?:must|should|shall|has to|needs to|is to)\s+(?:\w+\s+)?"
    rf"(?:be|contain|include|end|begin|start|read|say|mention|cite|use)\b",
    re.IGNORECASE,
)
_OVERRIDE = re.compile(
    rf"(?:{_POLITE}|{_CLAUSE})(?:ignore|disregard|forget|override|bypass|discard|skip|drop|neglect|cancel|erase|do not (?:follow|obey|use|trust|cite|mention|reveal)|"
    r"don['’]t (?:follow|obey|use|trust|cite|mention|reveal)|stop following|never (?:mention|cite|reveal))\b[^.?!]{0,60}?\b(?:instructions?|prompts?|"
    r"(?:previous|prior|above|earlier|preceding|other|numbered|remaining)\s+(?:\w+\s+)?(?:text|rules?|orders?|sentences?|sources?|articles?|context|messages?|"
    r"directions?|commands?|information|evidence)|(?:sentences?|everything|anything|all|text|context)\s+(?:\w+\s+)?(?:above|below|before|so far)|"
    r"system prompt|guidelines|you (?:were|have been) told|everything (?:above|before|else))\b"
    r"|^[\W_]*(?:act as an? (?:ai|expert|assistant|\w+ (?:bot|assistant|model))|pretend (?:to be|that you)|roleplay as)|\b(?:you are (?:now|no longer) (?:an?|the|in|bound)\b|from now on,? you|as an? (?:ai|language model|llm|chatbot|assistant),? you)\b"
    rf"|\b(?:new|updated|real|actual|hidden|secret|following|these)\s+(?:\w+\s+)?instructions?\s*(?:for (?:the |an? )?(?:ai|model|assistant|llm|chatbot)[^:]*)?:"
    r"|\b(?:ai|llm|language)[- ]?(?:models?|assistants?|systems?|agents?|readers?)?\s*(?:reading|processing|summari[sz]ing|answering)\s+this\b"
    r"|\bif you are (?:an? )?(?:ai|llm|language model|chatbot|assistant|bot|large language model)\b"
    r"|\b(?:reveal|print|repeat|output|show|leak|tell me|send)\s+(?:\w+\s+){0,3}(?:system prompt|your instructions|your prompt|api keys?)\b"
    r"|\b(?:when|if|whenever)\s+(?:you(?:['’]re| are)\s+|anyone\s+|someone\s+|a (?:user|reader)\s+|the user\s+)?asks?(?:ed)?\b[^.?!]{0,80},\s*(?:always\s+|you\s+must\s+|only\s+)?"
    r"(?:say|answer|reply|respond|state|claim|cite|tell)\b",
    re.IGNORECASE,
)
_TEXT_TASK = (
    r"(?:poems?|haikus?|sonnets?|limericks?|essays?|stor(?:y|ies)|letters?|e-?mails?|speech(?:es)?|songs?|lyrics|jokes?|paragraphs?|sentences?|dialogues?|"
    r"scripts?|blog(?: posts?)?|slogans?|tweets?|captions?|headlines?|outlines?|summar(?:y|ies)|introductions?|conclusions?|descriptions?|"
    r"translations?|equivalents?|synonyms?|definitions?|examples?|analog(?:y|ies)|tutorials?|code|functions?|snippets?|programs?|regex|quer(?:y|ies)|"
    r"recipes?|lists?|tables?|quiz(?:zes)?|riddles?|plans?|steps|overview|word)"
)
_TASK = re.compile(
    rf"{_POLITE}(?:write|draft|compose|generate|craft|create|develop|produce|provide|give|show|list|suggest|prepare|design|outline|construct|make up|"
    rf"tell)\b(?:\s+(?:me|us|the user|readers))?\s+(?:an?|the|some|several|two|three|four|five|ten|\d+|another|your)\b(?:\s+[\w'’-]+){{0,4}}?\s+{_TEXT_TASK}\b"
    rf"(?!\s+(?:was|were|is|are|has|had)\b)"
    rf"|{_POLITE}(?:explain|describe|summari[sz]e|translate|define|paraphrase|rewrite|rephrase|elaborate on|break down|walk me through|analy[sz]e|"
    rf"calculate|compute|solve|discuss|outline|identify|classify|convert|correct|proofread|simplify|brainstorm|recite)\s+"
    rf"(?:the|an?|this|that|these|how|why|what|in|to|into|your|all|each|following|between|\w+s?\s+(?:works?|to|in|into|with|for)\b|['‘\"“])"
    rf"|{_POLITE}(?:replace|substitute|swap|convert|turn|scramble|rearrange|reverse|jumble|shuffle|misspell|anagram|remove|group|change|encode|render|use)\b"
    rf"[^.?!]*\b(?:letters?|vowels?|consonants?|words?|spaces|characters|spelling|typos|punctuation|anagrams?|symbols|base64|rot13|morse)\b",
    re.IGNORECASE,
)
_ASKS_FOR = re.compile(rf"{_POLITE}(?:your task is to|tell me|help me (?:to )?(?:write|understand|with))\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"^[\W_]*(?:(?:and|but|so|or|then|well|ok|okay|also|now|yet|first|finally|if so|if not)\b[\s,]*)?(?:who|whom|whose|what|what['’]?s|which|when|where|why|how|"
    r"(?:in|at|on|for|to|by|from|with|of|under|about) (?:what|which|whom|whose)|"
    r"is|are|was|were|am|do|does|did|has|have|had|can|could|will|would|should|shall|may|might|must|isn['’]t|aren['’]t|wasn['’]t|weren['’]t|"
    r"don['’]t|doesn['’]t|didn['’]t|can['’]t|couldn['’]t|won['’]t|wouldn['’]t|shouldn['’]t)(?:['’]\w+)?\b.*\?[\W_]*$",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP = re.compile(
    r"!\[[^\]]*\]\(|\]\(\s*<?\s*[a-z][a-z0-9+.-]*:|<\s*(?:img|script|iframe|svg|style|link|meta|object|embed|form|a|video|audio)\b[^>]*[=>]|<!--|"
    r"\b(?:javascript|vbscript|data):\S|^\s*(?:`{3}|~{3})",
    re.IGNORECASE,
)
_LONG_TOKEN = re.compile(
    r"[A-Za-z0-9+/_-]{24,}={0,2}|(?:[0-9a-fA-F]{2}[\s:]?){20,}|(?:%[0-9a-fA-F]{2}){8,}|(?:\\u[0-9a-fA-F]{4}|&#x?[0-9a-fA-F]+;){4,}"
)
_ABOUT = re.compile(
    r"\b(?:prompt injections?|hidden (?:text|instructions?|prompts?)|instructions?|orders?|commands?|prompts?)\b.*\b(?:ai|models?|chatbots?|assistants?|readers?|articles?|"
    r"text|sentences?|machines?)\b|\b(?:ai|models?|chatbots?|assistants?)\b.*\b(?:told|ordered|instruct\w*|prompt\w*|asked to)\b",
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
    if _TASK.search(said) or _ASKS_FOR.search(said):
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
