"""A model's questions in a graph, and what the rules add."""

from collections.abc import Iterator, Sequence

import pytest

from foveate.agent.loop import Loop
from foveate.agent.multihop.model_asker import ModelAsker
from foveate.ids import digest
from foveate.rerankers.protocols import Message
from foveate.rerankers.reasoning.asker import ChatAsker
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.multihop.passage_graph import PassageGraph
from foveate.retrievers.multihop.pseudo_questions import ClozeAsker, Passage
from tests.retrievers.multihop.making import ENCODER, texts


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_a_graph_with_questions_of_a_model(loop: Loop) -> None:
    def reply(messages: Sequence[Message]) -> str:
        return "Where was Agnes Tolliver born?" if "Whitby" in messages[-1].text else "Who founded the museum?"

    asker = ModelAsker(ChatAsker(ScriptedChat(reply)), loop)
    store = texts({"a": "The museum was founded by Agnes Tolliver.", "b": "Agnes Tolliver was born in Whitby."})
    graph = PassageGraph.build(store, ENCODER, asker)
    (way,) = graph.ways(digest("a"))
    assert (way.target, way.answered.text) == (digest("b"), "Where was Agnes Tolliver born?")
    assert way.answered.keywords == ("agn", "tolliv")
    assert graph.asker == asker.name and asker.usage.tokens_out > 0


def test_rules_stand_in_where_the_model_fails_to_ask(loop: Loop) -> None:
    passage = Passage(text="Agnes Tolliver was born in Whitby.")
    asked = ModelAsker(ChatAsker(ScriptedChat(["I cannot."])), loop).ask([passage])
    assert asked == ClozeAsker().ask([passage])


def test_tags_are_not_shown_to_the_model(loop: Loop) -> None:
    passage = Passage(text="", tags=("kite",))
    assert ModelAsker(ChatAsker(ScriptedChat([])), loop).ask([passage]) == ClozeAsker().ask([passage])
