"""The order in which requests run, so that those that share a beginning follow each other and find it computed.

A cache forgets: asked in turns, twenty questions with fifty candidates each find nothing, asked question by question
they find all but the candidate. Sorted order is the best there is for one cache (it walks the tree of beginnings
depth first; Zheng et al., SGLang, NeurIPS 2024). Where several requests run at once the first one of a group goes
ahead: its sharers would otherwise all compute the beginning side by side.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import TypeVar

from foveate.errors import CallerError
from foveate.rerankers.protocols import Message

__all__ = ["in_groups", "leaders", "running_order"]

T = TypeVar("T")
Prompt = Sequence[Message]

WORTH_CHARS = 400
"""Shared characters that are worth waiting for: about a block of 128 tokens, the least that vLLM reuses on a CPU."""


def running_order(prompts: Sequence[Prompt]) -> list[int]:
    """Places of ``prompts``, sharers of a beginning next to each other; it depends on what they hold alone."""
    keys = [_key(prompt) for prompt in prompts]
    return sorted(range(len(keys)), key=lambda at: keys[at])


def leaders(prompts: Sequence[Prompt], *, worth_chars: int = WORTH_CHARS) -> list[int | None]:
    """For each prompt the one that should be answered before it, as it computes the longest beginning they share.

    Args:
        prompts: in the order of :func:`running_order`.
        worth_chars: beginnings shorter than this are not waited for.

    Returns:
        Places in ``prompts``, each before its follower; None for who waits for nobody.
    """
    shared = [0, *(_common(one, other) for one, other in pairwise(map(_key, prompts)))][: len(prompts)]
    found: list[int] = []
    for at, length in enumerate(shared):
        leader = at - 1
        # The first of all that share as much: its neighbours wait for it as well, so that none waits in a chain.
        while leader > 0 and shared[leader] >= length:
            leader = found[leader]
        found.append(max(leader, 0))
    return [
        leader if at and length >= worth_chars else None
        for at, (leader, length) in enumerate(zip(found, shared, strict=True))
    ]


async def in_groups(
    prompts: Sequence[Prompt],
    ask: Callable[[Prompt], Awaitable[T]],
    *,
    at_once: int = 1,
    worth_chars: int = WORTH_CHARS,
) -> list[T]:
    """Ask for every prompt in the order that reuses most; results come in the caller's order.

    Args:
        prompts: any number, none included.
        ask: one request.
        at_once: the most that are under way; 1 for a model in this process.
        worth_chars: shared characters worth waiting for a leader.

    Raises:
        CallerError: ``at_once`` is below 1.
        Exception: whatever ``ask`` raises first; the other requests are then cancelled.
    """
    if at_once < 1:
        raise CallerError(f"at_once is {at_once}; allowed are whole numbers from 1")
    order = running_order(prompts)
    ahead = leaders([prompts[at] for at in order], worth_chars=worth_chars)
    followers: dict[int, list[int]] = {}
    for place, leader in enumerate(ahead):
        if leader is not None:
            followers.setdefault(leader, []).append(place)
    ready = deque(place for place, leader in enumerate(ahead) if leader is None)
    results: dict[int, T] = {}
    running: dict[asyncio.Future[T], int] = {}
    try:
        while ready or running:
            while ready and len(running) < at_once:
                place = ready.popleft()
                running[asyncio.ensure_future(ask(prompts[order[place]]))] = place
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for future in sorted(done, key=running.__getitem__):
                place = running.pop(future)
                results[order[place]] = future.result()
                # In front: the beginning they wait for is the one computed last.
                ready.extendleft(reversed(followers.get(place, ())))
    finally:
        for future in running:
            future.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return [results[at] for at in range(len(prompts))]


def _key(prompt: Prompt) -> str:
    parts = []
    for message in prompt:
        pictures = (hashlib.sha256(image.data).hexdigest() for image in message.images)
        parts += [f"\x00{message.role}\x01{message.text}", *(f"\x02{picture}" for picture in pictures)]
    return "".join(parts)


def _common(one: str, other: str) -> int:
    """Characters both begin with, by halving: comparing slices is faster than comparing signs."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
