"""How candidates stand side by side in one prompt: a line each, cut to a size, pictures numbered."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence

from foveate.errors import ModelError
from foveate.records import Result
from foveate.rerankers.protocols import Candidate, ImagePart, Present

__all__ = ["Cut", "cut_about", "present_all", "told"]

_log = logging.getLogger(__name__)

Cut = Callable[[str, int], str]
"""(text, tokens) -> its beginning, as ``YesNoModel.cut``."""
# English has about 4 letters a token; signs, and letters of most other scripts, take one each.
_PIECE = re.compile(r"\s*(?:[A-Za-z]{1,4}|\d{1,2}|\S)")


def cut_about(text: str, tokens: int) -> str:
    """The beginning of ``text`` that has about ``tokens`` tokens, for servers whose tokenizer is not at hand."""
    for count, piece in enumerate(_PIECE.finditer(text)):
        if count == tokens:
            return text[: piece.start()].rstrip()
    return text


async def present_all(present: Present, results: Sequence[Result]) -> list[Candidate]:
    """What a model is shown of each result, made in a thread.

    Raises:
        ModelError: ``present`` gave other candidates than it was asked for.
    """
    candidates = list(await asyncio.to_thread(present, results))
    wanted, got = [one.chunk.id for one in results], [one.id for one in candidates]
    if wanted != got:
        raise ModelError(f"candidates were made for {got!r:.200}; asked for were {wanted!r:.200}")
    return candidates


def told(
    candidates: Sequence[Candidate], images: Sequence[ImagePart], *, tokens: int, cut: Cut
) -> tuple[list[str], list[ImagePart]]:
    """One line for each candidate, and the pictures of the prompt: the question's, then the candidates' in order.

    A candidate is one line, whatever it holds: a line break in it could begin another candidate.

    Args:
        candidates: in the order they are shown.
        images: of the question.
        tokens: the most of one candidate's text; what is longer is cut and logged.
        cut: how.
    """
    pictures = list(images)
    lines = []
    for candidate in candidates:
        flat = " ".join(candidate.text.split())
        text = cut(flat, tokens).rstrip()
        if len(text) < len(flat):
            _log.info("candidate %r: %d of %d characters are shown", candidate.id, len(text), len(flat))
        numbers = range(len(pictures) + 1, len(pictures) + len(candidate.images) + 1)
        pictures.extend(candidate.images)
        lines.append(" ".join([text, *(f"(picture {number})" for number in numbers)]).strip())
    return lines, pictures
