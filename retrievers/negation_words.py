"""English around negation: what negates, what only looks as if it did, and where a negated phrase ends.

Cues and scopes follow the annotation of Morante and Daelemans, "ConanDoyle-neg" (LREC 2012); those for pictures are the
forms of NegBench (Alhamoud et al., CVPR 2025).
"""

import re

__all__ = ["CUE", "FILLER", "HARMLESS", "MEDIA", "PICTURES", "QUOTED", "SKIPPED", "STOPS"]

PICTURES = (
    r"(?:picture|photo|photograph|image|drawing|painting|snapshot|shot|scene|film|video|movie|clip|document"
    r"|file)s?"
)
"""A kind of media, as a pattern."""

_IDIOMS = (
    r"no\.?\s*\d+",
    r"nos?\.(?=\s)",
    r"no\s+(?:longer|more|matter|doubt|wonder|problem|idea|way|sooner|less|fewer|better|worse|good|use|need|man's|sweat)",
    r"(?:in\s+no\s+time|by\s+no\s+means|yes\s+(?:or|and)\s+no|no\s+(?:and|or|but)\b)",
    r"no\s+(?:[a-z]+\s+){0,2}allowed",
    r"no\s+(?:entry|exit|entrance|smoking|parking|stopping|standing|waiting|trespassing|swimming|diving|fishing|littering"
    r"|vacancy|overtaking|passing|camping|cycling|hunting|turning|access|admittance|(?:left|right|u)[\s-]turns?|through\s"
    r"+(?:road|traffic))\b",
    r"no\s+[a-z]+\s+(?:policy|rule|zone)\b",
    r"no\s+(?:dogs?|pets?|phones?|cameras?|bikes?|bicycles?|food|drinks?|photos?)\s+(?:signs?|symbols?|notices?)\b",
    r"without\s+(?:an?\s+|any\s+|the\s+)?(?:shadow\s+of\s+a\s+)?(?:doubt|question|fail|exceptions?|notice|warning|saying"
    r"|further\s+ado|delay|hesitation|end|precedent|limits?|borders|parallel|reason|cause|regard|success)\b",
    r"not\s+(?:only|just|merely|simply|to|even|yet|necessarily|really|enough|sure|so|too|very|all|every|everyone|much"
    r"|many|quite|always|often|alone|least|as|until|bad|far|at\s+all|because|more|less|if|when)\b",
    r"(?:if|why|or|than|perhaps|maybe|whether)\s+not",
    r"neither\s+(?:here\s+nor\s+there|of\b)|(?:me|nor\s+i)\s+neither",
    r"(?:nothing|none|nobody)\s+(?:but|except|other\s+than)",
    r"(?:other\s+than|apart\s+from|aside\s+from|except\s+for|except)\s+(?:that|this|when|if|where)\b",
    r"free\s+of\s+(?:charge|cost|tax|duty)|(?:duty|hands|royalty|toll|scot|tax|risk|post|rent|hassle|trouble|cost|for"
    r"|care|interest|stress|error|be|set)[\s-]free",
)
HARMLESS = re.compile("|".join(rf"\b(?:{idiom})" for idiom in _IDIOMS), re.IGNORECASE)
"""Phrases that negate nothing: numbers, prohibitions on signs, idioms."""

QUOTED = re.compile(
    r"\"[^\"\n]{1,300}\"|\u201c[^\u201d\n]{1,300}\u201d|«[^»\n]{1,300}»|\u2018[^\u2019\n]{1,300}\u2019(?!\w)|`[^`\n]{1,300}`"
    r"|(?<!\w)'[^'\n]{1,300}'(?!\w)"
)
"""What is said verbatim."""

_BE = r"(?:is|are|was|were)"
_SHOW = (
    r"(?:shows?|contains?|has|have|includes?|features?|depicts?|mentions?|holds?|showing|containing|having|including"
    r"|featuring|depicting|mentioning)"
)
_ANY = r"(?:a|an|any|the|some)\b"
_N_T = r"(?:\s+not|n'?t)"
_ASKED = (
    rf"(?:{_BE}|ain)(?:n'?t\s+there|\s+there\s+not|\s+not\s+there|\s+there\s+(?:really\s+)?no)\b(?:\s+any)?(?!\s*[?.]*$)"
    rf"|(?:do|did)(?:\s+(?:i|we|you)\s+(?:not\s+have|have\s+no)|n'?t\s+(?:i|we|you)\s+have)\b"
    rf"|do(?:es)?\s+(?:the|this|that|these|those|my|any)\s+{PICTURES}\s+(?:{_SHOW}\s+no|not\s+{_SHOW})\b"
    rf"|do(?:es)?n'?t\s+(?:the|this|that|these|those|my|any)\s+{PICTURES}\s+{_SHOW}\b"
)
_JOIN = r"(?:(?:\b(?:but|and|yet|though|with|that|which|who|where)|,)\s*)*"
CUE = re.compile(
    rf"""(?P<asks>(?:^|(?<=[.!?,;]\s)){_ASKED})
    |(?P<double>\b(?:not|never)\s+without\b|\bno\s+{PICTURES}\s+without\b)
    |(?P<person>{_JOIN}\b(?:there\s*(?:'s|{_BE})\s+|{_SHOW}\s+)?(?:no\s+one|no-one|nobody)\b)
    |(?P<cue>{_JOIN}(?:
        \bneither\b
        |\bwithout\b(?:\s+(?:showing|containing|having|including))?
        |\b(?:there\s*(?:'s|{_BE})\s+|{_SHOW}\s+)?no\b(?!\s*[,.;:!?]|\s*$)
        |\bthere\s*(?:{_BE}{_N_T})\b
        |\b(?:do|does|did){_N_T}\s+{_SHOW}\b
        |\b{_BE}{_N_T}\s+(?:{_SHOW}\b)?
        |(?<!\bdo\s)(?<!\bdoes\s)(?<!\bdid\s)(?<!\bcan\s)(?<!\bcould\s)(?<!\bshould\s)(?<!\bmust\s)(?<!\bwill\s)
         (?<!\bwould\s)(?<!\bmay\s)(?<!\bmight\s)(?<!\bhas\s)(?<!\bhave\s)(?<!\bhad\s)\bnot\s+(?:{_SHOW}\s+|with\s+|of\s+)?
        |\b(?:excluding|excepting|exclude|except(?:\s+for)?|other\s+than|apart\s+from|aside\s+from)\b
        |(?<=\beverything\s)but\b
        |\b(?:free\s+(?:of|from)|devoid\s+of|lacking(?:\s+in)?|lacks?|in\s+the\s+absence\s+of|(?:the\s+)?absence\s+of)\b
    ))
    |(?P<free>\b[^\W\d_]{{3,}}-free\b)""",
    re.IGNORECASE | re.VERBOSE,
)
"""What negates. ``asks``: whether something is absent is the question; ``double``: negations that cancel."""

SKIPPED = frozenset("a an any the some single of either even sort kind one whatsoever".split())
"""Words before the negated thing that say nothing of it."""

STOPS = frozenset(
    "but with in on at near under over by that which who whose while where when because from behind beside between into"
    " onto during before after since taken made shot through across inside outside against around above below though"
    " although yet is are was were has have if then except without not no neither unless for to as next".split()
)
"""Words that end a negated phrase."""

MEDIA = re.compile(
    rf"{PICTURES}\s+(?:of|with|showing|containing|about|(?:that|which|where)\s+(?:there\s+(?:is|are)|{_SHOW}))\b",
    re.IGNORECASE,
)
"""What stands before the thing itself: "pictures of"."""

FILLER = frozenset(
    "a an the all any every everything anything something some show me find get give search for look i want need please"
    " of in on at from to it its them this that these those which what who my our your there is are was were be with"
    " picture pictures photo photos photograph photographs image images drawing drawings painting paintings snapshot"
    " snapshots shot shots scene scenes film films video videos movie movies clip clips document documents file files"
    " collection archive folder album library here and or but how many do does did have has shows contains depicts only"
    " else background foreground frame view".split()
)
"""Words of which a rest with nothing to look for consists."""
