import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foveate.agent.answerability.files import load_fitted, save_fitted
from foveate.agent.answerability.fitting import fit_combiner
from foveate.agent.answerability.policy import fit_policy
from foveate.errors import CallerError, ModelError
from tests.agent.answerability.questions import made

MADE_FOR = {"encoder": "mini@1", "reasoner": "smollm2+mini_reasoner"}
ROWS = made(360)


@pytest.fixture(scope="module", params=["trees", "logistic"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    fit = fit_combiner(ROWS, method=request.param, folds=3, made_for=MADE_FOR)
    path = tmp_path_factory.mktemp("judge") / "judge.json"
    save_fitted(path, fit.combiner, fit_policy(fit.asked(ROWS)))
    combiner, policy = load_fitted(path)
    questions = [row.signals for row in made(50, seed=9)]
    assert combiner.outcomes_many(questions) == fit.combiner.outcomes_many(questions)
    assert policy == fit_policy(fit.asked(ROWS))
    assert combiner.made_for == MADE_FOR
    return path


def test_what_is_read_and_written_again_is_the_same_file(saved: Path, tmp_path: Path) -> None:
    save_fitted(tmp_path / "again.json", *load_fitted(saved))
    assert (tmp_path / "again.json").read_bytes() == saved.read_bytes()


Change = Callable[[dict[str, Any]], object]

DAMAGE: dict[str, tuple[Change, str]] = {
    "form": (lambda body: body.update(form=2), "not of form 1"),
    "field": (lambda body: body.pop("policy"), "combiner, form, policy"),
    "kind": (lambda body: body["combiner"]["model"].update(kind="pickle"), "kind of model is 'pickle'"),
    "huge": (lambda body: body["policy"].update(keep=10**400), "keep is 1000"),
    "classes": (lambda body: body["combiner"]["classes"].reverse(), "classes must be right"),
    "twice": (lambda body: body["combiner"].update(features=["a", "a"]), "features holds a name twice"),
    "made_for": (lambda body: body["combiner"].update(made_for={"encoder": 1}), "made_for"),
    "curve": (lambda body: body["combiner"]["curve"].update(ys=[2.0]), "no rising curve"),
    "scale": (lambda body: body["combiner"]["curve"].update(scale="any"), "'probability'"),
    "keep": (lambda body: body["policy"].update(keep=1.5), "keep is 1.5"),
    "order": (lambda body: body["policy"]["points"].reverse(), "rising targets"),
    "risk": (lambda body: body["policy"]["points"][-1].update(risk="low"), "risk is 'low'"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(saved: Path, tmp_path: Path, name: str) -> None:
    change, message = DAMAGE[name]
    refused(saved, tmp_path, change, message)


def refused(saved: Path, tmp_path: Path, change: Change, message: str) -> None:
    body = json.loads(saved.read_bytes())
    change(body)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(body))
    with pytest.raises(ModelError, match=message) as error:
        load_fitted(path)
    assert str(path) in str(error.value)


def of_model(change: Change) -> Change:
    return lambda body: change(body["combiner"]["model"])


TREES: dict[str, tuple[Change, str]] = {
    "cycle": (lambda model: model["right"].__setitem__(0, 0), "no part of a tree"),
    "beyond": (lambda model: model["right"].__setitem__(0, 10**6), "right must hold whole numbers"),
    "column": (lambda model: model["feature"].__setitem__(0, 6), "feature must hold whole numbers from -1 to 5"),
    "fraction": (lambda model: model["missing_left"].__setitem__(0, 0.5), "missing_left must hold whole numbers"),
    "short": (lambda model: model["value"].pop(), "value must be a list of"),
    "text": (lambda model: model["value"].__setitem__(0, "1"), "value is '1'"),
    "infinite": (lambda model: model["value"].__setitem__(0, float("inf")), "Infinity is no number"),
    "start": (lambda model: model["start"].__setitem__(0, 1), "start leaves nodes out"),
    "back": (lambda model: model["start"].__setitem__(1, 0), "no part of a tree"),
    "many": (lambda model: model.update(start=[0] * 2001, outcome=[0] * 2001), "at most 2000"),
    "nodes": (lambda model: model.update(feature=[-1] * 64001), "at most 64000"),
    "more": (lambda model: model.update(code="x"), "the fields of trees"),
}


@pytest.mark.parametrize("name", TREES)
def test_nodes_that_are_no_trees_are_refused(saved: Path, tmp_path: Path, name: str) -> None:
    if json.loads(saved.read_bytes())["combiner"]["model"]["kind"] == "trees":
        refused(saved, tmp_path, of_model(TREES[name][0]), TREES[name][1])


def chain(model: dict[str, Any]) -> None:
    """One tree of 20 splits, each to the right of the one above."""
    model.update(start=[0], outcome=[0], feature=[0, -1] * 20 + [-1])
    model.update(right=[at + 2 if at % 2 == 0 else 0 for at in range(40)] + [0])
    model.update({name: [0] * 41 for name in ("threshold", "missing_left", "value")})


def test_a_tree_that_is_too_deep_is_refused(saved: Path, tmp_path: Path) -> None:
    if json.loads(saved.read_bytes())["combiner"]["model"]["kind"] == "trees":
        refused(saved, tmp_path, of_model(chain), "deeper than 16")


LOGISTIC: dict[str, tuple[Change, str]] = {
    "scale": (lambda model: model["scale"].__setitem__(0, 0.0), "scale must be above 0"),
    "rows": (lambda model: model["weights"].pop(), "weights must be a list of 6"),
    "columns": (lambda model: model["unknown"][0].pop(), "unknown must hold lists of 6"),
    "bias": (lambda model: model.update(bias=1), "bias must hold lists"),
}


@pytest.mark.parametrize("name", LOGISTIC)
def test_a_regression_of_another_shape_is_refused(saved: Path, tmp_path: Path, name: str) -> None:
    if json.loads(saved.read_bytes())["combiner"]["model"]["kind"] == "logistic":
        refused(saved, tmp_path, of_model(LOGISTIC[name][0]), LOGISTIC[name][1])


@pytest.mark.parametrize("raw", [b"", b"[]", b"[" * 100_000, b"\x80\x04N.", b'{"form":1}', b" " * 8_000_001])
def test_what_is_no_judge_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "judge.json").write_bytes(raw)
    with pytest.raises(ModelError, match=r"judge .*is damaged"):
        load_fitted(tmp_path / "judge.json")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no judge at"):
        load_fitted(tmp_path / "judge.json")
