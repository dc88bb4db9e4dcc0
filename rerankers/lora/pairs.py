"""Labelled pairs of a question and a candidate: read strictly, grouped by question, split by question."""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from foveate.errors import CallerError
from foveate.ids import digest, file_digest
from foveate.rerankers.lora.jsonl import lines, one_of, row_of, text_of

__all__ = ["Pair", "by_group", "pairs_digest", "read_pairs", "split_pairs", "write_pairs"]

Split = Literal["train", "dev"]
_MAX_PICTURES = 32
_KEYS = ("candidate", "group", "images", "label", "question", "question_images", "split")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A candidate and whether it matches the question."""

    question: str
    candidate: str
    """As a reranker shows it to a model; may be empty where there are pictures."""
    label: bool
    images: tuple[Path, ...] = ()
    """Pictures of the candidate."""
    question_images: tuple[Path, ...] = ()
    group: str = ""
    """Names the question; empty stands for its words and pictures."""
    split: Split | None = None
    """``dev`` is held out; None leaves it to :func:`split_pairs`."""

    @property
    def key(self) -> str:
        """What pairs of one question share."""
        return self.group or digest(self.question, *map(str, self.question_images))


def read_pairs(path: Path) -> list[Pair]:
    """Rows of a JSONL file.

    Keys are ``question``, ``candidate``, ``label`` (0 or 1), and where wanted ``images``, ``question_images`` (lists
    of paths, relative to the file), ``group`` (a name for the question) and ``split`` (``train`` or ``dev``). A row
    that stands twice counts once.

    Raises:
        CallerError: no such file, or a row that is not as it should be; names file, line, key and value.
    """
    if not path.is_file():
        raise CallerError(f"no file of pairs at {str(path)!r}")
    seen: dict[Pair, tuple[int, bool]] = {}
    found: list[Pair] = []
    rows = 0
    for number, line in lines(path):
        rows += 1
        where = f"{str(path)!r}, line {number}"
        pair = _pair(line, where, path.parent)
        bare = replace(pair, label=False, split=None)
        if bare not in seen:
            seen[bare] = (number, pair.label)
            found.append(pair)
        elif seen[bare][1] != pair.label:
            raise CallerError(f"{where}: the same question and candidate as line {seen[bare][0]}, with another label")
    if not found:
        raise CallerError(f"{str(path)!r} holds no pairs")
    if rows > len(found):
        _LOG.info("%s: %d rows that stand twice count once", path, rows - len(found))
    _check_splits(found, path)
    return found


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """The file that :func:`read_pairs` reads; pictures by their absolute paths."""
    with path.open("w", encoding="utf-8") as file:
        for pair in pairs:
            row: dict[str, Any] = {"question": pair.question, "candidate": pair.candidate, "label": int(pair.label)}
            row |= {key: getattr(pair, key) for key in ("group", "split") if getattr(pair, key)}
            for key in ("images", "question_images"):
                if paths := getattr(pair, key):
                    row[key] = [str(item.absolute()) for item in paths]
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def pairs_digest(pairs: Sequence[Pair]) -> str:
    """Hash of what is trained on: words, labels, groups, splits and the bytes of the pictures; the order counts."""
    pictures = {item: "" for pair in pairs for item in (*pair.images, *pair.question_images)}
    for item in pictures:
        try:
            pictures[item] = file_digest(item)
        except OSError as error:
            raise CallerError(f"picture {str(item)!r} cannot be read: {error.strerror}") from error
    return digest(
        *(
            digest(
                pair.question,
                pair.candidate,
                str(int(pair.label)),
                pair.group,
                pair.split or "",
                digest(*(pictures[item] for item in pair.images)),
                digest(*(pictures[item] for item in pair.question_images)),
            )
            for pair in pairs
        )
    )


def by_group(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    """Pairs by question, both in the order they came in."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.key, []).append(pair)
    return groups


def split_pairs(pairs: Sequence[Pair], held_out: float) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on and pairs to measure on; no question is in both.

    Where the pairs name no split, a question is held out by its hash: adding others moves none.

    Raises:
        CallerError: a side has no pair that matches, or none that does not.
    """
    train: list[Pair] = []
    dev: list[Pair] = []
    for key, group in by_group(pairs).items():
        chosen = group[0].split or ("dev" if _chance(key) < held_out else "train")
        (dev if chosen == "dev" else train).extend(group)
    for name, side in (("train", train), ("held-out", dev)):
        labels = {pair.label for pair in side}
        if labels != {True, False}:
            missing = " and ".join(str(int(value)) for value in (True, False) if value not in labels)
            raise CallerError(f"the {name} pairs ({len(side)}) have none with label {missing}; give more questions")
    return train, dev


def _chance(key: str) -> float:
    """A number in [0, 1) that only depends on the key."""
    return int(digest("held-out", key)[:12], 16) / 16**12


def _pair(line: bytes, where: str, folder: Path) -> Pair:
    row = row_of(line, where, _KEYS, ("question", "candidate", "label"))
    images, question_images = (_pictures(row, key, where, folder) for key in ("images", "question_images"))
    question, candidate, group = (text_of(row, key, where) for key in ("question", "candidate", "group"))
    if not question.strip() and not question_images:
        raise CallerError(f"{where}: 'question' is empty")
    if not candidate.strip() and not images:
        raise CallerError(f"{where}: 'candidate' is empty")
    return Pair(
        question=question,
        candidate=candidate,
        label=bool(one_of(row, "label", (0, 1), where)),
        images=images,
        question_images=question_images,
        group=group,
        split=one_of(row, "split", ("train", "dev", None), where),
    )


def _pictures(row: dict[str, Any], key: str, where: str, folder: Path) -> tuple[Path, ...]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise CallerError(f"{where}: {key!r} is {value!r:.80}, not a list of paths")
    if len(value) > _MAX_PICTURES:
        raise CallerError(f"{where}: {key!r} holds {len(value)} pictures; allowed are {_MAX_PICTURES}")
    found = tuple(folder / item for item in value)
    for item in found:
        if not item.is_file():
            raise CallerError(f"{where}: no picture at {str(item)!r}")
    return found


def _check_splits(pairs: Sequence[Pair], path: Path) -> None:
    if len({pair.split is None for pair in pairs}) > 1:
        raise CallerError(f"{str(path)!r}: some rows have a 'split' and some have none; give it to all or to none")
    for group in by_group(pairs).values():
        if len({pair.split for pair in group}) > 1:
            raise CallerError(f"{str(path)!r}: question {group[0].question!r:.80} stands in both splits")
