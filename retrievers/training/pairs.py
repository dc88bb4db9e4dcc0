"""Questions with candidates, and the file that ``foveate train reranker --data`` reads."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Group", "write_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One question with candidates of which some are right."""

    question: str
    candidates: tuple[tuple[str, int], ...]
    """(words, 1 if it is right)."""
    source: str
    held_out: bool = False


def write_pairs(groups: Iterable[Group], path: Path) -> int:
    """Write JSON lines, one a pair; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for number, group in enumerate(groups):
            split: Literal["dev", "train"] = "dev" if group.held_out else "train"
            for candidate, label in group.candidates:
                row = {
                    "question": group.question,
                    "candidate": candidate,
                    "label": label,
                    "group": f"{group.source}-{number}",
                    "split": split,
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    return count
