from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.probes.association import association, members, probe, representation
from foveate.evals.probes.balancing import balance, moments, subsample
from foveate.evals.probes.captioned import Captioned
from tests.evals.probes.toys import Palette, block


def skewed(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two groups, 3 to 7; two labels, more common in the second; a sixth names nobody."""
    rng = np.random.default_rng(seed)
    which = (rng.random(n) < 0.7).astype(int)
    groups = np.eye(2)[which]
    groups[: n // 6] = 0
    labels = (rng.random((n, 2)) < np.where(which[:, None] == 1, 0.6, 0.25)).astype(float)
    return groups, labels


def test_members_are_whole_words() -> None:
    table = members(["A woman reads.", "The WOMEN cook", "A man's hat", ""], {"w": ("woman", "women"), "m": ("man",)})
    assert table.tolist() == [[1, 0], [1, 0], [0, 0], [0, 0]]


def test_moments_by_hand() -> None:
    groups = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    labels = np.array([[1.0], [1], [1], [1]])
    found = moments(groups, labels, np.array([0.5, 0.5]))
    assert found.tolist() == [[0.5, -0.5, 0.5, -0.5], [-0.5, 0.5, -0.5, 0.5], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_statistics_by_hand() -> None:
    groups = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1], [0, 0]])
    labels = np.array([[1.0], [1], [0], [0], [1]])
    even = np.ones(5)
    assert representation(groups, even).tolist() == [0.75, 0.25]
    # P(label | any group) = 2/4; the row that names no group does not count.
    np.testing.assert_allclose(association(groups, labels, even), [[2 / 3 - 0.5], [0 - 0.5]])
    assert np.isnan(representation(groups, np.zeros(5))).all()
    alone = association(groups, labels, np.array([1.0, 1, 1, 0, 1]))
    assert alone[0, 0] == pytest.approx(0.0) and np.isnan(alone[1, 0])


def test_balance_agrees_with_a_general_solver() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    groups, labels = skewed(60)
    ours = balance(groups, labels, share=0.4)
    m = moments(groups, labels, np.array([0.5, 0.5]))[:, [0, 2, 3]]  # the second group's are the first's, negated
    theirs = optimize.minimize(
        lambda q: 0.5 * ((q - 0.4) ** 2).sum(),
        np.full(60, 0.4),
        jac=lambda q: q - 0.4,
        bounds=[(0, 1)] * 60,
        constraints=[
            {"type": "eq", "fun": lambda q: m.T @ q / 60},
            {"type": "eq", "fun": lambda q: q.mean() - 0.4},
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assert theirs.success
    np.testing.assert_allclose(ours, theirs.x, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 0.5))
def test_balanced_sets_are_balanced(seed: int, share: float) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    groups, labels = skewed(200, seed)
    q = balance(groups, labels, share=share)
    assert q.min() >= 0.0 and q.max() <= 1.0 and q.mean() == pytest.approx(share, abs=1e-5)
    m = moments(groups, labels, np.array([0.5, 0.5]))
    # Where a group is small, a large share cannot be balanced by anybody: a linear program says how far it goes.
    most = -optimize.linprog(-np.ones(200) / 200, A_eq=m.T / 200, b_eq=np.zeros(m.shape[1]), bounds=(0, 1)).fun
    if share < most - 1e-6:
        assert np.abs(m.T @ q / 200).max() < 1e-5
    elif share > most + 1e-3:
        assert np.abs(m.T @ q / 200).max() > 1e-5
    np.testing.assert_allclose(representation(groups, q), [0.5, 0.5], atol=1e-4)


def test_tolerance_and_target_are_kept() -> None:
    groups, labels = skewed(300)
    wanted = np.array([0.4, 0.6])
    q = balance(groups, labels, target=wanted, share=0.5, association=0.01)
    found = np.abs(moments(groups, labels, wanted).T @ q / 300)
    assert found[:2].max() < 1e-5 and 0.009 < found[2:].max() < 0.0101
    tight = balance(groups, labels, target=wanted, share=0.5)
    assert ((q - 0.5) ** 2).sum() < ((tight - 0.5) ** 2).sum()


def test_what_cannot_be_balanced_ends_all_the_same() -> None:
    q = balance(np.tile([1.0, 0.0], (6, 1)), np.ones((6, 1)), share=0.5)
    np.testing.assert_allclose(q, 0.5, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 0.0}, "share is 0.0"),
        ({"target": np.array([0.7, 0.7])}, "shares that sum to 1"),
        ({"target": np.array([1.0])}, "must be 2 shares"),
    ],
)
def test_bad_input(change: dict[str, object], message: str) -> None:
    groups, labels = skewed(12)
    with pytest.raises(CallerError, match=message):
        balance(groups, labels, **change)  # type: ignore[arg-type]
    with pytest.raises(CallerError, match="must be"):
        balance(groups, labels[:3])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 99))
def test_subsamples_have_the_size_of_their_weights(weights: list[float], seed: int) -> None:
    kept = subsample(np.array(weights), seed=seed)
    assert sorted(set(kept.tolist())) == kept.tolist()
    assert abs(len(kept) - sum(weights)) < 1.0 + 1e-6


def test_subsamples_follow_the_weights_in_each_stratum() -> None:
    weights = np.array([0.25] * 40 + [0.75] * 40)
    alike = np.array([0] * 40 + [1] * 40)
    for seed in range(20):
        kept = subsample(weights, alike=alike, seed=seed)
        assert abs((kept < 40).sum() - 10) <= 1 and abs((kept >= 40).sum() - 30) <= 1
    shares = np.mean([np.isin(np.arange(80), subsample(weights, seed=seed)) for seed in range(2000)], axis=0)
    assert abs(shares[:40].mean() - 0.25) < 0.01 and np.abs(shares - weights).max() < 0.06


def test_report(tmp_path: Path) -> None:
    for name in ("red", "blue"):
        block(name).save(tmp_path / f"{name}.png")
    rows = [("red", "A man cooks"), ("blue", "A woman cooks"), ("blue", "A woman cooks"), ("blue", "A woman reads")] * 5
    items = [Captioned(id=str(i), path=tmp_path / f"{c}.png", caption=text) for i, (c, text) in enumerate(rows)]
    groups, labels = {"men": ("man",), "women": ("woman",)}, {"blue": ("cooks",)}
    report = probe(Palette(), items, groups=groups, labels=labels, share=0.4)
    facts = report.facts
    assert facts["representation_gap_before"] == 0.5
    assert facts["association_gap_before"] == pytest.approx(0.25)
    assert facts["representation_gap_weighted"] < 1e-4 and facts["association_gap_weighted"] < 1e-4
    assert facts["in_subsample"] == 8 and facts["association_gap_subsample"] <= 0.25
    # The encoder's own: pictures of women are blue here.
    ((_, _, _, men), (_, _, _, women)) = report.tables[2].rows
    assert men == pytest.approx(-0.75) and women == pytest.approx(0.25)
    assert len(probe(None, items, groups=groups, labels=labels).tables) == 2
    with pytest.raises(CallerError, match="no caption names a group; the words are 'x', 'y'"):
        probe(None, items, groups={"a": ("x",), "b": ("y",)}, labels=labels)
    with pytest.raises(CallerError, match="two groups and one label"):
        probe(None, items, groups={"a": ("x",)}, labels=labels)
