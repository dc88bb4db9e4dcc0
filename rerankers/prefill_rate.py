"""How fast a model reads prompts here and now, so that cached tokens can be told in seconds."""

__all__ = ["PrefillRate"]

_LEAST_TOKENS = 64
"""Shorter passes say nothing of a long prompt's pace: SmolLM2 reads 8 tokens at 8 ms each, 256 at 3.5 ms each."""
_REMEMBERED_TOKENS = 4096
"""Beyond these, what came before counts half."""


class PrefillRate:
    """Seconds a prompt token takes, measured over the passes of one model in this process.

    What is saved is an estimate: cached tokens times the mean of passes of 64 tokens or more, the latest counting most,
    since other programs come and go. It leaves out that attention grows with the prompt (an underestimate) and the
    copying of kept states (an overestimate, some ms).
    """

    def __init__(self) -> None:
        self._tokens = 0.0
        self._seconds = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Note one pass; short ones are left out."""
        if tokens >= _LEAST_TOKENS:
            self._tokens += tokens
            self._seconds += seconds
        if self._tokens > _REMEMBERED_TOKENS:
            self._tokens /= 2
            self._seconds /= 2

    def saved(self, tokens: int) -> float | None:
        """Seconds that computing ``tokens`` would have taken; None before the first measurement."""
        if tokens == 0:
            return 0.0
        return tokens * self._seconds / self._tokens if self._tokens else None
