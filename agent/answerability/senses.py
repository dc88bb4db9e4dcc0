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
        self._judges: dict[str, Judge | None] = {}

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

    def judge(self, reasoner: str) -> "Judge | None":
        """The judge in force; None where the settings want none, or the shipped one was fitted for other models.

        Args:
            reasoner: name of the model that reads; ``none`` where there is none.

        Raises:
            CallerError: the settings name a file that is no judge, or one for another encoder or reasoner.
        """
        if reasoner not in self._judges:
            self._judges[reasoner] = self._loaded(reasoner)
        return self._judges[reasoner]

    def _loaded(self, reasoner: str) -> "Judge | None":
        from foveate.agent.answerability.judge import load_judge

        named = self._settings.judge
        if named == "none":
            return None
        file = None if named == "auto" else Path(named).expanduser()
        risk = self._settings.target_risk
        return load_judge(file, encoder=self._encoder.fingerprint, reasoner=reasoner, target_risk=risk)
