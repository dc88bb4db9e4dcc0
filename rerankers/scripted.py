"""A chat model that says what it was told to say: for tests, and for documentation that runs anywhere."""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from foveate.rerankers.checks import check_messages, check_sampling
from foveate.rerankers.protocols import Message, Reply, Sampling
from foveate.usage import Usage

__all__ = ["Call", "Line", "ScriptExhausted", "ScriptedChat"]

Line = str | Reply | Exception
"""A text (cut at stop strings and at ``max_tokens``), a whole reply as it is, or an error to raise."""

_TOKEN = re.compile(r"\s*\S+|\s+$")


class ScriptExhausted(AssertionError):
    """More was asked than the script holds.

    Not a ``FoveateError``: code that turns those into partial answers must not hide a test that went astray.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What the model was asked."""

    messages: tuple[Message, ...]
    sampling: Sampling


class ScriptedChat:
    """Replies from a list, in order, or from a function of the messages.

    A token is a word with the white space before it. Tokens that a former prompt began with count as cached,
    so that tests can see whether prompts share their prefix.
    """

    def __init__(
        self,
        replies: Iterable[Line] | Callable[[Sequence[Message]], Line] = (),
        *,
        name: str = "scripted",
        sees: bool = False,
    ) -> None:
        self.name = name
        self.sees = sees
        self.calls: list[Call] = []
        self._function = replies if callable(replies) else None
        self._lines = [] if callable(replies) else [replies] if isinstance(replies, str) else list(replies)
        self._said = 0

    def __repr__(self) -> str:
        left = "function" if self._function else f"{len(self._lines) - self._said} left"
        return f"ScriptedChat({self.name!r}, {left}, {len(self.calls)} calls)"

    async def chat(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The next line of the script."""
        check_sampling(sampling)
        images = check_messages(messages, name=self.name, sees=self.sees)
        prompt = _prompt_tokens(messages)
        cached = max((_common(prompt, _prompt_tokens(call.messages)) for call in self.calls), default=0)
        self.calls.append(Call(messages=tuple(messages), sampling=sampling))
        line = self._next(messages)
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Reply):
            return line
        usage = Usage(tokens_in=len(prompt), tokens_cached=cached, images_sent=images)
        return _reply(line, sampling, usage)

    async def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[str | Reply]:
        """The next line, word by word, then the whole reply."""
        reply = await self.chat(messages, sampling)
        for piece in _TOKEN.findall(reply.text):
            yield piece
        yield reply

    def _next(self, messages: Sequence[Message]) -> Line:
        if self._function is not None:
            return self._function(messages)
        if self._said == len(self._lines):
            raise ScriptExhausted(
                f"the script of {self.name!r} holds {len(self._lines)} replies and was asked for one more: "
                f"{messages[-1].text!r:.200}"
            )
        self._said += 1
        return self._lines[self._said - 1]


def _prompt_tokens(messages: Sequence[Message]) -> list[str]:
    return [token for message in messages for token in (f"<{message.role}>", *_TOKEN.findall(message.text))]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _reply(line: str, sampling: Sampling, usage: Usage) -> Reply:
    cut = min((at for stop in sampling.stop if (at := line.find(stop)) >= 0), default=len(line))
    tokens = _TOKEN.findall(line[:cut])
    kept = tokens[: sampling.max_tokens]
    return Reply(
        text="".join(kept),
        finish="length" if len(kept) < len(tokens) else "stop",
        usage=replace(usage, tokens_out=len(kept)),
    )
