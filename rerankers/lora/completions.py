"""Prompts and the replies that are wanted: read strictly, grouped, split into what trains and what measures."""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from foveate.errors import CallerError
from foveate.ids import digest
from foveate.rerankers.lora.jsonl import lines, one_of, row_of, text_of
from foveate.rerankers.protocols import Message

__all__ = [
    "Completion",
    "by_key",
    "completions_digest",
    "first_groups",
    "read_completions",
    "split_completions",
    "write_completions",
]

_KEYS = ("group", "messages", "reply", "split", "task")
_ROLES = ("assistant", "system", "user")
_TASK = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """A prompt and what the model is to say."""

    messages: tuple[Message, ...]
    """Texts only; the last is the user's."""
    reply: str
    """Up to the end of the turn, word for word."""
    task: str = "reply"
    """A word such as ``plan`` or ``read``: figures and weights are kept by it."""
    group: str = ""
    """Completions of one group stay on one side of the split; empty stands for the messages."""
    split: Literal["train", "dev"] | None = None
    """``dev`` is held out; None leaves it to :func:`split_completions`."""

    @property
    def key(self) -> str:
        """What completions of one group share."""
        return self.group or digest(*(part for message in self.messages for part in (message.role, message.text)))


def read_completions(path: Path) -> list[Completion]:
    """Rows of a JSONL file.

    Keys are ``messages`` (a list of objects with ``role`` and ``text``; the last one the user's), ``reply``, and where
    wanted ``task`` (a word), ``group`` (a name) and ``split`` (``train`` or ``dev``, in all rows or in none). A row
    that stands twice counts once.

    Raises:
        CallerError: no such file, or a row that is not as it should be; names file, line, key and value.
    """
    if not path.is_file():
        raise CallerError(f"no file of completions at {str(path)!r}")
    seen: set[Completion] = set()
    found: list[Completion] = []
    rows = 0
    for number, line in lines(path):
        rows += 1
        made = _completion(line, f"{str(path)!r}, line {number}")
        bare = replace(made, split=None)
        if bare not in seen:
            seen.add(bare)
            found.append(made)
    if not found:
        raise CallerError(f"{str(path)!r} holds no completions")
    if rows > len(found):
        _LOG.info("%s: %d rows that stand twice count once", path, rows - len(found))
    _check_splits(found, path)
    return found


def write_completions(path: Path, completions: Iterable[Completion]) -> None:
    """The file that :func:`read_completions` reads."""
    with path.open("w", encoding="utf-8") as file:
        for item in completions:
            talk = [{"role": message.role, "text": message.text} for message in item.messages]
            row: dict[str, Any] = {"messages": talk, "reply": item.reply, "task": item.task}
            row |= {key: getattr(item, key) for key in ("group", "split") if getattr(item, key)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def completions_digest(completions: Sequence[Completion]) -> str:
    """Hash of what is trained on; the order counts."""
    return digest(
        *(
            digest(
                *(part for message in item.messages for part in (message.role, message.text)),
                item.reply,
                item.task,
                item.group,
                item.split or "",
            )
            for item in completions
        )
    )


def by_key(completions: Iterable[Completion]) -> Mapping[str, list[Completion]]:
    """Completions by group, both in the order they came in."""
    groups: dict[str, list[Completion]] = {}
    for item in completions:
        groups.setdefault(item.key, []).append(item)
    return groups


def split_completions(completions: Sequence[Completion], held_out: float) -> tuple[list[Completion], list[Completion]]:
    """Completions to train on and those to measure on; no group is in both.

    Where they name no split, a group is held out by its hash: adding others moves none.

    Raises:
        CallerError: a side has none.
    """
    train: list[Completion] = []
    dev: list[Completion] = []
    for key, group in by_key(completions).items():
        chosen = group[0].split or ("dev" if _chance(key) < held_out else "train")
        (dev if chosen == "dev" else train).extend(group)
    for name, side in (("train", train), ("held-out", dev)):
        if not side:
            raise CallerError(f"of {len(completions)} completions, none is {name}; give more groups, or other splits")
    return train, dev


def first_groups(completions: Sequence[Completion], limit: int | None) -> list[Completion]:
    """Whole groups up to ``limit`` completions, in an order that says nothing of them."""
    chosen: list[Completion] = []
    for _, group in sorted(by_key(completions).items(), key=lambda item: digest("measured", item[0])):
        if limit is not None and chosen and len(chosen) + len(group) > limit:
            break
        chosen += group
    return chosen


def _chance(key: str) -> float:
    """A number in [0, 1) that only depends on the key."""
    return int(digest("held-out", key)[:12], 16) / 16**12


def _completion(line: bytes, where: str) -> Completion:
    row = row_of(line, where, _KEYS, ("messages", "reply"))
    reply, group, task = (text_of(row, key, where) for key in ("reply", "group", "task"))
    if not reply.strip():
        raise CallerError(f"{where}: 'reply' is empty")
    if "task" in row and not _TASK.fullmatch(task):
        raise CallerError(f"{where}: 'task' is {task!r:.80}, not a word of letters, digits, - and _")
    return Completion(
        messages=_messages(row["messages"], where),
        reply=reply,
        task=task or "reply",
        group=group,
        split=one_of(row, "split", ("train", "dev", None), where),
    )


def _messages(value: object, where: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise CallerError(f"{where}: 'messages' is {value!r:.80}, not a list of one or more")
    made = tuple(_message(item, f"{where}: message {number}") for number, item in enumerate(value, 1))
    if made[-1].role != "user":
        raise CallerError(f"{where}: the last of 'messages' has role {made[-1].role!r}; it must be 'user'")
    return made


def _message(item: object, where: str) -> Message:
    if not isinstance(item, dict) or set(item) != {"role", "text"}:
        raise CallerError(f"{where} is {item!r:.80}, not an object with 'role' and 'text' alone")
    return Message(role=one_of(item, "role", _ROLES, where), text=text_of(item, "text", where))


def _check_splits(completions: Sequence[Completion], path: Path) -> None:
    if len({item.split is None for item in completions}) > 1:
        raise CallerError(f"{str(path)!r}: some rows have a 'split' and some have none; give it to all or to none")
    for key, group in by_key(completions).items():
        if len({item.split for item in group}) > 1:
            raise CallerError(f"{str(path)!r}: group {key!r:.80} stands in both splits")
