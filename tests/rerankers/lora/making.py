"""A small task that a tiny model can learn: the candidate that holds the question's word matches."""

import random
from pathlib import Path
from typing import Any

from foveate.rerankers.lora.completions import Completion
from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.lora.recipe import Recipe
from foveate.rerankers.protocols import Message

WORDS = ("sea", "ship", "wide", "grey", "terse", "maybe", "system", "user")


def pairs(questions: int = 30, candidates: int = 4, seed: int = 1) -> list[Pair]:
    """One match a question; every fifth question is held out."""
    chance = random.Random(seed)
    found = []
    for number in range(questions):
        word = chance.choice(WORDS)
        for place in range(candidates):
            other = word if place == 0 else chance.choice([item for item in WORDS if item != word])
            found.append(
                Pair(
                    question=f"{word} {number}",
                    candidate=f"the {other} {place}",
                    label=other == word,
                    split="train" if number % 5 else "dev",
                )
            )
    return found


def recipe(base: Path, **changes: Any) -> Recipe:
    """Learns the task in a second."""
    values = {"base": str(base), "learning_rate": 0.01, "epochs": 10, "eval_every": 4, "accumulation": 2}
    return Recipe.model_validate(values | {"batch_tokens": 256} | changes)


def completions(groups: int = 24, seed: int = 1) -> list[Completion]:
    """Notes and two tasks on them, with shared beginnings; every fourth group is held out."""
    chance = random.Random(seed)
    found = []
    for number in range(groups):
        word, other = chance.sample(WORDS[:4], 2)
        notes = f"Notes:\n[1] the {word}\n[2] no {other}\n"
        split: Any = "train" if number % 4 else "dev"
        for task, system, reply in (
            ("read", "Copy the first word.", f"{word} it is"),
            ("quote", "Copy the second word.", other),
        ):
            talk = (Message(role="system", text=system), Message(role="user", text=f"{notes}\nQuestion: {task}?"))
            found.append(Completion(messages=talk, reply=reply, task=task, group=str(number), split=split))
    return found
