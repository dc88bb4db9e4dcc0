"""Options that say the same, hold each other, or deny each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Overlap", "groups", "overlaps", "same"]

_JOINT = re.compile(
    r"(?:all|both|any|two|several)(?: of)?(?: the)? (?:above|these|those|them|following)\b|both .+ and .+"
)
_NOT = re.compile(r"\b(?:not|no|without|never)\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """Why more than one option may be right, or two only together make sense."""

    kind: Literal["same", "inside", "negated", "joint"]
    """``inside``: the first's words stand in the second; ``negated``: the second denies the first; ``joint``: the
    first stands for others ("all of the above"), and is its own second."""
    first: int
    second: int


def same(one: str, other: str) -> bool:
    """Whether two options say the same: case, articles, spaces and punctuation do not count."""
    return _plain(one) == _plain(other)


def groups(texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Places of the options that say the same, each place once, in order of their first."""
    found: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        found.setdefault(_plain(text), []).append(place)
    return tuple(tuple(places) for places in found.values())


def overlaps(texts: Sequence[str]) -> tuple[Overlap, ...]:
    """What makes a choice unclear; empty of a clean one."""
    plain = [_plain(text) for text in texts]
    found = [Overlap(kind="joint", first=i, second=i) for i, text in enumerate(plain) if _JOINT.match(text)]
    for i, one in enumerate(plain):
        for j, other in enumerate(plain):
            if one == other and i < j:
                found.append(Overlap(kind="same", first=i, second=j))
            elif one and one != other and f" {one} " in f" {other} ":
                denied = _plain(_NOT.sub("", other)) == one
                found.append(Overlap(kind="negated" if denied else "inside", first=i, second=j))
    return tuple(found)


def _plain(text: str) -> str:
    words = re.findall(r"[+-]?\w+", text.casefold())
    return " ".join(word for word in words if word not in ("a", "an", "the")) or " ".join(words) or text.strip()
