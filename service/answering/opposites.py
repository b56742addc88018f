"""Words that turn a sentence round: opposites, and words that leave open whether something happened.

Written by hand for news, from no data set: the verbs and adjectives in which news sentences differ from their contrary. WordNet has more
antonyms, most of them never met in news, and its data does not install with a package.
"""

from __future__ import annotations

from functools import cache

from service.words import stem

_PAIRS = """
rise rose risen increase grow grew gain climb soar surge jump expand raise / fall fell fallen decrease decline drop shrink shrank
rise rose risen increase grow grew gain climb soar surge jump expand raise / lose lost plunge slump tumble lower reduce cut
high highest / low lowest
more higher larger bigger greater longer above over / less fewer lower smaller shorter below under
before earlier ahead / after later following
start begin began begun launch open opened resume / end stop finish cease halt close closed suspend
win won victory defeat beat / lose lost
accept approve approved agree allow permit back endorse support authorise authorize / reject refuse deny oppose ban forbid block veto
pass passed / fail failed
confirm admit / deny denied
buy bought acquire purchase / sell sold
arrive arrived enter entered join / leave left depart exit quit withdraw
alive survive survived / dead die died kill
guilty convict convicted / innocent acquit acquitted
arrest arrested detain detained jail imprison / release released free freed
success succeed successful / failure fail failed unsuccessful
legal lawful / illegal unlawful
safe / unsafe dangerous
strong stronger strengthen / weak weaker weaken
early / late
best / worst
better improve improved / worse worsen deteriorate
first / last
hot warm warmer / cold cool cooler
north northern / south southern
east eastern / west western
inside / outside
men man male / women woman female
boy / girl
father / mother
son / daughter
brother / sister
husband / wife
old older oldest / young younger youngest new
all every everyone / some few none
always / never sometimes
only / also
include including / exclude excluding
public / private
national / local
major / minor
domestic / foreign
majority most / minority
maximum most / minimum least
heavy / light
hard difficult / easy
full / empty
rich wealthy / poor
day morning / night evening
present / absent
possible / impossible
likely / unlikely
known / unknown
happy pleased delighted / sad unhappy angry upset
calm / violent
attack attacked / defend defended
borrow / lend lent
hire hired employ / fire fired dismiss dismissed
build built / demolish demolished destroy destroyed
create / abolish
right / wrong
true / false
positive / negative
profit / loss
ally / enemy rival
friend / enemy
temporary temporarily / permanent permanently
partly partially / fully completely entirely
ahead / behind
calmed / worried
praise praised / criticise criticised criticize criticized condemn condemned
remember / forget forgot
widen / narrow
accelerate / slow slowed
delay delayed postpone postponed / advance
voluntary voluntarily / forced compulsory mandatory
"""
HEDGES = frozenset(
    """may might could would should plan plans planned planning propose proposed proposes proposal intend intends intended consider
    considers considering considered expect expects expected hope hopes hoped hoping allege alleged allegedly alleges suspect suspects
    suspected reportedly apparently possibly perhaps probably likely potential potentially rumour rumoured rumor rumored believe believes
    believed claim claims claimed accuse accused seek seeks seeking aim aims want wants wanted try tries tried attempt attempts attempted
    threaten threatens threatened warn warned estimate estimated predict predicted forecast if unless due appears appeared seem seems
    seemed suggest suggests suggested ask asked asks call called urge urged promise promised will whether until""".split()
)
"""Words that leave open whether something happened."""


@cache
def opposites() -> dict[str, frozenset[str]]:
    """For each stem, the stems that turn it round."""
    found: dict[str, set[str]] = {}
    for line in filter(None, map(str.strip, _PAIRS.splitlines())):
        first, second = ({stem(word) for word in side.split()} for side in line.split("/"))
        for one, other in ((first, second), (second, first)):
            for word in one:
                found.setdefault(word, set()).update(other - one)
    return {word: frozenset(others) for word, others in found.items()}


def opposed(claim: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    """Words of the claim that the evidence does not have, and whose opposite it has and the claim has not; all are stems of any words."""
    table = opposites()
    return frozenset(word for word in claim - held if table.get(word, frozenset()) & held - claim or _prefixed(word, held - claim))


def _prefixed(word: str, others: frozenset[str]) -> bool:
    """True where a prefix of denial is all that tells the word from one of the others: `unlawful` and `lawful`."""
    prefixes = ("un", "in", "im", "il", "ir", "dis", "non", "mis")
    return any(len(word) > 3 and f"{prefix}{word}" in others for prefix in prefixes) or any(
        word.startswith(prefix) and len(word) > len(prefix) + 3 and word[len(prefix) :] in others for prefix in prefixes
    )
