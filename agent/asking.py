"""Between the SDK and the graph: questions are checked on the way in, states become records on the way out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foveate.agent.choosing.written import with_options
from foveate.agent.state import AgentState
from foveate.errors import CallerError
from foveate.locators import from_dict
from foveate.media.decoding import clean
from foveate.memory.collection import Collection
from foveate.memory.filters import parse
from foveate.records import Answer, Citation
from foveate.retrievers.geometry.summary import conformity_facts
from foveate.usage import Usage

__all__ = ["checked", "describe_collection", "record"]


def describe_collection(collection: Collection) -> dict[str, Any]:
    """Counts and facts of a collection, for ``info``."""
    return {
        "name": collection.name,
        "folder": str(collection.folder),
        "encoder": collection.encoder.name,
        "fingerprint": collection.encoder.fingerprint,
        "dimensions": collection.encoder.dim,
        "points": collection.store.count(),
        **collection.ledger.counts(),
        "missing": len(collection.missing()),
        "skipped_files": [
            {"path": row.path, "code": row.code, "reason": row.reason} for row in collection.ledger.skipped()
        ],
        **conformity_facts(collection.store),
    }


def checked(question: str, images: list[str], filters: str, options: Sequence[str] = ()) -> AgentState:
    """The state that a question begins with.

    Raises:
        CallerError: it is empty, a filter cannot be read, there is no such picture, or options make no choice.
    """
    # As evidence is: what is no Unicode could be neither encoded nor kept in a thread.
    question = clean(question)[0].strip()
    if not question:
        raise CallerError("the question is empty")
    if options:
        question = with_options(question, options)
    if filters.strip():
        parse(filters)
    for path in images:
        if not Path(path).expanduser().is_file():
            raise CallerError(f"no picture at {path!r}")
    return {"question": question, "images": images, "filters": filters.strip()}


def record(state: AgentState, thread: str) -> Answer:
    """What the caller gets of the last state."""
    return Answer(
        text=state["text"],
        verdict=state["verdict"],  # type: ignore[arg-type]  # checkpoints hold plain strings
        reason=state["reason"],  # type: ignore[arg-type]
        confidence=state["confidence"],
        citations=tuple(_citation(item) for item in state["citations"]),
        usage=Usage(**state["usage"]),
        trace=tuple(state["trace"]),
        short=state["short"] or None,
        choice=state.get("choice"),
        thread_id=thread,
    )


def _citation(item: Mapping[str, Any]) -> Citation:
    return Citation(
        claim=item["claim"],
        chunk_id=item["chunk_id"],
        locator=from_dict(item["locator"]),
        source=item["source"],
        quote=item["quote"],
    )
