"""The stamps' benchmarks, on a tiny folder in the stamps' form."""

from pathlib import Path

import pytest
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.datasets.stamps import read_stamps
from foveate.evals.datasets.stamps_suite import FORMS, LANGUAGES, read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    captions = {
        "animals/heron": "A heron.\nde.utf8=Ein Reiher.\nfr.utf8=Un héron.\n",
        "animals/crane": "A crane.\nde.utf8=Ein Kran.\n",
        "town/crane": "A tower crane.\nde.utf8=Ein Kran.\n",
        "town/flower": "A flower.\nde.utf8=Eine Blume.\nfr.utf8= \n",
        "plants/flower": "A flower.\nde.utf8=Eine Blüte.\nen_GB.utf8=A flower.\n",
    }
    for name, text in captions.items():
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGBA", (8, 8), (200, 0, 0, 128)).save(path)
        path.with_suffix(".txt").write_text(text, encoding="utf-8")
    return tmp_path


def test_captions_by_language(folder: Path) -> None:
    found = {stamp.key: stamp.captions for stamp in read_stamps(folder)}
    assert found["animals/heron.png"] == {"en": "A heron.", "de": "Ein Reiher.", "fr": "Un héron."}
    assert found["town/flower.png"] == {"en": "A flower.", "de": "Eine Blume."}


def test_text_to_picture(folder: Path) -> None:
    data = read(folder, languages="en,de")
    by_id = {sample.id: sample for sample in data.samples}
    assert len(by_id) == 10 and len(data.documents) == 5
    # One word for two birds: the query cannot tell them apart, so both are right.
    assert set(by_id["de/animals/crane.png"].relevant) == {"animals/crane.png", "town/crane.png"}
    assert set(by_id["en/animals/crane.png"].relevant) == {"animals/crane.png"}
    assert set(by_id["en/town/flower.png"].relevant) == {"town/flower.png", "plants/flower.png"}
    assert set(by_id["de/town/flower.png"].relevant) == {"town/flower.png"}
    assert by_id["de/town/flower.png"].group == by_id["en/plants/flower.png"].group == "A flower."
    assert all(document.text is None for document in data.documents)


def test_picture_to_text(folder: Path) -> None:
    data = read(folder, form="picture_to_text", languages="en,de")
    assert [document.text for document in data.documents if document.pool == "de"] == [
        "Ein Kran.", "Ein Reiher.", "Eine Blüte.", "Eine Blume."
    ]  # fmt: skip
    sample = next(sample for sample in data.samples if sample.id == "de/town/crane.png")
    (name,) = sample.relevant
    assert (sample.pool, sample.text, len(sample.images)) == ("de", "", 1)
    assert next(document.text for document in data.documents if document.id == name) == "Ein Kran."


def test_mixed(folder: Path) -> None:
    data = read(folder, form="mixed", languages="en,de,en_GB")
    assert {sample.slices["language"] for sample in data.samples} == {"de"}
    assert len(data.documents) == 5
    forms = {document.id: (document.text is not None, document.image is not None) for document in data.documents}
    expected = {"picture": (False, True), "text": (True, False), "both": (True, True)}
    for sample in data.samples:
        assert forms[sample.id.partition("/")[2]] == expected[sample.slices["document"]]
    with pytest.raises(CallerError, match="other than English"):
        read(folder, form="mixed", languages="en,en_GB")


def test_few_shot_sides_share_no_caption(tmp_path: Path) -> None:
    for kind in ("animals", "town"):
        for number in range(30):
            path = tmp_path / kind / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8)).save(path)
            path.with_suffix(".txt").write_text(f"A {kind} {number // 2}.")
    data = read(tmp_path, form="few_shot")
    assert {sample.labels for sample in data.samples} == {("animals", "town")}
    assert not {sample.group for sample in data.samples} & {document.group for document in data.documents}
    assert len(data.samples) + len(data.documents) == 60
    assert all(document.label == document.id.split("/")[0] for document in data.documents)


def test_captions_form(folder: Path) -> None:
    data = read(folder, form="captions")
    assert data.samples[0].answers == ("A crane.",) and data.documents == ()


def test_choices_and_defaults(folder: Path) -> None:
    assert len(LANGUAGES) == len(set(LANGUAGES)) == 30
    assert {sample.slices["language"] for sample in read(folder).samples} == {"en", "de", "fr"}
    assert {s.slices["language"] for s in read(folder, languages="all").samples} == {"en", "de", "fr", "en_GB"}
    with pytest.raises(CallerError, match=", ".join(sorted(FORMS))):
        read(folder, form="sideways")
    with pytest.raises(CallerError, match=r"\['xx'\]; there are: de, en, en_GB, fr"):
        read(folder, languages="de,xx")
    with pytest.raises(CallerError, match="there are"):
        read(folder, languages=" , ")
