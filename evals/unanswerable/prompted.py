"""The generator's own judgement: told that it may say "I cannot tell", how likely it is to say so."""

import math

from foveate.evals.unanswerable.gather import Gathered
from foveate.rerankers.protocols import ChatModel, Message, Sampling
from foveate.rerankers.reasoning.prompts import numbered

__all__ = ["CANNOT", "cannot_tell", "prompt"]

CANNOT = "I cannot tell"
_SYSTEM = (
    "Answer the question from the notes alone, in as few words as possible. If the notes do not answer it, if what it "
    f'takes for granted is wrong, or if none of its options is right, answer "{CANNOT}".'
)
_LIKELIEST = 20


def prompt(row: Gathered) -> list[Message]:
    """Instructions, notes, question: the same evidence that the judge weighed."""
    notes = numbered(row.notes) if row.notes else "(no notes)"
    return [Message(role="system", text=_SYSTEM), Message(role="user", text=f"{notes}\n\n{row.question}")]


async def cannot_tell(chat: ChatModel, row: Gathered) -> float:
    """Probability of an answer that begins as "I cannot tell" does, in [0, 1].

    Of the first token alone, which no answer of the items begins with: so that the generator has a score, not only a
    yes or no.
    """
    reply = await chat.chat(prompt(row), Sampling(max_tokens=1, top_logprobs=_LIKELIEST))
    if not reply.logprobs:
        return 0.0
    first = reply.logprobs[0]
    near = {first.token: first.logprob, **dict(first.top)}
    return min(sum(math.exp(value) for token, value in near.items() if token.strip() == "I"), 1.0)
