import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.metrics.citations import carries, carries_part, cited_f1, cited_precision, cited_recall
from foveate.evals.metrics.metric import Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Place, Sample

places = st.builds(
    lambda document, sentence: Place(document=document, sentence=sentence),
    st.sampled_from("abc"),
    st.integers(0, 2),
)
some = st.lists(places, min_size=1, max_size=6)
EVERY = ("citation_precision", "citation_recall", "fact_precision", "fact_recall", "fact_f1")


def at(document: str, sentence: int | None = None, span: tuple[float, float] | None = None) -> Place:
    return Place(document=document, sentence=sentence, span=span)


def value(name: str, cited: tuple[Place, ...] | None, facts: tuple[Place, ...]) -> float:
    rows = metric(name).rows([Sample(id="s", facts=facts)], [Output(cited=cited)], Context())
    return float(rows[0, 0])


@pytest.mark.parametrize(
    ("cited", "fact", "coarse", "fine"),
    [
        (at("a"), at("a"), True, True),
        (at("a"), at("b"), False, False),
        (at("a", 1), at("a", 1), True, True),
        (at("a", 1), at("a", 2), False, False),
        (at("a"), at("a", 2), True, False),
        (at("a", 1), at("a"), True, True),
        (at("f", span=(0, 5)), at("f", span=(4, 9)), True, True),
        (at("f", span=(0, 5)), at("f", span=(5, 9)), False, False),
        (at("f"), at("f", span=(5, 9)), True, False),
        (at("f", span=(0, 5)), at("f"), True, True),
        (at("f", span=(0, 5)), at("f", span=(3, 3)), True, True),
        (at("f", span=(3, 3)), at("f", span=(3, 3)), True, True),
        (at("f", 0, (0, 5)), at("f", 1, (0, 5)), False, False),
    ],
)
def test_what_holds_what(cited: Place, fact: Place, coarse: bool, fine: bool) -> None:
    assert carries(cited, fact) is coarse
    assert carries_part(cited, fact) is fine


def test_precision_recall_and_f1_by_hand() -> None:
    facts = (at("a", 0), at("a", 3), at("b", 1))
    cited = (at("a", 0), at("a", 0), at("b", 1), at("c", 0), at("d", 0))  # the repeat counts once
    assert value("citation_precision", cited, facts) == pytest.approx(2 / 4)
    assert value("citation_recall", cited, facts) == pytest.approx(2 / 3)
    assert value("fact_f1", cited, facts) == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
    assert value("citation_recall", (at("a"),), facts) == pytest.approx(2 / 3)
    assert value("fact_recall", (at("a"),), facts) == 0.0
    assert value("fact_f1", (at("a"),), facts) == 0.0


@given(some, some)
def test_supporting_facts_equal_the_sets_of_hotpotqa(cited: list[Place], facts: list[Place]) -> None:
    said, right = set(cited), set(facts)
    both = len(said & right)
    assert cited_precision(cited, facts, carries_part) == pytest.approx(both / len(said))
    assert cited_recall(cited, facts, carries_part) == pytest.approx(both / len(right))
    assert cited_f1(cited, facts, carries_part) == pytest.approx(2 * both / (len(said) + len(right)))


@given(some, some, st.randoms())
def test_order_and_repeats_do_not_matter(cited: list[Place], facts: list[Place], rng: random.Random) -> None:
    other = cited + cited[:1]
    rng.shuffle(other)
    for measure in (cited_precision, cited_recall, cited_f1):
        assert 0.0 <= measure(cited, facts) <= 1.0
        assert measure(other, facts) == pytest.approx(measure(cited, facts))
        assert measure(facts, facts) == 1.0


@pytest.mark.parametrize("name", EVERY)
def test_what_is_scored(name: str) -> None:
    facts = (at("a", 1),)
    assert value(name, facts, facts) == 1.0
    assert math.isnan(value(name, None, facts))
    assert math.isnan(value(name, facts, ()))
    nothing = value(name, (), facts)
    assert math.isnan(nothing) if "precision" in name else nothing == 0.0
