"""From tokens to text: whole characters only, and nothing from a stop string on."""

from collections.abc import Callable, Sequence

__all__ = ["TextAssembler"]

# A character has at most 4 bytes, hence 4 tokens; twice that without a whole one means broken bytes.
_MAX_HELD_TOKENS = 8


class TextAssembler:
    """Joins tokens into text that can be shown at once.

    A token may end in the middle of a UTF-8 character, and a stop string may begin in one token and end in
    another; both are held back until they are whole. The pieces returned, joined, are ``text``.
    """

    def __init__(self, decode: Callable[[list[int]], str], stops: Sequence[str]) -> None:
        self.text = ""
        self.stopped = False
        """A stop string came; nothing more will be released."""
        self._decode = decode
        self._stops = tuple(stops)
        self._tokens: list[int] = []
        # Tokens before _shown are released; those from _context on are decoded again, since some tokenizers
        # write a space only between two tokens.
        self._context = 0
        self._shown = 0
        self._held = ""

    def push(self, token: int) -> str:
        """Add one token; return what became certain, often ``""``."""
        self._tokens.append(token)
        return self._release(self._new_text(), final=False)

    def finish(self) -> str:
        """Return what was held back. Half a character at the very end is dropped."""
        return self._release(self._new_text(final=True), final=True)

    def _new_text(self, *, final: bool = False) -> str:
        before = self._decode(self._tokens[self._context : self._shown])
        now = self._decode(self._tokens[self._context :])
        broken = now.endswith("\ufffd")
        if broken and final:
            return now[len(before) :].rstrip("\ufffd")
        if len(now) <= len(before) or (broken and len(self._tokens) - self._shown < _MAX_HELD_TOKENS):
            return ""
        self._context, self._shown = self._shown, len(self._tokens)
        return now[len(before) :]

    def _release(self, piece: str, *, final: bool) -> str:
        if self.stopped:
            return ""
        self._held += piece
        cut = min((at for stop in self._stops if (at := self._held.find(stop)) >= 0), default=-1)
        if cut >= 0:
            self.stopped = True
        elif final:
            cut = len(self._held)
        else:
            cut = len(self._held) - self._maybe_stop()
        ready, self._held = self._held[:cut], self._held[cut:]
        self.text += ready
        return ready

    def _maybe_stop(self) -> int:
        """Length of the longest end of the held text with which a stop string begins."""
        longest = min(len(self._held), max(map(len, self._stops), default=1) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0
