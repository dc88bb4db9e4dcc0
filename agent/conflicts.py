"""Does the evidence contradict itself? What carries an answer is held against what else was read on the same matter."""

import re
from collections.abc import Sequence

from foveate.agent.state import QuoteRef
from foveate.rerankers.protocols import ChatModel
from foveate.rerankers.reasoning.reader import holds
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.rerankers.sentences import coverage
from foveate.usage import Usage

__all__ = ["conflicting"]

_NAME = re.compile(r"\b[A-Z][^\W\d_]+")
_SURE = 0.9
"""Probability of contradiction from which both sides are shown."""
_ON_THE_MATTER = 0.75
"""Share of the coverage of the question that another sentence must reach of what the carrying one has."""
_CHECKED = 2


async def conflicting(
    chat: ChatModel, question: str, answer: str, quotes: Sequence[QuoteRef], texts: Sequence[str]
) -> tuple[list[QuoteRef], Usage]:
    """Quotes that say otherwise than the first one, which carries the answer.

    Only sentences of other chunks are asked about, that speak of the same names and answer nothing alike: most
    evidence has none, and then the model is not asked at all.

    Args:
        chat: verifies; must give log-probabilities.
        question: of the step.
        answer: words of the first quote.
        quotes: the carrying one first.
        texts: their words, in the same order.

    Raises:
        ModelError, ServiceError: the model failed.
    """
    names = {name.casefold() for name in _NAME.findall(question[1:])}
    least = _ON_THE_MATTER * coverage(question, texts[0])
    rivals = [
        (quote, text)
        for quote, text in zip(quotes[1:], texts[1:], strict=True)
        if quote["chunk_id"] != quotes[0]["chunk_id"]
        and quote["end"]
        and not holds(text, answer)
        and names
        and all(_speaks_of(name, text) for name in names)
        and coverage(question, text) >= least
    ][:_CHECKED]
    if not rivals:
        return [], Usage()
    claim = " ".join(texts[0].split())
    said = await Verifier(chat).verify([(claim, text) for _, text in rivals])
    usage = sum((one.usage for one in said), Usage())
    return [quote for (quote, _), one in zip(rivals, said, strict=True) if one.contradicted >= _SURE], usage


def _speaks_of(name: str, text: str) -> bool:
    """Whether a word begins with the name: names are inflected, but Oman is not in a woman."""
    return re.search(rf"(?<!\w){re.escape(name)}", text.casefold()) is not None
