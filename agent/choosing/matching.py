"""Whether a short answer is one of the options, and whether a text holds one."""

import re
from collections.abc import Sequence

__all__ = ["says", "stands"]

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORD = re.compile(r"(?<!\w)[+-]\d+(?:\.\d+)*|\d+(?:\.\d+)*|[^\W\d]+")
_ARTICLES = frozenset({"a", "an", "the"})
_DENIES = frozenset({"not", "no", "never", "without", "neither", "nor"})


def says(short: str, options: Sequence[str]) -> list[bool]:
    """Which options a short answer is: those equal to it, else those in it, else those that it is in.

    Whole words count, numbers by their value ("1,234" is "1234", and no part of "1234.5"). Of options within one
    another the longest counts: "a red car" is not "car". What the answer denies it does not say.
    """
    said = _words(short)
    words = [_words(option) for option in options]
    if not said:
        return [False] * len(words)
    equal = [one == said for one in words]
    if any(equal):
        return equal
    inside = [_stands(one, said) for one in words]
    longest = [
        here
        and not any(
            there and len(other) > len(one) and _found(one, other) for there, other in zip(inside, words, strict=True)
        )
        for here, one in zip(inside, words, strict=True)
    ]
    return longest if any(longest) else [_stands(said, one) for one in words]


def stands(option: str, text: str) -> bool:
    """Whether the option stands in the text as whole words that the word before does not deny."""
    return _stands(_words(option), _words(text))


def _words(text: str) -> list[str]:
    words = _WORD.findall(_THOUSANDS.sub("", text.casefold()))
    return [word for word in words if word not in _ARTICLES] or words


def _stands(words: Sequence[str], text: Sequence[str]) -> bool:
    return any(not at or text[at - 1] not in _DENIES for at in _places(words, text))


def _found(words: Sequence[str], text: Sequence[str]) -> bool:
    return bool(_places(words, text))


def _places(words: Sequence[str], text: Sequence[str]) -> list[int]:
    """Where the words begin in the text; no words stand nowhere."""
    size = len(words)
    return (
        [at for at in range(len(text) - size + 1) if text[at] == words[0] and text[at : at + size] == words]
        if size
        else []
    )
