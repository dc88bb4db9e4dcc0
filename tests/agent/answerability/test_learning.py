import math

import numpy as np
import pytest

from foveate.agent.answerability.combiner import softmax
from foveate.agent.answerability.learning import Setting, _forest, exported, learn, predicted

RNG = np.random.default_rng(5)
X = np.where(RNG.random((300, 4)) < 0.2, math.nan, RNG.normal(size=(300, 4)))
X[:, 3] = np.where(RNG.random(300) < 0.5, math.nan, 1.0)
Y3 = (np.nan_to_num(X[:, 0]) > 0).astype(int) + np.isnan(X[:, 3])
FRESH = np.where(RNG.random((200, 4)) < 0.3, math.nan, 3.0 * RNG.normal(size=(200, 4)))


@pytest.mark.parametrize("outcomes", [2, 3])
@pytest.mark.parametrize("depth", [3, 4])
def test_exported_trees_say_what_scikit_learn_says(outcomes: int, depth: int) -> None:
    # Column 3 splits on unknown alone; unknown in columns that had none in fitting goes where most went.
    y = np.minimum(Y3, outcomes - 1)
    for known in (X, np.nan_to_num(X)):
        forest = _forest(depth, 40, known, y, 0)
        trees = exported(forest)
        assert np.abs(softmax(trees.scores(FRESH)) - forest.predict_proba(FRESH)).max() < 1e-6


def test_path_values_are_means_of_their_leaves() -> None:
    trees = exported(_forest(3, 5, X, Y3, 0))
    reached = trees._leaves(X)
    for tree in range(len(trees.start)):
        assert trees.value[trees.start[tree]] == pytest.approx(trees.value[reached[:, tree]].mean(), abs=1e-7)


def test_a_regression_is_scikit_learns_on_filled_in_signals() -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    near, flags = X[:, :3], np.isnan(X[:, :3]).astype(float)
    model = learn(Setting(method="logistic", strength=0.3), near, Y3, seed=0)
    # Deviations are of known values: sklearn's of the filled-in column are smaller by the root of the known share.
    filled = StandardScaler().fit_transform(SimpleImputer().fit_transform(near)) * np.sqrt(1.0 - flags.mean(axis=0))
    wanted = LogisticRegression(C=0.3, max_iter=10_000).fit(np.hstack([filled, flags]), Y3)
    assert softmax(model.scores(near)) == pytest.approx(wanted.predict_proba(np.hstack([filled, flags])), abs=1e-3)


def test_fewer_rounds_are_the_first_of_more_and_what_was_not_met_has_no_chance() -> None:
    y = np.where(Y3 == 1, 3, Y3)
    found = predicted("trees", X, y, FRESH, outcomes=5, seed=0)
    chances = found[Setting(method="trees", depth=3, rounds=20)]
    alone = learn(Setting(method="trees", depth=3, rounds=20), X, Y3, seed=0)
    order = [0, 3, 2]
    assert chances[:, order] == pytest.approx(softmax(alone.scores(FRESH)), abs=1e-6)
    assert (chances[:, [1, 4]] == 0.0).all()
