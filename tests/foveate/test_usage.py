from hypothesis import given
from hypothesis import strategies as st

from foveate.usage import Usage

counts = st.integers(0, 10**6)
usages = st.builds(
    Usage,
    tokens_in=counts,
    tokens_out=counts,
    hops=counts,
    seconds_saved=st.none() | st.integers(0, 1000).map(lambda n: n / 8),
    # Dyadic seconds: their sums are exact, so that addition can be held to strict associativity.
    seconds=st.dictionaries(st.sampled_from(["plan", "read", "answer"]), st.integers(0, 1000).map(lambda n: n / 8)),
)


@given(usages, usages, usages)
def test_addition_commutes_and_associates(a: Usage, b: Usage, c: Usage) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Usage() == Usage(**{**a.to_dict(), "seconds": dict(sorted(a.seconds.items()))})


def test_sum_by_hand() -> None:
    total = Usage(tokens_in=3, seconds={"plan": 1.0}) + Usage(tokens_in=4, hops=1, seconds={"plan": 0.5, "read": 2})
    assert total.to_dict()["tokens_in"] == 7
    assert total.seconds == {"plan": 1.5, "read": 2}


def test_unknown_savings_stay_unknown() -> None:
    assert (Usage(tokens_cached=5) + Usage()).seconds_saved is None
    assert (Usage() + Usage(seconds_saved=1.25)).seconds_saved == 1.25
    assert (Usage(seconds_saved=0.5) + Usage(seconds_saved=1.25)).seconds_saved == 1.75
    assert Usage().to_dict()["seconds_saved"] is None
    assert Usage(seconds_saved=1.23456).to_dict()["seconds_saved"] == 1.235
