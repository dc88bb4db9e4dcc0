"""The last step of readers: ids that come once, what samples name, what is left when media are missing."""

import logging
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled, checked
from foveate.evals.reading.media import Media
from foveate.evals.samples import Dataset, Document, Place, Sample

INFO = DatasetInfo(name="toy", title="Toy: a toy", tasks=("retrieval",), paper="Nobody, 2026", licence="MIT", get="-")
DOCUMENTS = (Document(id="a"), Document(id="b"))


def test_a_dataset_says_where_it_comes_from() -> None:
    samples = [Sample(id="1", relevant={"a": 1.0})]
    dataset = assembled(INFO, samples, DOCUMENTS, note="split val")
    assert (dataset.name, dataset.licence, dataset.samples, dataset.documents) == ("toy", "MIT", (*samples,), DOCUMENTS)
    assert dataset.source == "Toy: a toy. Nobody, 2026. split val"
    assert assembled(INFO, samples, DOCUMENTS).source == "Toy: a toy. Nobody, 2026"


def test_without_documents_samples_may_name_any() -> None:
    assert assembled(INFO, [Sample(id="1", relevant={"z": 1.0})]).samples[0].relevant == {"z": 1.0}


@pytest.mark.parametrize("sample", [Sample(id="1", relevant={"z": 1.0}), Sample(id="1", candidates=("a", "z"))])
def test_a_document_that_is_not_there_is_an_error(sample: Sample, tmp_path: Path) -> None:
    for media in (None, Media(tmp_path)):
        with pytest.raises(CallerError, match="toy: sample '1' names document 'z', which the data does not hold"):
            assembled(INFO, [sample], DOCUMENTS, media=media)


@pytest.mark.parametrize("missing", ["raise", "keep"])
def test_evidence_that_is_not_there_is_an_error(missing: str, tmp_path: Path) -> None:
    sample = Sample(id="1", relevant={"a": 1.0}, facts=(Place(document="a"), Place(document="z")))
    with pytest.raises(CallerError, match="sample '1' names document 'z'"):
        assembled(INFO, [sample], DOCUMENTS, media=Media(tmp_path, missing))


@pytest.mark.parametrize("missing", ["raise", "drop", "keep"])
def test_of_a_part_of_the_documents_samples_may_name_any(missing: str, tmp_path: Path) -> None:
    sample = Sample(id="1", relevant={"z": 1.0}, candidates=("a", "y"), facts=(Place(document="z", sentence=2),))
    assert assembled(INFO, [sample], DOCUMENTS, media=Media(tmp_path, missing), partial=True).samples == (sample,)


def test_what_went_with_its_media_is_taken_out(tmp_path: Path) -> None:
    samples = [
        Sample(id="whole", relevant={"a": 1.0}, candidates=("a", "b")),
        Sample(
            id="part",
            relevant={"a": 1.0, "z": 2.0},
            candidates=("a", "z"),
            facts=(Place(document="a", sentence=1), Place(document="z")),
        ),
        Sample(id="nothing right", relevant={"z": 1.0}),
        Sample(id="nothing to choose from", relevant={"a": 1.0}, candidates=("z",)),
        Sample(id="never anything right", candidates=("b", "z")),
    ]
    kept = assembled(INFO, samples, DOCUMENTS, media=Media(tmp_path, "drop")).samples
    assert kept == (
        samples[0],
        Sample(id="part", relevant={"a": 1.0}, candidates=("a",), facts=(Place(document="a", sentence=1),)),
        Sample(id="never anything right", candidates=("b",)),
    )


def test_missing_files_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = Media(tmp_path, "drop")
    media.path("x.png", "row 1")
    with caplog.at_level(logging.WARNING):
        assembled(INFO, [Sample(id="1")], media=media)
    assert caplog.messages == ["toy: 1 of 1 media files are not on disk; left out"]


def test_ids_come_once() -> None:
    with pytest.raises(CallerError, match="toy: two samples have the id '1'"):
        assembled(INFO, [Sample(id="1"), Sample(id="2"), Sample(id="1")])
    with pytest.raises(CallerError, match="toy: two documents have the id 'a'"):
        assembled(INFO, [Sample(id="1")], [Document(id="a"), Document(id="a")])


def test_nothing_is_an_error_that_says_what_was_read(tmp_path: Path) -> None:
    gone = [Sample(id="1", relevant={"z": 1.0})]
    with pytest.raises(CallerError, match=r"toy: no sample that can be used \(dev\.json\)"):
        assembled(INFO, gone, DOCUMENTS, media=Media(tmp_path, "drop"), note="dev.json")
    with pytest.raises(CallerError, match="toy: no sample that can be used"):
        assembled(INFO, [])


def test_samples_and_documents_may_be_made_as_they_are_asked_for() -> None:
    dataset = assembled(INFO, (Sample(id=name) for name in "12"), (Document(id=name) for name in "ab"))
    assert [sample.id for sample in dataset.samples] == ["1", "2"]
    assert [document.id for document in dataset.documents] == ["a", "b"]


def test_a_dataset_is_checked_by_itself() -> None:
    whole = Dataset(name="own", samples=(Sample(id="1"), Sample(id="2")))
    assert checked(whole) is whole
    with pytest.raises(CallerError, match=r"own: no sample that can be used$"):
        checked(Dataset(name="own", samples=()))
    with pytest.raises(CallerError, match=r"own: two samples have the id '1' \(split val\)"):
        checked(Dataset(name="own", samples=(Sample(id="1"), Sample(id="1"))), "split val")
