"""The two towers of an open_clip model as functions of the tokens that enter one of their blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from foveate.errors import CallerError
from foveate.retrievers.encoders.open_clip import OpenClipEncoder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Tower", "Towers", "has_towers"]

_IMAGE_BLOCKS = ("visual.transformer.resblocks", "visual.trunk.blocks")
_TEXT_BLOCKS = ("transformer.resblocks", "text.transformer.resblocks")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tower:
    """One input of one tower, ready to be asked with other tokens in the place of its own."""

    model: Any
    encode: Any
    """``model.encode_image`` or ``model.encode_text``."""
    block: Any
    """The block whose input is replaced."""
    value: "Tensor"
    """(1, ...) pixels or token ids; what pooling reads, such as the end of the text, comes from here."""
    tokens: "Tensor"
    """(1, t, w) what enters the block."""
    reference: "Tensor"
    """(1, t, w) what enters it for an input that says nothing."""

    def __call__(self, tokens: "Tensor") -> "Tensor":
        """(n, t, w) tokens into the block -> (n, d) unit rows, differentiable."""
        with _entering(self.block, lambda _: tokens):
            found: Tensor = self.encode(self.value.expand(len(tokens), *self.value.shape[1:]), normalize=True)
        return found


class Towers:
    """An open_clip encoder's model, opened for attribution. Nothing of it is changed."""

    def __init__(self, encoder: OpenClipEncoder, *, layer: int = 0) -> None:
        """Find the blocks.

        Args:
            encoder: of a model with transformer towers.
            layer: block whose input is attributed to, from 0. Token positions keep their meaning through all blocks.

        Raises:
            CallerError: a tower that is no transformer known here, or no such layer.
        """
        self.model: Any = encoder.model
        self._preprocess: Any = encoder.preprocess
        self._tokenizer: Any = encoder.tokenizer
        self._image_block = _block(self.model, _IMAGE_BLOCKS, layer, "image")
        self._text_block = _block(self.model, _TEXT_BLOCKS, layer, "text")

    def image(self, image: Image.Image) -> Tower:
        """The image tower at a picture. The reference is the mean colour of the preprocessing everywhere."""
        pixels = self._preprocess(image.convert("RGB")).unsqueeze(0)
        return self._tower(self.model.encode_image, self._image_block, pixels, pixels * 0)

    def text(self, text: str) -> Tower:
        """The text tower at a text. The reference has token 0 in the place of each token of the text itself."""
        ids = self.ids(text)
        start, stop = self.content(text)
        empty = ids.clone()
        empty[:, start:stop] = 0
        return self._tower(self.model.encode_text, self._text_block, ids, empty)

    def ids(self, text: str) -> "Tensor":
        """(1, context) token ids."""
        found: Tensor = self._tokenizer([text])
        return found

    def content(self, text: str) -> tuple[int, int]:
        """First and last + 1 position of the text's own tokens, without begin and end."""
        return self._content(self.ids(text))

    def words(self, text: str) -> tuple[tuple[str, int, int], ...]:
        """Words with their token positions (start, stop); single tokens where the tokenizer joins words."""
        start, stop = self.content(text)
        spans: list[tuple[str, int, int]] = []
        at = start
        for word in text.split():
            first, last = self._content(self.ids(word))
            spans.append((word, at, at + last - first))
            at += last - first
        if at == stop:
            return tuple(spans)
        if at > stop:  # cut at the context's end
            return tuple((word, a, min(b, stop)) for word, a, b in spans if a < stop)
        return tuple((f"token {i - start}", i, i + 1) for i in range(start, stop))

    def _content(self, ids: "Tensor") -> tuple[int, int]:
        row = ids[0].tolist()
        empty = self._tokenizer([""])[0].tolist()
        begin = row[0] == empty[0] and len(set(empty[:2])) == 2
        pad = empty[-1]
        length = len(row)
        while length and row[length - 1] == pad:
            length -= 1
        marks = {token for token in empty if token != pad}
        stop = length - 1 if length and row[length - 1] in marks else length
        return (1 if begin else 0), max(stop, 1 if begin else 0)

    def _tower(self, encode: Any, block: Any, value: "Tensor", empty: "Tensor") -> Tower:
        return Tower(
            model=self.model,
            encode=encode,
            block=block,
            value=value,
            tokens=_seen(block, encode, value),
            reference=_seen(block, encode, empty),
        )


def has_towers(encoder: object) -> bool:
    """Whether second-order attributions by gradients are possible for an encoder."""
    if not isinstance(encoder, OpenClipEncoder):
        return False
    try:
        Towers(encoder)
    except CallerError:
        return False
    return True


def _seen(block: Any, encode: Any, value: "Tensor") -> "Tensor":
    """What enters a block, batch first."""
    import torch

    kept: list[Tensor] = []

    def keep(tokens: "Tensor") -> "Tensor":
        kept.append(tokens.detach().clone())
        return tokens

    with torch.no_grad(), _entering(block, keep):
        encode(value, normalize=True)
    return kept[0]


@contextmanager
def _entering(block: Any, change: Any) -> Iterator[None]:
    def hook(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if args:
            return (change(args[0]), *args[1:]), kwargs
        name = next(iter(kwargs))
        return args, kwargs | {name: change(kwargs[name])}

    handle = block.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _block(model: Any, paths: tuple[str, ...], layer: int, side: str) -> Any:
    for path in paths:
        found = model
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is None:
            continue
        if not 0 <= layer < len(found):
            raise CallerError(f"layer {layer!r}; the {side} tower has 0 to {len(found) - 1}")
        return found[layer]
    raise CallerError(f"the {side} tower of {type(model).__name__} is no transformer with {' or '.join(paths)}")
