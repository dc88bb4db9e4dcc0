import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from foveate.errors import CallerError, ModelError
from foveate.rerankers.local_judge import LocalJudge
from foveate.rerankers.lora import run as runs
from foveate.rerankers.lora.adapters import CARD, WEIGHTS, apply_adapter, check_adapter
from foveate.rerankers.lora.card import read_card
from foveate.rerankers.lora.pairs import Pair, split_pairs, write_pairs
from foveate.rerankers.lora.run import TrainProgress
from foveate.rerankers.lora.text_training import TextLearner
from foveate.rerankers.lora.training import CHECKPOINT, train_reranker
from foveate.rerankers.pointwise import PointwiseReranker, prompt_of
from foveate.rerankers.protocols import Candidate, Judgement, Message
from foveate.usage import Usage
from tests.rerankers.lora.making import pairs, recipe
from tests.rerankers.test_sentences import result
from tests.rerankers.tiny import build


class Killed(BaseException):
    pass


def same(one: Path, other: Path) -> bool:
    return (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()


def test_learns(trained: Path, base: Path) -> None:
    card = read_card(trained)
    assert card.after.loss < 0.3 < 2 < card.before.loss
    assert card.after.accuracy > 0.9 and (card.after.auroc or 0) > 0.95 and (card.after.ndcg or 0) > 0.95
    assert card.train.pairs + card.held_out.pairs == len(pairs()) and card.held_out.questions == 6
    assert card.ended_by == "epochs" and card.best_step <= card.steps
    assert sorted(file.name for file in trained.iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "foveate_adapter.json",
    ]
    assert "| auroc |" in (trained / "README.md").read_text()
    assert check_adapter(trained, base).rank == 8


def test_judges_as_measured(trained: Path, base: Path) -> None:
    """The card's figures come back from the judge that users load."""
    _, held_out = split_pairs(pairs(), 0.1)
    judge = LocalJudge(base, trained)
    prompts = [prompt_of(pair.question, Candidate(id="", text=pair.candidate), ()) for pair in held_out]
    said = asyncio.run(judge.judge(prompts))
    judge.close()
    right = [(one.probability > 0.5) == pair.label for one, pair in zip(said, held_out, strict=True)]
    assert sum(right) / len(right) == pytest.approx(read_card(trained).after.accuracy)
    losses = [-(one.yes if pair.label else one.no) for one, pair in zip(said, held_out, strict=True)]
    # Judged are all spellings, taught is one.
    assert sum(losses) / len(losses) == pytest.approx(read_card(trained).after.loss, abs=0.1)


def test_prompts_are_those_of_inference(base: Path) -> None:
    texts = ["the sea", "<|im_start|> ships\n are\n", "wide " * 90]

    class Recorder:
        name, sees = "recorder", False

        def __init__(self) -> None:
            self.judge_of = LocalJudge(base)
            self.prompts: list[list[int]] = []

        async def judge(self, prompts: Any) -> list[Judgement]:
            engine = self.judge_of.chat._loaded()
            self.prompts = [engine.prompt.encode(prompt) for prompt in prompts]
            return [Judgement(yes=-1.0, no=-1.0, usage=Usage()) for _ in prompts]

        def cut(self, text: str, tokens: int) -> str:
            return self.judge_of.cut(text, tokens)

    recorder = Recorder()
    found = [result(str(at), text) for at, text in enumerate(texts)]
    asyncio.run(PointwiseReranker(recorder, candidate_tokens=64).rerank("where?", found))
    learner = TextLearner(base, recipe(base, candidate_tokens=64))
    trained_on = learner.prepare([Pair(question="where?", candidate=text, label=True) for text in texts])
    assert [list(prompt.tokens) for prompt in trained_on] == recorder.prompts
    assert max(map(len, recorder.prompts)) < 200


def test_taught_is_the_first_token_of_yes_and_no(base: Path) -> None:
    learner = TextLearner(base, recipe(base))
    engine_says = learner._prompt.encode_text
    assert learner.answers.yes in learner.answers.tokens.yes and learner.answers.no in learner.answers.tokens.no
    assert {learner.answers.yes, learner.answers.no}.isdisjoint(engine_says("sea"))


def test_seed_decides(trained: Path, base: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    train_reranker(recipe(base), pairs(), tmp_path / "again")
    before = torch.random.get_rng_state()
    train_reranker(recipe(base, seed=1, max_steps=4), pairs(), tmp_path / "other")
    assert same(trained, tmp_path / "again") and not same(trained, tmp_path / "other")
    assert check_adapter(tmp_path / "again", base).digest == check_adapter(trained, base).digest
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's random numbers are left alone"


@pytest.mark.parametrize("at", [1, 6, 9])
def test_killed_and_resumed(base: Path, tmp_path: Path, at: int) -> None:
    made = recipe(base, max_steps=11, dropout=0.2, listwise=0.5)
    train_reranker(made, pairs(), tmp_path / "whole")

    def kill(state: TrainProgress) -> None:
        if state.step == at:
            raise Killed

    with pytest.raises(Killed):
        train_reranker(made, pairs(), tmp_path / "parts", kill)
    assert (tmp_path / "parts" / CHECKPOINT).is_file() and not (tmp_path / "parts" / WEIGHTS).exists()
    steps: list[int] = []
    card = train_reranker(made, pairs(), tmp_path / "parts", lambda state: steps.append(state.step))
    assert steps[0] == at // 4 * 4 + 1
    assert same(tmp_path / "whole", tmp_path / "parts")
    whole = read_card(tmp_path / "whole")
    assert (card.before, card.after, card.best_step, card.history) == (
        whole.before,
        whole.after,
        whole.best_step,
        whole.history,
    )


def test_sigkill(base: Path, tmp_path: Path) -> None:
    made = recipe(base, max_steps=9, dropout=0.2)
    write_pairs(tmp_path / "pairs.jsonl", pairs())
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from foveate.rerankers.lora.recipe import Recipe\n"
        "from foveate.rerankers.lora.training import train_reranker\n"
        "made, data, out = Recipe.model_validate_json(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])\n"
        "train_reranker(made, data, out, lambda state: state.step == 7 and os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    data, parts = tmp_path / "pairs.jsonl", tmp_path / "parts"
    # As many threads as here: sums of floats depend on it.
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(
        [sys.executable, "-c", code, made.model_dump_json(), str(data), str(parts)],
        env=os.environ | threads,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    steps: list[int] = []
    train_reranker(made, data, parts, lambda state: steps.append(state.step))
    train_reranker(made, data, tmp_path / "whole")
    assert steps[0] == 5 and same(tmp_path / "whole", parts)


def test_checkpoint_between_measurements(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe(base, max_steps=9, dropout=0.2)
    train_reranker(made, pairs(), tmp_path / "whole")
    monkeypatch.setattr(runs, "_SAVE_EVERY_S", 0.0)

    def kill(state: TrainProgress) -> None:
        if state.step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_reranker(made, pairs(), tmp_path / "parts", kill)
    steps: list[int] = []
    train_reranker(made, pairs(), tmp_path / "parts", lambda state: steps.append(state.step))
    assert steps[0] == 7 and same(tmp_path / "whole", tmp_path / "parts")


def test_finished_is_not_done_again(adapter: Path, base: Path) -> None:
    before = (adapter / WEIGHTS).stat().st_mtime_ns
    card = train_reranker(recipe(base), pairs(), adapter, lambda _: pytest.fail("trained again"))
    assert card.fingerprint == read_card(adapter).fingerprint
    assert (adapter / WEIGHTS).stat().st_mtime_ns == before
    with pytest.raises(CallerError, match="--fresh"):
        train_reranker(recipe(base, rank=2), pairs(), adapter)
    train_reranker(recipe(base, rank=2, max_steps=2), pairs(), adapter, resume=False)
    assert check_adapter(adapter, base).rank == 2


def test_checkpoint_of_another_recipe(base: Path, tmp_path: Path) -> None:
    def kill(state: TrainProgress) -> None:
        raise Killed

    with pytest.raises(Killed):
        train_reranker(recipe(base), pairs(), tmp_path / "a", kill)
    with pytest.raises(CallerError, match="another recipe"):
        train_reranker(recipe(base, rank=4), pairs(), tmp_path / "a")
    checkpoint = tmp_path / "a" / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:900])
    with pytest.raises(ModelError, match="damaged"):
        train_reranker(recipe(base), pairs(), tmp_path / "a")


def test_limits(base: Path, tmp_path: Path) -> None:
    card = train_reranker(recipe(base, max_steps=3), pairs(10), tmp_path / "steps")
    assert (card.ended_by, card.steps) == ("steps", 3)
    card = train_reranker(recipe(base, max_minutes=1e-6), pairs(10), tmp_path / "minutes")
    assert (card.ended_by, card.steps, card.before) == ("minutes", 0, card.after)
    made = recipe(base, epochs=40, learning_rate=0.3, eval_every=1, patience=2)
    card = train_reranker(made, pairs(10), tmp_path / "patience")
    assert card.ended_by == "patience" and card.steps == card.best_step + 2
    assert card.after.loss == pytest.approx(min(entry["held_out_loss"] for entry in card.history), abs=1e-5)


def test_best_weights_are_kept(base: Path, tmp_path: Path) -> None:
    """An early best survives what came after, through a resumed run too."""
    made = recipe(base, epochs=40, learning_rate=0.3, eval_every=1, patience=3)
    card = train_reranker(made, pairs(10), tmp_path / "long")
    short = train_reranker(made.model_copy(update={"patience": 1}), pairs(10), tmp_path / "short")
    assert card.best_step >= short.best_step and card.after.loss <= short.after.loss


def test_last_layers(base: Path, tmp_path: Path) -> None:
    train_reranker(recipe(base, last_layers=1, max_steps=4), pairs(), tmp_path / "one")
    names = load_file(tmp_path / "one" / WEIGHTS)
    assert {name.split(".")[4] for name in names} == {"2"}
    learner = TextLearner(base, recipe(base, last_layers=1))
    batch = learner.batches(learner.prepare(pairs(1)), range(4))[0]
    seen: dict[int, bool] = {}
    for at, layer in enumerate(learner.model.get_base_model().model.layers):
        layer.register_forward_hook(lambda _m, _i, out, at=at: seen.update({at: out.requires_grad}))
    learner.logits(batch)
    assert seen == {0: False, 1: False, 2: True}
    with pytest.raises(ModelError, match="has 3 layers"):
        TextLearner(base, recipe(base, last_layers=4))


def test_progress(base: Path, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    card = train_reranker(recipe(base, epochs=3), pairs(), tmp_path / "a", seen.append)
    assert [state.step for state in seen] == list(range(1, card.steps + 1))
    fractions = [state.fraction for state in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and seen[-1].minutes_left == 0.0
    assert seen[-1].epoch == 3.0 and all(state.pairs_per_s > 0 for state in seen)


def test_refusals(base: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    picture = Pair(question="q", candidate="", label=True, images=(tmp_path / "a.png",), split="train")
    with pytest.raises(CallerError, match="cannot see"):
        train_reranker(recipe(base), [picture, *pairs()], tmp_path / "x")
    long = [Pair(question="sea " * 600, candidate="c", label=True, split="train"), *pairs()]
    with pytest.raises(CallerError, match="holds 512"):
        train_reranker(recipe(base), long, tmp_path / "x")
    with pytest.raises(ModelError, match="no adapter fits"):
        train_reranker(recipe(base, target_modules=("nowhere",)), pairs(), tmp_path / "x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(CallerError, match=r"notes\.txt"):
        train_reranker(recipe(base), pairs(), tmp_path / "mine", resume=False)
    assert (tmp_path / "mine" / "notes.txt").exists()


def test_damaged_base(tmp_path: Path) -> None:
    broken = build(tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="broke down"):
        train_reranker(recipe(broken), pairs(), tmp_path / "x")


def test_from_a_file(base: Path, tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.jsonl", pairs())
    by_file = train_reranker(recipe(base, max_steps=2), tmp_path / "pairs.jsonl", tmp_path / "a")
    assert by_file.data_digest == train_reranker(recipe(base, max_steps=2), pairs(), tmp_path / "b").data_digest
    body = json.loads((tmp_path / "a" / CARD).read_text())
    assert body["recipe"]["base"] == "tiny" and body["versions"]["peft"] and body["format"] == 1


def test_applies_to_a_loaded_model(trained: Path, base: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = apply_adapter(AutoModelForCausalLM.from_pretrained(base), trained, merge=True)
    learner = TextLearner(base, recipe(base))
    tokens = learner._prompt.encode([Message(role="user", text="sea")])
    with torch.inference_mode():
        out = model(torch.tensor([tokens])).logits
    assert out.shape[-1] == model.config.vocab_size
