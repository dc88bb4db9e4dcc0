"""The reader of questions with and without an answer, on a small set that the same functions wrote."""

from collections import Counter
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.unanswerable import read
from foveate.evals.unanswerable.base import load
from foveate.evals.unanswerable.build import all_items, write
from foveate.evals.unanswerable.items import FORMS, NONE
from tests.evals.unanswerable.made import kinship, knowledge_base, made_stamps, made_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("set")
    kb = knowledge_base(home / "kb", made_world())
    items = all_items(made_stamps(home / "stamps"), kinship(), load(kb, made_world()))
    write(home / "set", items, stamps=home / "stamps", kb=kb)
    return home / "set"


def test_the_test_half_over_all_documents(folder: Path) -> None:
    data = read(folder)
    assert {sample.slices["form"] for sample in data.samples} == set(FORMS) - {"empty"}
    assert {sample.slices["setting"] for sample in data.samples} == {"base"}
    assert len(data.documents) == 48 * 4 + 2 * 48 + 48
    assert all(Path(document.file or "").is_file() for document in data.documents)
    train = read(folder, split="train")
    assert not {sample.group for sample in data.samples} & {sample.group for sample in train.samples}


def test_samples_say_what_is_right(folder: Path) -> None:
    for sample in read(folder).samples:
        assert sample.answerable == (sample.slices["reason"] == "none") == bool(sample.answers)
        if sample.options:
            assert (sample.choice is not None) == sample.answerable
        assert all(Path(image).is_file() for image in sample.images)
    again = read(folder, setting="option", form="aad").samples
    assert again and all(sample.options[sample.choice or 0] == NONE and not sample.answerable for sample in again)


def test_pairs_have_twins(folder: Path) -> None:
    pairs = Counter()
    for sample in read(folder, source="stamps", setting="all").samples:
        pairs[sample.slices["pair"]] += 1
    assert set(pairs.values()) == {4}


def test_collections(folder: Path) -> None:
    whole, part, empty = (read(folder, collection=name) for name in ("kb", "part", "empty"))
    ids = {document.id for document in part.documents}
    assert ids < {document.id for document in whole.documents} and empty.documents == ()
    assert {sample.slices["form"] for sample in part.samples} == {"open", "no_evidence"}
    for sample in part.samples:
        about = f"countries/{sample.group.lower()}-state"
        assert (about in ids) == sample.answerable
    assert {sample.slices["reason"] for sample in empty.samples} == {"no_evidence"}


def test_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option split='dev' is unknown; choices: test, train"):
        read(folder, split="dev")
    with pytest.raises(CallerError, match="option collection='all' is unknown"):
        read(folder, collection="all")
    with pytest.raises(CallerError, match="option form='upd' is unknown; choices: aad, all, empty"):
        read(folder, form="upd")
    with pytest.raises(CallerError, match="no sample that can be used"):
        read(folder, form="empty")
    (tmp_path / "items.jsonl").write_text('{"split": "test"}\n', encoding="utf-8")
    with pytest.raises(CallerError, match=r"items\.jsonl, line 1: field 'form' is missing"):
        read(tmp_path)
