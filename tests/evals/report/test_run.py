import json
from pathlib import Path

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.evals.report.run import read_run
from tests.evals.report.maker import change, line, make_run, scored


def test_a_run_is_read_whole(tmp_path: Path) -> None:
    rows = [
        line("b", group="g", slices={"modality": "image"}, scores={"recall@3": [1.0], "ece": [0.9, 1.0]},
             sample={"relevant": {"d": 2}, "answers": ["x"], "answerable": True, "choice": 1},
             output={"ranking": [["d", 0.5], ["e", None]], "confidence": 1, "usage": {"hops": 2, "seconds": {}}},
             pictures={"d": "d.png"}),
        line("a", scores={"recall@3": [None], "ece": None}),
    ]  # fmt: skip
    run = read_run(make_run(tmp_path / "run", {"plain": rows}, {"recall@3": "higher", "ece": "lower"}))
    first, second = run.tasks["plain"].rows
    assert (run.suite, run.target) == ("quick", "agent")
    assert (first.id, first.group, first.relevant, first.choice) == ("b", "g", {"d": 2.0}, 1)
    assert second.group == "a"  # alone: its own cluster
    assert first.said is not None and first.said.confidence == 1.0 and first.said.usage == {"hops": 2.0}
    assert first.said.ranking is not None and np.isnan(first.said.ranking[1][1])
    assert first.pictures == {"d": "d.png"}
    assert run.costs["plain", "b"].seconds == pytest.approx(0.1)
    assert run.tasks["plain"].costs["a"].tokens_cached == 1


def test_columns_are_nan_where_nothing_was_scored(tmp_path: Path) -> None:
    rows = [line("a", scores={"ece": [0.9, 1.0]}), line("b", scores={"ece": [None, None]}), line("c", scores=None)]
    task = read_run(make_run(tmp_path, {"plain": rows}, {"ece": "lower"})).tasks["plain"]
    np.testing.assert_array_equal(task.columns("ece"), [[0.9, 1.0], [np.nan] * 2, [np.nan] * 2])
    assert task.columns("never").shape == (3, 1)


def test_columns_of_different_width_name_the_line(tmp_path: Path) -> None:
    rows = [line("a", scores={"ece": [0.9, 1.0]}), line("b", scores={"ece": [0.4]})]
    task = read_run(make_run(tmp_path, {"plain": rows}, {"ece": "lower"})).tasks["plain"]
    with pytest.raises(CallerError, match=r"plain.jsonl, line 2: 'ece' has 1 columns, the lines before have 2"):
        task.columns("ece")


def test_the_suite_orders_the_metrics_not_the_file(tmp_path: Path) -> None:
    make_run(tmp_path, {"plain": scored([1.0], "ndcg@10")}, {"ndcg@10": "higher", "em": "higher"})
    change(tmp_path / "summary.json", lambda b: b["tasks"]["plain"]["metrics"].update(
        {"em": b["tasks"]["plain"]["metrics"].pop("em"), "ndcg@10": b["tasks"]["plain"]["metrics"].pop("ndcg@10")}
    ))  # fmt: skip
    assert list(read_run(tmp_path).tasks["plain"].figures) == ["ndcg@10", "em"]


def test_an_unfinished_run_says_how_to_go_on(tmp_path: Path) -> None:
    make_run(tmp_path, {"plain": scored([1.0])})
    (tmp_path / "summary.json").unlink()
    with pytest.raises(CallerError, match=r"not finished.*foveate eval run quick --out " + str(tmp_path)):
        read_run(tmp_path)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"is no run folder: it has no run.json"):
        read_run(tmp_path / "none")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", 3, r"plain.jsonl, line 2: field 'id' must be str, found 3"),
        ("scores", {"recall@3": ["a"]}, r"line 2, field 'scores': field 'recall@3' must be a list of numbers"),
        ("scores", {"recall@3": [True]}, r"line 2, field 'scores': field 'recall@3' must be a list of numbers"),
        ("sample", {"relevant": {"d": "much"}}, r"line 2, field 'sample', field 'relevant': field 'd' must be float"),
        ("output", {"ranking": [["d"]]}, r"line 2, field 'output': field 'ranking' must be a list of \[document id"),
        ("output", {"confidence": "sure"}, r"line 2, field 'output': field 'confidence' must be float, found 'sure'"),
        ("error", {"message": "x"}, r"line 2, field 'error': field 'type' is missing"),
        ("slices", {"language": 3}, r"line 2, field 'slices': field 'language' must be str, found 3"),
    ],
)  # fmt: skip
def test_a_wrong_line_names_file_line_field_and_value(tmp_path: Path, field: str, value: object, words: str) -> None:
    rows = [line("a", scores={"recall@3": [1.0]}), {**line("b", scores={"recall@3": [1.0]})}]
    make_run(tmp_path, {"plain": rows})
    rows[1][field] = value
    (tmp_path / "plain.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(CallerError, match=words):
        read_run(tmp_path)


@pytest.mark.parametrize("name", ["../plain", "", "a/b", ".."])
def test_a_task_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    make_run(tmp_path, {"plain": scored([1.0])})
    change(tmp_path / "run.json", lambda body: body["tasks"][0].update(name=name))
    change(tmp_path / "summary.json", lambda body: body["tasks"].update({name: body["tasks"]["plain"]}))
    with pytest.raises(CallerError, match=r"field 'name' must be a name without slashes"):
        read_run(tmp_path)


def test_lines_that_are_missing_are_noticed(tmp_path: Path) -> None:
    make_run(tmp_path, {"plain": scored([1.0, 0.0])})
    text = (tmp_path / "plain.jsonl").read_text().splitlines()
    (tmp_path / "plain.jsonl").write_text(text[0] + "\n")
    with pytest.raises(CallerError, match=r"plain.jsonl has 1 samples, summary.json says 2"):
        read_run(tmp_path)


def test_no_json_and_another_format(tmp_path: Path) -> None:
    make_run(tmp_path, {"plain": scored([1.0])})
    change(tmp_path / "run.json", lambda body: body.update(format=2))
    with pytest.raises(CallerError, match=r"run.json: field 'format' must be 1, found 2"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("[1]")
    with pytest.raises(CallerError, match=r"run.json: a JSON object is expected, found list"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CallerError, match=r"run.json: no JSON"):
        read_run(tmp_path)


def test_a_sample_paid_for_twice_counts_once(tmp_path: Path) -> None:
    make_run(tmp_path, {"plain": scored([1.0])})
    with (tmp_path / "costs.jsonl").open("a") as ledger:
        ledger.write(json.dumps({"task": "plain", "id": "s-000", "seconds": {"total": 7.0}}) + "\n")
    found = read_run(tmp_path).costs["plain", "s-000"]
    assert found.seconds == 7.0 and found.tokens_cached is None
