"""Pictures with captions of their own, turned to search by text, by picture, or to describe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foveate.errors import CallerError
from foveate.evals.samples import Document, Sample

__all__ = ["DIRECTIONS", "EACH", "Captioned", "arranged"]

DIRECTIONS = ("caption", "image_to_text", "text_to_image")
EACH = "captions a picture that count in a search; 0 for all it has"


@dataclass(frozen=True, kw_only=True, slots=True)
class Captioned:
    """One picture and what people said of it."""

    id: str
    path: str
    captions: tuple[tuple[str, str], ...]
    """(id, text), ids unique within the dataset."""
    slices: Mapping[str, str] = field(default_factory=dict)


def arranged(items: Sequence[Captioned], direction: str, each: int = 0) -> tuple[list[Sample], list[Document]]:
    """Samples and documents of one direction.

    Args:
        items: pictures with their captions.
        direction: ``text_to_image``: a sample a caption, the pictures are searched; ``image_to_text``: a sample a
            picture, all captions are searched and all of its own are right; ``caption``: a sample a picture, its
            captions are the references.
        each: how many captions of a picture count in a search, from the first; 0 for all.

    Raises:
        CallerError: ``each`` is negative.
    """
    if each < 0:
        raise CallerError(f"option each={each} must be 0 or more")
    if direction == "caption":
        return [_described(item) for item in items], []
    kept = [(item, item.captions[: each or None]) for item in items]
    if direction == "text_to_image":
        samples = [_worded(item, *caption) for item, captions in kept for caption in captions]
        return samples, [Document(id=item.id, image=item.path) for item in items]
    documents = [Document(id=key, text=text, group=item.id) for item, captions in kept for key, text in captions]
    return [_shown(item, captions) for item, captions in kept], documents


def _described(item: Captioned) -> Sample:
    texts = tuple(text for _, text in item.captions)
    return Sample(id=item.id, images=(item.path,), answers=texts, group=item.id, slices=item.slices)


def _worded(item: Captioned, key: str, text: str) -> Sample:
    return Sample(id=key, text=text, relevant={item.id: 1.0}, group=item.id, slices=item.slices)


def _shown(item: Captioned, captions: Sequence[tuple[str, str]]) -> Sample:
    relevant = dict.fromkeys((key for key, _ in captions), 1.0)
    return Sample(id=item.id, images=(item.path,), relevant=relevant, group=item.id, slices=item.slices)
