import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from foveate.errors import CallerError
from foveate.rerankers.engine import Engine
from foveate.rerankers.heads import Head
from foveate.rerankers.injection.aligned import AlignedModel
from foveate.rerankers.injection.recipe import Accuracy, InjectionRecipe, InjectionReport, TrainingStep
from foveate.rerankers.injection.rows import SUMS
from foveate.rerankers.injection.training import Trained, fresh, measure, train_injection
from foveate.rerankers.projector import projector_of
from tests.rerankers.injection.making import DIM, row, rows

SHORT = InjectionRecipe(epochs=1, hidden=4, aligning=5)


def test_it_learns_to_say_none(trained: Trained, tiny_folder: Path) -> None:
    """Fresh rows with vectors that say whether anything fits, over a frozen model of random weights."""
    report = trained.report
    print(report)
    assert report.after.loss < report.before.loss - 0.2
    assert report.after.loss < report.aligned.loss
    engine = Engine(tiny_folder, "tiny", cached_prompts=0, cache_bytes=0)
    aligned = AlignedModel(engine, projector_of(trained.head.settings, trained.head.tensors))
    fresh_rows = rows(60, seed=9000)
    found = measure(aligned, fresh_rows)
    blind = measure(aligned, fresh_rows, vectors=False)
    print(found, blind)
    assert found.right_none > 0.9
    assert found.right_option > 0.4
    assert found.right > blind.right + 0.1


def test_the_models_weights_stay(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, in memory; the file is not written either."""
    engines: list[Engine] = []

    def watched(*args: object, **options: object) -> Engine:
        engines.append(Engine(*args, **options))  # type: ignore[arg-type]
        return engines[-1]

    monkeypatch.setattr("foveate.rerankers.injection.training.Engine", watched)
    file = tiny_folder / "model.safetensors"
    before = file.read_bytes()
    train_injection(rows(16), encoder="made", model=tiny_folder, recipe=SHORT)
    on_disk = load_file(file)
    after = dict(engines[0].model.named_parameters())
    assert all(torch.equal(after[name], value) for name, value in on_disk.items())
    assert on_disk.keys() <= after.keys()
    assert file.read_bytes() == before


def test_same_seed_same_bytes(tiny_folder: Path, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    for name in ("a", "b"):
        done = train_injection(rows(16), encoder="made", model=tiny_folder, recipe=SHORT)
        done.save(tmp_path / f"{name}.safetensors")
    assert torch.equal(torch.random.get_rng_state(), state)
    for suffix in (".safetensors", ".json"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    other = train_injection(rows(16), encoder="made", model=tiny_folder, recipe=replace(SHORT, seed=1))
    assert not np.array_equal(other.head.tensors["layers.0.weight"], done.head.tensors["layers.0.weight"])


def test_what_is_written(saved: Path, trained: Trained) -> None:
    facts = json.loads(saved.with_suffix(".json").read_text())
    assert facts["report"] == trained.report.to_dict()
    assert len(facts["report"]["losses"]) == len(facts["report"]["held_losses"]) == 4
    assert facts["recipe"]["hidden"] == 32
    head = Head.load(saved, kind="injection", encoder="made", base=trained.head.base)
    assert head.settings == {"dim": DIM + SUMS, "hidden": 32, "size": 48}
    for name, value in trained.head.tensors.items():
        assert np.array_equal(head.tensors[name].reshape(value.shape), value)


def test_progress_and_the_time_limit(tiny_folder: Path) -> None:
    told: list[TrainingStep] = []
    full = train_injection(rows(20), encoder="made", model=tiny_folder, recipe=SHORT, progress=told.append)
    assert [one.step for one in told] == list(range(1, told[-1].steps + 1))
    assert full.report.ended_by == "epochs"
    told.clear()
    recipe = replace(SHORT, max_minutes=1e-9, epochs=3)
    late = train_injection(rows(20), encoder="made", model=tiny_folder, recipe=recipe, progress=told.append)
    assert len(told) == 1
    assert late.report.ended_by == "minutes"


def test_measure_counts_kinds_apart(aligned: AlignedModel) -> None:
    made = [row(seed=1), row(seed=2, choice=None), row(seed=3, options=5)]
    with torch.no_grad():
        logits = [aligned.logits([one])[0] for one in made]
    targets = [0, 3, 0]
    right = [int(one.argmax()) == target for one, target in zip(logits, targets, strict=True)]
    found = measure(aligned, made, batch=2)
    losses = [-float(one.log_softmax(0)[target]) for one, target in zip(logits, targets, strict=True)]
    assert found.loss == pytest.approx(np.mean(losses), abs=1e-4)
    assert found.right == pytest.approx(np.mean(right))
    assert found.right_option == pytest.approx((right[0] + right[2]) / 2)
    assert found.right_none == float(right[1])
    assert np.isnan(measure(aligned, made[:1]).right_none)


def test_rows_are_as_long_as_the_models_own(aligned: AlignedModel) -> None:
    table = aligned.engine.model.get_input_embeddings().weight.detach()
    with torch.no_grad():
        made = fresh(aligned.engine, DIM, hidden=4, seed=0)(torch.randn(3, DIM + SUMS))
    assert made.norm(dim=1).tolist() == pytest.approx([float(table.norm(dim=1).mean())] * 3, rel=1e-4)


def test_unknown_is_null_in_the_facts() -> None:
    one = Accuracy(loss=0.12345678, right=0.5, right_option=0.5, right_none=float("nan"))
    report = InjectionReport(
        rows=2,
        held_out=1,
        epochs=0,
        ended_by="epochs",
        before=one,
        aligned=one,
        after=one,
        losses=(1.0,),
        held_losses=(2.0,),
    )
    made = report.to_dict()
    assert made["after"] == {"loss": 0.123457, "right": 0.5, "right_option": 0.5, "right_none": None}
    assert made["losses"] == [1.0]


def test_bad_rows_are_named(tiny_folder: Path) -> None:
    bad = [*rows(4), replace(row(), question="")]
    with pytest.raises(CallerError, match=r"rows\[4\]: question"):
        train_injection(bad, encoder="made", model=tiny_folder)
    with pytest.raises(CallerError, match="empty"):
        train_injection([], encoder="made", model=tiny_folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden", 0), ("epochs", 1.5), ("batch", True), ("aligning", -1), ("learning_rate", 0.0),
        ("max_minutes", float("nan")), ("dropout", 1.0), ("weight_decay", -0.1),
    ],
)  # fmt: skip
def test_bad_recipes(field: str, value: float) -> None:
    with pytest.raises(CallerError, match=field):
        InjectionRecipe(**{field: value})  # type: ignore[arg-type]
