"""What the judge looks with: geometry of the collection, the alignment head, the fitted judge. Opened on use."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.memory.store import Store
from foveate.retrievers.protocols import Encoder
from foveate.settings import Settings

if TYPE_CHECKING:
    from foveate.agent.answerability.judge import Judge
    from foveate.retrievers.alignment.head import AlignmentHead
    from foveate.retrievers.alignment.vectors import Aligner
    from foveate.retrievers.geometry.geometry import Geometry

__all__ = ["Senses"]


class Senses:
    """Of one collection, as it is now: made anew once something was indexed."""

    def __init__(self, store: Store, encoder: Encoder, settings: Settings) -> None:
        self._store = store
        self._encoder = encoder
        self._settings = settings

    @cached_property
    def geometry(self) -> "Geometry":
        """Where vectors of this collection lie."""
        from foveate.retrievers.geometry.geometry import Geometry

        return Geometry.of(self._store, self._encoder)

    @cached_property
    def aligner(self) -> "Aligner":
        """Holds pictures against questions and options; remembers texts."""
        from foveate.retrievers.alignment.vectors import Aligner

        return Aligner(self._encoder)

    @cached_property
    def head(self) -> "AlignmentHead | None":
        """How a picture goes with a question; None for an encoder that the shipped head was not trained for."""
        from foveate.retrievers.alignment.head import AlignmentHead

        return AlignmentHead.shipped(self._encoder.fingerprint)

    @cached_property
    def judge(self) -> "Judge | None":
        """The judge in force; None where the settings want none, or the shipped one was fitted for other models.

        Raises:
            CallerError: the settings name a file that is no judge, or one for another encoder.
        """
        from foveate.agent.answerability.judge import load_judge

        named = self._settings.judge
        if named == "none":
            return None
        file = None if named == "auto" else Path(named).expanduser()
        return load_judge(file, encoder=self._encoder.fingerprint, target_risk=self._settings.target_risk)
