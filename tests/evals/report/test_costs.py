from pathlib import Path

import pytest

from foveate.evals.report.costs import cost_lines, per_sample
from foveate.evals.report.run import TaskRows, read_run
from tests.evals.report.maker import line, make_run

USAGE = {"tokens_out": 5, "images_sent": 0, "frames_decoded": 0, "hops": 1}


def task(folder: Path, **more: object) -> TaskRows:
    rows = [line(f"s{n}", output={"usage": {**USAGE, "tokens_in": 100 * n}}) for n in range(4)]
    rows.append(line("failed", output=None, error={"type": "ServiceError", "message": "gone"}))
    return read_run(make_run(folder, {"plain": rows}, **more)).tasks["plain"]  # type: ignore[arg-type]


def test_totals_and_quantiles_by_hand(tmp_path: Path) -> None:
    lines = {found.name: found for found in cost_lines(task(tmp_path, seconds=float))}
    assert (lines["seconds"].total, lines["seconds"].p50, lines["seconds"].known) == (10.0, 2.0, 5)
    assert lines["seconds"].p95 == pytest.approx(3.8)
    assert (lines["tokens in"].total, lines["tokens in"].p50, lines["tokens in"].known) == (600.0, 150.0, 4)
    assert lines["of them cached"].total == 0 + 1 + 2 + 3 + 4
    assert lines["pictures sent"].total == 0.0


def test_without_a_ledger_seconds_are_unknown_not_0(tmp_path: Path) -> None:
    found = task(tmp_path, seconds=None)
    seconds = cost_lines(found)[0]
    assert (seconds.total, seconds.p50, seconds.p95, seconds.known) == (None, None, None, 0)
    assert "median seconds" not in per_sample(found)


def test_plots_get_what_costs_something(tmp_path: Path) -> None:
    assert per_sample(task(tmp_path, seconds=float)) == {"median seconds": 2.0, "tokens": 155.0}
