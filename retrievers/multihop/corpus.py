"""An exact index of a collection's text: which tokens follow a sequence anywhere, and where it stands.

A suffix array (Manber and Myers, SIAM J. Comput. 1993; made by libdivsufsort) over the tokens of all texts. It is what
constrained decoding walks along, as FREESON does with an FM-index: a model can then write nothing but what the
collection says. Sentences are given to the tokenizer one by one, so that a sentence has the same tokens wherever it
stands and a walk can begin at sentences alone.
"""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.chunking.passages import sentences
from foveate.errors import CallerError, CollectionCorrupt, ExtraMissing, ModelError
from foveate.memory.durable import write_durably

__all__ = ["Corpus", "Encode", "fingerprint"]

Encode = Callable[[str], Sequence[int]]
"""Text -> token ids, none below 0; texts that follow each other are encoded one by one."""
_Array = NDArray[np.integer[Any]]
_FORMAT = 1
_ARRAYS = ("tokens", "order", "begins", "firsts", "starts", "chars", "ids")


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Texts by id, as a suffix array over their tokens. Made by :meth:`build` or :meth:`load`."""

    ids: tuple[str, ...]
    """Of the texts that have a token, in the order given."""
    fingerprint: str
    """Of ids, texts and tokenizer: see :func:`fingerprint`."""
    tokens: _Array
    """[n] token ids plus one; a 0 closes each text, so that no sequence runs over its end."""
    order: _Array
    """[n - texts] positions of all tokens, in the order of what follows them."""
    begins: _Array
    """[sentences] those of ``order`` where a sentence begins."""
    firsts: _Array
    """[texts] position of each text's first token."""
    starts: _Array
    """[sentences] positions where sentences begin, ascending."""
    chars: _Array
    """[sentences] offset of each such sentence in its text, in characters."""

    @classmethod
    def build(cls, chunks: Iterable[tuple[str, str]], encode: Encode, *, tokenizer: str = "") -> "Corpus":
        """Index texts.

        Args:
            chunks: (id, text) pairs; texts without a token are left out.
            encode: the tokenizer of the model that will walk.
            tokenizer: its name, for the fingerprint.

        Raises:
            CallerError: an id comes twice.
            ExtraMissing: pydivsufsort is not installed.
            ModelError: a token id is negative or beyond 32 bits.
        """
        chunks = list(chunks)
        _check_ids([name for name, _ in chunks])
        flat = _Flat()
        for name, text in chunks:
            flat.add(name, text, encode)
        tokens = flat.shifted()
        order = _suffixes(tokens)
        opening = np.zeros(len(tokens), dtype=np.bool_)
        opening[flat.starts] = True
        return cls(
            ids=tuple(flat.ids),
            fingerprint=fingerprint(chunks, tokenizer),
            tokens=tokens,
            order=order,
            begins=order[opening[order]],
            firsts=np.asarray(flat.firsts, dtype=np.int64),
            starts=np.asarray(flat.starts, dtype=np.int64),
            chars=np.asarray(flat.chars, dtype=np.int64),
        )

    def __len__(self) -> int:
        """Tokens, ends of texts not counted."""
        return len(self.order)

    def allowed(self, path: Sequence[int], *, opening: bool = False) -> dict[int, int]:
        """Tokens that follow ``path`` in some text, with how often.

        Args:
            path: token ids; none allows every token there is.
            opening: only where ``path`` begins a sentence.
        """
        order = self._order(opening)
        low, high = self._span(path, order)
        following = self._at(order[low:high].astype(np.int64) + len(path))
        # Suffixes in order have what follows in order, too: counting is looking where it changes.
        edges = np.flatnonzero(np.diff(following, prepend=-1))
        counts = np.diff(edges, append=len(following))
        values = following[edges].tolist()
        return {token - 1: count for token, count in zip(values, counts.tolist(), strict=True) if token}

    def count(self, path: Sequence[int], *, opening: bool = False) -> int:
        """How often ``path`` stands in the texts."""
        low, high = self._span(path, self._order(opening))
        return high - low

    def locate(self, path: Sequence[int], *, limit: int | None = None) -> list[tuple[str, int]]:
        """Where ``path`` stands: (id, offset in tokens) pairs, in the order of the texts.

        Args:
            path: token ids, one or more.
            limit: at most so many places, of those that come first in the order of what follows them.
        """
        places = self._places(path, self.order, limit)
        texts = self._texts(places)
        offsets = (places - self.firsts[texts]).tolist()
        return [(self.ids[text], offset) for text, offset in zip(texts.tolist(), offsets, strict=True)]

    def sentences(self, path: Sequence[int], *, limit: int | None = None) -> list[tuple[str, int]]:
        """Sentences that begin with ``path``: (id, offset of the sentence in its text in characters) pairs."""
        return self._named(self._places(path, self.begins, limit))

    def ended(self, path: Sequence[int], *, limit: int | None = None) -> list[tuple[str, int]]:
        """As :meth:`sentences`, of texts that end right after ``path``."""
        low, high = self._span(path, self.begins)
        key = self._key(self.begins, len(path))
        rest = bisect_right(range(len(self.begins)), 0, lo=low, hi=high, key=key)
        return self._named(np.sort(self.begins[low:rest][:limit]))

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all.

        Raises:
            ServiceError: the disk is full or cannot be written.
        """
        from safetensors.numpy import save

        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS[:-1]}
        arrays["ids"] = np.frombuffer(json.dumps(self.ids).encode(), dtype=np.uint8)
        body = save(arrays, {"format": str(_FORMAT), "fingerprint": self.fingerprint})
        write_durably(path, lambda stream: stream.write(body))

    @classmethod
    def load(cls, path: Path) -> "Corpus":
        """Read what :meth:`save` wrote; whether it is still the collection's tells ``fingerprint``.

        Raises:
            CollectionCorrupt: the file is damaged or of another format.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                notes = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            ids = tuple(json.loads(arrays.pop("ids").tobytes()))
            made = cls(ids=ids, fingerprint=notes.get("fingerprint", ""), **arrays)
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            raise CollectionCorrupt(f"{str(path)!r} cannot be read ({error}); delete it, it is made again") from error
        if notes.get("format") != str(_FORMAT) or not made._sound():
            raise CollectionCorrupt(f"{str(path)!r} holds no index of format {_FORMAT}; delete it, it is made again")
        return made

    # ---- inside

    def _order(self, opening: bool) -> _Array:
        return self.begins if opening else self.order

    def _key(self, order: _Array, depth: int) -> Callable[[int], int]:
        tokens, last = self.tokens, len(self.tokens) - 1
        return lambda at: int(tokens[min(int(order[at]) + depth, last)])

    def _at(self, places: _Array) -> _Array:
        # No place is beyond the last end of text unless a file was made up.
        inside = np.minimum(places, max(len(self.tokens) - 1, 0))
        return self.tokens[inside].astype(np.int64)

    def _span(self, path: Sequence[int], order: _Array) -> tuple[int, int]:
        """Where in ``order`` the suffixes stand that begin with ``path``: [low, high)."""
        low, high = 0, len(order)
        for depth, token in enumerate(path):
            if token < 0 or low == high:
                return low, low
            key = self._key(order, depth)
            low = bisect_left(range(len(order)), token + 1, lo=low, hi=high, key=key)
            high = bisect_right(range(len(order)), token + 1, lo=low, hi=high, key=key)
        return low, high

    def _places(self, path: Sequence[int], order: _Array, limit: int | None) -> _Array:
        if not path:
            raise CallerError("path is empty; it stands everywhere, give one token or more")
        low, high = self._span(path, order)
        return np.sort(order[low:high][:limit])

    def _texts(self, places: _Array) -> _Array:
        return np.searchsorted(self.firsts, places, side="right") - 1

    def _named(self, places: _Array) -> list[tuple[str, int]]:
        """(id, offset in characters) of these beginnings of sentences."""
        chars = self.chars[np.searchsorted(self.starts, places)].tolist()
        return [(self.ids[text], char) for text, char in zip(self._texts(places).tolist(), chars, strict=True)]

    def _sound(self) -> bool:
        """Whether no lookup can leave the arrays: what a file says is not believed."""
        parts = (self.tokens, self.order, self.begins, self.firsts, self.starts, self.chars)
        if any(part.ndim != 1 or part.dtype.kind not in "iu" for part in parts):
            return False
        size = len(self.tokens)
        inside = all(((part >= 0) & (part < size)).all() for part in parts[1:5])
        closed = size == 0 or int(self.tokens[-1]) == 0
        same = len(self.firsts) == len(self.ids) and len(self.starts) == len(self.chars) == len(self.begins)
        words = all(isinstance(name, str) for name in self.ids)
        return bool(inside and closed and same and words and np.array_equal(np.sort(self.begins), self.starts))


def fingerprint(chunks: Iterable[tuple[str, str]], tokenizer: str = "") -> str:
    """SHA-256 over a tokenizer's name and (id, text) pairs, lengths before each: other texts give another one."""
    state = hashlib.sha256()
    for part in (f"corpus {_FORMAT}", tokenizer, *(part for pair in chunks for part in pair)):
        raw = part.encode("utf-8", "surrogatepass")
        state.update(len(raw).to_bytes(8, "big") + raw)
    return state.hexdigest()


def _check_ids(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CallerError(f"chunks hold {name!r} twice; each id may come once")
        seen.add(name)


def _pieces(text: str) -> Iterator[tuple[int, bool, str]]:
    """Sentences and the space between them: (offset, whether a sentence, text), all of ``text`` together."""
    at = 0
    for span in sentences(text):
        if span.start > at:
            yield at, False, text[at : span.start]
        yield span.start, True, text[span.start : span.end]
        at = span.end
    if at < len(text):
        yield at, False, text[at:]


class _Flat:
    """All texts' tokens one after another, -1 after each text."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.tokens: list[int] = []
        self.firsts: list[int] = []
        self.starts: list[int] = []
        self.chars: list[int] = []

    def add(self, name: str, text: str, encode: Encode) -> None:
        first = len(self.tokens)
        for at, opens, piece in _pieces(text):
            made = encode(piece)
            if made and not 0 <= min(made) <= max(made) < 2**32 - 1:
                raise ModelError(f"the tokenizer gave {piece!r:.80} the ids {made!r:.80}; allowed are 0 to 2**32 - 2")
            if opens and made:
                self.starts.append(len(self.tokens))
                self.chars.append(at)
            self.tokens.extend(made)
        if len(self.tokens) > first:
            self.ids.append(name)
            self.firsts.append(first)
            self.tokens.append(-1)

    def shifted(self) -> _Array:
        """Plus one, in the smallest type: sorting takes time and memory by the byte."""
        wide = np.asarray(self.tokens, dtype=np.int64) + 1
        narrow: _Array = wide.astype(np.uint16 if wide.max(initial=0) < 2**16 else np.uint32)
        return narrow


def _suffixes(tokens: _Array) -> _Array:
    """Positions of all tokens but the ends of texts, in the order of what follows them."""
    if not len(tokens):
        return np.zeros(0, dtype=np.int64)
    try:
        from pydivsufsort import divsufsort  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise ExtraMissing("pydivsufsort", "embedded") from error
    order: _Array = divsufsort(tokens)
    return order[tokens[order] > 0]
