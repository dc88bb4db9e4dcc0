"""Matching by hand: four passages, vectors that can be multiplied in the head."""

import numpy as np
import pytest

from foveate.retrievers.multihop.edges import Asked, Edge, jaccard, match, most_edges
from foveate.retrievers.multihop.pseudo_questions import PseudoQuestion

VECTORS = np.array([[1, 0], [0.6, 0.8], [0, 1], [0.8, 0.6]], dtype=np.float32)
SAME = ["a", "b", "c", "d"]


def asked(owner: int, row: int, *words: str) -> Asked:
    question = PseudoQuestion(text=f"{owner} {words}?", keywords=tuple(sorted(words)), meaning=f"{owner} {row}")
    return Asked(owner=owner, question=question, row=row)


def test_scores_by_hand() -> None:
    raised = [asked(0, 0, "agnes", "tolliver"), asked(1, 1, "whitby")]
    answered = [
        asked(1, 1, "agnes", "tolliver", "whitby"),  # from 0: cosine 0.6, overlap 2/3: (0.6 + 0.6667) / 2 = 0.633333
        asked(2, 2, "whitby"),  # from 1: cosine 0.8, overlap 1: 0.9
        asked(3, 3, "whitby", "abbey", "tolliver"),  # from 0: 0.8, 1/4: 0.525; from 1: 0.48 + 0.48, 1/3: 0.646667
        asked(0, 0, "whitby", "one", "two", "three", "four"),  # from 1: 0.6, 1/5: 0.4
    ]
    assert match(raised, answered, VECTORS, SAME) == [
        Edge(source=0, target=1, raised=0, answered=0, score=0.633333),
        Edge(source=0, target=3, raised=0, answered=2, score=0.525),
        Edge(source=1, target=2, raised=1, answered=1, score=0.9),
        Edge(source=1, target=3, raised=1, answered=2, score=0.646667),
        Edge(source=1, target=0, raised=1, answered=3, score=0.4),
    ]


def test_floor_and_missing_overlap() -> None:
    raised = [asked(0, 0, "agnes")]
    near, far = asked(1, 0, "boats"), asked(2, 2, "agnes", "a", "b")  # overlap 0; cosine 0 and overlap 1/3
    assert match(raised, [near, far], VECTORS, SAME) == []
    assert len(match(raised, [near, far], VECTORS, SAME, floor=0.1)) == 1


def test_nothing_leads_to_itself_or_to_its_copies() -> None:
    raised = [asked(0, 0, "agnes")]
    answered = [asked(0, 1, "agnes"), asked(1, 1, "agnes"), asked(2, 1, "agnes"), asked(3, 1, "agnes")]
    edges = match(raised, answered, VECTORS, ["x", "x", "y", "y"])
    assert [(edge.source, edge.target) for edge in edges] == [(0, 2)]  # of the two alike, the first


def test_a_shared_statement_is_no_answer() -> None:
    question = PseudoQuestion(text="?", keywords=("agnes",), meaning="the very statement")
    raised, answered = Asked(owner=0, question=question, row=0), Asked(owner=1, question=question, row=0)
    assert match([raised], [answered], VECTORS, SAME) == []


def test_edges_are_few() -> None:
    n = 24
    vectors = np.ones((1, 1), dtype=np.float32)
    raised = [asked(i, 0, f"word{j}") for i in range(n) for j in range(n)]
    answered = [asked(j, 0, f"word{j}") for j in range(n)]
    edges = match(raised, answered, vectors, [str(i) for i in range(n)])
    assert most_edges(n) == 10 and len(edges) == n * 10
    assert most_edges(0) == most_edges(1) == 0


@pytest.mark.parametrize(
    ("one", "other", "value"), [("ab", "bc", 1 / 3), ("", "", 0.0), ("a", "a", 1.0), ("a", "b", 0)]
)
def test_jaccard(one: str, other: str, value: float) -> None:
    assert jaccard(one, other) == pytest.approx(value)
