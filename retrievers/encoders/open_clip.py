"""Any open_clip checkpoint (CLIP, SigLIP, MobileCLIP ...) behind the `Encoder` protocol."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError, ExtraMissing, ModelError
from foveate.ids import digest

__all__ = ["OpenClipEncoder"]

_BATCH = 32
_PROMPT = "a photo of a {}"
_WORDS = (
    "person, child, crowd, face, hand, dog, cat, horse, cow, bird, fish, insect, flower, tree, forest, mountain, "
    "river, sea, beach, sky, snow, street, building, house, bridge, room, kitchen, bed, chair, table, lamp, "
    "window, door, cup, bottle, plate, food, fruit, vegetable, bread, cake, car, bus, train, bicycle, boat, "
    "aeroplane, computer, telephone, television, book, newspaper, map, sign, page of text, table of numbers, "
    "chart, diagram, drawing, painting, logo, screenshot, slide, clock, tool, toy, ball, musical instrument, "
    "clothing, shoe, hat, bag, money, medicine, machine, weapon, flag, statue"
)
_VOCABULARY = tuple(word.strip() for word in _WORDS.split(","))


class OpenClipEncoder:
    """A model of open_clip with its own preprocessing and its own tokenizer."""

    def __init__(
        self,
        model_name: str,
        pretrained: str | Path | None = None,
        *,
        device: str = "cpu",
        vocabulary: Sequence[str] = _VOCABULARY,
        model: Any = None,
    ) -> None:
        """Build the model and load its weights; nothing is unpickled.

        Args:
            model_name: a name that ``open_clip.list_models()`` gives.
            pretrained: a tag of open_clip, or a weights file; None keeps random weights (tests).
            device: a torch device.
            vocabulary: words for `tag_images`.
            model: an already built ``(model, preprocess, tokenizer)``, instead of building one.

        Raises:
            ExtraMissing: without open_clip.
            CallerError: if the model or tag is unknown.
            ModelError: if the weights cannot be had or would have to be unpickled.
        """
        self._open_clip = _import()
        self._device = device
        self._vocabulary = tuple(vocabulary)
        self.name = f"open_clip:{model_name}" + (f"/{pretrained}" if pretrained is not None else "")
        built = self._build(model_name, pretrained) if model is None else model
        self.model: Any = built[0]
        """open_clip's own parts, for those who look inside (attributions)."""
        self.preprocess: Any = built[1]
        self.tokenizer: Any = built[2]
        self.model.to(device).eval()
        self.fingerprint: str = digest("open_clip-1", model_name, repr(self.preprocess), _hash(self.model))
        self.dim: int = int(self._texts([""]).shape[1])
        self.picture_mean: NDArray[np.float32] | None = None
        self._words: NDArray[np.float32] | None = None

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n) texts -> (n, dim) unit float32 rows, in order; cut at the model's context length."""
        rows = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), _BATCH):
            rows[start : start + _BATCH] = self._texts(texts[start : start + _BATCH])
        return rows

    def encode_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """(n) pictures of any mode -> (n, dim) unit float32 rows, in order; alpha lies on white."""
        import torch

        rows = np.zeros((len(images), self.dim), np.float32)
        for start in range(0, len(images), _BATCH):
            part = [self.preprocess(_opaque(image)) for image in images[start : start + _BATCH]]
            with torch.inference_mode():
                found = self.model.encode_image(torch.stack(part).to(self._device), normalize=True)
            rows[start : start + _BATCH] = found.float().cpu().numpy()
        return rows

    def tag_images(self, images: Sequence[Image.Image], k: int = 5) -> list[list[tuple[str, float]]]:
        """Up to ``k`` words of the vocabulary with probabilities for each picture, best first (zero-shot).

        Raises:
            CallerError: if ``k`` is below 1.
        """
        if k < 1:
            raise CallerError(f"k is {k!r}; it must be at least 1")
        if self._words is None:
            self._words = self.encode_text([_PROMPT.format(word) for word in self._vocabulary])
        scores = self.encode_images(images) @ self._words.T * float(self.model.logit_scale.detach().exp())
        powers = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        shares = powers / powers.sum(axis=1, keepdims=True)
        best = np.argsort(-shares, axis=1, kind="stable")[:, :k]
        return [[(self._vocabulary[i], float(row[i])) for i in order] for row, order in zip(shares, best, strict=True)]

    def _texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            found = self.model.encode_text(self.tokenizer(list(texts)).to(self._device), normalize=True)
        rows: NDArray[np.float32] = found.float().cpu().numpy()
        return rows

    def _build(self, model_name: str, pretrained: str | Path | None) -> tuple[Any, Any, Any]:
        tag = None if pretrained is None else str(pretrained)
        self._check(model_name, tag)
        try:
            model, _, preprocess = self._open_clip.create_model_and_transforms(
                model_name, pretrained=tag, weights_only=True
            )
            return model, preprocess, self._open_clip.get_tokenizer(model_name)
        except Exception as error:  # the hub's client and torch raise dozens of types; the cause stays chained
            cause = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"open_clip could not load {model_name!r} with {tag!r}: {cause}") from error

    def _check(self, model_name: str, tag: str | None) -> None:
        known = self._open_clip.list_models()
        if model_name not in known and not model_name.startswith(("hf-hub:", "local-dir:")):
            raise CallerError(f"open_clip has no model {model_name!r}; it has {', '.join(known)}")
        if tag is None or Path(tag).is_file():
            return
        tags = self._open_clip.list_pretrained_tags_by_model(model_name)
        if tag not in tags:
            choices = ", ".join(tags) or "none"
            raise CallerError(f"{tag!r} is neither a file nor a tag of {model_name!r}; its tags: {choices}")


def _import() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise ExtraMissing("open_clip_torch", "hub") from error
    return open_clip


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode in ("RGB", "L"):
        return image
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (255, 255, 255, 255)), clear).convert("RGB")


def _hash(model: Any) -> str:
    state = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        state.update(name.encode() + str(tuple(tensor.shape)).encode())
        state.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()
