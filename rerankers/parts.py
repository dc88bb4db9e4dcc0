"""Who, does what, to whom: a sentence in three, by a few rules for English."""

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Parts", "Role", "parts_of"]

Role = Literal["subject", "action", "object"]

_STARTS = re.compile(
    r"^(?:(?:show|find|give)(?: me)? |there (?:is|are) |(?:an? |the )?(?:photo|picture|image|drawing|video)s? "
    r"(?:of|showing|with) |which (?:photo|picture|image)s? (?:shows?|has|have) |where (?:is|are) )+"
)
_PLACES = re.compile(
    r"\b(?:(?:to|on|at|in) )?(?:the )?(left|right|front|top|bottom|middle|back|side) of\b|\b(next) to\b"
)
_DETERMINERS = frozenset("a an the this that these those some his her its their my our your".split())
_RELATIONS = frozenset(
    "in on at under over above below behind beside between by near with without against around inside outside onto "
    "into across along through towards toward from for of to and left-of right-of front-of top-of bottom-of middle-of "
    "back-of side-of next-to".split()
)
_AUXILIARIES = frozenset("is are was were be being has have had does do did can will".split())
_VERBS = frozenset(
    "sits stands lies walks runs jumps flies swims eats drinks holds carries rides pulls pushes plays throws "
    "catches spreads hovers perches swings hits kicks reads writes looks watches wears opens closes cuts cooks "
    "fries stirs hugs kisses chases bites climbs leans hangs points drives sails sleeps feeds washes lifts drops "
    "touches follows faces crosses leaves sit stand lie walk run jump fly swim eat drink hold carry ride pull push "
    "throw catch wear lean hang climb chase".split()
)
_NOUNS = frozenset(
    "thing something nothing morning evening building ceiling king ring string spring wing clothing wedding railing "
    "painting drawing pudding lightning".split()
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """A sentence in three, lower case, without leading articles; '' where there is none."""

    subject: str = ""
    action: str = ""
    object: str = ""

    @property
    def roles(self) -> dict[Role, str]:
        """Those there are."""
        pairs: tuple[tuple[Role, str], ...] = (
            ("subject", self.subject),
            ("action", self.action),
            ("object", self.object),
        )
        return {role: words for role, words in pairs if words}


def parts_of(sentence: str) -> Parts:
    """Split at the first verb, else at the first preposition or ``and``; the object ends at the next preposition.

    A verb is an auxiliary, a form in -ing that no article stands before, or one of some eighty forms frequent in
    captions. The limits: English only; other verbs in -s or -ed are not known (the split is then at a preposition, or
    the whole is the subject); passives are not turned round; what follows the object is not read. ComCLIP asks a
    parser or a large language model; this asks nobody.
    """
    text = " ".join(re.findall(r"[\w']+", sentence.lower()))
    text = _PLACES.sub(lambda found: f"{found[1] or ''}-of" if found[1] else "next-to", _STARTS.sub("", text))
    words = text.split()
    start = _first_verb(words) or _first_relation(words, 1)
    if start is None:
        return Parts(subject=_phrase(words))
    end = start
    while end < len(words) and (_verb(words, end) or words[end] in _RELATIONS or words[end].endswith("ed")):
        end += 1
    stop = _first_relation(words, end + 1) or len(words)
    action = [word for word in words[start:end] if word not in _AUXILIARIES and word != "and"]
    return Parts(
        subject=_phrase(words[:start]), action=" ".join(action).replace("-", " "), object=_phrase(words[end:stop])
    )


def _verb(words: list[str], at: int) -> bool:
    word = words[at]
    if word in _AUXILIARIES or word in _VERBS:
        return True
    # "a running man": after an article it is an adjective.
    free = at == 0 or words[at - 1] not in _DETERMINERS
    return word.endswith("ing") and len(word) > 5 and word not in _NOUNS and free


def _first_verb(words: list[str]) -> int | None:
    return next((at for at in range(1, len(words)) if _verb(words, at)), None)


def _first_relation(words: list[str], start: int) -> int | None:
    return next((at for at in range(start, len(words)) if words[at] in _RELATIONS), None)


def _phrase(words: list[str]) -> str:
    while words and (words[0] in _DETERMINERS or words[0] in _RELATIONS):
        words = words[1:]
    return " ".join(words).replace("-", " ")
