"""Strategies by name, as settings and the command line write it. Each is loaded when it is chosen."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from foveate.agent.multihop.protocols import Strategy
from foveate.errors import ConfigError

__all__ = ["STRATEGIES", "open_strategy"]

STRATEGIES = {
    "condensed": "foveate.agent.multihop.condensed:Condensed",
    "lookup": "foveate.agent.multihop.lookup:LookupStrategy",
    "passage-graph": "foveate.agent.multihop.passage_graph:PassageGraphStrategy",
    "quotes": "foveate.agent.multihop.quotes:QuoteStrategy",
    "single": "foveate.agent.multihop.single:SingleShot",
    "tree-search": "foveate.agent.multihop.tree_search:TreeSearchStrategy",
    "visual": "foveate.agent.visual.strategy:VisualStrategy",
}
"""Name -> ``module:class``."""


_KEEP = {"passage-graph": "passage_graph", "tree-search": "corpus"}
"""Strategies that keep something beside the collection, and its folder there."""


def open_strategy(name: str, folder: Path | None = None) -> Strategy:
    """The strategy of that name.

    Args:
        name: as settings have it.
        folder: of the collection, for strategies that keep an index of their own; None makes it in memory.

    Raises:
        ConfigError: no such strategy; names those there are.
    """
    if name not in STRATEGIES:
        raise ConfigError(f"unknown strategy {name!r}; choose one of: {', '.join(sorted(STRATEGIES))}")
    module, _, kind = STRATEGIES[name].partition(":")
    made = cast("Callable[..., Strategy]", getattr(import_module(module), kind))
    return made(folder=folder / _KEEP[name]) if folder is not None and name in _KEEP else made()
