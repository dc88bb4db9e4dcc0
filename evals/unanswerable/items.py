"""One question of the set, with what is right; the order of everything is decided by hashes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from foveate.ids import digest
from foveate.records import Reason

__all__ = ["COLLECTIONS", "FORMS", "HALVES", "NONE", "REASONS", "SETTINGS", "SPLITS", "Item", "by_hash", "offered"]

T = TypeVar("T")
SPLITS = ("train", "test")
HALVES = {"train": "train", "test": "held_out"}
"""Split -> half of the knowledge base."""
SETTINGS = ("base", "option")
COLLECTIONS = ("kb", "part", "empty")
"""The knowledge base; without some countries; nothing."""
REASONS: dict[str, Reason] = {
    "standard": "none",
    "aad": "absent_object",
    "iasd": "incompatible_question",
    "ivqd": "incompatible_question",
    "open": "none",
    "true_premise": "none",
    "false_premise": "false_premise",
    "no_evidence": "no_evidence",
    "empty": "no_evidence",
}
"""Form -> the right reason to abstain; ``none`` where the question can be answered."""
FORMS = tuple(REASONS)
NONE = "None of the above"
"""The last option of the ``option`` setting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One question."""

    id: str
    """Unique in the set."""
    split: Literal["train", "test"]
    source: Literal["stamps", "kb"]
    form: str
    """Of :data:`FORMS`."""
    setting: Literal["base", "option"] = "base"
    pair: str
    """Shared by the forms of one base: what a dual score multiplies."""
    group: str
    """Concept or country: what bootstraps and folds keep together."""
    question: str
    options: tuple[str, ...] = ()
    choice: int | None = None
    """Index of the right option; of the unanswerable in the ``option`` setting, of :data:`NONE`."""
    answers: tuple[str, ...] = ()
    """Accepted answers of questions without options."""
    picture: str | None = None
    """Absolute path."""
    collection: Literal["kb", "part", "empty"] = "kb"
    """What is searched."""

    @property
    def reason(self) -> Reason:
        """Why a right system abstains."""
        return REASONS[self.form]

    def row(self) -> dict[str, Any]:
        """As it is written."""
        return {**asdict(self), "answerable": self.reason == "none", "reason": self.reason}


def by_hash(things: Iterable[T], *key: str, name: Callable[[T], str] = str) -> list[T]:
    """Things in an order that their names and the key alone decide."""
    return sorted(things, key=lambda thing: digest("unanswerable", *key, name(thing)))


def offered(right: str, others: Sequence[str], key: str, form: str) -> tuple[tuple[str, ...], int | None]:
    """Options and the right one's place: the right one among wrong ones, or (``aad``) a further wrong one for it.

    All forms have as many options: fewer would give away that the right one was taken out.
    """
    order = by_hash(others if form == "aad" else (right, *others[:-1]), "options", key)
    return tuple(order), order.index(right) if right in order else None
