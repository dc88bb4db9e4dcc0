"""Writing the set."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import platformdirs
import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.stamps import read_stamps
from foveate.evals.unanswerable.base import load
from foveate.evals.unanswerable.build import ITEMS, all_items, build, write
from foveate.evals.unanswerable.items import FORMS, Item
from foveate.evals.unanswerable.kinship import Kinship
from foveate.evals.unanswerable.names import named
from foveate.evals.unanswerable.stamps import sides
from foveate.ids import digest
from foveate.retrievers.training.countries.facts import read_world
from tests.evals.unanswerable.made import kinship, knowledge_base, made_stamps, made_world

CACHE = platformdirs.user_cache_path("foveate")
STAMPS = CACHE / "datasets/debian/tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
KB = CACHE / "datasets/kb"
NOUNS = CACHE / "training/debian/wordnet-base/usr/share/wordnet/data.noun"
there = pytest.mark.skipif(
    not (STAMPS.is_dir() and (KB / "questions.jsonl").is_file() and NOUNS.is_file()),
    reason="the set's sources are not downloaded",
)
SIDES = "6e8a5a20c6bc2f14b66a228e0bff3e79"


def test_the_same_bytes_in_another_folder(made: Path, items: list[Item], tmp_path: Path) -> None:
    stamps, kb = made / "stamps", made / "kb"
    first = write(tmp_path / "one", items, stamps=stamps, kb=kb)
    second = write(tmp_path / "two", items, stamps=stamps, kb=kb)
    assert first == second
    assert (tmp_path / "one" / ITEMS).read_bytes() == (tmp_path / "two" / ITEMS).read_bytes()
    elsewhere = tmp_path / "elsewhere"
    moved = knowledge_base(elsewhere / "kb", made_world())
    again = all_items(made_stamps(elsewhere / "stamps"), kinship(), load(moved, made_world()))
    third = write(tmp_path / "three", again, stamps=elsewhere / "stamps", kb=moved)
    assert third["sha256_without_folders"] == first["sha256_without_folders"]
    assert third["sha256"] != first["sha256"]


def test_rows_and_counts(made: Path, items: list[Item], tmp_path: Path) -> None:
    manifest = write(tmp_path / "set", items, stamps=made / "stamps", kb=made / "kb")
    rows = [json.loads(line) for line in (tmp_path / "set" / ITEMS).read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["form"] for row in rows} == set(FORMS)
    assert all(row["answerable"] == (row["reason"] == "none") for row in rows)
    assert all(bool(row["answers"]) == row["answerable"] for row in rows)
    assert all(Path(row["picture"]).is_file() for row in rows if row["picture"])
    for split in ("train", "test"):
        counted = [row for row in rows if row["split"] == split]
        told = manifest["counts"][split]
        assert told["items"] == len(counted) == sum(told["by_form"].values())
        assert told["answerable"] == sum(row["answerable"] for row in counted)
        assert told["by_collection"] == Counter(row["collection"] for row in counted)


def test_refused(made: Path, items: list[Item], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CallerError, match=r"holds no manifest\.json"):
        write(tmp_path, items, stamps=made / "stamps", kb=made / "kb")
    with pytest.raises(CallerError, match="two items have the id 'stamps/standard"):
        write(tmp_path / "set", [items[0], items[0]], stamps=made / "stamps", kb=made / "kb")
    assert not (tmp_path / "set").exists()


@there
def test_the_real_set(tmp_path: Path) -> None:
    items = all_items(read_stamps(STAMPS), Kinship.read(NOUNS), load(KB, read_world(CACHE / "training")))
    assert build(tmp_path / "set") == [json.loads(json.dumps(item.row())) for item in items]
    assert {path.name for path in (tmp_path / "set").iterdir()} == {ITEMS, "manifest.json"}
    test = [item for item in items if item.split == "test"]
    assert len(test) >= 1500
    counts = Counter((item.source, item.form) for item in test if item.setting == "base")
    assert counts["kb", "false_premise"] == counts["kb", "true_premise"] == 80
    assert counts["kb", "no_evidence"] == 60 and counts["kb", "empty"] == 40 and counts["kb", "open"] == 90
    assert counts["kb", "standard"] == counts["kb", "aad"] == counts["kb", "iasd"] == 110
    assert counts["kb", "ivqd"] == 40
    assert len({counts["stamps", form] for form in ("standard", "aad", "iasd", "ivqd")}) == 1
    groups = {split: {(i.source, i.group) for i in items if i.split == split} for split in ("train", "test")}
    assert not groups["train"] & groups["test"]


@there
def test_no_concept_changes_sides() -> None:
    """What is trained on the train half would have seen the test half: train it again before this is changed."""
    side = sides(named(read_stamps(STAMPS)))
    assert digest(*(part for pair in sorted(side.items()) for part in pair)) == SIDES


@there
@pytest.mark.slow
def test_from_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "foveate.evals.unanswerable", "--out", str(tmp_path / "set")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert json.loads(done.stdout) == json.loads((tmp_path / "set" / "manifest.json").read_text(encoding="utf-8"))
