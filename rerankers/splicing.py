"""Prompts put together from modules whose attention states are kept (Prompt Cache: Gim et al., MLSys 2024).

Aligned modules, each kept with all that stood before it, give the logits of the whole prompt. Free modules are
computed by themselves (or after the anchor, modules that every prompt begins with) and turned to wherever they are
used: they do not see each other, which is an approximation; :meth:`Splicer.error` measures it. Computing the first
tokens of each free module anew, in its place, takes most of the error away (the bridge; EPIC: Hu et al., 2024).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, takewhile

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from foveate.errors import CallerError, ModelError
from foveate.rerankers.decoding import TextAssembler
from foveate.rerankers.engine import Engine
from foveate.rerankers.layouts import Layout
from foveate.rerankers.module_cache import ModuleCache, ModuleStates, module_key
from foveate.rerankers.prefixes import BlockLayer
from foveate.rerankers.protocols import Reply
from foveate.rerankers.rotation import Rotation
from foveate.rerankers.splice_error import SpliceError, splice_error
from foveate.usage import Usage

__all__ = ["Segment", "Spliced", "Splicer"]

_PIECE = 256
_LEAST_TOKENS = 16
"""Modules shorter than this are computed anew: their pass costs what keeping them would save."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A module of one prompt, as tokens."""

    tokens: tuple[int, ...]
    start: int | None = None
    """Declared position of its first token, not before the end of the segment before; None: directly after that."""
    keep: bool = True
    """Whether its states are kept and looked up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spliced:
    """A prompt that has gone through the model."""

    logits: Tensor
    """Of the first token of the reply, [vocabulary]."""
    cache: Cache
    """Keys and values of the whole prompt."""
    end: int
    """Position of the first token of the reply."""
    usage: Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class _Anchor:
    """What all free modules of a prompt see."""

    key: str
    end: int
    cache: Cache


class Splicer:
    """Module states of one loaded model, spliced into prompts. Blocking; one thread at a time."""

    def __init__(
        self, engine: Engine, modules: ModuleCache, *, free: bool = False, anchor: int = 0, bridge: int = 0
    ) -> None:
        """Splice for ``engine``.

        Args:
            engine: the model and its tokenizer.
            modules: where states are kept; not shared between models.
            free: modules after the anchor do not depend on those before them; else every module is aligned.
            anchor: how many segments at the beginning all free modules see; these are aligned. On SmolLM2 modules
                that saw the instructions came out further off than those that saw nothing.
            bridge: tokens at the beginning of each free module that are computed anew in their place.

        Raises:
            CallerError: a negative number.
            ModelError: the positions of this model's keys cannot be moved; aligned splicing needs no moving.
        """
        for name, value in (("anchor", anchor), ("bridge", bridge)):
            if value < 0:
                raise CallerError(f"{name} is {value}; allowed are whole numbers from 0")
        self.modules = modules
        self._engine = engine
        self._free = free
        self._anchor = anchor
        self._bridge = bridge
        with torch.inference_mode():
            self._rotation = Rotation(engine.model, self._alone, engine.name) if free else None

    def segments(self, made: Layout, values: Mapping[str, str | Sequence[str]]) -> list[Segment]:
        """The prompt of a layout, cut where its modules meet; all tokens are those of the prompt as a whole.

        A token that reaches over a border belongs to the later module. The last segment, with all that the template
        adds, is never kept.

        Args:
            made: the layout.
            values: one a field; a sequence is joined as it is, each part a module by itself.

        Raises:
            CallerError: a value is missing, or the prompt is longer than the context.
        """
        encode = self._engine.prompt.encode
        whole = {name: "".join(value) for name, value in values.items()}
        prompt = encode(made.messages(whole))
        self._check_length(len(prompt))
        ends = [_common(prompt, encode(made.beginning(part, count))) for count, part in _beginnings(made, values)]
        cuts = list(accumulate([0, *ends, len(prompt)], max))
        pieces = [tuple(prompt[start:end]) for start, end in pairwise(cuts) if end > start]
        kept = [len(piece) >= _LEAST_TOKENS for piece in pieces[:-1]]
        return [Segment(tokens=piece, keep=keep) for piece, keep in zip(pieces, [*kept, False], strict=True)]

    def run(self, segments: Sequence[Segment]) -> Spliced:
        """Logits after the prompt; modules not yet kept are computed and kept. The last one is always computed.

        Raises:
            CallerError: no segment, an empty one, one that overlaps the one before, or too many tokens.
            ModelError: the model failed.
        """
        starts = self._places(segments)
        cache = _begun(None)
        anchor = _Anchor(key="", end=0, cache=_begun(None))
        cached, seen = 0, ""
        with torch.inference_mode():
            for at, (segment, start) in enumerate(zip(segments[:-1], starts, strict=False)):
                if at == self._anchor and at:
                    anchor = _Anchor(key=seen, end=starts[at - 1] + len(segments[at - 1].tokens), cache=_begun(cache))
                if not segment.keep:
                    self._read(segment.tokens, cache, start)
                elif self._rotation and at >= self._anchor:
                    cached += self._splice(segment.tokens, cache, start, anchor, self._rotation)
                else:
                    cached += self._align(segment.tokens, cache, start, seen)
                seen = module_key(segment.tokens, start, seen)
            logits = self._read(segments[-1].tokens, cache, starts[-1])
        tokens = sum(len(segment.tokens) for segment in segments)
        usage = Usage(tokens_in=tokens, tokens_cached=cached, seconds_saved=self._engine.rate.saved(cached))
        return Spliced(logits=logits, cache=cache, end=starts[-1] + len(segments[-1].tokens), usage=usage)

    def reply(self, segments: Sequence[Segment], max_tokens: int) -> Reply:
        """The likeliest reply (greedy).

        Raises:
            CallerError, ModelError: as :meth:`run`; or ``max_tokens`` is below 1.
        """
        if max_tokens < 1:
            raise CallerError(f"max_tokens is {max_tokens}; allowed are whole numbers from 1")
        begun = self.run(segments)
        text = TextAssembler(self._engine.prompt.decode, ())
        logits, ended = begun.logits, False
        room = min(max_tokens, self._engine.context - begun.end)
        count = 0
        with torch.inference_mode():
            while count < room and not ended:
                token = int(logits.argmax())
                count += 1
                ended = token in self._engine.ends
                if not ended:
                    text.push(token)
                    if count < room:
                        logits = self._read((token,), begun.cache, begun.end + count - 1)
        text.finish()
        usage = begun.usage + Usage(tokens_out=count)
        return Reply(text=text.text, finish="stop" if ended else "length", usage=usage)

    def error(self, segments: Sequence[Segment]) -> SpliceError:
        """How far these logits are from the whole prompt's, computed at once with nothing kept.

        Raises:
            CallerError, ModelError: as :meth:`run`.
        """
        spliced = self.run(segments).logits
        whole = tuple(token for segment in segments for token in segment.tokens)
        return splice_error(self.run([Segment(tokens=whole)]).logits, spliced)

    def _align(self, tokens: Sequence[int], cache: Cache, start: int, seen: str) -> int:
        """Append a module that has seen all before it; how many of its tokens were kept."""
        key = module_key(tokens, start, seen)
        states = self.modules.get(key)
        if states is not None:
            _append(cache, states, 0)
            return len(tokens)
        before = cache.get_seq_length()
        self._read(tokens, cache, start)
        self.modules.put(key, _states(cache, before, start))
        return 0

    def _splice(self, tokens: Sequence[int], cache: Cache, start: int, anchor: _Anchor, rotation: Rotation) -> int:
        """Append a module that has seen the anchor alone; how many of its tokens were kept."""
        key = module_key(tokens, anchor.end, f"free {anchor.key}")
        states = self.modules.get(key)
        hit = states is not None
        if states is None:
            alone = _begun(anchor.cache)
            self._read(tokens, alone, anchor.end)
            states = _states(alone, anchor.cache.get_seq_length(), anchor.end)
            self.modules.put(key, states)
        # The first free module has seen all there is to see.
        exact = start == anchor.end and cache.get_seq_length() == anchor.cache.get_seq_length()
        bridge = 0 if exact else min(self._bridge, len(tokens))
        if bridge:
            self._read(tokens[:bridge], cache, start)
        _append(cache, rotation.moved(states, start), bridge)
        return len(tokens) - bridge if hit else 0

    def _alone(self, tokens: Sequence[int], start: int) -> ModuleStates:
        cache = _begun(None)
        self._read(tokens, cache, start)
        return _states(cache, 0, start)

    def _read(self, tokens: Sequence[int], cache: Cache, start: int) -> Tensor:
        """Put tokens through the model; logits after the last, [vocabulary]."""
        began = time.perf_counter()
        for at in range(0, len(tokens), _PIECE):
            piece = torch.tensor([tokens[at : at + _PIECE]])  # [1, tokens]
            places = torch.arange(start + at, start + at + piece.shape[1])[None]
            try:
                out = self._engine.model(
                    piece, past_key_values=cache, position_ids=places, use_cache=True, logits_to_keep=1
                )
            except (RuntimeError, IndexError) as error:
                raise ModelError(f"model {self._engine.name!r} failed: {str(error)[:300]}") from error
        self._engine.rate.add(len(tokens), time.perf_counter() - began)
        logits: Tensor = out.logits[0, -1]
        return logits

    def _places(self, segments: Sequence[Segment]) -> list[int]:
        """First position of each segment."""
        if not segments or not all(segment.tokens for segment in segments):
            raise CallerError(f"a prompt needs segments of one token or more; there are {len(segments)} segments")
        starts: list[int] = []
        end = 0
        for at, segment in enumerate(segments):
            start = end if segment.start is None else segment.start
            if start < end:
                raise CallerError(f"segment {at} begins at position {start}, before the end of the one before ({end})")
            starts.append(start)
            end = start + len(segment.tokens)
        self._check_length(end)
        return starts

    def _check_length(self, tokens: int) -> None:
        if tokens >= self._engine.context:
            raise CallerError(
                f"the prompt has {tokens} positions; model {self._engine.name!r} holds {self._engine.context}, one of "
                "them at least for the reply: send less evidence"
            )


def _begun(cache: Cache | None) -> Cache:
    """A cache that goes on where another stands, without writing to it."""
    if cache is None or not cache.get_seq_length():
        return Cache(layer_class_to_replicate=BlockLayer)
    return Cache(layers=[BlockLayer.of(layer.keys, layer.values) for layer in cache.layers])


def _states(cache: Cache, since: int, start: int) -> ModuleStates:
    """Copies, lest a kept module hold the buffers of a whole prompt."""
    layers = tuple((layer.keys[:, :, since:].clone(), layer.values[:, :, since:].clone()) for layer in cache.layers)
    return ModuleStates(start=start, layers=layers)


def _append(cache: Cache, states: ModuleStates, since: int) -> None:
    for at, (keys, values) in enumerate(states.layers):
        cache.update(keys[:, :, since:], values[:, :, since:], at)


def _beginnings(made: Layout, values: Mapping[str, str | Sequence[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """Where to cut: after how many modules, with which values. The last module's end is the prompt's."""
    whole = {name: "".join(value) for name, value in values.items()}
    for count, module in enumerate(made.modules, 1):
        for name in module.fields:
            value = values[name]
            for parts in range(1, 1 if isinstance(value, str) else len(value)):
                yield count, whole | {name: "".join(value[:parts])}
        if count < len(made.modules):
            yield count, whole


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
