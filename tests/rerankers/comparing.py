"""Chat models that compare by a known rule, and a bias for places: what rerankers of rankings are tried on."""

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence

from foveate.records import Hit, Result
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.protocols import Candidate, Message, Reply, Reranker, TokenLogprob
from foveate.rerankers.scripted import ScriptedChat
from foveate.usage import Usage

Worth = Callable[[str], float]


def present(results: Sequence[Result]) -> list[Candidate]:
    """The chunk's own text."""
    return [Candidate(id=one.chunk.id, text=one.chunk.text or "") for one in results]


def by_table(worth: Mapping[str, float]) -> Worth:
    return lambda line: worth[line]


def chooser(worth: Worth, *, bias: float = 0.0) -> ScriptedChat:
    """Answers A with the odds exp(worth(A) - worth(B) + bias)."""

    def answer(messages: Sequence[Message]) -> Reply:
        first, second = (re.search(f"^Candidate {name}: (.*)$", messages[-1].text, re.M) for name in "AB")
        assert first and second
        odds = worth(first[1]) - worth(second[1]) + bias
        top = (("A", -math.log1p(math.exp(-odds))), ("B", -math.log1p(math.exp(odds))))
        usage = Usage(tokens_in=10, tokens_out=1)
        return Reply(
            text="A", finish="length", usage=usage, logprobs=(TokenLogprob(token="A", logprob=top[0][1], top=top),)
        )

    return ScriptedChat(answer)


def lines_of(messages: Sequence[Message]) -> list[str]:
    """Numbered candidates as a model was shown them."""
    return re.findall(r"^\[\d+\] ?(.*)$", messages[-1].text, re.M)


def sorter(worth: Worth, *, blind_to: int = 0) -> ScriptedChat:
    """Writes the true order, but leaves the first ``blind_to`` it is shown for the end: a bias for places."""

    def answer(messages: Sequence[Message]) -> str:
        lines = lines_of(messages)
        order = sorted(range(len(lines)), key=lambda at: (at < blind_to, -worth(lines[at])))
        return " > ".join(f"[{at + 1}]" for at in order)

    return ScriptedChat(answer)


def served(chat: OpenAIChat, build: Callable[[OpenAIChat], Reranker], results: Sequence[Result]) -> list[Hit]:
    """One call over the wire; the connections are closed."""

    async def run() -> list[Hit]:
        try:
            return await build(chat).rerank("q", results)
        finally:
            await chat.aclose()

    return asyncio.run(run())
