"""The last step of a reader whose media may be missing: ids unique, what samples name is there, nothing empty."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.datasets.media import Media
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["finish"]


def finish(
    info: DatasetInfo,
    samples: Sequence[Sample],
    documents: Sequence[Document] = (),
    *,
    media: Media | None = None,
    note: str = "",
) -> Dataset:
    """The dataset of a reader.

    Args:
        info: of the benchmark.
        samples: in the benchmark's order.
        documents: what is searched; where there are some, samples may name no other.
        media: what was looked up; where missing files may be left out, documents that went with them are taken from
            the samples, and samples that have nothing right or nothing to choose from any more are left out.
        note: how this reading differs from the published protocol, for the report.

    Raises:
        CallerError: no samples, an id that comes twice, or a document that is named and does not exist.
    """
    _unique(info.name, "document", (document.id for document in documents))
    if documents:
        known = {document.id for document in documents}
        drop = media is not None and media.missing == "drop"
        fitted = (_fit(info.name, sample, known, drop) for sample in samples)
        samples = [sample for sample in fitted if sample is not None]
    if media is not None:
        media.tell(info.name)
    if not samples:
        raise CallerError(f"{info.name}: no samples were found")
    _unique(info.name, "sample", (sample.id for sample in samples))
    source = f"{info.title}. {info.paper}" + (f". {note}" if note else "")
    return Dataset(
        name=info.name, samples=tuple(samples), documents=tuple(documents), licence=info.licence, source=source
    )


def _fit(name: str, sample: Sample, known: set[str], drop: bool) -> Sample | None:
    strange = [id_ for id_ in (*sample.relevant, *sample.candidates) if id_ not in known]
    if not strange:
        return sample
    if not drop:
        raise CallerError(f"{name}: sample {sample.id!r} names document {strange[0]!r}, which the data does not hold")
    relevant = {id_: gain for id_, gain in sample.relevant.items() if id_ in known}
    candidates = tuple(id_ for id_ in sample.candidates if id_ in known)
    if bool(sample.relevant) > bool(relevant) or bool(sample.candidates) > bool(candidates):
        return None
    return replace(sample, relevant=relevant, candidates=candidates)


def _unique(name: str, what: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise CallerError(f"{name}: two {what}s have the id {id_!r}")
        seen.add(id_)
