import asyncio
import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from foveate import models
from foveate.errors import CallerError, ModelError, ModelMissing
from foveate.rerankers.engine import Engine
from foveate.rerankers.local import LocalChat
from foveate.rerankers.lora.adapters import CARD, WEIGHTS, apply_adapter, check_adapter
from foveate.rerankers.lora.completing import train_completions
from foveate.rerankers.lora.completion_card import read_completion_card
from foveate.rerankers.lora.completion_figures import Said, completion_figures
from foveate.rerankers.lora.completion_goal import CompletionGoal, end_of_turn
from foveate.rerankers.lora.completions import Completion, split_completions, write_completions
from foveate.rerankers.lora.outputs import CHECKPOINT
from foveate.rerankers.lora.recipe import Recipe
from foveate.rerankers.lora.run import TrainProgress
from foveate.rerankers.protocols import Message, Sampling
from tests.rerankers.lora.making import completions, recipe
from tests.rerankers.tiny import build

MODULES = ("down_proj", "k_proj", "o_proj", "q_proj", "v_proj")


def made(base: Path, **changes: object) -> Recipe:
    values: dict[str, object] = {"rank": 16, "epochs": 20, "eval_every": 10, "target_modules": MODULES}
    return recipe(base, **(values | changes))


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def copied(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained and measured on the same few replies: they can be learnt by heart."""
    out = tmp_path_factory.mktemp("adapters") / "copier"
    train_completions(made(base, epochs=60, patience=50), by_heart(), out)
    return out


def by_heart() -> list[Completion]:
    few = [item for item in completions() if item.split == "train"][:8]
    return [
        Completion(messages=item.messages, reply=item.reply, task=item.task, group=f"{item.group}{side}", split=side)
        for item in few
        for side in ("train", "dev")
    ]


def test_learns_by_heart(copied: Path, base: Path) -> None:
    card = read_completion_card(copied)
    assert card.before.whole.exact == 0.0 and card.before.loss > 3
    assert card.after.whole.exact == 1.0 and card.after.whole.token_accuracy == 1.0 and card.after.loss < 0.05
    assert card.train.tasks == {"quote": 4, "read": 4} and set(card.after.tasks) == {"quote", "read"}
    assert check_adapter(copied, base).rank == 16
    assert json.loads((copied / CARD).read_text())["kind"] == "reasoner"
    told = (copied / "README.md").read_text()
    assert "4 quote, 4 read" in told and "| read |" in told and "0.0000 | 1.0000 | 4 |" in told


def test_chat_gives_the_replies_back(copied: Path, base: Path) -> None:
    chat = LocalChat(base, adapter=copied)
    for item in by_heart()[::2]:
        reply = asyncio.run(chat.chat(item.messages, Sampling(max_tokens=40)))
        assert (reply.text, reply.finish) == (item.reply, "stop")
    chat.close()


def test_goes_on_from_an_adapter(copied: Path, base: Path, tmp_path: Path) -> None:
    card = train_completions(made(base, epochs=1, start=str(copied)), by_heart(), tmp_path / "second")
    first = read_completion_card(copied)
    assert card.before.loss == pytest.approx(first.after.loss, abs=1e-6)
    assert card.recipe["start"] == "copier" and card.fingerprint != first.fingerprint
    with pytest.raises(CallerError, match="other layers or modules"):
        train_completions(made(base, start=str(copied), target_modules=("q_proj",)), by_heart(), tmp_path / "third")
    with pytest.raises(CallerError, match="does not fit"):
        train_completions(made(base, start=str(copied), rank=4), by_heart(), tmp_path / "fourth")


def test_loss_is_that_of_transformers(base: Path) -> None:
    """Packed and shared, against one completion at a time with labels that leave the prompt out."""
    data = completions(8)
    train, dev = split_completions(data, 0.1)
    goal = CompletionGoal(base, made(base, batch_tokens=512, weights={"quote": 3.0}), (train, dev))
    batches = goal.batches(range(len(train)))
    assert any(len(batch.pairs) > 3 for batch in batches)
    raw = sum(len(item.tokens) for batch in batches for item in batch.body.examples)
    assert sum(batch.tokens for batch in batches) < 0.7 * raw
    engine = Engine(base, "tiny", cached_prompts=0, cache_bytes=0)
    plain = AutoModelForCausalLM.from_pretrained(base)

    def alone(item: Completion) -> float:
        prompt, reply = engine.prompt.encode(item.messages), [*engine.prompt.encode_text(item.reply), 1]
        row = torch.tensor([[*prompt, *reply]])
        labels = row.clone()
        labels[0, : len(prompt)] = -100
        with torch.inference_mode():
            return float(plain(input_ids=row, labels=labels).loss)

    weights = [3.0 if item.task == "quote" else 1.0 for item in train]
    mass = goal.mass(batches)
    assert mass == sum(weights)
    told = sum(goal.loss(batch, mass)[1] for batch in batches)
    wanted = sum(weight * alone(item) for weight, item in zip(weights, train, strict=True)) / mass
    assert told == pytest.approx(wanted, abs=1e-4)
    figures = goal.measure()
    for task in ("quote", "read"):
        each = [alone(item) for item in dev if item.task == task]
        assert figures["tasks"][task]["loss"] == pytest.approx(sum(each) / len(each), abs=1e-4)


def test_gradients_are_those_of_completions_alone(base: Path) -> None:
    sides = split_completions(completions(4), 0.1)
    found = []
    for tokens in (512, 16):
        torch.manual_seed(3)
        goal = CompletionGoal(base, made(base, batch_tokens=tokens), sides)
        parts = {name: part for name, part in goal.model.named_parameters() if part.requires_grad}
        for name, part in parts.items():
            if "lora_B" in name:
                torch.nn.init.normal_(part, std=0.05)
        batches = goal.batches(range(len(sides[0])))
        for batch in batches:
            goal.loss(batch, goal.mass(batches))[0].backward()  # type: ignore[no-untyped-call]
        found.append({name: part.grad for name, part in parts.items()})
    for name, grad in found[0].items():
        assert torch.allclose(grad, found[1][name], atol=1e-4, rtol=1e-3), name


def test_figures_by_hand() -> None:
    said = [
        Said(task="a", loss=1.0, tokens=2, right=2),
        Said(task="a", loss=3.0, tokens=6, right=3),
        Said(task="b", loss=5.0, tokens=2, right=0),
    ]
    found = completion_figures(said, {"b": 2.0})
    assert found.loss == (1 + 3 + 2 * 5) / 4
    assert (found.whole.loss, found.whole.token_accuracy, found.whole.exact) == (3.0, 0.5, pytest.approx(1 / 3))
    assert (found.tasks["a"].loss, found.tasks["a"].token_accuracy, found.tasks["a"].exact) == (2.0, 5 / 8, 0.5)
    assert type(found).from_dict(json.loads(json.dumps(found.to_dict()))) == found


@pytest.mark.parametrize("at", [3, 6])
def test_killed_and_resumed(base: Path, tmp_path: Path, at: int) -> None:
    chosen = made(base, max_steps=8, eval_every=4, dropout=0.2, anchor=0.01, weights={"read": 0.5})
    train_completions(chosen, completions(), tmp_path / "whole")

    def kill(state: TrainProgress) -> None:
        if state.step == at:
            raise Killed

    with pytest.raises(Killed):
        train_completions(chosen, completions(), tmp_path / "parts", kill)
    assert (tmp_path / "parts" / CHECKPOINT).is_file() and not (tmp_path / "parts" / WEIGHTS).exists()
    steps: list[int] = []
    card = train_completions(chosen, completions(), tmp_path / "parts", lambda state: steps.append(state.step))
    assert steps[0] == at // 4 * 4 + 1
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()
    whole = read_completion_card(tmp_path / "whole")
    assert (card.before, card.after, card.history) == (whole.before, whole.after, whole.history)


def test_progress_and_limits(base: Path, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    card = train_completions(made(base, epochs=2, held_out_pairs=4), completions(), tmp_path / "a", seen.append)
    assert [state.step for state in seen] == list(range(1, card.steps + 1)) and seen[-1].epoch == 2.0
    assert all(state.tokens_per_s > state.pairs_per_s > 0 for state in seen)
    assert seen[-1].fraction == 1.0 and seen[-1].minutes_left == 0.0
    assert card.after.whole.completions == 4 < card.held_out.completions == 12
    assert card.tokens_per_s > card.completions_per_s
    late = train_completions(made(base, max_minutes=1e-6), completions(), tmp_path / "b")
    assert (late.ended_by, late.steps, late.before) == ("minutes", 0, late.after)


def test_finished_is_not_done_again(copied: Path, base: Path, tmp_path: Path) -> None:
    chosen = made(base, epochs=60, patience=50)
    train_completions(chosen, by_heart(), copied, lambda _: pytest.fail("trained again"))
    with pytest.raises(CallerError, match="--fresh"):
        train_completions(chosen, completions(), copied)
    with pytest.raises(CallerError, match="--fresh"):
        train_completions(chosen.model_copy(update={"anchor": 0.5}), by_heart(), copied)


def test_applies_to_a_loaded_model(copied: Path, base: Path) -> None:
    names = set(load_file(copied / WEIGHTS))
    assert all(name.startswith("base_model.model.model.layers.") for name in names)
    model = apply_adapter(AutoModelForCausalLM.from_pretrained(base), copied, merge=True)
    engine = Engine(base, "tiny", cached_prompts=0, cache_bytes=0)
    item = by_heart()[0]
    row = torch.tensor([engine.prompt.encode(item.messages)])
    with torch.inference_mode():
        first = int(model(row).logits[0, -1].argmax())
    assert first == engine.prompt.encode_text(item.reply)[0]


def test_replies_keep_control_words_plain(base: Path, tmp_path: Path) -> None:
    """A reply that holds the end token's own words teaches words, and is said back."""
    talk = (Message(role="user", text="sea"),)
    data = [
        Completion(messages=talk, reply="a <|im_end|> b", group=side, split=side)  # type: ignore[arg-type]
        for side in ("train", "dev")
    ]
    goal = CompletionGoal(base, made(base), ([data[0]], [data[1]]))
    example = goal.batches([0])[0].body.examples[0]
    assert example.targets.count(1) == 1 and example.targets[-1] == 1
    train_completions(made(base, epochs=40), data, tmp_path / "a")
    chat = LocalChat(base, adapter=tmp_path / "a")
    assert asyncio.run(chat.chat(talk, Sampling(max_tokens=40))).text == "a <|im_end|> b"
    chat.close()


def test_end_of_turn(base: Path) -> None:
    engine = Engine(base, "tiny", cached_prompts=0, cache_bytes=0)
    assert end_of_turn(engine) == 1
    engine.ends = frozenset({7, 1})
    assert end_of_turn(engine) == 1
    engine.ends = frozenset({7, 9})
    assert end_of_turn(engine) == 7
    engine.ends = frozenset()
    with pytest.raises(ModelError, match="no token that ends"):
        end_of_turn(engine)


def test_refusals(base: Path, tmp_path: Path) -> None:
    talk = (Message(role="user", text="sea " * 600),)
    for chosen, data, told in (
        (made(base), [*completions(), Completion(messages=talk, reply="x", split="train")], "holds 512"),
        (
            made(base),
            [*completions(), Completion(messages=talk, reply="x\ud800", split="train")],
            "holds 512|cannot say",
        ),
        (made(base, listwise=1.0), completions(), "listwise is 1.0"),
        (made(base, weights={"raed": 2.0}), completions(), "the task 'raed'; the data have quote, read"),
        (made(base), [item for item in completions() if item.split == "dev"], "none is train"),
    ):
        with pytest.raises(CallerError, match=told):
            train_completions(chosen, data, tmp_path / "x")
    broken = [*completions(), Completion(messages=(Message(role="user", text="x"),), reply="x\ud800", split="train")]
    with pytest.raises(CallerError, match="cannot say"):
        train_completions(made(base), broken, tmp_path / "x")
    with pytest.raises(ModelError, match="no adapter fits"):
        train_completions(made(base, target_modules=("nowhere",)), completions(), tmp_path / "x")


def test_damaged_base(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    broken = build(tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = math.nan
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="broke down on held-out reply"):
        train_completions(made(broken), completions(), tmp_path / "x")


def test_from_a_file(base: Path, tmp_path: Path) -> None:
    write_completions(tmp_path / "a.jsonl", completions())
    by_file = train_completions(made(base, max_steps=1), tmp_path / "a.jsonl", tmp_path / "a")
    by_list = train_completions(made(base, max_steps=1), completions(), tmp_path / "b")
    assert by_file.fingerprint == by_list.fingerprint and by_file.ended_by == "steps"


@pytest.mark.slow
def test_real_weights(tmp_path: Path) -> None:
    """SmolLM2 learns in 16 steps, and says as many replies word for word as the card tells."""
    try:
        folder = models.path("smollm2")
    except ModelMissing as error:
        pytest.skip(str(error))
    data = [
        Completion(messages=(Message(role="user", text=f"Number {word}?"),), reply=reply, group=side + word, split=side)
        for word, reply in (("four", "sheep it is"), ("nine", "none"))
        for side in ("train", "dev")
    ]
    chosen = Recipe(base=str(folder), last_layers=4, epochs=16, eval_every=16, learning_rate=5e-3)
    card = train_completions(chosen, data, tmp_path / "a")
    assert card.after.loss < card.before.loss / 3 and card.after.whole.exact > card.before.whole.exact == 0.0
    chat = LocalChat(folder, adapter=tmp_path / "a")
    said = [asyncio.run(chat.chat(item.messages, Sampling(max_tokens=12))).text == item.reply for item in data[::2]]
    chat.close()
    assert sum(said) / len(said) == card.after.whole.exact
