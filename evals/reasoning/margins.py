"""Rows for reading piece by piece: what of a whole document helps, and whether a note does."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from foveate.evals.reasoning.countries import Base
from foveate.evals.reasoning.rows import quote_row
from foveate.rerankers.lora.completions import Completion
from foveate.rerankers.protocols import Message
from foveate.rerankers.reasoning.margins import HELPS
from foveate.rerankers.reasoning.prompts import quote_prompt
from foveate.rerankers.reasoning.quotes import find_quotes

__all__ = ["margins"]


def margins(base: Base, rng: random.Random, count: int) -> Iterator[Completion]:
    """``count`` documents read for a question: the right one, one of the same subject, one of the same topic, any."""
    one_hop = [asked for asked in base.questions if asked["kind"] == "one_hop"]
    texts = {name: row for name, row in base.documents.items() if row["file"].endswith(".md")}
    names = sorted(texts)
    for number in range(count):
        asked = rng.choice(one_hop)
        document, sentence = asked["facts"][0][0]
        right = texts[document]["sentences"][sentence]
        shown = document if number % 2 else rng.choice(_near(document, names) if number % 4 else names)
        text = " ".join(texts[shown]["sentences"])
        if number % 3:
            text = f"# {texts[shown]['title']}\n\n{text}"
        yield quote_row(asked["text"], [text], [right] if shown == document else [], asked["id"])
        yield from _judged(asked, text, right if shown == document else "", texts[shown], rng)


def _near(document: str, names: list[str]) -> list[str]:
    """Documents whose names begin or end alike."""
    folder, _, name = document.partition("/")
    start, _, end = name.rpartition("-")
    near = [other for other in names if other != document and other.startswith(f"{folder}/{start}-")]
    return near + [other for other in names if end and other != document and other.endswith(f"-{end}")][:40] or names


def _judged(
    asked: Mapping[str, Any], text: str, right: str, row: Mapping[str, Any], rng: random.Random
) -> Iterator[Completion]:
    """The turn after a note: right sentence or another of the same document."""
    others = [sentence for sentence in row["sentences"] if sentence != right]
    note = right if right and (rng.random() < 0.6 or not others) else rng.choice(others)
    if not find_quotes(note, [text])[0]:
        return
    messages = [
        *quote_prompt(asked["text"], [text]),
        Message(role="assistant", text=note),
        Message(role="user", text=HELPS),
    ]
    yield Completion(messages=tuple(messages), reply="Yes" if note == right else "No", task="judge", group=asked["id"])
