"""The last step of readers: ids, what samples name, what is left when media are missing."""

import logging
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.finish import finish
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.datasets.media import Media
from foveate.evals.samples import Document, Sample

INFO = DatasetInfo(name="toy", title="Toy: a toy", tasks=("retrieval",), paper="Nobody, 2026", licence="MIT", get="-")
DOCUMENTS = (Document(id="a"), Document(id="b"))


def test_a_dataset_says_where_it_comes_from() -> None:
    samples = [Sample(id="1", relevant={"a": 1.0})]
    dataset = finish(INFO, samples, DOCUMENTS, note="split val")
    assert (dataset.name, dataset.licence, dataset.samples, dataset.documents) == ("toy", "MIT", (*samples,), DOCUMENTS)
    assert dataset.source == "Toy: a toy. Nobody, 2026. split val"
    assert finish(INFO, samples, DOCUMENTS).source == "Toy: a toy. Nobody, 2026"


def test_without_documents_samples_may_name_any() -> None:
    assert finish(INFO, [Sample(id="1", relevant={"z": 1.0})]).samples[0].relevant == {"z": 1.0}


@pytest.mark.parametrize("sample", [Sample(id="1", relevant={"z": 1.0}), Sample(id="1", candidates=("a", "z"))])
def test_a_document_that_is_not_there_is_an_error(sample: Sample, tmp_path: Path) -> None:
    for media in (None, Media(tmp_path)):
        with pytest.raises(CallerError, match="toy: sample '1' names document 'z', which the data does not hold"):
            finish(INFO, [sample], DOCUMENTS, media=media)


def test_what_went_with_its_media_is_taken_out(tmp_path: Path) -> None:
    samples = [
        Sample(id="whole", relevant={"a": 1.0}, candidates=("a", "b")),
        Sample(id="part", relevant={"a": 1.0, "z": 2.0}, candidates=("a", "z")),
        Sample(id="nothing right", relevant={"z": 1.0}),
        Sample(id="nothing to choose from", relevant={"a": 1.0}, candidates=("z",)),
        Sample(id="never anything right", candidates=("b", "z")),
    ]
    kept = finish(INFO, samples, DOCUMENTS, media=Media(tmp_path, "drop")).samples
    assert kept == (
        samples[0],
        Sample(id="part", relevant={"a": 1.0}, candidates=("a",)),
        Sample(id="never anything right", candidates=("b",)),
    )


def test_missing_files_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    media = Media(tmp_path, "drop")
    media.path("x.png", "row 1")
    with caplog.at_level(logging.WARNING):
        finish(INFO, [Sample(id="1")], media=media)
    assert caplog.messages == ["toy: 1 of 1 media files are not on disk; left out"]


def test_ids_come_once() -> None:
    with pytest.raises(CallerError, match="toy: two samples have the id '1'"):
        finish(INFO, [Sample(id="1"), Sample(id="2"), Sample(id="1")])
    with pytest.raises(CallerError, match="toy: two documents have the id 'a'"):
        finish(INFO, [Sample(id="1")], [Document(id="a"), Document(id="a")])


def test_nothing_is_an_error() -> None:
    with pytest.raises(CallerError, match="toy: no samples were found"):
        finish(INFO, [])
