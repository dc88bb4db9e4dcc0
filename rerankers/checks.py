"""What may be asked of a chat model: one check for all, so that a bad value fails alike everywhere."""

import math
from collections.abc import Sequence

from foveate.errors import CallerError
from foveate.rerankers.protocols import Message, Sampling

__all__ = ["check_messages", "check_sampling"]

# Servers have died of numbers like 2**63 and of endless stop lists, so the limits stand before any model.
MAX_TOKENS = 1_000_000
MAX_STOPS = 16
MAX_STOP_CHARS = 256
MAX_TOP_LOGPROBS = 20
ROLES = ("system", "user", "assistant")


def _whole(name: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise CallerError(f"{name} is {value!r}; allowed are whole numbers from {low} to {high}")


def _real(name: str, value: object, low: float, high: float) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type, operator]
        raise CallerError(f"{name} is {value!r}; allowed are numbers from {low:g} to {high:g}")


def check_sampling(sampling: Sampling) -> None:
    """Raise ``CallerError`` naming the field, what it holds and what is allowed."""
    _whole("max_tokens", sampling.max_tokens, 1, MAX_TOKENS)
    _whole("top_logprobs", sampling.top_logprobs, 0, MAX_TOP_LOGPROBS)
    _real("temperature", sampling.temperature, 0, 2)
    _real("top_p", sampling.top_p, 0, 1)
    if sampling.top_p == 0:
        raise CallerError("top_p is 0; allowed are numbers above 0 up to 1 (use temperature=0 for greedy)")
    if sampling.seed is not None:
        _whole("seed", sampling.seed, 0, 2**63 - 1)
    _check_stops(sampling.stop)


def _check_stops(stops: Sequence[str]) -> None:
    if isinstance(stops, str):
        raise CallerError(f"stop is the string {stops!r}; it must be a tuple of strings")
    if len(stops) > MAX_STOPS:
        raise CallerError(f"stop holds {len(stops)} strings; allowed are {MAX_STOPS}")
    for stop in stops:
        if not isinstance(stop, str) or not 1 <= len(stop) <= MAX_STOP_CHARS:
            raise CallerError(f"a stop string must have 1 to {MAX_STOP_CHARS} characters, got {stop!r:.80}")


def check_messages(messages: Sequence[Message], *, name: str, sees: bool) -> int:
    """Count the pictures; ``CallerError`` for an empty talk, a strange role or a picture nobody sees."""
    if not messages:
        raise CallerError(f"nothing to say to {name!r}: messages is empty")
    for message in messages:
        if message.role not in ROLES:
            raise CallerError(f"role is {message.role!r}; allowed are {', '.join(ROLES)}")
        if message.images and message.role != "user":
            raise CallerError(f"a {message.role} message carries pictures; only user messages may")
    pictures = sum(len(message.images) for message in messages)
    if pictures and not sees:
        raise CallerError(
            f"{pictures} picture(s) for {name!r}, which only reads text; leave the pictures out or use a "
            "model that sees, such as 'openai:MODEL@http://HOST:PORT/v1' with sees=True"
        )
    return pictures
