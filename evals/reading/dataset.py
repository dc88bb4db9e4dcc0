"""Whether what a reader found is a dataset: ids unique, what samples name is there, nothing empty."""

from collections.abc import Iterable
from dataclasses import replace

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.media import Media
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["assembled", "checked"]


def assembled(
    info: DatasetInfo,
    samples: Iterable[Sample],
    documents: Iterable[Document] = (),
    *,
    media: Media | None = None,
    note: str = "",
    partial: bool = False,
) -> Dataset:
    """The dataset of a reader, its last step.

    Args:
        info: of the benchmark.
        samples: in the benchmark's order.
        documents: what is searched; where there are some, samples may name no other.
        media: what was looked up; how many were missing is told. Where they may be left out, documents that went with
            them are taken from the samples, and samples that have nothing right or nothing to choose from any more
            are left out.
        note: which part was read, and how that differs from the published protocol; stands in ``source`` and errors.
        partial: samples may name documents that the data does not hold, and keep them (a full-wiki setting, a
            knowledge base that was cut): what cannot be found counts as missed.

    Raises:
        CallerError: no sample, an id that comes twice, or a document that is named and does not exist.
    """
    dataset = Dataset(
        name=info.name,
        samples=tuple(samples),
        documents=tuple(documents),
        licence=info.licence,
        source=f"{info.title}. {info.paper}" + (f". {note}" if note else ""),
    )
    if media is not None:
        media.tell(info.name)
    checked(dataset, note)
    if partial or not dataset.documents:
        return dataset
    return checked(_closed(dataset, drop=media is not None and media.missing == "drop"), note)


def checked(dataset: Dataset, note: str = "") -> Dataset:
    """The dataset, if it has samples and no id comes twice.

    Raises:
        CallerError: otherwise; names the dataset, what was read of it and the id.
    """
    where = f" ({note})" if note else ""
    if not dataset.samples:
        raise CallerError(f"{dataset.name}: no sample that can be used{where}")
    _unique(f"{dataset.name}: two samples", where, (sample.id for sample in dataset.samples))
    _unique(f"{dataset.name}: two documents", where, (document.id for document in dataset.documents))
    return dataset


def _closed(dataset: Dataset, *, drop: bool) -> Dataset:
    """The dataset whose samples name its own documents alone."""
    known = {document.id for document in dataset.documents}
    fitted = (_fitted(dataset.name, sample, known, drop) for sample in dataset.samples)
    return replace(dataset, samples=tuple(sample for sample in fitted if sample is not None))


def _fitted(name: str, sample: Sample, known: set[str], drop: bool) -> Sample | None:
    named = (*sample.relevant, *sample.candidates, *(fact.document for fact in sample.facts))
    strange = next((id_ for id_ in named if id_ not in known), None)
    if strange is None:
        return sample
    if not drop:
        raise CallerError(f"{name}: sample {sample.id!r} names document {strange!r}, which the data does not hold")
    relevant = {id_: gain for id_, gain in sample.relevant.items() if id_ in known}
    candidates = tuple(id_ for id_ in sample.candidates if id_ in known)
    if bool(sample.relevant) > bool(relevant) or bool(sample.candidates) > bool(candidates):
        return None
    facts = tuple(fact for fact in sample.facts if fact.document in known)
    return replace(sample, relevant=relevant, candidates=candidates, facts=facts)


def _unique(what: str, where: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise CallerError(f"{what} have the id {id_!r}{where}")
        seen.add(id_)
