"""What a reranker has spent so far: ``rerank`` returns hits only, so the cost is kept beside it."""

import threading

from foveate.usage import Usage

__all__ = ["Metered"]


class Metered:
    """A base that adds up ``Usage``, also from several threads and event loops at once."""

    def __init__(self) -> None:
        self._spent = Usage()
        self._spent_lock = threading.Lock()

    @property
    def usage(self) -> Usage:
        """All that was spent since this object was made; subtract two readings for one call's share."""
        with self._spent_lock:
            return self._spent

    def _spend(self, usage: Usage) -> None:
        with self._spent_lock:
            self._spent = self._spent + usage
