"""Train the mini encoder's head: ``python -m foveate.retrievers.training.mini_head --help``.

Read top to bottom: pictures and captions, split by concept, features, contrastive training, block weights
chosen on the validation part, head written. No test set is read.

Legend: n pictures, F = 1280 features, K = 1000 classes, T = 384 text, D width of the aligned block.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray

from foveate import models
from foveate.ids import digest, file_digest
from foveate.retrievers.encoders.backbones import EfficientNetLite0, MiniLM
from foveate.retrievers.encoders.head import MiniHead, unit
from foveate.retrievers.encoders.mini import HEAD
from foveate.retrievers.training.aligned import Phantoms, fold, sentence, train
from foveate.retrievers.training.captioned import Captioned, emoji, furniture, gcompris, openclipart
from foveate.retrievers.training.views import features

__all__ = ["Examples", "main"]

Array = NDArray[np.float32]
_LOG = logging.getLogger(__name__)
_CAPTIONS = 5
_TAG_T, _TAG_MIN = 1.0, 0.1  # fits GCompris: of tags shown, mean probability 0.41, 0.42 right
_VERSION = "mini-head-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Pictures as features, with their captions."""

    features: Array
    """(n, F), one row a view."""
    captions: tuple[tuple[str, ...], ...]
    """Up to 5 a row, the title first."""
    concepts: tuple[str, ...]
    """Split key of each row."""
    plain: NDArray[np.bool_]
    """(n) whether the row is an unchanged view; only those validate."""

    def select(self, keep: NDArray[np.bool_]) -> "Examples":
        """Rows where ``keep``."""
        rows = np.flatnonzero(keep)
        return Examples(
            features=self.features[rows],
            captions=tuple(self.captions[i] for i in rows),
            concepts=tuple(self.concepts[i] for i in rows),
            plain=self.plain[rows],
        )

    def save(self, path: Path) -> None:
        """Write as npz: features in float16, the rest as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        said = json.dumps([self.captions, self.concepts])
        np.savez(path, features=self.features.astype(np.float16), plain=self.plain, said=np.array(said))

    @classmethod
    def load(cls, path: Path) -> "Examples":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            captions, concepts = json.loads(str(kept["said"]))
            return cls(
                features=kept["features"].astype(np.float32),
                captions=tuple(tuple(row) for row in captions),
                concepts=tuple(concepts),
                plain=kept["plain"],
            )


def held_out(concept: str) -> bool:
    """Whether a concept validates: all of GCompris, and one in ten of the others by hash."""
    return concept.startswith("gcompris|") or int(hashlib.sha256(concept.encode()).hexdigest(), 16) % 10 == 0


def gather(folder: Path, items: Sequence[Captioned], views: int, kept: Path) -> Examples:
    """Features of ``views`` views of each item."""
    rows = list(features(folder, items, views, kept))
    return Examples(
        features=np.stack([row for _, _, row in rows]),
        captions=tuple(items[i].captions[:_CAPTIONS] for i, _, _ in rows),
        concepts=tuple(items[i].concept for i, _, _ in rows),
        plain=np.array([view == 0 for _, view, _ in rows]),
    )


def class_names() -> tuple[list[str], list[str], list[str]]:
    """Short name, all names, and names with WordNet's definition of each ImageNet class."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    plain = [str(info.index_to_description(i)) for i in range(1000)]
    detailed = [str(info.index_to_description(i, detailed=True)) for i in range(1000)]
    return [name.split(",")[0] for name in plain], plain, detailed


def recalls(scores: Array, titles: Sequence[str]) -> tuple[float, float]:
    """R@1 and R@10 of (titles, pictures) scores, one query a distinct title, any picture so titled counts."""
    names = np.array(titles)
    _, queries = np.unique(names, return_index=True)
    same = names[queries][:, None] == names[None, :]
    best = np.where(same, scores[queries], -np.inf).max(axis=1, keepdims=True)
    rank = ((scores[queries] > best) & ~same).sum(axis=1)
    return float((rank < 1).mean()), float((rank < 10).mean())


def choose(
    head: MiniHead, sets: Mapping[str, Examples], vectors: Mapping[str, Array], network: EfficientNetLite0
) -> tuple[dict[str, float], dict[str, object]]:
    """Relative weights of the three blocks with the best validation sum of R@1 and R@10, and the figures."""
    blocks = {}
    for name, part in sets.items():
        texts = np.stack([vectors[row[0]] for row in part.captions])
        logits = part.features @ network.classifier.T + network.bias
        pairs = ((texts, head.conse(logits)), head.posteriors(texts, logits), head.aligned(texts, part.features))
        blocks[name] = ([left @ right.T for left, right in pairs], [row[0] for row in part.captions])
    figures: dict[str, object] = {}
    for label, weights in (("conse", (1, 0, 0)), ("posterior", (0, 1, 0)), ("aligned", (0, 0, 1))):
        figures[label] = _scored(blocks, weights)
    tried = [(c, 1.0, a) for c in (0.15, 0.5) for a in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.65, 0.8)]
    # GCompris counts double: none of its kind trained, as with pictures a user brings.
    worth = {w: sum((2 if n == "gcompris" else 1) * sum(r) for n, r in _scored(blocks, w).items()) for w in tried}
    best = max(tried, key=lambda weights: worth[weights])
    figures["together"] = _scored(blocks, best)
    return dict(zip(("conse", "posterior", "aligned"), best, strict=True)), figures


def _scored(
    blocks: Mapping[str, tuple[list[Array], list[str]]], weights: Sequence[float]
) -> dict[str, tuple[float, float]]:
    return {
        name: recalls(np.asarray(sum(w * s for w, s in zip(weights, scores, strict=True))), titles)
        for name, (scores, titles) in blocks.items()
    }


def sides(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights of each side whose products are as ``weights``: the text side nine tenths MiniLM.

    Only products count between text and picture, so the text side may keep MiniLM's cosines (0.9 ** 2 of a
    text-to-text cosine) and the picture side make up for it.
    """
    text = {"conse": 0.9, "posterior": 0.31, "aligned": 0.31}
    image = {name: weight / text[name] for name, weight in weights.items()}
    length = float(np.sqrt(sum(weight**2 for weight in image.values())))
    return {f"text_{n}": w for n, w in text.items()} | {f"image_{n}": w / length for n, w in image.items()}


def aligned(
    part: Examples, network: EfficientNetLite0, vectors: Mapping[str, Array], named: Array, options: argparse.Namespace
) -> dict[str, Array]:
    """Tensors of the aligned block: ``options.members`` pairs of towers, folded into one."""
    phantoms = Phantoms(part.features, network.classifier, network.bias)
    mean, std = part.features.mean(0), part.features.std(0) + 1e-3
    rows = (part.features - mean) / std
    members = [
        train(
            rows, part.captions, vectors, named, phantoms,
            epochs=options.epochs, hidden=options.hidden, width=256, seed=options.seed + i, share=options.phantoms,
        )
        for i in range(options.members)
    ]  # fmt: skip
    folded = fold(members, rows, np.stack(list(vectors.values())), options.width)
    return {"feature_mean": mean, "feature_std": std, **folded}


def assemble(
    part: Examples, network: EfficientNetLite0, language: MiniLM, options: argparse.Namespace
) -> tuple[MiniHead, dict[str, Array]]:
    """Train and put the head together, without block weights and tags; also MiniLM rows of training captions."""
    texts = sorted({text for row in part.captions for text in row})
    vectors = dict(zip(texts, language.encode(texts), strict=True))
    vectors |= dict(zip(map(sentence, texts), language.encode([sentence(text) for text in texts]), strict=True))
    encoded = [language.encode(names) for names in class_names()]
    tensors = aligned(part, network, vectors, np.stack(encoded, axis=1), options)
    settings = {"conse_t": 2.0, "image_t": 2.0, "text_t": 0.037}
    logits = part.features[part.plain] @ network.classifier.T + network.bias
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / settings["image_t"])
    shares = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
    tensors |= {"classes": unit(np.sum(encoded, axis=0)), "prior": 0.2 * np.log(shares + 1e-6)}
    words = _vocabulary(part)
    tensors["word_vectors"] = language.encode(words)
    names = (*(name.lower() for name in class_names()[0]), *words)
    return MiniHead(tensors=tensors, settings=settings, words=names, version=_VERSION), vectors


def finished(head: MiniHead, weights: Mapping[str, float], part: Examples, network: EfficientNetLite0) -> MiniHead:
    """The head with its block weights, and what the plain training pictures say of all pictures.

    Their mean vector, and each tag word's mean and deviation over them.
    """
    settings = {**head.settings, **sides(weights), "tag_t": _TAG_T, "tag_min": _TAG_MIN}
    weighted = MiniHead(tensors=head.tensors, settings=settings, words=head.words, version=head.version)
    seen = part.features[part.plain]
    pictures = weighted.image(seen, seen @ network.classifier.T + network.bias)
    scores = pictures @ weighted.text(weighted.word_rows()).T
    found = {"picture_mean": pictures.mean(axis=0), "word_mean": scores.mean(axis=0), "word_std": scores.std(axis=0)}
    tensors = {**head.tensors, **found}
    return MiniHead(tensors=tensors, settings=settings, words=head.words, version=head.version)


def _vocabulary(part: Examples) -> list[str]:
    """One-word names of emoji, and one-word captions of 8 concepts or more, that are no class names."""
    concepts: dict[str, set[str]] = {}
    for row, concept in zip(part.captions, part.concepts, strict=True):
        for text in row:
            word = text.lower().strip()
            if word.isascii() and word.isalpha() and len(word) > 2:
                concepts.setdefault(word, set()).add(concept)
    rows = zip(part.captions, part.concepts, strict=True)
    emoji_names = {row[0].lower() for row, concept in rows if concept.startswith("emoji|")}
    common = {word for word, where in concepts.items() if len(where) >= 8 or word in emoji_names}
    return sorted(common - {name.lower() for name in class_names()[0]})


def _collect(folder: Path, cache: Path, views: int) -> Examples:
    # Features of other networks never mix with these.
    made_by = digest(*(file_digest(file) for file in sorted(folder.glob("*.safetensors"))))[:12]
    parts = []
    for source, count in ((openclipart, views), (furniture, views), (emoji, 1), (gcompris, 1)):
        kept = cache / "features" / made_by / f"{source.__name__}-{count}"
        parts.append(gather(folder, list(source(cache)), count, kept))
    return Examples(
        features=np.concatenate([part.features for part in parts]),
        captions=tuple(row for part in parts for row in part.captions),
        concepts=tuple(concept for part in parts for concept in part.concepts),
        plain=np.concatenate([part.plain for part in parts]),
    )


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the head of the mini encoder.")
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--examples", type=Path, help="features file; made there if absent (an hour on 2 cores)")
    parser.add_argument("--out", type=Path, default=HEAD)
    parser.add_argument("--views", type=int, default=3, help="views of a clip-art or furniture picture")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--width", type=int, default=216)
    parser.add_argument("--phantoms", type=int, default=192, help="ImageNet rows in each batch of 512")
    parser.add_argument("--members", type=int, default=2, help="pairs of towers, of one seed each")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch, extract, train, choose, write; figures go to the log."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = _parsed(arguments)
    torch.set_num_threads(1)  # two wait for each other on a busy machine: 198 s a tower instead of 26
    folder = models.get("mini")
    network, language = EfficientNetLite0(folder / "efficientnet_lite0.safetensors"), MiniLM(folder / "minilm")
    kept = options.examples or options.cache / "examples.npz"
    if not kept.exists():
        _collect(folder, options.cache, options.views).save(kept)
    examples = Examples.load(kept)
    out = np.array([held_out(concept) for concept in examples.concepts])
    part = examples.select(~out)
    head, vectors = assemble(part, network, language, options)
    sets = {
        name: examples.select(out & examples.plain & np.array([c.startswith(name) for c in examples.concepts]))
        for name in ("gcompris", "openclipart", "furniture")
    }
    titles = sorted({row[0] for part in sets.values() for row in part.captions})
    vectors |= dict(zip(titles, language.encode(titles), strict=True))
    weights, figures = choose(head, sets, vectors, network)
    _LOG.info("weights %s", weights)
    for name, row in figures.items():
        _LOG.info("%s (R@1, R@10): %s", name, row)
    finished(head, weights, part, network).save(options.out)


if __name__ == "__main__":
    main()
