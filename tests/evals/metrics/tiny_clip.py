"""A CLIP of random weights: for torchmetrics as (model, processor), and as an encoder of our protocol."""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from transformers import CLIPConfig, CLIPModel

SIZE = 32
WORDS = 64
LENGTH = 24


class Features(torch.nn.Module):
    """A CLIP whose features are tensors: transformers 5 returns outputs, which torchmetrics 1.9 cannot read."""

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.model = model
        self.config = model.config

    def get_image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return tensor(self.model.get_image_features(pixels))

    def get_text_features(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return tensor(self.model.get_text_features(tokens, mask))


def tensor(found: Any) -> torch.Tensor:
    features: torch.Tensor = found if isinstance(found, torch.Tensor) else found.pooler_output
    return features.detach()


def tokens(texts: Sequence[str]) -> torch.Tensor:
    rows = torch.zeros(len(texts), LENGTH, dtype=torch.long)
    for row, text in zip(rows, texts, strict=True):
        ids = [hashlib.sha256(word.encode()).digest()[0] % (WORDS - 2) + 1 for word in text.lower().split()]
        ids = [*ids[: LENGTH - 1], WORDS - 1]
        row[: len(ids)] = torch.tensor(ids)
    return rows


def process(images: Any = None, text: Any = None, **_: Any) -> dict[str, torch.Tensor]:
    """Processor of both: bytes to [-1, 1], words to hashes. Pictures come as tensors (3, h, w) or from PIL."""
    if images is not None:
        arrays = [i.numpy() if isinstance(i, torch.Tensor) else np.asarray(i).transpose(2, 0, 1) for i in images]
        return {"pixel_values": torch.from_numpy(np.stack(arrays).astype(np.float32)) / 127.5 - 1.0}
    ids = tokens(text)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@cache
def tiny() -> tuple[Features, Any]:
    """(model, processor), as torchmetrics takes them from a callable."""
    torch.manual_seed(0)
    part = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}
    config = CLIPConfig(
        text_config={
            **part,
            "vocab_size": WORDS,
            "max_position_embeddings": LENGTH,
            "eos_token_id": WORDS - 1,
            "bos_token_id": 0,
            "pad_token_id": 0,
        },
        vision_config={**part, "image_size": SIZE, "patch_size": 16},
        projection_dim=16,
    )
    model = CLIPModel(config).eval()
    with torch.no_grad():
        # As initialised all pictures are nearly alike.
        for weights in model.parameters():
            weights.mul_(4.0) if weights.ndim > 1 else None
    return Features(model), process


class TinyEncoder:
    """The same weights behind our protocol."""

    name = "tiny"
    fingerprint = "tiny"
    dim = 16
    picture_mean: NDArray[np.float32] | None = None

    def __init__(self) -> None:
        self.model, _ = tiny()
        self.calls: list[int] = []

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        inputs = process(text=list(texts))
        return unit(self.model.get_text_features(inputs["input_ids"], inputs["attention_mask"]))

    def encode_images(self, images: Sequence[Image]) -> NDArray[np.float32]:
        self.calls.append(len(images))
        return unit(self.model.get_image_features(process(images=[i.convert("RGB") for i in images])["pixel_values"]))

    def tag_images(self, images: Sequence[Image], k: int = 5) -> list[list[tuple[str, float]]]:
        raise NotImplementedError


def unit(features: torch.Tensor) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = (features / features.norm(dim=-1, keepdim=True)).numpy()
    return rows
