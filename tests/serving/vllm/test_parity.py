"""When a server is trusted: the decision and its reasons, on models whose answers are given."""

import asyncio
import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from foveate.errors import CallerError, ServiceError
from foveate.rerankers.protocols import Judgement, Message, YesNoModel
from foveate.serving.vllm.parity import ParityReport, Refused, compare, kendall, require
from foveate.serving.vllm.probes import COUNT, probes
from foveate.usage import Usage

PROMPTS = [(Message(role="user", text=str(at)),) for at in range(40)]


class Given:
    """Says what a function of (prompt, size of the company) says."""

    sees = False

    def __init__(
        self, name: str, say: Callable[[int, int], float], tokens: Callable[[int], int] = lambda at: 9
    ) -> None:
        self.name = name
        self._say = say
        self._tokens = tokens
        self.batches: list[int] = []

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        self.batches.append(len(prompts))
        return [self._judgement(int(prompt[0].text), len(prompts)) for prompt in prompts]

    def cut(self, text: str, tokens: int) -> str:
        return text

    def _judgement(self, at: int, company: int) -> Judgement:
        share = self._say(at, company)
        if math.isnan(share):
            return Judgement(yes=math.nan, no=math.nan, usage=Usage())
        return Judgement(yes=math.log(share), no=math.log(1 - share), usage=Usage(tokens_in=self._tokens(at)))


def even(at: int, company: int) -> float:
    return 0.1 + 0.02 * at


REFERENCE = Given("reference", even)


def report_of(served: YesNoModel, **more: object) -> ParityReport:
    return asyncio.run(compare(REFERENCE, served, PROMPTS, **more))  # type: ignore[arg-type]


def test_the_same_is_accepted() -> None:
    served = Given("served", lambda at, company: even(at, company) + 0.004)
    report = report_of(served)
    assert report.accepted and require(report) is report
    assert served.batches == [1] * 40 + [8] * 5 + [32, 8]
    assert [item.batch for item in report.largest] == [1, 8, 32]
    assert report.worst.size == pytest.approx(0.004) and report.swapped == 0 and report.causes == ()
    assert report.kendall == {1: 1.0, 8: 1.0, 32: 1.0}


def test_one_wrong_prompt_is_named() -> None:
    report = report_of(Given("served", lambda at, company: 0.5 if at == 3 else even(at, company)))
    assert not report.accepted
    assert report.worst.prompt == 3 and report.worst.size == pytest.approx(0.34)
    with pytest.raises(Refused, match=r"prompt 3 sent 1 at a time gets 0\.5000 instead of 0\.1600"):
        require(report)


def test_wrong_only_in_company() -> None:
    report = report_of(Given("served", lambda at, company: even(at, company) + (0.05 if company == 32 else 0)))
    assert not report.accepted and report.worst.batch == 32
    assert "wrongly in company" in report.causes[0]


def test_another_tokenizer_is_the_first_cause() -> None:
    served = Given("served", lambda at, company: 0.5, tokens=lambda at: 9 + at // 2)
    report = report_of(served)
    assert report.causes[0] == "another tokenizer or chat template: prompt 2 has 9 tokens here and 10 there"


def test_unknown_token_counts_prove_nothing() -> None:
    report = report_of(Given("served", lambda at, company: 0.5, tokens=lambda at: 0))
    assert not any("tokenizer" in cause for cause in report.causes)
    assert "adapter" in report.causes[0] and "bfloat16" in report.causes[0]


def test_no_number_is_refused() -> None:
    report = report_of(Given("served", lambda at, company: math.nan if at == 7 else even(at, company)))
    assert not report.accepted and report.worst.prompt == 7 and math.isinf(report.worst.size)
    assert "no number" in report.causes[0]
    assert report.to_dict()["largest"][0]["served"] is None


def test_a_suspect_is_unmasked() -> None:
    base = Given("base", lambda at, company: 0.9 - 0.02 * at)
    other = Given("other", lambda at, company: 0.3)
    served = Given("served", lambda at, company: 0.9 - 0.02 * at + 0.001)
    report = report_of(served, suspects={"something else": other, "the base model without the adapter": base})
    assert report.causes[0] == "it answers as the base model without the adapter"
    assert report.kendall[1] == -1.0 and report.swapped > 0


def test_each_pass_may_have_its_own_server() -> None:
    asked: dict[int, Given] = {}

    def fresh(size: int) -> Given:
        return asked.setdefault(size, Given("served", even))

    assert report_of(Given("served", lambda at, company: 0.5), served_at=fresh).accepted
    assert sorted(asked) == [1, 8, 32] and asked[8].batches == [8] * 5


def test_suspects_are_not_asked_without_need() -> None:
    base = Given("base", lambda at, company: 0.5)
    assert report_of(Given("served", even), suspects={"the base": base}).accepted
    assert base.batches == []


def test_swaps_within_a_wide_tolerance() -> None:
    # Each is off by 0.04 at most, but neighbours (0.02 apart) change places: no pair the reference tells apart does.
    wobble = random.Random(1)
    shifts = [wobble.uniform(-0.04, 0.04) for _ in PROMPTS]
    report = report_of(Given("served", lambda at, company: even(at, company) + shifts[at]), tolerance=0.081)
    assert report.accepted and report.swapped == 0 and report.kendall[1] < 1


def test_a_server_that_loses_answers() -> None:
    class Loses(Given):
        async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
            return (await super().judge(prompts))[: -1 if len(prompts) > 1 else None]

    with pytest.raises(ServiceError, match="gave 35 judgements for 40 prompts"):
        report_of(Loses("served", even))


@pytest.mark.parametrize("more", [{"batches": ()}, {"batches": (0,)}, {"tolerance": 0.0}, {"tolerance": math.nan}])
def test_nothing_to_compare(more: dict[str, object]) -> None:
    with pytest.raises(CallerError, match="nothing to compare"):
        report_of(Given("served", even), **more)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=12))
def test_kendall_is_scipy_s(rows: list[tuple[int, int]]) -> None:
    left, right = zip(*rows, strict=True)
    wanted = kendalltau(left, right).statistic
    assert kendall(left, right) == pytest.approx(wanted, nan_ok=True)


def test_probes() -> None:
    made = probes()
    assert len(made) == COUNT == len(set(made)) and COUNT > 32
    pictures = [message.images for prompt in probes(sees=True) for message in prompt if message.images]
    assert len(pictures) == len(set(pictures)) == COUNT // 2 - COUNT // 2 % 4
