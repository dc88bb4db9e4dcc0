"""Which option has the largest or smallest number: arithmetic is not left to a model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Comparison", "compare", "number_in"]

_NUMBER = re.compile(
    # Thousands stand apart by a comma or a blank (plain, hard or narrow), groups of three only.
    r"(?P<sign>(?<![\w.])[-\u2212])?"
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+(?!\d)|\d{1,300})"
    r"(?P<part>\.\d+)?(?:\s*(?P<scale>thousand|million|billion|trillion)\b)?",
    re.IGNORECASE,
)
_SCALE = {"": 1.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What comparing came to."""

    options: tuple[str, ...]
    numbers: tuple[float | None, ...]
    """One an answer; None for what is no number."""
    best: tuple[str, ...] = ()
    """The options with the best number, in their order: two or more are equal. Empty where not all are numbers."""


def compare(kind: Literal["most", "least"], options: Sequence[str], answers: Sequence[str]) -> Comparison:
    """Compare the numbers of answers.

    Args:
        kind: ``most`` or ``least``.
        options: what is compared.
        answers: of the steps behind them, in the same order.
    """
    names = tuple(option.strip() for option in options)
    numbers = tuple(number_in(answer) for answer in answers)
    known = [number for number in numbers if number is not None]
    if not known or len(known) != len(names) or len(numbers) != len(names):
        return Comparison(options=names, numbers=numbers)
    wanted = max(known) if kind == "most" else min(known)
    best = tuple(name for name, number in zip(names, known, strict=True) if number == wanted)
    return Comparison(options=names, numbers=numbers, best=best)


def number_in(text: str) -> float | None:
    """The first number of a text: ``1,200``, ``10 000``, ``-3.5``, ``1.5 million``; None without one."""
    found = _NUMBER.search(text)
    if found is None:
        return None
    value = float(re.sub(r"\D", "", found["whole"]) + (found["part"] or ""))
    scaled = value * _SCALE[(found["scale"] or "").lower()]
    return -scaled if found["sign"] else scaled
