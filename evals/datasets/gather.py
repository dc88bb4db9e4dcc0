"""The last step of a reader: what it found becomes a dataset, or an error."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["found", "gather"]


def gather(info: DatasetInfo, samples: Iterable[Sample], source: str, documents: Iterable[Document] = ()) -> Dataset:
    """A dataset of what was read.

    Args:
        info: of the benchmark.
        samples: in the file's order.
        source: name of the file they stand in.
        documents: what is searched.

    Raises:
        CallerError: there is no sample, or an id occurs twice.
    """
    kept, searched = tuple(samples), tuple(documents)
    if not kept:
        raise CallerError(f"{info.name}: {source} holds no sample that can be used")
    _unique(f"{info.name}: {source}: sample", [sample.id for sample in kept])
    _unique(f"{info.name}: {source}: document", [document.id for document in searched])
    where = f"{info.title}. {info.paper}. {source}"
    return Dataset(name=info.name, samples=kept, documents=searched, licence=info.licence, source=where)


def found(folder: Path, *names: str) -> Path:
    """The first of several places of a file that is there.

    Raises:
        CallerError: none is; names them all.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise CallerError(f"no file {' or '.join(repr(str(folder / name)) for name in names)}")


def _unique(what: str, ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise CallerError(f"{what} {name!r} occurs twice")
        seen.add(name)
