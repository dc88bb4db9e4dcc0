"""A small task that a tiny model can learn: the candidate that holds the question's word matches."""

import random
from pathlib import Path
from typing import Any

from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.lora.recipe import Recipe

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
