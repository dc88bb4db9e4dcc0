"""Which names may not stand beside each other among the options: one may be true where the other is.

Strict on purpose: a shared word, one noun inside the other, one family by hand, or WordNet's synonyms, hyponyms and
hypernyms in any of their senses (WordNet 3.0, data.noun; https://wordnet.princeton.edu/documentation/wndb5wn).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.unanswerable.names import alike, singular

__all__ = ["Kinship"]

_HYPERNYMS = ("@", "@i")
_SHORTEST = 3
"""Letters of a noun that is looked for inside another one."""


class Kinship:
    """Relations of names."""

    def __init__(self, senses: Mapping[str, frozenset[str]], above: Mapping[str, frozenset[str]]) -> None:
        """From a graph.

        Args:
            senses: name in lower case -> its synsets.
            above: synset -> its direct hypernyms.
        """
        self._senses = senses
        self._above = above
        self._known: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    @classmethod
    def read(cls, path: Path) -> "Kinship":
        """From WordNet's ``data.noun``.

        Raises:
            CallerError: no such file.
        """
        if not path.is_file():
            raise CallerError(f"no file {str(path)!r}: WordNet's data.noun is needed")
        with path.open(encoding="latin-1") as file:
            return cls.parsed(file)

    @classmethod
    def parsed(cls, lines: Iterable[str]) -> "Kinship":
        """From lines of ``data.noun``; the licence at its head is passed over."""
        senses: dict[str, set[str]] = defaultdict(set)
        above: dict[str, frozenset[str]] = {}
        for line in lines:
            if line.startswith(" "):
                continue
            fields = line.split(" | ")[0].split()
            words = int(fields[3], 16)
            for name in fields[4 : 4 + 2 * words : 2]:
                senses[name.replace("_", " ").lower()].add(fields[0])
            pointers = fields[5 + 2 * words :]
            pairs = zip(pointers[::4], pointers[1::4], strict=False)
            above[fields[0]] = frozenset(to for kind, to in pairs if kind in _HYPERNYMS)
        return cls({name: frozenset(found) for name, found in senses.items()}, above)

    def related(self, one: str, other: str) -> bool:
        """Whether a picture of one might be called the other, whichever way round."""
        mine, yours = _words(one), _words(other)
        heads = mine[-1], yours[-1]
        if set(mine) & set(yours) or alike(*heads) or _inside(*heads) or _inside(*heads[::-1]):
            return True
        (senses, above), (others, beyond) = self._of(one), self._of(other)
        return bool(senses & beyond or others & above)

    def _of(self, label: str) -> tuple[frozenset[str], frozenset[str]]:
        """Synsets of the whole label, else of its noun; and the same with all above them."""
        if label not in self._known:
            words = _words(label)
            senses = self._senses.get(" ".join(words)) or self._senses.get(words[-1], frozenset())
            self._known[label] = senses, self._closed(senses)
        return self._known[label]

    def _closed(self, synsets: Iterable[str]) -> frozenset[str]:
        """Synsets and all above them."""
        found: set[str] = set()
        waiting = [*synsets]
        while waiting:
            synset = waiting.pop()
            if synset not in found:
                found.add(synset)
                waiting += self._above.get(synset, ())
        return frozenset(found)


def _words(label: str) -> list[str]:
    return [singular(word) for word in label.lower().split()]


def _inside(short: str, long: str) -> bool:
    return len(short) >= _SHORTEST and long.endswith(short)
