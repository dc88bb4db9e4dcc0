from pathlib import Path
from typing import Any

import pytest

from foveate.evals.report.cards import card
from foveate.evals.report.failures import Failure
from foveate.evals.report.pictures import Thumbnails
from foveate.evals.report.run import read_run
from tests.evals.report.maker import line, make_run


def shown(folder: Path, **more: Any) -> dict[str, Any]:
    row = read_run(make_run(folder, {"plain": [line("a", **more)]})).tasks["plain"].rows[0]
    return card(Failure(row=row, kind="wrong", scores={"em": float("nan")}), Thumbnails(root=folder), None)


def test_a_choice_is_shown_with_its_words(tmp_path: Path) -> None:
    found = shown(tmp_path, sample={"options": ["red", "blue"], "choice": 1}, output={"choice": 0})
    assert found["options"] == [("A", "red", False), ("B", "blue", True)]
    assert ("option", "B: blue") in found["expected"] and found["came"] == [("option", "A: red")]


@pytest.mark.parametrize(("choice", "words"), [(7, "H"), (-1, "-1"), (30, "30")])
def test_a_choice_outside_of_the_options_is_shown_all_the_same(tmp_path: Path, choice: int, words: str) -> None:
    assert shown(tmp_path, sample={"options": ["red"]}, output={"choice": choice})["came"] == [("option", words)]


def test_nothing_said_is_nothing_and_unscored_is_not_0(tmp_path: Path) -> None:
    found = shown(tmp_path, output=None, error={"type": "ServiceError", "message": "gone"})
    assert found["came"] == [] and found["error"] == "ServiceError: gone"
    assert found["scores"] == [("em", "unscored")]


def test_nothing_found_is_said(tmp_path: Path) -> None:
    assert shown(tmp_path, output={"ranking": []})["came"] == [("ranking", "nothing was found")]


@pytest.mark.parametrize(("answerable", "words"), [(True, "yes"), (False, "no: a right system abstains")])
def test_answerable(tmp_path: Path, answerable: bool, words: str) -> None:
    assert shown(tmp_path, sample={"answerable": answerable})["expected"] == [("answerable", words)]


def test_repeated_answers_stand_once_and_many_are_counted(tmp_path: Path) -> None:
    answers = ["yes", "yes", *[f"a{n}" for n in range(20)]]
    ((_, words),) = shown(tmp_path, sample={"answers": answers})["expected"]
    assert words.startswith("yes | a0 | a1") and words.endswith("and 13 more")


def test_what_must_not_be_found_is_shown(tmp_path: Path) -> None:
    found = shown(tmp_path, sample={"exclude": "dogs", "relevant": {"low": 1.0, "best": 2.0, "no": 0.0}})
    assert found["expected"] == [("without", "dogs"), ("documents", "best | low")]
