"""Options given apart, written behind their question as people write them: one form for all that follows."""

from collections.abc import Sequence

from foveate.errors import CallerError
from foveate.media.decoding import clean

__all__ = ["LETTERS", "with_options"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def with_options(question: str, options: Sequence[str]) -> str:
    """The question, then a line for each option: ``A. cat``.

    Raises:
        CallerError: fewer than two options, more than 26, or an empty one.
    """
    if not 2 <= len(options) <= len(LETTERS):
        raise CallerError(f"{len(options)} options: a choice needs 2 to {len(LETTERS)}")
    texts = [" ".join(clean(option)[0].split()) for option in options]
    if not all(texts):
        raise CallerError(f"option {texts.index('') + 1} of {len(options)} is empty")
    return "\n".join([question, *(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))])
