"""Saying that no option fits, by an embedding in the prompt: ``python -m benchmarks.inject [--quick] [--out FOLDER]``.

Multiple-choice items with a picture in MM-UPD's forms, test split; a system is right on a pair's form when it names the
right option of the standard item and "None of these" of its twin. Frozen SmolLM2 three ways: the prompt in words alone,
with an untrained projector, with the trained one; beside them the encoder alone, by its cosines. How much is added to
the logit of "None of these" is chosen for each way on rows of the training split that nothing is trained on. The items
are those of ``python -m foveate.evals.unanswerable``. Weights in FOLDER are used; without any, some are trained on the
training split (minutes) and written there.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import finish
from foveate.evals.reading.rows import jsonl_rows
from foveate.ids import digest
from foveate.rerankers.engine import Engine
from foveate.rerankers.heads import Head
from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.recipe import InjectionRecipe
from foveate.rerankers.injection.rows import InjectionRow, split_rows
from foveate.rerankers.injection.training import KIND, fresh, train_injection
from foveate.rerankers.lora.bases import base_digest, base_folder
from foveate.rerankers.projector import projector_of
from foveate.retrievers.encoders.mini import MiniEncoder

_CACHE = platformdirs.user_cache_path("foveate")
_TWINS = ("aad", "iasd", "ivqd")
_OFFSETS = np.linspace(-4.0, 4.0, 81)

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """An item that has options and a picture."""

    pair: str
    form: str
    split: str
    picture: str
    row: InjectionRow
    """Without vectors."""


def read(path: Path) -> list[Asked]:
    """Items of the ``base`` setting."""
    found = []
    for row in jsonl_rows(path):
        picture = row.find("picture", str)
        if picture is None or row.get("setting", str) != "base" or not (options := row.texts("options")):
            continue
        made = InjectionRow(
            question=row.get("question", str),
            options=tuple(options),
            vectors=np.zeros((len(options) + 1, 1), np.float32),
            choice=row.find("choice", int),
            group=row.get("group", str),
        )
        names = (row.get(name, str) for name in ("pair", "form", "split"))
        found.append(Asked(**dict(zip(("pair", "form", "split"), names, strict=True)), picture=picture, row=made))
    return found


def held(items: Sequence[Asked]) -> list[Asked]:
    """Those of the training split that no weights are trained on."""
    kept = [one for one in items if one.split == "train"]
    recipe = InjectionRecipe()
    groups = {row.group for row in split_rows([one.row for one in kept], recipe.held_out, recipe.seed)[1]}
    return [one for one in kept if one.row.group in groups]


def some(there: Sequence[Asked], count: int) -> list[Asked]:
    """All forms of ``count`` pairs, in an order that hashes decide."""
    pairs = sorted({one.pair for one in there}, key=lambda name: digest("inject", name))[:count]
    return [one for one in there if one.pair in pairs]


def filled(encoder: MiniEncoder, items: Sequence[Asked]) -> list[InjectionRow]:
    """Rows with alignment vectors: picture times question, picture times each option."""
    paths = sorted({one.picture for one in items})
    seen = {}
    for start in range(0, len(paths), 32):
        part = paths[start : start + 32]
        seen.update(zip(part, encoder.encode_images([Image.open(path) for path in part]), strict=True))
    texts = sorted({text for one in items for text in (one.row.question, *one.row.options)})
    said = dict(zip(texts, encoder.encode_text(texts), strict=True))
    return [
        InjectionRow(
            question=one.row.question,
            options=one.row.options,
            vectors=np.stack([seen[one.picture] * said[text] for text in (one.row.question, *one.row.options)]),
            choice=one.row.choice,
            group=one.row.group,
        )
        for one in items
    ]


def logits(model: AlignedModel, rows: Sequence[InjectionRow], *, vectors: bool = True) -> list[Array]:
    """Of each row, its letters."""
    made: list[Array] = []
    for start in range(0, len(rows), 8):
        with torch.inference_mode():
            made += [one.double().numpy() for one in model.logits(rows[start : start + 8], vectors=vectors)]
    return made


def cosines(rows: Sequence[InjectionRow]) -> list[Array]:
    """The encoder alone, in the form of logits: cosines of the options, and a constant for none."""
    return [np.append(20.0 * row.vectors[1:].sum(axis=1, dtype=np.float64), 0.0) for row in rows]


def rights(rows: Sequence[InjectionRow], found: Sequence[Array], offset: float) -> list[bool]:
    """Whether the likeliest letter is right, with ``offset`` added to that of none."""
    made = []
    for row, one in zip(rows, found, strict=True):
        chosen = int((one + np.eye(len(one))[-1] * offset).argmax())
        made.append(chosen == (len(row.options) if row.choice is None else row.choice))
    return made


def dual(items: Sequence[Asked], right: Sequence[bool]) -> Mapping[str, float]:
    """Form -> share of pairs of which both are right; ``all``, all forms; ``standard``, that alone."""
    by = {(one.pair, one.form): good for one, good in zip(items, right, strict=True)}
    pairs = sorted({one.pair for one in items})
    made = {form: float(np.mean([by[pair, "standard"] and by[pair, form] for pair in pairs])) for form in _TWINS}
    every = float(np.mean([all(by[pair, form] for form in ("standard", *_TWINS)) for pair in pairs]))
    alone = float(np.mean([by[pair, "standard"] for pair in pairs]))
    return {"standard": alone, **made, "mean": float(np.mean(list(made.values()))), "all": every}


def trained(path: Path, encoder: MiniEncoder, items: Sequence[Asked], recipe: InjectionRecipe) -> None:
    """Train on every standard item of the training split and one twin of each, and write the weights."""
    kept = [one for one in items if one.split == "train"]
    turn = {pair: _TWINS[int(digest("twin", pair), 16) % 3] for pair in {one.pair for one in kept}}
    kept = [one for one in kept if one.form in ("standard", turn[one.pair])]
    print(f"training on {len(kept)} rows ...", flush=True)
    done = train_injection(filled(encoder, kept), encoder=encoder.fingerprint, recipe=recipe)
    done.save(path)
    print(f"held out: before {done.report.before}, aligned {done.report.aligned}, after {done.report.after}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="none of these, by an embedding in the prompt")
    parser.add_argument("--quick", action="store_true", help="10 pairs")
    parser.add_argument("--items", type=Path, default=_CACHE / "datasets" / "unanswerable" / "items.jsonl")
    parser.add_argument("--out", type=Path, default=_CACHE / "benchmarks" / "inject")
    parser.add_argument("--minutes", type=float, default=8.0, help="limit of a training")
    asked = parser.parse_args()
    items, encoder, folder = read(asked.items), MiniEncoder(), base_folder("smollm2")
    path = asked.out / "mini.safetensors"
    if not path.is_file():
        quick = InjectionRecipe(aligning=60, max_minutes=0.05)
        trained(path, encoder, items, quick if asked.quick else InjectionRecipe(max_minutes=asked.minutes))
    head = Head.load(path, kind=KIND, encoder=encoder.fingerprint, base=base_digest(folder))
    engine = Engine(folder, folder.name, cached_prompts=0, cache_bytes=0)
    ready = AlignedModel(engine, projector_of(head.settings, head.tensors))
    blank = AlignedModel(engine, fresh(engine, encoder.dim, hidden=head.settings["hidden"], seed=0))
    tested = [one for one in items if one.split == "test"]
    tuning, testing = some(held(items), 8 if asked.quick else 40), some(tested, 10 if asked.quick else 60)
    rows = filled(encoder, tuning), filled(encoder, testing)
    figures = {}
    ways = {"encoder alone": [cosines(part) for part in rows]}
    for name, model, vectors in (("words", ready, False), ("untrained", blank, True), ("trained", ready, True)):
        ways[name] = [logits(model, part, vectors=vectors) for part in rows]
    for name, (known, found) in ways.items():
        offset = max(_OFFSETS, key=lambda one: dual(tuning, rights(rows[0], known, one))["mean"])
        figures[name] = dual(testing, rights(rows[1], found, offset))
        plain = dual(testing, rights(rows[1], found, 0.0))
        print(f"{name}: offset {offset:+.1f}", *(f"{key} {value:.3f}" for key, value in figures[name].items()))
        print(f"  without offset: mean {plain['mean']:.3f}, standard {plain['standard']:.3f}", flush=True)
    finish(
        "inject_dual",
        figures["trained"]["mean"],
        "mean dual accuracy of three forms",
        goal=max(figures["words"]["mean"], figures["untrained"]["mean"]) + 0.05,
        baseline=round(figures["words"]["mean"], 4),
        higher=True,
        encoder_alone=round(figures["encoder alone"]["mean"], 4),
        untrained=round(figures["untrained"]["mean"], 4),
        pairs=len(testing) // 4,
    )


if __name__ == "__main__":
    main()
