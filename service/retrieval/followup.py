"""Whether a question stands alone or leans on what was said before it. Pure rules over its words."""

from __future__ import annotations

import re

from service.retrieval.antecedents import has_name, people, runs
from service.words import content_stems, names

MAX_OWN_NAMES = 2
"""A question that names more than this stands alone, whatever pronouns it holds."""
CONNECTIVE = re.compile(
    r"^(?:(?:and|but|so|ok(?:ay)?|or|also|well|right|thanks|thank you|yes|no|then|hm+)\b[,.!]?\s+)+(?=\S)", re.IGNORECASE
)
_WHOLLY = re.compile(
    r"^(?:(?:and|but|so)\s+)?(?:why(?: not)?|when|where|how|who|whom|what|which|how (?:many|much|long|often|far|come|so|exactly)"
    r"|(?:since|until|by) when|(?:by|with|for|to|from|against) (?:who|whom|what|how much|how many|how long)"
    r"|(?:who|what|where|anything|anyone|something) else|why (?:was|is) (?:that|this)|really|are you sure|(?:tell me |say |and )?more"
    r"|go on|(?:please )?(?:explain|elaborate)|says who|such as|like what|for example|in (?:more |what )?(?:detail|way)"
    r"|according to whom|what (?:happened )?(?:next|then|now|since)|which ones?|what does (?:that|it) mean)\s*[?.!]*$",
    re.IGNORECASE,
)
_OPENS_BACK = re.compile(r"^(?:what|how) about\b|^I (?:meant|mean)\b|^(?:tell me )?more about (?:it|that|them)\b", re.IGNORECASE)
_UNITS = (
    "morning afternoon evening weekend week month quarter year decade century time spring summer autumn winter season monday tuesday "
    "wednesday thursday friday saturday sunday january february march april may june july august september october november december "
    "past last coming"
)
_UNIT = f"(?:{_UNITS.replace(' ', '|')})"
_WEATHER = r"(?:rain|snow|freez|hail|storm|thunder|warm|cold|hot|dark|sunny|windy|dry|late|early)\w*"
EXPLETIVE = re.compile(
    rf"\b(?:is|was|will|would|does|did|has|could|can|might|may|should) it (?:ever |really |still |also |be |been |always )*"
    rf"(?:going to (?:be )?)?(?:{_WEATHER}\b"
    r"|(?:likely|true|possible|impossible|legal|illegal|safe|unsafe|allowed|clear|known|certain|important|necessary|hard"
    r"|difficult|easy|normal|common|expected|said|reported|thought|feared|hoped|agreed|too|worth|better|best|fair|wise|enough)\b.*"
    r" (?:to|that|for|in|if|whether)\b"
    r"|(?:take|cost|matter|help|mean|seem|appear|happen|turn out)s? .*\b(?:to|that|when|if)\b)"
    r"|\bwhat(?: is|['’]s) it like (?:to|in|at|for)\b|\bwhat time is it\b|\bit (?:is|was|will be|would be) \w+ (?:to|that)\b"
    r"|\b(?:how|why|when|where) (?:is|was) it that\b"
    r"|\b(?:is|are|was|were|will|would|has|have|had|could|can|should|might|do|does|did) there\b"
    r"|\bthere (?:is|are|was|were|will|would|has|have|had|be|been|may|might|could|seems?|remains?)\b",
    re.IGNORECASE,
)
_PERSONAL = re.compile(r"\b(?:he|she|him|himself|herself|his|hers?)\b", re.IGNORECASE)
_THING = re.compile(r"\b(?:it|itself|its|they|them|themselves|their|theirs)\b", re.IGNORECASE)
_OWNING = re.compile(r"\b(?:his|her|its|their|himself|herself|itself|themselves)\b", re.IGNORECASE)
_THIS = r"(?:that|this|these|those)"
_THAT = re.compile(
    rf"\b(?:of|for|against|by|after|before|about|to|in|with|from|like|over|on|than|into|since|because of) {_THIS}\b(?! {_UNIT}\b)"
    rf"|\b{_THIS}\s*[?.,!]|^(?:(?:is|was|did|does|has|will|would|could|are|were|who|why|when|where|how) (?:\w+ )?)?{_THIS} "
    r"(?:(?:true|right|still|happen\w*|mean\w*|be|the|so|why|how|cost\w*|work\w*|change\w*|affect\w*|start\w*|end\w*)\b|[?])"
    rf"|\b(?:was|is|were|are|did|does|would|will|has|had|can|could) {_THIS}\b(?! {_UNIT}\b)(?! \w+ (?:\w+ )?(?:that|who|which)\b)",
    re.IGNORECASE,
)
_DEMONSTRATIVE = re.compile(rf"\b(?:that|this|these|those|such(?: an?)?) (?!{_UNIT}\b)([a-z]{{3,}})\b", re.IGNORECASE)
_OTHER = re.compile(
    r"\b(?:which|the \w+|this|that|other|another|each|any) ones?\b|\bthe (?:latter|former|other|others|two|first|second|third|last) *[?]"
    r"|\bthe same\b|\b(?:back|by|since|until|before|from) then\b|\bthen[?]|\bthe (?:following|next|previous|same) (?:day|week|month|year)\b"
    r"|\bthe (?:day|week|month|year) (?:before|after)[?]|\b(?:afterwards|beforehand|meanwhile)\b"
    r"|\ba (?:day|week|month|year) (?:later|earlier)\b"
    r"|\bboth\s*[?]|(?<!number )(?<!chapter )(?<!phase )\bone\s*[?]*$",
    re.IGNORECASE,
)
_THERE = re.compile(r"\bthere\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\b(?:before|after|when|while|because|if|that|although|though|and|but|who|which|since|until|as|so|where)\b|[,.?!;]", re.IGNORECASE
)
_DEFINITE = re.compile(r"\bthe ((?:[a-z]+[ ]?){1,3})", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|did|does|do|has|have|had|will|would|can|could|should|(?-i:may)|might|must|who|whom|whose|which|when|where|why|how|what)\b",
    re.IGNORECASE,
)
_AGENT = r"\w+(?:or|er|man|woman|ist|ian|king|queen|judge|president|pilot|chief)\b"
SHORT = 7
"""Words up to which a question without a verb is the rest of another."""


def is_fragment(text: str) -> bool:
    """True of "and in Harsk?", "what about the ferry?", "why?": the rest of the question before it."""
    if _WHOLLY.match(text):
        return True
    bare = CONNECTIVE.sub("", text)
    if _OPENS_BACK.match(bare):
        return True
    return bool(CONNECTIVE.match(text)) and len(bare.split()) <= SHORT and not _VERB.search(bare)


def is_bare(text: str) -> bool:
    """True of a question that is nothing but a question word or a request to go on."""
    return bool(_WHOLLY.match(text))


def leans_back(text: str, *before: str) -> bool:
    """Whether the question cannot be read without what was said `before` it: a fragment, or a word whose meaning lies there.

    A question of many names stands alone, and so does one whose pronoun has its noun in the question itself, or means nothing ("is it
    going to rain"). One without a name of its own leans where it opens with a connective or speaks of "the …" that was spoken of.
    """
    if is_fragment(text):
        return True
    if len(names(text)) > MAX_OWN_NAMES:
        return False
    said = EXPLETIVE.sub(lambda match: re.sub(r"\b(?:it|there|this|that)\b", "·", match.group(), count=1, flags=re.IGNORECASE), text)
    if any(_points_out(said, match) for match in (*_PERSONAL.finditer(said), *_THING.finditer(said))):
        return True
    if _THAT.search(said) or _OTHER.search(said) or _THERE.search(said):
        return True
    known = content_stems(" ".join(before))
    if any(content_stems(match.group(1)) & known for match in _DEMONSTRATIVE.finditer(said)):
        return True
    if has_name(text):
        return False
    return bool(CONNECTIVE.match(text)) or any(content_stems(match.group(1)) & known for match in _DEFINITE.finditer(said))


def _points_out(text: str, pronoun: re.Match[str]) -> bool:
    """Whether a pronoun's noun lies outside of the question."""
    before = text[: pronoun.start()]
    the = r"\b(?:the|an?|every|each) (?:[\w-]+ )?"
    if _PERSONAL.fullmatch(pronoun.group()):
        mentioned = bool(people(before) or runs(before) or re.search(rf"{the}{_AGENT}", before, re.IGNORECASE))
    elif pronoun.group().lower().startswith("the"):
        several = r"\w+ \w+ (?:\w+ )*[a-z]{2,}[^s\W]s\b|\b(?:people|men|women|children)\b"
        mentioned = bool(runs(before) or re.search(rf"{the}|^{several}", before, re.IGNORECASE))
    else:
        mentioned = bool(runs(before) or re.search(the, before, re.IGNORECASE))
    if not mentioned:
        return True
    return not (_OWNING.fullmatch(pronoun.group()) or _CLAUSE.search(before[_first_mention(before) :]))


def _first_mention(before: str) -> int:
    found = [start for start, _ in runs(before)] + [match.start() for match in re.finditer(r"\b(?:the|an?)\s", before, re.IGNORECASE)]
    return min(found, default=0)
