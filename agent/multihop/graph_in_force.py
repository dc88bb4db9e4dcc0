"""Which passage graph a question walks: the one on disk where it fits, else one made in memory while that is quick."""

import logging
import threading
import time
from pathlib import Path

from foveate.agent.multihop.protocols import Tools
from foveate.errors import CallerError, CollectionCorrupt
from foveate.memory.store import Store
from foveate.retrievers.multihop.passage_graph import PassageGraph, fingerprint
from foveate.retrievers.multihop.pseudo_questions import AsksQuestions, ClozeAsker

__all__ = ["GraphInForce"]

_LOG = logging.getLogger(__name__)
_BUILD_BELOW = 5_000
"""Chunks that are put into a graph while somebody waits for an answer."""
_SHARE = 0.5
"""Of the time that is left to the question."""
_COMMAND = "foveate graph build -c NAME"


class _OverTime(Exception):
    """Ends a build from within."""


class GraphInForce:
    """Remembers one store's graph. Several questions may ask at once: one makes it, the others wait."""

    def __init__(self, folder: Path | None = None, *, below: int = _BUILD_BELOW) -> None:
        self._folder = folder
        self._below = below
        self._lock = threading.Lock()
        self._held: tuple[Store, int, PassageGraph | None] | None = None

    def get(self, tools: Tools) -> PassageGraph | None:
        """The graph of the collection as it is now; None when making it would take too much of the question's time.

        Blocking. Whether chunks came or went is seen by their number; by their ids when the graph is first taken.

        Raises:
            CallerError: there is no graph, and too many chunks to make one now.
        """
        with self._lock:
            count = tools.store.count()
            if self._held is None or self._held[0] is not tools.store or self._held[1] != count:
                known = self._held[2] if self._held and self._held[0] is tools.store else None
                self._held = (tools.store, count, self._found(known or self._read(), count, tools))
            return self._held[2]

    def _read(self) -> PassageGraph | None:
        if self._folder is None:
            return None
        try:
            return PassageGraph.load(self._folder)
        except CollectionCorrupt as error:
            _LOG.warning("%s", error)
        except CallerError:  # none was built, or safetensors is not installed
            pass
        return None

    def _found(self, known: PassageGraph | None, count: int, tools: Tools) -> PassageGraph | None:
        if known is not None and known.encoder != tools.encoder.fingerprint:
            known = None
        if known is not None and known.fingerprint == fingerprint(tools.store, tools.encoder):
            return known
        if count - (len(known.ids) if known else 0) < self._below:
            return self._make(known, count, tools)
        if known is None:
            raise CallerError(f"strategy 'passage-graph' has no graph of these {count} chunks; run: {_COMMAND}")
        _LOG.warning("the passage graph is older than its collection; run: %s", _COMMAND)
        return known

    def _make(self, known: PassageGraph | None, count: int, tools: Tools) -> PassageGraph | None:
        _LOG.info("passage graph of %d chunks is made for this process; to keep one: %s", count, _COMMAND)
        until_s = time.monotonic() + _SHARE * (tools.deadline_s - time.monotonic())

        def watch(what: str, done: int, total: int) -> None:
            if time.monotonic() > until_s and done < total:
                raise _OverTime

        try:
            if known is not None:
                return known.update(tools.store, tools.encoder, _asker_of(known), progress=watch)
            return PassageGraph.build(tools.store, tools.encoder, ClozeAsker(), progress=watch)
        except _OverTime:
            _LOG.warning("no time to make a passage graph of %d chunks; run: %s", count, _COMMAND)
            return known


def _asker_of(graph: PassageGraph) -> AsksQuestions:
    """Chunks that came later are asked about by rule, whoever asked about the others."""
    asker = ClozeAsker()
    asker.name = graph.asker
    return asker
