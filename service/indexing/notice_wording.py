"""The words of corrections and retractions, as newsrooms write them, in English and the plain labels in German and French.

What is looked for is a newsroom speaking of its own article. A report that somebody corrected, retracted or withdrew something has much
the same verbs, so no verb counts by itself: it takes a label, "this article", "we", or the outlet's own name.
"""

from __future__ import annotations

import re

DECORATION = r"[\s*_#>•·\[(–—-]{0,6}"
"""What stands before a note. No quotation mark: what somebody is quoted as saying is no note."""
_NOUN = (
    r"(?:article|story|report|piece|post|column|page|feature|item|interview|obituary|review|analysis|editorial|headline|caption|"
    r"newsletter|dispatch|live ?blog|graphic|chart|map|table)"
)
_THIS = rf"this (?:[\w.,]+ ){{0,3}}?{_NOUN}"
_VERSION = (
    rf"(?:an? |the )?(?:earlier|previous|prior|older|original|first) (?:versions?|headlines?|editions?) (?:of|on|for) this (?:\w+ )?{_NOUN}"
)
_DATED = r"(?:,? \(?[^:\n]{0,20}\d[^:\n]{0,12})?"
_ENDS = r" ?(?:$|[:.–—|]|-(?=\s))"

CORRECTION_LABEL = re.compile(
    rf"{DECORATION}(?:corrections?(?: (?:and|&|or) clarifications?)?|clarifications?(?: (?:and|&) corrections?)?|corrigend(?:um|a)|"
    r"errat(?:um|a)|korrektur(?:en)?|berichtigung(?:en)?|richtigstellung|rectificatifs?)"
    rf"(?: notice| appended)?{_DATED}{_ENDS}",
    re.IGNORECASE,
)
RETRACTION_LABEL = re.compile(rf"{DECORATION}(?:retractions?(?: notice)?|notice of retraction|retracted){_DATED}{_ENDS}", re.IGNORECASE)
NOTE_LABEL = re.compile(
    rf"{DECORATION}(?:editor['’]?s['’]? note|note from the editors?|for the record|anm(?:erkung|\.) d(?:er|\.) red(?:aktion|\.))"
    rf"{_DATED}{_ENDS}",
    re.IGNORECASE,
)
"""Says anything: it is a notice only where it speaks of an error."""
RETRACTED_TITLE = re.compile(r"^\W*(?:RETRACTED|WITHDRAWN)\b ?[\W_]|[\[(](?:retracted|withdrawn|RETRACTED|WITHDRAWN)[\])]\W*$")
CORRECTED_TITLE = re.compile(r"^\W*(?:[A-Z]+ \d+-)?CORRECTED\b ?[\W_]")
CORRECTS = re.compile(r"\(Correct(?:s|ed|ing) ")
"""How news agencies begin the corrected text."""

_MISDONE = (
    r"mis(?:stated|spel(?:led|t)|identified|attributed|reported|quoted|represented|named|described|calculated|characteri[sz]ed|"
    r"label(?:led|ed)|translated|dated)"
)
ERROR = re.compile(
    rf"\b(?:{_MISDONE}|(?:incorrect|wrong|erroneous|mistaken|inaccurate)ly|"
    r"(?:a|an|the|some|several|two) (?:wrong|incorrect|inaccurate|erroneous|mistaken)|(?:was|were) (?:wrong|incorrect|inaccurate|in error)|"
    r"(?:has|have) been (?:corrected|amended|clarified|retracted)|should have (?:said|read|been|stated|given)|should (?:say|read)|"
    r"an? (?:\w+ )?(?:error|mistake|inaccuracy|typo|misspelling)|(?:the|this|these|our) (?:errors?|mistakes?|inaccurac(?:y|ies))|in error|"
    r"by mistake|(?:to|that) corrects?|the correct \w+|"
    r"as (?:we|first|originally|previously|wrongly) (?:had )?(?:reported|published|stated|said)|"
    r"fälschlich\w*|irrtümlich\w*|falsch\w*|korrigiert|hieß es|par erreur|erron\w+|une erreur)\b",
    re.IGNORECASE,
)
"""Says that something printed was wrong."""
CONTRAST = re.compile(
    r"(?:,| and) not\b|\brather than\b|\bnot [^.;]{1,60},? but\b|\bfor [“\"‘'].{1,80} read\b|, nicht\b|\bstatt\b|\bet non\b|\bnon pas\b|"
    rf"\b{_VERSION}|\bwe (?:said|reported|wrote|stated|published|printed|described|named)\b|\b(?:our|this|an) {_NOUN}\b|\bnot for\b",
    re.IGNORECASE,
)
"""Weaker, but enough behind the label of a correction."""
EARLIER_VERSION = re.compile(rf"(?:in )?{_VERSION}\b", re.IGNORECASE)
_SAID = (
    r"(?:said|stated|gave|reported|attributed|quoted|included|contained|described|referred|named|identified|omitted|failed|listed|put|"
    r"suggested|indicated|implied|claimed|confused|showed|cited|did not)"
)
SAYS = re.compile(rf"\W{{0,3}}(?:\w+ ){{0,2}}?{_SAID}\b", re.IGNORECASE)
"""What an earlier version did that the present one does not."""
VERSION_SAID = re.compile(rf"\b(?:earlier|previous|prior|older|original) version (?:\w+ ){{0,2}}?{_SAID}\b", re.IGNORECASE)
"""Enough behind the label of an editor's note."""
CHANGED = re.compile(
    rf"{_THIS} (?:corrects\b|(?:was|has been|is|has since been) (?:\w+ly )?"
    r"(?P<how>corrected|amended|updated|edited|changed|revised|clarified|modified)\b(?! by\b))",
    re.IGNORECASE,
)
PURPOSE = re.compile(
    r"\bto (?:\w+ )?(?:correct|fix|clarify|rectify|remove|make (?:it )?clear)\b|\bbecause\b[^.]{0,80}\b(?:version|headline|caption)\b",
    re.IGNORECASE,
)
"""Why a text was changed that held an error; new information is no error."""
_GONE = (
    r"(?: ?[.,;:—–)]| ?$| from (?:our|the|this) (?:web ?site|site|online|archive|internet|page)|"
    r" (?:because|as|since|after|following|pending|due"
    r"|at the request|by (?:the|its|our) (?:editor|publisher|author|newspaper)|while|owing|in full|in its entirety)\b)"
)
RETRACTED = re.compile(
    rf"{_THIS} (?:has been|was|is|has now been|has since been|is hereby) (?:fully |now |hereby )?"
    rf"(?:retracted\b|(?:withdrawn|removed|taken down|unpublished){_GONE})",
    re.IGNORECASE,
)
WE_RETRACT = re.compile(
    rf"we (?:(?:have|are|hereby|must|now|therefore|also|today) ){{0,3}}(?:retract|withdr[ae]w)(?:ed|n|ing)? "
    rf"(?:(?:the|this|that|our|an) (?:\w+ ){{0,2}}?{_NOUN}|it\b)",
    re.IGNORECASE,
)
IS_RETRACTED = re.compile(rf"\b{_NOUN}\b.{{0,200}}? (?:has|have|is|are) (?:been |hereby |now )*(?:retracted|withdrawn)\b", re.IGNORECASE)
"""Enough only behind the label of a retraction."""
WE_REGRET = re.compile(
    r"we (?:\w+ )?(?:regret|apologi[sz]e (?:\w+ ){0,4}?for) (?:the|this|these|our) (?:\w+ )?(?:errors?|mistakes?|inaccurac(?:y|ies))\b",
    re.IGNORECASE,
)
OUTLET_SPEAKS = re.compile(
    r"The (?P<who>[A-Z][\w'’-]*(?: [A-Z][\w'’-]*){0,4}) "
    r"(?:(?:apologi[sz]es|regrets)\b[^.]{0,80}?\b(?:errors?|mistakes?|inaccurac(?:y|ies))\b|"
    rf"(?P<gone>(?:has |hereby )?(?:retract(?:s|ed)|withdraws|withdrawn)) (?:the|this|that|its|an) (?:\w+ ){{0,2}}?{_NOUN})"
)
"""Counts where it is the article's own outlet."""
ANOTHER = re.compile(
    r"\b(?:an?(?! (?:earlier|previous|prior|older|original)\b)|two|three|several|our|"
    r"(?:yester|to|mon|tues|wednes|thurs|fri|satur|sun)day['’]s|last \w+['’]s) "
    rf"(?:(?!this\b)[\w-]+ ){{0,3}}?{_NOUN}s?\b(?! (?:of|on|for) this)|"
    rf"\bthe {_NOUN} (?:(?:of|on|about)\b(?! this)|published|headlined|entitled|titled|that|which|[“\"‘(])|"
    rf"\bthe {_NOUN}s\b|\bthe same {_NOUN}\b|"
    r"\bunser(?:em|en|es|er)? (?:\w+ )?(?:artikel|bericht|text|beitrag|meldung)|\b(?:notre|un) article\b",
    re.IGNORECASE,
)
ITSELF = re.compile(
    rf"\b{_THIS}\b|\bthe {_NOUN} that (?:stood|was|appeared) (?:here|on this page)\b|"
    r"\bdiese[smr] (?:artikel|bericht|text|beitrag|meldung)|\bcet article\b",
    re.IGNORECASE,
)
THE_CHANGED = re.compile(
    rf"{DECORATION}the (?:article|story) (?:was|has been) (?:\w+ )?(?:corrected|amended|updated|changed|revised) to (?:\w+ )?"
    r"(?:correct|fix|clarify|rectify) (?!.{0,200}\b(?:said|says|told|according)\b)",
    re.IGNORECASE,
)
"""Only as a paragraph of its own, and only where nobody tells of it: "the article" may be any."""
CUES = re.compile(
    rf"\b(?:in )?{_VERSION}\b|\b{_THIS}\b|\bwe (?:\w+ ){{0,4}}?(?:regret|apologi|retract|withdr)|"
    r"\b(?-i:The [A-Z])[\w'’ -]{1,60}?\b(?:apologi|regrets|retract|withdr)",
    re.IGNORECASE,
)
"""Where a note without a label may begin."""
LABELS = re.compile(
    "|".join(rf"(?:{one.pattern})" for one in (CORRECTION_LABEL, RETRACTION_LABEL, NOTE_LABEL, CORRECTS, THE_CHANGED)), re.IGNORECASE
)
"""Any of the labels: what most paragraphs are held against once."""
