"""General facts to read: people with their years, and things with what they are, from WordNet 3.0.

Debian ``wordnet-base`` (WordNet licence, which allows use and redistribution). Countries and cities are left out: half
of them are kept for measuring.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from foveate.ids import digest
from foveate.retrievers.training.packages import debian

__all__ = ["Entry", "entries", "parse"]

_LINE = re.compile(r"^\d{8} (\d\d) n ([0-9a-f]{2}) (.+?) \| (.+)$")
_YEARS = re.compile(r"\s*\((?:born )?(\d{4})-(\d{4})?\)")
_PERSONS = "18"
_KINDS = {"05": "animal", "06": "thing", "13": "food", "20": "plant", _PERSONS: "person"}
"""WordNet's lexicographer files of what can be pictured or met."""
_WORD = re.compile(r"[A-Za-z][A-Za-z' -]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A thing or person and what is said of it."""

    name: str
    kind: str
    """``animal``, ``food``, ``plant``, ``thing``; ``person`` for one with years of life."""
    gloss: str
    """What it is, without years and examples: "a nocturnal burrowing mammal"."""
    born: str = ""
    died: str = ""

    def told(self, variant: int) -> str:
        """A sentence that says it; several wordings."""
        if self.kind == "person":
            return (
                f"{self.name} ({self.born}-{self.died}) was {article(self.gloss)}.",
                f"{self.name} was {article(self.gloss)}, born in {self.born} and dead by {self.died}.",
                f"Born in {self.born}, {self.name} was {article(self.gloss)} and died in {self.died}.",
                f"{self.name} lived from {self.born} to {self.died} and was {article(self.gloss)}.",
            )[variant % 4]
        return (
            f"{article(self.name).capitalize()} is {self.gloss}.",
            f"By {self.name} people mean {self.gloss}.",
            f"{self.name.capitalize()}: {self.gloss}.",
        )[variant % 3]


def article(words: str) -> str:
    """With "a" or "an" where it has no article of its own."""
    first = words.split(" ")[0].lower()
    if first in ("a", "an", "the", "any", "one", "his", "her"):
        return words
    return f"{'an' if first[:1] in 'aeiou' else 'a'} {words}"


def entries(cache: Path) -> list[Entry]:
    """All entries, in an order that says nothing of them; downloaded once below ``cache``."""
    path = debian("wordnet-base", cache) / "usr/share/wordnet/data.noun"
    with path.open(encoding="latin-1") as file:
        found = list(parse(file))
    return sorted(found, key=lambda entry: digest("entry", entry.name))


def parse(lines: Iterator[str] | Sequence[str]) -> Iterator[Entry]:
    """Entries of ``data.noun``: those of one plain name and a gloss of 4 to 24 words, each name once."""
    seen: set[str] = set()
    for line in lines:
        found = _LINE.match(line.rstrip())
        if not found or found[1] not in _KINDS:
            continue
        name = found[3].split(" ")[0].replace("_", " ")
        gloss = found[4].split(";")[0].split(' "')[0].strip()
        years = _YEARS.search(gloss)
        gloss = _YEARS.sub("", gloss).strip(" .,:")
        person = found[1] == _PERSONS
        if name in seen or not _WORD.fullmatch(name) or "(" in gloss or not 4 <= len(gloss.split()) <= 24:
            continue
        if person != (years is not None and bool(years[2])) or person != name[0].isupper():
            continue
        seen.add(name)
        born, died = (years[1], years[2]) if years else ("", "")
        yield Entry(name=name, kind=_KINDS[found[1]], gloss=gloss, born=born, died=died)
