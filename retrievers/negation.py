"""Which part of a query is wanted, and which is not.

Encoders of pictures and text put "a beach without people" beside beaches with people (Alhamoud et al., "Vision-Language
Models Do Not Understand Negation", CVPR 2025): the two parts are told apart in words, by rules, and scored apart.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from foveate.retrievers.negation_words import (
    CUE,
    FILLER,
    HARMLESS,
    MEDIA,
    PICTURES,
    QUOTED,
    SKIPPED,
    STOPS,
)

__all__ = ["Wanted", "looked_for", "split"]

_TOKEN = re.compile(r"[\w\ue000]+(?:['-][\w\ue000]+)*|[^\w\s]")
_LONGEST = 1_000
"""Characters of a query at most: what is longer is a text to compare with, and searched as it stands."""
_PHRASE = 6
"""Words of a negated thing at most: what runs on is no noun phrase."""
_TAIL = re.compile(
    rf"\s+(?:(?:in|on)\s+(?:it|them)|(?:in|on|at|from)\s+(?:the\s+|my\s+|this\s+|these\s+|any\s+|sight\b)?"
    rf"(?:background|foreground|{PICTURES}|frame|view|sight)?)(?=\s*(?:[.,;!?]|$))",
    re.IGNORECASE,
)
_EDGES = re.compile(r"^[\s,;.:]+|(?:[\s,;:]|\b(?:but|and|or|with|that|which|who)\b)+$", re.IGNORECASE)
_GAPS = (
    (re.compile(r"\s+([,;.!?])"), r"\1"),
    (re.compile(r"([,;.])(?:\s*[,;.])+"), r"\1"),
    (re.compile(r"\s{2,}"), " "),
)
_QUESTION = re.compile(
    r"^\s*(?:who|what|when|where|why|how|which|whose|is|are|was|were|do|does|did|can|could|should|would|will|has|have)\b"
    r"|\?\s*$",
    re.IGNORECASE,
)
_OF_MEDIA = re.compile(rf"^\s*(?:which|what|how\s+many|are\s+there)\b(?:\s+\w+){{0,3}}?\s+{PICTURES}\b", re.IGNORECASE)
_CLAIM = re.compile(
    rf"(?<!\bthat\s)(?<!\bwhich\s)(?<!\bwho\s)(?<!\bwhere\s)(?<!\bthere\s)\b(?:is|are|was|were|has|have|had|does|do|did|can"
    rf"|could|will|would|may|must|should|need|needs)(?:n't)?\b|\b(?!{PICTURES})\w+\s+lacks?\b",
    re.IGNORECASE,
)
_SAID_OF_MEDIA = re.compile(rf"\b{PICTURES}\s+(?:is|are|has|have|does|do|lacks?)(?:n't)?\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A query in two parts."""

    text: str
    """What is looked for; the query itself where nothing is negated, empty where all of it is."""
    unwanted: tuple[str, ...] = ()
    """What must not be there, each by itself, in the query's words and order."""
    asks_absence: bool = False
    """Whether the query asks if ``unwanted`` is absent: who answers looks for it."""


def split(query: str) -> Wanted:
    """Tell what a query wants from what it does not.

    Quoted words, titles ("Rebel Without a Cause"), signs ("no entry"), numbers ("no. 5") and idioms ("without a doubt")
    are no negation, and two negations cancel ("not without a hat" is "with a hat"). Splitting ``text`` again changes
    nothing. A query of more than 1,000 characters is left whole.
    """
    found = Wanted(text=query)
    while len(query) <= _LONGEST:
        again = _once(found.text)
        if again.text == found.text and not again.unwanted:
            break
        found = Wanted(
            text=again.text,
            unwanted=tuple(dict.fromkeys((*found.unwanted, *again.unwanted))),
            asks_absence=found.asks_absence or again.asks_absence,
        )
    return found


def looked_for(query: str) -> Wanted:
    """The parts to search by.

    Questions and claims about the world are searched as they stand: what answers "how long can you live without water?"
    speaks of water. Whether something is absent is answered by looking for it.
    """
    parts = split(query)
    if not parts.unwanted:
        return parts
    if parts.asks_absence:
        return Wanted(text=" ".join((*parts.unwanted, parts.text)).strip())
    asked = _QUESTION.search(query) and not _OF_MEDIA.match(query)
    claimed = not _OF_MEDIA.match(query) and _CLAIM.search(_SAID_OF_MEDIA.sub(" ", query))
    return Wanted(text=query) if asked or claimed else parts


def _once(query: str) -> Wanted:
    masked = _masked(query)
    cuts: list[tuple[int, int, str]] = []
    unwanted: list[str] = []
    asks = False
    at = 0
    while (cue := CUE.search(masked, at)) is not None:
        at = max(cue.end(), at + 1)
        if cue["double"]:
            cuts.append((cue.start(), cue.end(), _undone(query[cue.start() : cue.end()])))
            continue
        things, end = _things(query, masked, cue)
        if things:
            cuts.append((cue.start(), end, ""))
            unwanted += things
            asks = asks or bool(cue["asks"])
            at = max(end, at)
    if not cuts:
        return Wanted(text=query)
    return Wanted(text=_rest(query, cuts), unwanted=tuple(unwanted), asks_absence=asks)


def _undone(cue: str) -> str:
    """What is left of two negations: ``with``, after the noun if one stands between."""
    words = cue.split()
    return " ".join((*words[1:-1], "with"))


def _masked(query: str) -> str:
    """The query with what negates nothing made unreadable, character for character."""
    query = QUOTED.sub(_blanked, query).replace("\u2019", "'")
    return HARMLESS.sub(_blanked, query)


def _blanked(found: re.Match[str]) -> str:
    return "\ue000" * len(found[0])


def _things(query: str, masked: str, cue: re.Match[str]) -> tuple[list[str], int]:
    """What is negated, and where that ends."""
    if cue["free"]:
        return [query[cue.start() : cue.end()].rpartition("-")[0]], cue.end()
    if cue["person"]:
        return ["person"], _after(masked, cue.end())
    if _is_title(query, cue):
        return [], cue.end()
    spans = list(_phrases(masked, cue.end()))
    end = spans[-1][1] if spans else cue.end()
    return [query[start:stop] for start, stop in spans], _after(masked, end)


def _is_title(query: str, cue: re.Match[str]) -> bool:
    """Whether cue and what follows are capitalised, and not everything is: "Rebel Without a Cause"."""
    word = query[cue.start() : cue.end()].split()
    following = [one for one in re.findall(r"[^\W\d_]+", query[cue.end() : cue.end() + 80]) if one not in SKIPPED]
    if not word or not following or query.isupper() or cue["asks"]:
        return False
    return word[-1][0].isupper() and following[0][0].isupper()


def _after(masked: str, end: int) -> int:
    tail = _TAIL.match(masked, end)
    return tail.end() if tail else end


def _phrases(masked: str, start: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each thing of a list: "cats, dogs or birds"."""
    window = masked[start : start + 400]
    tokens = [(found[0], start + found.start(), start + found.end()) for found in _TOKEN.finditer(window)]
    at = 0
    while at < len(tokens):
        at = _lead(masked, tokens, at)
        first = at
        while at < len(tokens) and at - first < _PHRASE and _goes_on(tokens[at][0], at > first):
            at += 1
        if at == first:
            return
        yield tokens[first][1], tokens[at - 1][2]
        at = _joined(tokens, at)


def _lead(masked: str, tokens: list[tuple[str, int, int]], at: int) -> int:
    """Past "any", "a single", "pictures of"."""
    while at < len(tokens):
        media = MEDIA.match(masked, tokens[at][1])
        if media:
            at = next((i for i in range(at, len(tokens)) if tokens[i][1] >= media.end()), len(tokens))
        elif tokens[at][0].lower() in SKIPPED and at + 1 < len(tokens) and _goes_on(tokens[at + 1][0], True):
            at += 1
        else:
            break
    return at


def _goes_on(token: str, inside: bool) -> bool:
    word = token.lower()
    return word[0].isalnum() | (word[0] in "_\ue000") and word not in STOPS and word not in ("and", "or", "nor")


def _joined(tokens: list[tuple[str, int, int]], at: int) -> int:
    """Where the next thing of the list begins, or the end of the tokens."""
    done = len(tokens)
    word = tokens[at][0].lower() if at < done else ""
    if word == "," and at + 1 < done and tokens[at + 1][0].lower() in ("or", "nor"):
        return at + 2
    if word in ("or", "nor"):
        return at + 1
    following = tokens[at + 1][0].lower() if at + 1 < done else ""
    if word in ("and", "&") and following not in SKIPPED and _goes_on(following or ",", False):
        return at + 1
    return at + 1 if word == "," and _listed(tokens, at + 1) else done


def _listed(tokens: list[tuple[str, int, int]], at: int) -> bool:
    """Whether an "or" ends the list that goes on here: a comma alone ends a phrase."""
    for token, _, _ in tokens[at:]:
        if token.lower() in ("or", "nor"):
            return True
        if token != "," and not _goes_on(token, True):
            return False
    return False


def _rest(query: str, cuts: list[tuple[int, int, str]]) -> str:
    kept, at = [], 0
    for start, end, instead in cuts:
        kept += [query[at:start], instead or " "]
        at = end
    text = "".join((*kept, query[at:]))
    for pattern, put in _GAPS:
        text = pattern.sub(put, text)
    text = _EDGES.sub("", text)
    words = re.findall(r"\w+", text.lower())
    return "" if all(word in FILLER for word in words) else text
