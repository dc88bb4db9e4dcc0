"""Plans: no circle, nothing unknown, what can be taken now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.rerankers.reasoning.planner import parse_plan
from foveate.rerankers.reasoning.plans import KINDS, Plan, Step, fill, lines, plain, ready


def chain(*needs: tuple[int, ...]) -> Plan:
    return Plan(
        steps=tuple(
            Step(id=i, kind="any", query=" ".join(["what of", *(f"#{n}" for n in need)]), after=need)
            for i, need in enumerate(needs, 1)
        )
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 8))
    steps = []
    for number in range(1, count + 1):
        after = tuple(sorted(draw(st.sets(st.integers(1, number - 1), max_size=3)))) if number > 1 else ()
        words = draw(
            st.text(
                st.characters(codec="utf-8", exclude_characters="|#\n\r", categories=("L", "N", "P")),
                min_size=1,
                max_size=30,
            )
        )
        query = " ".join([words.strip() or "x", *(f"#{need}" for need in after)])
        steps.append(Step(id=number, kind=draw(st.sampled_from(KINDS)), query=query, after=after))
    return Plan(steps=tuple(steps))


@given(plans())
def test_written_and_read_again(plan: Plan) -> None:
    assert parse_plan(lines(plan.steps)) == plan


@given(plans())
def test_taking_what_is_ready_takes_every_step_once_and_in_order(plan: Plan) -> None:
    answers: dict[int, str] = {}
    rounds = 0
    while now := ready(plan, answers):
        assert all(need in answers for step in now for need in step.after)
        answers |= {step.id: f"answer {step.id}" for step in now}
        rounds += 1
    assert set(answers) == {step.id for step in plan.steps} and rounds == plan.hops


def test_side_by_side_and_waiting() -> None:
    plan = chain((), (), (1, 2))
    assert [step.id for step in ready(plan, {})] == [1, 2]
    assert [step.id for step in ready(plan, {1: "a"})] == [2]
    assert [step.id for step in ready(plan, {1: "a", 2: "b"})] == [3]
    assert plan.hops == 2


def test_answers_are_filled_in_once() -> None:
    # An answer that looks like a reference is text.
    assert fill("currency of #1 and #2", {1: "#2", 2: "Fiji"}) == "currency of #2 and Fiji"
    assert fill("of #12", {1: "wrong", 12: "right"}) == "of right"


def test_a_question_with_a_number_sign_is_no_reference() -> None:
    assert plain("What is song #1 of 2020?").steps[0].query == "What is song # 1 of 2020?"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "no step"),
        ([(1, "what of #1", (1,))], "step 1 needs 1, which is a later step or itself"),
        ([(1, "a #2", (2,)), (2, "b #1", (1,))], "step 1 needs 2, which is a later step"),
        ([(1, "a", ()), (2, "b #7", (7,))], "step 2 needs 7, which is no step"),
        ([(1, "a", ()), (1, "b", ())], "step 1 stands twice"),
        ([(1, "a", ()), (2, "b #1", ())], "step 2 speaks of #1, which it does not need"),
    ],
)
def test_what_is_no_plan(steps: list[tuple[int, str, tuple[int, ...]]], message: str) -> None:
    with pytest.raises(CallerError, match=message):
        Plan(steps=tuple(Step(id=i, kind="any", query=query, after=after) for i, query, after in steps))
