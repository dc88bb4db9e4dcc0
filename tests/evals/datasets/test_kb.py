"""The reader of the knowledge base, on a small one that the same functions wrote."""

import json
from collections import Counter
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import kb
from foveate.evals.datasets.kb import read
from foveate.evals.samples import Place
from foveate.retrievers.training.countries.build import write
from tests.retrievers.countries.made import flag, flags, small_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kb") / "made"
    write(out, small_world(), flags(), flags(), [flag("bell", "red")])
    return out


def test_the_held_out_half_over_all_documents(folder: Path) -> None:
    data = read(folder)
    documents = {document.id: document for document in data.documents}
    assert {"countries/fiji-state", "countries/peru-state", "pictures/flag-peru"} <= set(documents)
    assert all(Path(document.file or "").is_file() for document in data.documents)
    assert documents["pictures/flag-bahamas"].text == "Flag of the Bahamas"
    assert {sample.group for sample in data.samples} == {"Fiji", "Bahamas"}
    assert all(fact.document in documents for sample in data.samples for fact in sample.facts)
    assert {sample.slices["phrasing"] for sample in data.samples} == {"seen", "unseen"}


def test_a_sample_by_hand(folder: Path) -> None:
    sample = next(one for one in read(folder).samples if one.id == "two_hop/city>currency/nadi")
    assert sample.answers == ("Fijian dollar",) and sample.group == "Fiji" and sample.images == ()
    assert sample.relevant == {"cities/nadi": 1.0, "countries/fiji-state": 1.0}
    assert [fact.document for fact in sample.facts] == ["cities/nadi", "countries/fiji-state"]
    assert all(fact.sentence is not None for fact in sample.facts)
    assert {"kind": "two_hop", "relation": "city>currency"}.items() <= sample.slices.items()
    whole = next(one for one in read(folder, grain="document").samples if one.id == sample.id)
    assert whole.facts == (Place(document="cities/nadi"), Place(document="countries/fiji-state"))


def test_pictures(folder: Path) -> None:
    asked = [sample for sample in read(folder, kinds="picture").samples]
    assert asked and all(len(sample.images) == 1 and Path(sample.images[0]).is_file() for sample in asked)
    data = read(folder, pictures="no")
    assert not any(sample.images for sample in data.samples)
    assert not any(document.image for document in data.documents)


def test_kinds_and_halves(folder: Path) -> None:
    kinds = Counter(sample.slices["kind"] for sample in read(folder, half="train", kinds="one_hop, comparison").samples)
    assert set(kinds) == {"one_hop", "comparison"}
    ids = {half: {sample.id for sample in read(folder, half=half).samples} for half in kb.HALVES}
    assert not ids["train"] & ids["held_out"]


def test_a_limit_takes_from_every_kind(folder: Path) -> None:
    few = read(folder, limit=10).samples
    assert Counter(sample.slices["kind"] for sample in few) == dict.fromkeys(kb.KINDS, 2)
    assert [sample.id for sample in read(folder, limit=10).samples] == [sample.id for sample in few]
    assert {sample.id for sample in read(folder, limit=5).samples} <= {sample.id for sample in few}
    assert len(read(folder, limit=10_000).samples) == len(read(folder).samples)


def test_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="option half='test' is unknown; choices: held_out, train"):
        read(folder, half="test")
    with pytest.raises(CallerError, match="option kinds='four_hop' is unknown"):
        read(folder, kinds="one_hop,four_hop")
    with pytest.raises(CallerError, match="option limit=-1 must be 0"):
        read(folder, limit=-1)
    row = {"half": "held_out", "kind": "one_hop", "id": "x", "text": "?", "answers": ["a"], "countries": ["Fiji"]}
    (tmp_path / "documents.jsonl").write_text("")
    (tmp_path / "questions.jsonl").write_text(json.dumps(row | {"facts": [[["a", "b"]]]}) + "\n")
    with pytest.raises(CallerError, match=r"questions\.jsonl, line 1: field 'facts' must be lists of"):
        read(tmp_path)


def test_it_is_not_built_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages nothing is downloaded: the folder stays missing, and the table says how to get it."""
    monkeypatch.setattr(kb.platformdirs, "user_cache_path", lambda name: tmp_path)
    assert kb.default_folder() == tmp_path / "datasets" / "kb"
    assert list(tmp_path.iterdir()) == []
