"""The folder: whole or not there, the same bytes each time; and, slowly, the real one."""

import json
from collections import Counter
from pathlib import Path

import platformdirs
import pytest
from PIL import Image

from foveate.errors import CallerError
from foveate.retrievers.training.countries import build as building
from foveate.retrievers.training.countries.build import build, downloaded, write
from foveate.retrievers.training.countries.pictures import Picture
from tests.retrievers.countries.made import flag, flags, small_world


def _write(out: Path) -> Path:
    write(out, small_world(), flags(), flags(), [flag("bell", "red")])
    return out


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_folder(tmp_path: Path) -> None:
    out = _write(tmp_path / "kb")
    documents = {str(row["id"]): row for row in _rows(out / "documents.jsonl")}
    questions = _rows(out / "questions.jsonl")
    for row in documents.values():
        assert (out / str(row["file"])).is_file()
    state = documents["countries/fiji-state"]
    text = (out / "docs/countries/fiji-state.md").read_text(encoding="utf-8")
    assert text == f"# Fiji: state\n\n{' '.join(state['sentences'])}\n"  # type: ignore[arg-type]
    assert (out / "pictures/flag-bahamas.txt").read_text(encoding="utf-8") == "Flag of the Bahamas\n"
    asked = {path.stem for path in (out / "question_pictures").glob("*")}
    assert asked == {"flag-fiji", "flag-tonga", "flag-bahamas"}  # Peru's and Bolivia's are alike
    assert {row["picture"] for row in questions} == {None, *asked}
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["counts"]["questions"] == len(questions)
    assert sum(manifest["counts"]["questions_by_kind"].values()) == len(questions)
    assert manifest["counts"]["countries"] == {"held_out": 2, "train": 3}


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert _bytes(_write(tmp_path / "one")) == _bytes(_write(tmp_path / "two"))


def test_a_made_folder_is_replaced_and_another_is_not(tmp_path: Path) -> None:
    out = _write(tmp_path / "kb")
    (out / "docs/stale.md").write_text("gone afterwards")
    assert not (_write(out) / "docs/stale.md").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("keep")
    with pytest.raises(CallerError, match=r"is not empty and holds no manifest\.json"):
        _write(mine)
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    bad = Picture(name="no/such/folder", caption="-", image=Image.new("RGB", (8, 8)))
    with pytest.raises(OSError):
        write(tmp_path / "kb", small_world(), flags(), flags(), [bad])
    assert list(tmp_path.iterdir()) == []


def test_it_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = _write(tmp_path / "kb")
    assert not build(out, tmp_path / "nowhere")  # nothing is looked for in the cache
    monkeypatch.setattr(building, "recipe", lambda: "another")
    monkeypatch.setattr(building.facts, "read_world", lambda cache: pytest.fail("reads the packages again"))
    with pytest.raises(pytest.fail.Exception, match="reads the packages again"):
        build(out, tmp_path / "nowhere")


def test_nothing_is_downloaded_yet(tmp_path: Path) -> None:
    assert not downloaded(tmp_path)


@pytest.mark.slow
def test_the_real_one(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    cache = platformdirs.user_cache_path("foveate") / "training"
    assert build(tmp_path / "kb", cache) and downloaded(cache)
    questions = _rows(tmp_path / "kb/questions.jsonl")
    kinds = Counter((row["kind"], row["half"]) for row in questions)
    assert len(questions) == 4100 and len({row["id"] for row in questions}) == 4100
    assert kinds["one_hop", "held_out"] == 600 and kinds["two_hop", "held_out"] == 750
    assert kinds["picture", "held_out"] == 300 and kinds["three_hop", "held_out"] == 200
    unseen = sum(row["phrasing"] == "unseen" for row in questions if row["half"] == "held_out")
    assert 900 < unseen < 1150
    documents = {str(row["id"]): row for row in _rows(tmp_path / "kb/documents.jsonl")}
    for row in questions:
        for facts, reply in zip(row["facts"], row["replies"], strict=True):  # type: ignore[call-overload]
            for document, sentence in facts:
                assert reply in documents[document]["sentences"][sentence]  # type: ignore[index]
