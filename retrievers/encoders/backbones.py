"""The two frozen networks below the mini encoder, and how text and pictures reach them.

Legend: N batch, L tokens, H = W = 224 px, F = 1280 pooled features, K = 1000 ImageNet classes, T = 384.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from foveate.retrievers.encoders.flattening import flattened

__all__ = ["FEATURES", "TEXT_DIM", "EfficientNetLite0", "MiniLM", "square"]

FEATURES = 1280
"""Width of the picture network's pooled features."""
TEXT_DIM = 384
"""Width of the text network's vectors."""
_SIDE_PX = 224
_TEXT_TOKENS = 256  # the length all-MiniLM-L6-v2 was trained and published with
_TEXT_BATCH = 64
_IMAGE_BATCH = 16  # 16 keeps activations in cache; 64 gave no gain on two cores


def square(image: Image.Image, side_px: int = _SIDE_PX) -> NDArray[np.uint8]:
    """Any picture -> (side, side, 3) uint8: alpha flattened on white, padded to a square, resized.

    Padding keeps the whole picture: a centre crop of a film strip or a tall stamp loses its subject.
    """
    flat = flattened(image)
    scale = side_px / max(flat.size)
    width, height = (max(1, round(length * scale)) for length in flat.size)
    small = flat.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    canvas = Image.new("RGB", (side_px, side_px), (255, 255, 255))
    canvas.paste(small, ((side_px - width) // 2, (side_px - height) // 2))
    return np.asarray(canvas)


class EfficientNetLite0:
    """EfficientNet-Lite0 of ImageNet-1k (Tan & Le 2019), batch norms folded into the convolutions."""

    def __init__(self, weights: Path) -> None:
        """Load from ``weights``, a safetensors file under timm's tensor names."""
        import timm

        network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        network.load_state_dict(load_file(weights))
        self._network = _fold(network.eval()).to(memory_format=torch.channels_last)
        self.classifier: NDArray[np.float32] = network.classifier.weight.detach().numpy().copy()
        """(K, F) weights of the ImageNet classifier."""
        self.bias: NDArray[np.float32] = network.classifier.bias.detach().numpy().copy()
        """(K) bias of the ImageNet classifier."""

    def features(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """N pictures of any mode -> (N, F) pooled features, one pass a picture."""
        return self.pooled([square(image) for image in images])

    def pooled(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """N arrays (H, W, 3) uint8 -> (N, F)."""
        rows = np.zeros((len(pixels), FEATURES), np.float32)
        for part in _batches(range(len(pixels)), _IMAGE_BATCH):
            stacked = torch.from_numpy(np.stack([pixels[i] for i in part]))  # (n, H, W, 3)
            scaled = (stacked.permute(0, 3, 1, 2).float() - 127.0) / 128.0  # (n, 3, H, W)
            with torch.inference_mode():
                maps = self._network.forward_features(scaled.contiguous(memory_format=torch.channels_last))
                rows[part] = maps.mean((2, 3)).numpy()  # (n, F, 7, 7) -> (n, F)
        return rows


class MiniLM:
    """all-MiniLM-L6-v2 (Reimers & Gurevych 2019): mean-pooled unit sentence vectors.

    Loaded through transformers: importing sentence_transformers as well cost 3 s of start-up.
    """

    def __init__(self, folder: Path) -> None:
        """Load from ``folder``: config, tokenizer and ``model.safetensors``."""
        from transformers import AutoModel, AutoTokenizer

        with _quiet():
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._network: Any = AutoModel.from_pretrained(folder, use_safetensors=True, local_files_only=True).eval()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """N texts -> (N, T) unit rows, in order; each cut at 256 tokens."""
        rows = np.zeros((len(texts), TEXT_DIM), np.float32)
        # By length, so that a batch pads little; rows are written back by index, which restores the order.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for part in _batches(order, _TEXT_BATCH):
            rows[part] = self._pooled([texts[i] for i in part])
        return rows

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """N texts -> N arrays (tokens, T) of unit rows: last hidden states, without the two tokens around a text."""
        found: list[NDArray[np.float32]] = [np.zeros((0, TEXT_DIM), np.float32) for _ in texts]
        order = sorted((i for i in range(len(texts)) if texts[i].strip()), key=lambda i: len(texts[i]))
        for part in _batches(order, _TEXT_BATCH):
            hidden, mask = self._hidden([texts[i] for i in part])
            unit = nn.functional.normalize(hidden, dim=2).numpy()
            for row, at, length in zip(unit, part, mask.sum(1).int().tolist(), strict=True):
                found[at] = row[1 : length - 1]
        return found

    def _pooled(self, texts: list[str]) -> NDArray[np.float32]:
        hidden, mask = self._hidden(texts)
        mean = (hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)  # (n, T)
        unit: NDArray[np.float32] = nn.functional.normalize(mean, dim=1).numpy()
        return unit

    def _hidden(self, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, L, T) last hidden states and (n, L) mask, float32."""
        batch = self._tokenizer(texts, padding=True, truncation=True, max_length=_TEXT_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            return self._network(**batch).last_hidden_state, batch["attention_mask"].float()


@contextmanager
def _quiet() -> Iterator[None]:
    """No "Loading weights" bar and no advice: a library prints nothing. What the user had set comes back."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _batches(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _fold(network: Any) -> Any:
    """Fold every batch norm into its convolution: 1.3 times the speed, outputs equal to 2e-5."""
    pairs = [(network, "conv_stem", "bn1"), (network, "conv_head", "bn2")]
    for stage in network.blocks:
        for block in stage:
            narrow = hasattr(block, "conv_pwl")
            names = ("conv_pw", "conv_dw", "conv_pwl") if narrow else ("conv_dw", "conv_pw")
            pairs += [(block, name, f"bn{number}") for number, name in enumerate(names, start=1)]
    for owner, conv_name, norm_name in pairs:
        conv, norm = getattr(owner, conv_name), getattr(owner, norm_name)
        conv.weight, conv.bias = nn.utils.fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        setattr(owner, norm_name, norm.act)
    return network
