"""What a reader says of its benchmark: the one record each module of this folder carries as ``INFO``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DatasetInfo"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetInfo:
    """A benchmark that can be read from its published files. Nothing is ever fetched in silence."""

    name: str
    """What suites call it: ``cirr``."""
    title: str
    """As its authors write it, with what it measures, in one line."""
    tasks: tuple[str, ...]
    """Tasks it can be used for, the usual one first."""
    paper: str
    """Authors, venue, year."""
    licence: str
    """Of the annotations, as published; ``unknown`` when the authors do not say."""
    get: str
    """Where a person gets the files and how they must lie in the folder. Several lines."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Option of ``read`` -> meaning and choices."""
