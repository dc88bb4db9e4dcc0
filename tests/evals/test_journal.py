"""The journal: what was added is there after a kill, half a line is not."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foveate.errors import CollectionCorrupt
from foveate.evals.journal import Journal, finished_lines


def test_lines_come_back(tmp_path: Path) -> None:
    with Journal(tmp_path / "deep" / "task.jsonl") as journal:
        journal.add({"id": "a", "value": 1.5})
        journal.add({"id": "b", "value": None, "text": "line\nbreak \u2028 and \ud800"})
    with Journal(tmp_path / "deep" / "task.jsonl") as journal:
        assert list(journal.done) == ["a", "b"]
        assert journal.done["b"]["text"] == "line\nbreak \u2028 and \ud800"


@pytest.mark.parametrize("cut", [1, 5, 12])
def test_half_a_line_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "task.jsonl"
    with Journal(path) as journal:
        journal.add({"id": "a"})
        journal.add({"id": "b", "more": "x" * 20})
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path) as journal:
        assert list(journal.done) == ["a"]
        journal.add({"id": "b"})
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "task.jsonl"
    path.write_text('{"id": "a"}\nnonsense\n{"id": "c"}\n')
    with pytest.raises(CollectionCorrupt, match=r"task\.jsonl.*line 2"):
        Journal(path)
    path.write_text('{"id": "a"}\n[1]\n')
    with pytest.raises(CollectionCorrupt, match="line 2"):
        Journal(path)


def test_forgotten_lines_run_again(tmp_path: Path) -> None:
    path = tmp_path / "task.jsonl"
    with Journal(path) as journal:
        for name in "abc":
            journal.add({"id": name})
        journal.forget({"b"})
        journal.add({"id": "d"})
        assert set(journal.done) == {"a", "c", "d"}
    with Journal(path) as journal:
        assert set(journal.done) == {"a", "c", "d"}


def test_a_kill_loses_nothing_that_was_added(tmp_path: Path) -> None:
    path = tmp_path / "task.jsonl"
    code = (
        "import sys, itertools\n"
        "from pathlib import Path\n"
        "from foveate.evals.journal import Journal\n"
        f"journal = Journal(Path({str(path)!r}))\n"
        "for i in itertools.count():\n"
        "    journal.add({'id': str(i)})\n"
        "    print(i, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = -1
    for line in child.stdout:
        said = int(line)
        if said == 200:
            os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with Journal(path) as journal:
        assert [str(i) for i in range(said + 1)] == list(journal.done)[: said + 1]


def test_lines_of_a_finished_run(tmp_path: Path) -> None:
    assert finished_lines(tmp_path, "t") == []
    (tmp_path / "t.jsonl").write_text('{"id":"a","output":{"text":"x"},"error":null,"scores":{}}\n')
    assert finished_lines(tmp_path, "t") == []
    (tmp_path / "costs.jsonl").write_text('{"task":"u","id":"a","n":1}\n{"task":"t","id":"a","n":2}\n')
    (line,) = finished_lines(tmp_path, "t")
    assert line == {"id": "a", "output": {"text": "x"}, "error": None, "cost": {"task": "t", "id": "a", "n": 2}}
