"""The collections that items are asked of, opened one after the other."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foveate.agent.sdk import Agent
from foveate.evals.unanswerable.build import parts
from foveate.ids import digest
from foveate.retrievers.training.countries.build import build
from foveate.settings import Settings

__all__ = ["collections"]

_SMALL = 100
"""Documents beside those of the countries that are asked about."""


def collections(
    items: Sequence[Mapping[str, Any]], cache: Path, *, small: bool = False
) -> Iterator[tuple[Agent, list[Mapping[str, Any]]]]:
    """An open agent and the items to ask of it, by collection; each agent is closed before the next is opened.

    Args:
        items: rows of ``items.jsonl``.
        cache: folder that holds ``datasets/`` and ``training/``.
        small: over the documents that the items name and a few others, for a quick look.
    """
    folder = cache / "datasets" / "kb"
    build(folder, cache / "training")
    for name in sorted({item["collection"] for item in items}):
        asked = [item for item in items if item["collection"] == name]
        files = _files(name, items, folder)
        if small and files:
            files = _few(files, asked)
        home = cache / "training" / "unanswerable" / digest(name, *map(str, files))[:12]
        settings = Settings.load(home=home, judge="none")
        with Agent.open(name, settings=settings) as agent:
            if files:
                agent.index(files)
            yield agent, asked


def _files(name: str, items: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    if name == "empty":
        return []
    if name == "part":
        return [Path(file) for file in parts(items, folder)]
    return [folder / "docs", folder / "pictures"]


def _few(files: Sequence[Path], asked: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Files whose words are in a question or its answers, and some others."""
    every = sorted(one for file in files for one in ([file] if file.is_file() else file.rglob("*")) if one.is_file())
    words = {word.casefold() for item in asked for word in json.dumps([item["question"], *item["answers"]]).split()}
    named = [one for one in every if one.stem.split("-")[0] in words]
    others = sorted((one for one in every if one not in named), key=lambda one: digest("other", one.name))
    return sorted({*named, *others[:_SMALL]})
