"""What an index run tells its caller, while it goes and when it ends."""

from dataclasses import dataclass

from foveate.memory.ledger import SkippedRow

__all__ = ["IndexProgress", "IndexReport"]


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexProgress:
    """How far a run is. A file counts once it is durable."""

    done: int
    total: int
    chunks: int
    skipped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexReport:
    """What a run did."""

    indexed: int
    """Files read, encoded and stored."""
    unchanged: int
    linked: int
    """Files whose content was there already under another path."""
    pruned: int
    """Files forgotten because they are gone."""
    chunks: int
    """Chunks stored by this run."""
    skipped: tuple[SkippedRow, ...]
    """Files left out, with the reason, by path."""
    notes: tuple[tuple[str, tuple[str, ...]], ...]
    """(path, what a person should know) of files read in this run."""
    seconds: float
