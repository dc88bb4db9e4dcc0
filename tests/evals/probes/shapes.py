"""A tiny CLIP that knows coloured shapes, trained on drawings: explanations of it can be right or wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from foveate.retrievers.encoders.open_clip import OpenClipEncoder

CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 48, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 10, "vocab_size": 49408, "width": 48, "heads": 2, "layers": 2},
}
COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (40, 60, 230), "yellow": (230, 210, 20)}
SHAPES = ("circle", "square", "triangle")


def draw(things: dict[int, tuple[str, str]]) -> Image.Image:
    """A picture of 32 x 32 pixels with (colour, shape) in its quarters."""
    image = Image.new("RGB", (32, 32), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    for quarter, (colour, shape) in things.items():
        x, y = quarter % 2 * 16 + 2, quarter // 2 * 16 + 2
        box = (x, y, x + 11, y + 11)
        if shape == "circle":
            pen.ellipse(box, fill=COLOURS[colour])
        elif shape == "square":
            pen.rectangle(box, fill=COLOURS[colour])
        else:
            pen.polygon([(x, y + 11), (x + 11, y + 11), (x + 5, y)], fill=COLOURS[colour])
    return image


def pair(rng: np.random.Generator) -> tuple[dict[int, tuple[str, str]], str]:
    """Two things of different colours in two quarters, and a caption that names them in one order or the other."""
    quarters = rng.choice(4, 2, replace=False)
    colours = rng.choice(sorted(COLOURS), 2, replace=False)
    things = {int(q): (str(c), str(rng.choice(SHAPES))) for q, c in zip(quarters, colours, strict=True)}
    names = [f"{colour} {shape}" for colour, shape in things.values()]
    return things, " ".join(names[:: int(rng.choice([1, -1]))])


def tiny(folder: Path, name: str = "tiny-shapes", seed: int = 0) -> tuple[Any, Any, Any]:
    """An untrained model with its preprocessing and tokenizer."""
    import open_clip
    import torch

    (folder / f"{name}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder)
    torch.manual_seed(seed)
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    return model.eval(), preprocess, open_clip.get_tokenizer(name)


def train(parts: tuple[Any, Any, Any], *, steps: int, batch: int = 64, seed: int = 0) -> float:
    """Contrastive training (InfoNCE) on drawings; returns the last loss."""
    import torch
    from torch.nn import functional

    model, preprocess, tokenizer = parts
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    model.train()
    loss = torch.tensor(float("nan"))
    for _ in range(steps):
        pairs = [pair(rng) for _ in range(batch)]
        pixels = torch.stack([preprocess(draw(things)) for things, _ in pairs])
        rows = model.encode_image(pixels, normalize=True)
        texts = model.encode_text(tokenizer([text for _, text in pairs]), normalize=True)
        logits = rows @ texts.T * model.logit_scale.exp().clamp(max=50)
        truth = torch.arange(batch)
        loss = (functional.cross_entropy(logits, truth) + functional.cross_entropy(logits.T, truth)) / 2
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rate.step()
    model.eval()
    return float(loss.detach())


def encoder(parts: tuple[Any, Any, Any], name: str = "tiny-shapes") -> OpenClipEncoder:
    return OpenClipEncoder(name, model=parts)
