import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.compare import Comparison, baseline_of, check, compare, compare_paths, worse
from foveate.evals.metrics.table import metric as metric_of
from foveate.evals.report.comparison import Difference
from foveate.evals.report.run import read_run
from foveate.evals.stats import holm, paired
from tests.evals.report.maker import change, line, make_run, scored
from tests.evals.report.test_html import EVIL, Page

NAN = float("nan")
A = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0]
B = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def two(
    folder: Path, a: Sequence[float | None], b: Sequence[float | None], metric: str = "recall@3", better: str = "higher"
) -> tuple[Path, Path]:
    first, second = (
        make_run(folder / name, {"plain": scored(values, metric)}, {metric: better}, target=f"target {name}")
        for name, values in (("a", a), ("b", b))
    )
    return first, second


def difference(**more: Any) -> Difference:
    base = Difference(
        task="plain", metric="em", better="higher", a=0.9, b=0.85, difference=-0.05, low=-0.09, high=-0.01,
        p_value=0.01, adjusted=0.02, n=60, clusters=60, dropped=0, lost=0,
    )  # fmt: skip
    return replace(base, **more)


def of(*differences: Difference) -> Comparison:
    side = {"path": "x", "suite": "quick", "target": "agent"}
    return Comparison(a=side, b=side, differences=differences, draws=10)


def test_the_figures_are_those_of_the_statistics_package(tmp_path: Path) -> None:
    found = compare(*two(tmp_path, A, B), seed=3).differences[0]
    columns = [np.array(values)[:, None] for values in (B, A)]
    groups = [f"s-{n:03d}" for n in range(10)]
    wanted = paired(*columns, metric_of("recall@3").statistic, groups, draws=2000, seed=3, level=0.95)
    assert (found.a, found.b) == (pytest.approx(0.7), pytest.approx(0.9))
    assert found.difference == pytest.approx(0.2)  # b - a
    assert (found.low, found.high, found.p_value) == (wanted.low, wanted.high, wanted.p_value)
    assert (found.n, found.clusters, found.dropped, found.lost) == (10, 10, 0, 0)


def test_rows_are_matched_by_id_and_not_by_place(tmp_path: Path) -> None:
    rows = scored(A)
    make_run(tmp_path / "a", {"plain": rows})
    make_run(tmp_path / "b", {"plain": rows[::-1]})
    found = compare(tmp_path / "a", tmp_path / "b").differences[0]
    assert found.difference == 0.0 and found.p_value == 1.0


def test_clusters_are_the_media(tmp_path: Path) -> None:
    for name, values in (("a", A), ("b", B)):
        rows = [{**row, "group": f"g{n % 3}"} for n, row in enumerate(scored(values))]
        make_run(tmp_path / name, {"plain": rows})
    assert compare(tmp_path / "a", tmp_path / "b").differences[0].clusters == 3


def test_unscored_is_dropped_and_counted_and_never_0(tmp_path: Path) -> None:
    found = compare(*two(tmp_path, [1.0, 1.0, 1.0, None, 0.0], [1.0, None, None, 1.0, 0.0])).differences[0]
    assert (found.n, found.dropped, found.lost) == (2, 3, 1)
    assert found.difference == 0.0
    none = compare(*two(tmp_path / "none", [1.0, 1.0], [None, None])).differences[0]
    assert math.isnan(none.b) and math.isnan(none.difference) and math.isnan(none.p_value) and none.lost == 2


def test_a_metric_over_many_samples_uses_its_own_statistic(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {name: np.stack([rng.random(40), rng.integers(0, 2, 40)], axis=1) for name in "ab"}
    for name, columns in values.items():
        rows = [line(f"s{n:02d}", scores={"brier": row.tolist()}) for n, row in enumerate(columns)]
        make_run(tmp_path / name, {"plain": rows}, {"brier": "lower"})
    found = compare(tmp_path / "a", tmp_path / "b", draws=100).differences[0]
    brier = {name: float(((c[:, 0] - c[:, 1]) ** 2).mean()) for name, c in values.items()}
    assert found.difference == pytest.approx(brier["b"] - brier["a"])
    assert found.gain == pytest.approx(brier["a"] - brier["b"])


def test_holm_runs_over_all_tasks_and_metrics(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in "ab":
        tasks = {task: [line(f"s{n}", scores={m: [float(rng.integers(0, 2))] for m in ("em", "recall@3")})
                        for n in range(30)] for task in ("one", "two")}  # fmt: skip
        make_run(tmp_path / name, tasks, {"em": "higher", "recall@3": "higher"})
    found = [item for item in compare(tmp_path / "a", tmp_path / "b").differences if item.metric != "errors"]
    assert [(item.task, item.metric) for item in found] == [
        ("one", "em"), ("one", "recall@3"), ("two", "em"), ("two", "recall@3"),
    ]  # fmt: skip
    assert [item.adjusted for item in found] == list(holm([item.p_value for item in found]))


def test_by_slice(tmp_path: Path) -> None:
    for name, values in (("a", A), ("b", B)):
        rows = [{**row, "slices": {"kind": "xy"[n % 2]}} for n, row in enumerate(scored(values))]
        make_run(tmp_path / name, {"plain": rows})
    found = compare(tmp_path / "a", tmp_path / "b", slices=True)
    assert [(item.slice, item.n) for item in found.slices] == [(("kind", "x"), 5), (("kind", "y"), 5)]
    assert found.slices[0].difference == pytest.approx(np.mean(B[::2]) - np.mean(A[::2]))
    assert compare(tmp_path / "a", tmp_path / "b").slices == ()
    assert "plain recall@3 by kind" in found.to_html() and "| plain | kind: x | recall@3 |" in found.to_markdown()


@pytest.mark.parametrize(
    ("field", "value"),
    [("data_sha256", "cd" * 32), ("dataset", "other"), ("options", {"hard": True}), ("task", "reranking")],
)
def test_different_data_is_refused_and_named(tmp_path: Path, field: str, value: object) -> None:
    a, b = two(tmp_path, A, B)
    change(b / "run.json", lambda body: body["tasks"][0].update({field: value}))
    with pytest.raises(CallerError, match=rf"same data.*: {field} of task 'plain': .* in A, .* in B") as caught:
        compare(a, b)
    assert str(value) in str(caught.value)


def test_other_samples_of_the_same_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"samples of task 'plain': 10 in A, 9 in B; ids of the samples"):
        compare(*two(tmp_path, A, B[:9]))
    a, b = two(tmp_path / "ids", A, B)
    text = (b / "plain.jsonl").read_text()
    (b / "plain.jsonl").write_text(text.replace('"s-009"', '"s-010"'))
    with pytest.raises(CallerError, match=r"these differ: ids of the samples"):
        compare(a, b)


def test_what_only_one_has_is_listed(tmp_path: Path) -> None:
    rows = [line("s", scores={"em": [1.0], "recall@3": [1.0]})]
    make_run(tmp_path / "a", {"plain": rows, "old": rows}, {"em": "higher", "recall@3": "higher"})
    make_run(tmp_path / "b", {"plain": rows, "new": rows}, {"em": "higher", "mrr@10": "higher"})
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.only_a == ("old", "plain/recall@3") and found.only_b == ("new", "plain/mrr@10")
    assert {item.metric for item in found.differences} == {"em", "errors"}
    assert any(row == "Only in A, not compared: old, plain/recall@3." for row in found.lines())


def test_no_task_in_common(tmp_path: Path) -> None:
    make_run(tmp_path / "a", {"one": scored(A)})
    make_run(tmp_path / "b", {"two": scored(A)})
    with pytest.raises(CallerError, match=r"no task in common: A has 'one', B has 'two'"):
        compare(tmp_path / "a", tmp_path / "b")


def test_metrics_can_be_chosen(tmp_path: Path) -> None:
    a, b = two(tmp_path, A, B)
    assert [item.metric for item in compare(a, b, metrics=["recall@3"]).differences] == ["recall@3"]
    with pytest.raises(CallerError, match=r"metric 'recall' is not in both runs; choices: recall@3"):
        compare(a, b, metrics=["recall"])


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    a, b = two(tmp_path, A, B)
    (b / "summary.json").unlink()
    with pytest.raises(CallerError, match=r"is not finished"):
        compare(a, b)


# ---- rules


@pytest.mark.parametrize(
    ("a", "b", "rule", "broken"),
    [
        (0.9, 0.85, "em:0.04", True),
        (0.9, 0.85, "em:0.05", False),  # 0.05000000000000004 in floating point
        (0.9, 0.89, "em:0.01", False),
        (0.9, 0.8899, "em:0.01", True),
        (0.9, 0.9, "em:0", False),
        (0.9, 0.8999, "em:0", True),
        (0.85, 0.9, "em:0", False),
        (0.9, NAN, "em:1", True),  # nobody knows that it is not worse
        (NAN, 0.9, "em:0", False),
        (NAN, NAN, "em:0", False),
    ],
)
def test_a_rule_looks_at_the_point_estimate(a: float, b: float, rule: str, broken: bool) -> None:
    comparison = of(difference(a=a, b=b, difference=b - a))
    assert bool(worse(comparison, [rule])) is broken
    assert [item.broken for item in check(comparison, [rule])] == [broken]


@given(st.floats(-1, 1), st.floats(0, 1))
def test_lower_is_better_turns_the_rule(gap: float, limit: float) -> None:
    up = worse(of(difference(better="higher", difference=gap)), [f"em:{limit!r}"])
    down = worse(of(difference(better="lower", difference=-gap)), [f"em:{limit!r}"])
    assert bool(up) == bool(down) == (-gap > limit + 1e-9)


def test_the_interval_is_told_and_decides_nothing() -> None:
    surely, perhaps = difference(), difference(low=-0.2, high=0.1, lost=3)
    first, second = worse(of(surely, perhaps), ["em:0.01"])
    assert first.difference.excludes_zero is True and second.difference.excludes_zero is False
    assert str(first) == (
        "plain em: 0.900 -> 0.850, worse by 0.05 (0.01 is allowed by 'em:0.01'); "
        "the interval [-0.090, -0.010] excludes 0"
    )
    assert str(second).endswith("the interval [-0.200, +0.100] includes 0; 3 samples less were scored")
    assert json.loads(json.dumps(first.to_dict(), allow_nan=False))["drop"] == pytest.approx(0.05)


def test_a_rule_may_name_its_task_and_a_metric_with_a_colon() -> None:
    comparison = of(
        difference(task="one"),
        difference(task="two"),
        difference(task="two", metric="moment_recall@5:0.7"),
    )
    assert len(worse(comparison, ["em:0.01"])) == 2
    assert [item.difference.task for item in worse(comparison, ["two/em:0.01"])] == ["two"]
    assert [item.limit for item in worse(comparison, ["moment_recall@5:0.7:0.01"])] == [0.01]


@pytest.mark.parametrize("rule", ["em", "em:", ":0.1", "em:much", "em:-0.1", "em:nan", "em:inf", ""])
def test_a_rule_of_another_form_is_refused(rule: str) -> None:
    with pytest.raises(CallerError, match=r"must be METRIC:DROP or TASK/METRIC:DROP"):
        worse(of(difference()), [rule])


@pytest.mark.parametrize("rule", ["f1:0.1", "other/em:0.1"])
def test_an_unknown_metric_is_refused_with_the_choices(rule: str) -> None:
    with pytest.raises(CallerError, match=r"is not compared; metrics: em; tasks: plain"):
        worse(of(difference()), [rule])


def test_more_failures_break_a_rule_on_errors(tmp_path: Path) -> None:
    rows = scored(A)
    make_run(tmp_path / "a", {"plain": rows})
    rows[0] = line("s-000", output=None, error={"type": "ServiceError", "message": "gone"}, scores=None)
    make_run(tmp_path / "b", {"plain": rows})
    comparison, findings = compare_paths(tmp_path / "a", tmp_path / "b", rules=["errors:0.05", "errors:0.1"])
    assert [item.rule for item in findings] == ["errors:0.05"]
    assert math.isnan(findings[0].difference.p_value)  # told, not tested
    assert any("errors" in row for row in comparison.lines())


# ---- baselines


def test_a_baseline_compares_figures_alone(tmp_path: Path) -> None:
    a, b = two(tmp_path, A, [*B[:9], None])
    kept = tmp_path / "baseline.json"
    kept.write_text(json.dumps(baseline_of(a), allow_nan=False))
    comparison, findings = compare_paths(kept, b, rules=["recall@3:0"])
    found = comparison.differences[0]
    assert findings == [] and not comparison.paired
    assert found.difference == pytest.approx(8 / 9 - 0.7) and math.isnan(found.low) and math.isnan(found.p_value)
    assert (found.n, found.lost) == (9, 1)
    assert "no intervals, no tests" in list(comparison.lines())[-1]
    assert [item.rule for item in compare_paths(kept, a, rules=["recall@3:0"])[1]] == []


def test_a_baseline_finds_what_is_worse_and_other_data(tmp_path: Path) -> None:
    a, b = two(tmp_path, B, A)
    kept = tmp_path / "baseline.json"
    kept.write_text(json.dumps(baseline_of(a)))
    (broken,) = compare_paths(kept, b, rules=["plain/recall@3:0.1"])[1]
    assert broken.drop == pytest.approx(0.2) and str(broken).endswith("; no interval")
    change(b / "run.json", lambda body: body["tasks"][0].update(data_sha256="cd" * 32))
    with pytest.raises(CallerError, match=r"data_sha256 of task 'plain'"):
        compare(kept, b)


def test_a_baseline_says_what_it_is_of(tmp_path: Path) -> None:
    body = baseline_of(make_run(tmp_path, {"plain": scored([1.0, None]), "none": scored([None])}))
    assert body["tasks"] == {"plain": {"recall@3": 1.0}, "none": {"recall@3": None}}
    assert body["data"]["plain"]["data_sha256"] == "ab" * 32
    assert body == baseline_of(tmp_path)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda body: body.update(format=9), r"baseline.json: field 'format' must be 1, found 9"),
        (lambda body: body["data"].pop("plain"), r"baseline.json, field 'data': field 'plain' is missing"),
        (lambda body: body["tasks"]["plain"].update({"recall@3": "high"}), r"field 'recall@3' must be float"),
    ],
)
def test_a_broken_baseline_is_named(tmp_path: Path, edit: Any, words: str) -> None:
    run = make_run(tmp_path / "run", {"plain": scored(A)})
    kept = tmp_path / "baseline.json"
    kept.write_text(json.dumps(baseline_of(run)))
    change(kept, edit)
    with pytest.raises(CallerError, match=words):
        compare(kept, run)


# ---- forms


def test_lines_stand_in_columns(tmp_path: Path) -> None:
    rows = list(compare(*two(tmp_path, A, B)).lines())
    assert rows[0].startswith("A: ") and rows[0].endswith("(suite quick, target target a)")
    assert rows[2].split() == "task metric better A B B - A interval p p (Holm) n dropped".split()
    assert rows[3].startswith("plain  recall@3  higher  0.700  0.900  +0.200  [")
    assert len(rows[2]) == len(rows[3]) and "Holm's correction over 1 figures" in rows[-1]


def test_json_has_no_nan(tmp_path: Path) -> None:
    body = json.loads(json.dumps(compare(*two(tmp_path, [None, 1.0], [1.0, None])).to_dict(), allow_nan=False))
    assert body["differences"][0]["difference"] is None and body["differences"][0]["dropped"] == 2


def test_html_has_the_forest_and_the_costs_and_fetches_nothing(tmp_path: Path) -> None:
    page = Page(compare(*two(tmp_path, A, B)).to_html())
    drawings = [str(item["aria-label"]) for item in page.all("svg")]
    assert drawings[0].startswith("plain: how much better B is: recall@3 +0.200 [")
    assert drawings[1].startswith("leading metric against median seconds a sample: A plain recall@3 0.700")
    assert page.scripts == [] and not page.all("img") and not page.all("a")
    assert "default-src 'none'" in str(next(meta for meta in page.all("meta") if "http-equiv" in meta)["content"])


def test_lower_is_better_is_drawn_turned(tmp_path: Path) -> None:
    for name, values in (("a", A), ("b", B)):
        rows = [line(f"s{n}", scores={"brier": [1.0, value]}) for n, value in enumerate(values)]
        make_run(tmp_path / name, {"plain": rows}, {"brier": "lower"})
    found = compare(tmp_path / "a", tmp_path / "b", draws=100)
    assert found.differences[0].difference == pytest.approx(-0.2)
    page = Page(found.to_html())
    assert "brier (turned) +0.200" in str(page.all("svg")[0]["aria-label"]) and "Turned: of this metric" in page.text


def test_words_of_data_stay_words(tmp_path: Path) -> None:
    found = of(difference(task=EVIL, metric=EVIL), difference(task="a\nb", metric="em"))
    page = Page(found.to_html())
    assert page.scripts == [] and not page.all("img") and EVIL.split("|")[0].strip() in page.text
    assert all("\n" not in row for row in found.lines())
    table = [row for row in found.to_markdown().splitlines() if row.startswith("|")]
    assert len({row.replace("\\|", "").count("|") for row in table}) == 1


def test_same_runs_same_bytes(tmp_path: Path) -> None:
    a, b = two(tmp_path, A, B)
    first, second = compare(a, b, seed=1), compare(a, b, seed=1)
    assert (
        first.to_dict() == second.to_dict()
        and first.to_html() == second.to_html()
        and first.to_markdown() == second.to_markdown()
    )
    assert read_run(a).tasks["plain"].figures["recall@3"].value == first.differences[0].a
