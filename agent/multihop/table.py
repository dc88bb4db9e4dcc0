"""Strategies by name, as settings and the command line write it. Each is loaded when it is chosen."""

from collections.abc import Callable
from importlib import import_module
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


def open_strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        ConfigError: no such strategy; names those there are.
    """
    if name not in STRATEGIES:
        raise ConfigError(f"unknown strategy {name!r}; choose one of: {', '.join(sorted(STRATEGIES))}")
    module, _, kind = STRATEGIES[name].partition(":")
    return cast("Callable[[], Strategy]", getattr(import_module(module), kind))()
