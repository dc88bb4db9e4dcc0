"""Questions with options or classes, put into words and read back strictly."""

import re
from collections.abc import Sequence

from foveate.evals.samples import Sample

__all__ = ["as_question", "parse_choice", "parse_label"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTER = re.compile(
    r"^\W*(?i:(?:the\s+)?(?:correct\s+)?(?:answer|option|choice)\s*(?:is)?\s*:?\s*)?\(?([A-Z])(?=[\s).:,*]|$)"
)


def as_question(sample: Sample) -> str:
    """The sample's question with its options (``A. ...``) or classes."""
    if sample.options:
        lines = "\n".join(f"{_LETTERS[i]}. {option}" for i, option in enumerate(sample.options[: len(_LETTERS)]))
        return f"{sample.text}\n{lines}\nAnswer with the letter of the right option."
    if sample.labels:
        return f"{sample.text}\nAnswer with one of: {', '.join(sample.labels)}."
    return sample.text


def parse_choice(text: str, options: Sequence[str]) -> int:
    """Index of the option that an answer names, by letter or by its words; -1 when it names none or several."""
    found = _LETTER.match(text.strip())
    if found and (index := _LETTERS.index(found[1])) < len(options) and not _is_article(text, found[1]):
        return index
    said = _plain(text)
    exact = [i for i, option in enumerate(options) if _plain(option) == said]
    if len(exact) == 1:
        return exact[0]
    named = [i for i, option in enumerate(options) if _plain(option) and f" {_plain(option)} " in f" {said} "]
    # "a red car" also names "car": of options inside one another the longest counts.
    longest = [i for i in named if not any(_inside(options[i], options[j]) for j in named if j != i)]
    return longest[0] if len(longest) == 1 else -1


def parse_label(text: str, labels: Sequence[str]) -> str:
    """The class that an answer names; empty when it names none or several."""
    index = parse_choice(text, labels)
    return labels[index] if index >= 0 and not _LETTER_ONLY.fullmatch(text.strip()) else ""


_LETTER_ONLY = re.compile(r"\W*[A-Z]\W*")


def _is_article(text: str, letter: str) -> bool:
    # "A dog runs." begins with a letter that is no choice.
    return letter == "A" and re.match(r"^\W*A\s+[a-z]", text.strip()) is not None


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _inside(one: str, other: str) -> bool:
    return _plain(one) != _plain(other) and f" {_plain(one)} " in f" {_plain(other)} "
