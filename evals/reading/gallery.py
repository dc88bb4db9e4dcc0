"""What readers of composed retrieval share: a gallery of pictures, with or without the reference picture."""

from collections.abc import Iterable

from foveate.evals.reading.media import Media
from foveate.evals.reading.options import one_of
from foveate.evals.samples import Document

__all__ = ["REFERENCE", "Gallery"]

REFERENCE = "out: the reference picture is not ranked; in: it is, as any other picture"
"""What readers say of their option ``reference``."""


class Gallery:
    """The pictures that are searched, by id.

    Args:
        media: where they lie.
        names: (id, path in the folder of ``media``, place in the data).
        reference: ``out`` or ``in``, see :data:`REFERENCE`. With ``out`` each sample lists every other picture, which
            takes 8 bytes a picture and sample: 77 MB for CIRR's validation split.
        pool: of the documents, where a dataset holds several galleries.

    Raises:
        CallerError: another value of ``reference``, or a picture that is missing or leads out of the folder.
    """

    def __init__(
        self, media: Media, names: Iterable[tuple[str, str, str]], reference: str = "in", pool: str = ""
    ) -> None:
        self._out = one_of("reference", reference, ("in", "out")) == "out"
        found = ((id_, media.path(name, where)) for id_, name, where in names)
        self.documents = [Document(id=id_, image=path, pool=pool) for id_, path in found if path is not None]
        self._ids = tuple(document.id for document in self.documents)

    def candidates(self, reference: str) -> tuple[str, ...]:
        """Ids to rank for a sample; empty for all."""
        return tuple(id_ for id_ in self._ids if id_ != reference) if self._out else ()
