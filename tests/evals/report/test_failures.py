from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.evals.report.failures import _room, deciding, failures
from foveate.evals.report.run import TaskRows, read_run
from tests.evals.report.maker import Line, line, make_run, scored

ERROR = {"type": "ServiceError", "message": "gone"}


def task(folder: Path, rows: list[Line], metrics: dict[str, str] | None = None) -> TaskRows:
    return read_run(make_run(folder, {"plain": rows}, metrics)).tasks["plain"]


def test_errors_then_the_worst_then_the_unscored(tmp_path: Path) -> None:
    rows = scored([0.5, 1.0, 0.0, None, 0.9])
    rows.append(line("failed", output=None, error=ERROR, scores=None))
    found = failures(task(tmp_path, rows))
    assert [(item.row.id, item.kind) for item in found] == [
        ("failed", "error"), ("s-002", "wrong"), ("s-000", "wrong"), ("s-004", "wrong"), ("s-003", "unscored"),
    ]  # fmt: skip
    assert found[1].scores == {"recall@3": 0.0}
    assert found[-1].scores["recall@3"] != found[-1].scores["recall@3"]  # NaN and not 0


def test_lower_is_better(tmp_path: Path) -> None:
    found = failures(task(tmp_path, scored([0.1, 0.0, 0.7], "brier"), {"brier": "lower"}))
    assert [item.row.id for item in found] == ["s-002", "s-000"]


def test_of_confidence_the_surest_mistakes_come_first(tmp_path: Path) -> None:
    pairs = [(0.2, 0.0), (0.9, 0.0), (0.99, 1.0)]
    rows = [line(f"s{n}", scores={"ece": list(pair)}) for n, pair in enumerate(pairs)]
    assert [item.row.id for item in failures(task(tmp_path, rows, {"ece": "lower"}))] == ["s1", "s0"]


def test_a_metric_of_one_column_decides(tmp_path: Path) -> None:
    rows = [line("a", scores={"ece": [0.9, 0.0], "em": [1.0]}), line("b", scores={"ece": [0.1, 1.0], "em": [0.0]})]
    found = task(tmp_path, rows, {"ece": "lower", "em": "higher"})
    assert deciding(found) == "em" and [item.row.id for item in failures(found)] == ["b"]


def test_all_right_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert failures(task(tmp_path, scored([1.0, 1.0]))) == ()


def test_scores_beyond_1_count_from_the_best_there_is(tmp_path: Path) -> None:
    found = failures(task(tmp_path, scored([2.5, 0.5, 2.0], "clipscore"), {"clipscore": "higher"}))
    assert [item.row.id for item in found] == ["s-001", "s-002"]


def test_many_errors_leave_room_for_the_rest(tmp_path: Path) -> None:
    rows = scored([0.0] * 50 + [None] * 50)
    rows += [line(f"e{n}", output=None, error=ERROR, scores={"recall@3": [None]}) for n in range(50)]
    assert Counter(item.kind for item in failures(task(tmp_path, rows), 20)) == {
        "error": 5, "wrong": 10, "unscored": 5,
    }  # fmt: skip


@given(st.tuples(*[st.integers(0, 60)] * 3), st.integers(4, 50))
def test_room_is_used_and_never_passed(there: tuple[int, int, int], count: int) -> None:
    kinds = dict(zip(("error", "wrong", "unscored"), there, strict=True))
    room = _room(kinds, count)  # type: ignore[arg-type]
    assert sum(room.values()) == min(count, sum(there))
    assert all(0 <= room[kind] <= kinds[kind] for kind in room)
    assert all(room[kind] for kind in room if kinds[kind])


@pytest.mark.parametrize("metrics", [{}])
def test_a_task_without_metrics(tmp_path: Path, metrics: dict[str, str]) -> None:
    make_run(tmp_path, {"plain": [line("a")]}, metrics or {"none": "higher"})
    found = read_run(tmp_path).tasks["plain"]
    assert [item.kind for item in failures(found)] == ["unscored"]
