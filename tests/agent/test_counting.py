"""How many of a collection: exactly by kind, by relevance with a subject, within filters; code counts."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from foveate.agent.deps import Deps
from foveate.agent.multihop.protocols import Tools
from foveate.agent.nodes.counting import count
from foveate.ids import digest
from foveate.memory.filters import parse
from foveate.rerankers.scripted import ScriptedChat
from tests.agent.towns import Reasoner, ask, cited, passage, picture, stages, towns
from tests.rerankers.fakes import Table

REDS = ("barn", "kite", "rose")


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[Deps]:
    """Three red pictures (two of them the same shade, as copies are), two blue ones, and two documents on barns."""
    points = [
        picture("barn", "#dc1e1e"),
        picture("kite", "#dc1e1e"),
        picture("rose", "#d02828", folder="garden"),
        picture("sea", "#2846d2"),
        picture("sky", "#2846d2", folder="garden"),
        passage("note", "A red barn stands by the road. The barn is old."),
        passage("list", "Red things: a red barn, a red kite, a red rose."),
    ]
    scores = {"barn": 0.9, "kite": 0.8, "rose": 0.7, "sea": 0.2, "sky": 0.1, "note": 0.95, "list": 0.6}
    with towns(tmp_path, points, reranker=Table("table", scores)) as made:
        yield made


def counted(deps: Deps, question: str, where: str = "") -> Any:
    tools = Tools(
        store=deps.store,
        encoder=deps.encoder,
        searcher=deps.searcher,
        reranker=deps.reranker,
        model=ScriptedChat([]),
        budget=deps.budget,
        where=parse(where) if where else None,
    )
    return asyncio.run(count(question, tools, 0.5))


@pytest.mark.parametrize(
    ("question", "where", "number"),
    [
        ("How many pictures are there?", "", 5),
        ("how many photos do I have in this collection", "", 5),
        ("Count all the images", "", 5),
        ("What is the number of documents?", "", 2),
        ("How many files are in the archive?", "", 7),
        ("How many films are there?", "", 0),
        ("How many pictures are there?", "path:garden/", 2),
        ("How many files are there?", "path:garden/", 2),
        ("How many documents are there?", "kind:image", 0),
    ],
)
def test_all_of_a_kind_exactly(deps: Deps, question: str, where: str, number: int) -> None:
    found = counted(deps, question, where)
    assert (found.number, found.found, found.confidence) == (number, (), 1.0)


def test_by_relevance(deps: Deps) -> None:
    found = counted(deps, "How many pictures show a red thing?")
    assert found.number == 3  # two of them are the same picture to a search that folds copies
    assert found.found[0].chunk.path == "/pictures/barn.png"
    assert all(one.score >= 0.5 for one in found.found)
    assert counted(deps, "How many documents mention a red barn?").number == 2
    assert counted(deps, "How many files are about red barns?").number == 5


def test_by_relevance_within_filters(deps: Deps) -> None:
    assert counted(deps, "How many pictures show a red thing?", "path:garden/").number == 1
    assert counted(deps, "How many pictures show a red thing?", "kind:document").number == 0


def test_other_kinds_do_not_crowd_out_what_is_counted(deps: Deps) -> None:
    # A hundred documents that all say "red" fill every list of a search over everything.
    deps.store.upsert([passage(f"page{i}", f"red red thing number {i}") for i in range(150)])
    assert counted(deps, "How many pictures show a red thing?").number == 3


def test_a_medium_of_many_chunks_counts_once(deps: Deps) -> None:
    point = passage("note2", "The red barn again.")
    deps.store.upsert([replace(point, payload={**point.payload, "media": digest("media", "note")})])
    table = Table("table", {"note": 0.95, "list": 0.6, "note2": 0.99})
    assert counted(replace(deps, reranker=table), "How many documents mention a red barn?").number == 2


def test_none_is_a_number_and_not_a_certain_one(deps: Deps) -> None:
    found = counted(replace(deps, reranker=Table("table", {"barn": 0.4, "kite": 0.3})), "How many pictures show a cat?")
    assert (found.number, found.found) == (0, ()) and found.confidence == pytest.approx(0.6)


def test_a_count_is_as_sure_as_its_closest_call(deps: Deps) -> None:
    # The least sure one that counts is at 0.7, the nearest that does not at 1 - 0.2.
    assert counted(deps, "How many pictures show a red thing?").confidence == pytest.approx(0.7)


@pytest.mark.parametrize("reasoner", [None, "model", "own"])
def test_through_the_graph_exactly(deps: Deps, reasoner: str | None) -> None:
    liar = ScriptedChat(lambda _: "There are 400 pictures.")
    chat = {None: None, "model": liar, "own": Reasoner()}[reasoner]
    state = ask(replace(deps, model=liar, reasoner=chat), "How many pictures are there?")
    assert (state["route"], state["short"], state["text"]) == ("collection", "5", "5.")
    assert (state["verdict"], state["confidence"], state["citations"]) == ("answered", 1.0, [])
    assert not liar.calls  # code counts


@pytest.mark.parametrize("reasoner", [None, "model"])
def test_through_the_graph_by_relevance(deps: Deps, reasoner: str | None) -> None:
    liar = ScriptedChat(lambda _: "The barn is red.")
    chat = liar if reasoner else None
    state = ask(replace(deps, model=liar, reasoner=chat), "How many pictures show a red thing?")
    assert state["short"] == "3" and state["text"].startswith("3. ") and not liar.calls
    assert cited(state) <= set(REDS) and state["citations"]
    assert stages(state, "count")[0]["count"] == 3 and state["usage"]["hops"] == 1


def test_through_the_graph_with_filters(deps: Deps) -> None:
    assert ask(deps, "How many pictures are there?", filters="path:garden/")["short"] == "2"
    state = ask(deps, "How many pictures show a red thing?", filters="path:garden/")
    assert state["short"] == "1" and cited(state) == {"rose"}


def test_counts_are_compared_by_code(deps: Deps) -> None:
    plan = (
        "1 | count | How many pictures are there? | -\n2 | count | How many documents are there? | -\n"
        "3 | most | pictures; documents | 1, 2"
    )
    state = ask(replace(deps, reasoner=Reasoner(plan)), "Are there more pictures or documents?")
    assert (state["route"], state["short"]) == ("collection", "pictures")
    assert stages(state, "compare")[0]["numbers"] == [5.0, 2.0]
