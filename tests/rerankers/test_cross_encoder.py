"""A cross-encoder of random weights beside transformers' own forward pass."""

import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
)

from foveate.errors import CallerError, ExtraMissing, ModelError, ModelMissing
from foveate.ids import digest
from foveate.records import Result
from foveate.rerankers.cross_encoder import CrossEncoderReranker
from tests.contracts.reranker import RESULTS, RerankerContract, rerank, result

WORDS = "the museum opens at ten when does bread is baked hot a grey harbour with three ships we open every day".split()


def build(folder: Path, *, labels: int = 1) -> Path:
    """A BERT of 2 layers and 32 dimensions over a vocabulary of words, letters and pieces."""
    folder.mkdir(parents=True)
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789.,:?-"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters, *(f"##{one}" for one in letters)]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocab)))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), model_max_length=48)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=48,
        num_labels=labels,
        initializer_range=0.4,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(5)
    BertForSequenceClassification(config).save_pretrained(folder)
    torch.random.set_rng_state(state)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="module")
def reranker(folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker(folder)


class TestContract(RerankerContract):
    pass


def forward(folder: Path, question: str, text: str, *, longest: int = 48) -> float:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logit = model(**tokenizer(question, text, return_tensors="pt", truncation=True, max_length=longest)).logits
    return float(torch.sigmoid(logit[0, 0].double()))


def test_scores_are_those_of_transformers(reranker: CrossEncoderReranker, folder: Path) -> None:
    question = "when does the museum open"
    scores = {hit.chunk_id: hit.score for hit in rerank(reranker, question, RESULTS)}
    for one in RESULTS:
        assert scores[one.chunk.id] == pytest.approx(forward(folder, question, one.chunk.text or ""), abs=1e-5)
    assert max(scores.values()) - min(scores.values()) > 0.05


def test_more_than_a_batch_keeps_its_ids(reranker: CrossEncoderReranker, folder: Path) -> None:
    pool = [result(f"n{place}", " ".join(WORDS[place % 7 : place % 11 + 8])) for place in range(70)]
    scores = {hit.chunk_id: hit.score for hit in rerank(reranker, "bread", pool)}
    for place in (0, 31, 32, 69):
        expected = forward(folder, "bread", pool[place].chunk.text or "")
        assert scores[pool[place].chunk.id] == pytest.approx(expected, abs=1e-5)


def test_a_model_s_own_activation_does_not_count(folder: Path, tmp_path: Path) -> None:
    """MS MARCO models say Identity in their configuration, others nothing (a sigmoid); scores are probabilities."""
    other = tmp_path / "identity"
    shutil.copytree(folder, other)
    config = json.loads((other / "config.json").read_text())
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    (other / "config.json").write_text(json.dumps(config))
    (ours,) = rerank(CrossEncoderReranker(other), "bread", RESULTS[1:2])
    assert ours.score == pytest.approx(forward(folder, "bread", RESULTS[1].chunk.text or ""), abs=1e-5)


def test_what_has_no_text_follows_in_the_first_stage_s_order(reranker: CrossEncoderReranker) -> None:
    pool = [
        result("low", None, part="picture", score=0.2),
        result("high", "  ", part="picture", score=0.9),
        result("text", "bread is baked hot", score=0.0),
    ]
    hits = rerank(reranker, "bread", pool)
    assert [hit.chunk_id for hit in hits] == [digest("text"), digest("high"), digest("low")]
    assert hits[0].score > 0.0 > hits[1].score > hits[2].score > -1.0
    # Without words nothing is judged.
    assert [hit.chunk_id for hit in rerank(reranker, " ", pool)] == [digest("high"), digest("low"), digest("text")]


def test_a_long_text_is_cut_with_a_note(
    reranker: CrossEncoderReranker, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = "bread is hot " * 100
    with caplog.at_level(logging.INFO, logger="foveate.rerankers.cross_encoder"):
        (hit,) = rerank(reranker, "bread", [result("long", long)])
    assert hit.score == pytest.approx(forward(folder, "bread", long), abs=1e-5)
    assert "1 of 1 candidates were cut to 48 tokens" in caplog.text
    caplog.clear()
    short = CrossEncoderReranker(folder, max_tokens=8)
    with caplog.at_level(logging.INFO, logger="foveate.rerankers.cross_encoder"):
        scores = {hit.chunk_id: hit.score for hit in rerank(short, "bread", RESULTS[:2])}
    for one in RESULTS[:2]:
        expected = forward(folder, "bread", one.chunk.text or "", longest=8)
        assert scores[one.chunk.id] == pytest.approx(expected, abs=1e-5)
    assert "2 of 2 candidates were cut to 8 tokens" in caplog.text


def test_two_questions_at_once(reranker: CrossEncoderReranker) -> None:
    async def both() -> list[list[str]]:
        found = await asyncio.gather(*(reranker.rerank(question, RESULTS) for question in ["bread", "museum"] * 4))
        return [[hit.chunk_id for hit in hits] for hits in found]

    alone = [[hit.chunk_id for hit in rerank(reranker, question, RESULTS)] for question in ("bread", "museum")]
    assert asyncio.run(both()) == alone * 4


def test_nothing_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rerank(CrossEncoderReranker(folder), "bread", RESULTS)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def listed(folder: Path, modules: object) -> None:
    (folder / "modules.json").write_text(json.dumps(modules))


def pickle_below(folder: Path) -> None:
    (folder / "1_Dense").mkdir()
    (folder / "1_Dense" / "pytorch_model.bin").write_bytes(b"x")
    listed(folder, [{"path": "1_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}])


def module_elsewhere(folder: Path) -> None:
    listed(folder, [{"path": "../other", "type": "sentence_transformers.base.modules.dense.Dense"}])


def foreign_module(folder: Path) -> None:
    listed(folder, [{"idx": 0, "name": "0", "path": "", "type": "os.system"}])


def no_modules(folder: Path) -> None:
    listed(folder, 7)


def own_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "x.Y"}}))


def cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def nan_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"][:] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (pickle_below, r"1_Dense/pytorch_model\.bin"),
        (foreign_module, r"modules\.json.*'os\.system'"),
        (module_elsewhere, r"modules\.json.*'\.\./other'"),
        (no_modules, r"modules\.json.*asks for 7"),
        (own_code, "auto_map"),
        (cut_weights, "could not be loaded"),
    ],
)
def test_a_bad_folder_is_refused(harm: Callable[[Path], None], named: str, folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    harm(bad)
    with pytest.raises(ModelError, match=named):
        CrossEncoderReranker(bad)


def test_nan_is_an_error_of_the_model(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "nan"
    shutil.copytree(folder, bad)
    nan_weights(bad)
    with pytest.raises(ModelError, match=r"cross-encoder:nan@[0-9a-f]{8}.*the score nan"):
        rerank(CrossEncoderReranker(bad), "bread", RESULTS)


def test_a_folder_saved_by_sentence_transformers(folder: Path, tmp_path: Path) -> None:
    CrossEncoder(str(folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    # A pickle of the same weights beside them is never opened.
    (tmp_path / "saved" / "pytorch_model.bin").write_bytes(b"x")
    again = CrossEncoderReranker(tmp_path / "saved")
    expected = [hit.score for hit in rerank(CrossEncoderReranker(folder), "bread", RESULTS)]
    assert [hit.score for hit in rerank(again, "bread", RESULTS)] == pytest.approx(expected, abs=1e-6)


def test_another_model_has_another_name(folder: Path, tmp_path: Path) -> None:
    same, other = tmp_path / "1" / folder.name, tmp_path / "2" / folder.name
    for copy in (same, other):
        shutil.copytree(folder, copy)
    nan_weights(other)
    assert CrossEncoderReranker(same).name == CrossEncoderReranker(folder).name != CrossEncoderReranker(other).name


def test_several_outputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has 3 outputs; a cross-encoder for ranking has 1"):
        CrossEncoderReranker(build(tmp_path / "nli", labels=3))


@pytest.mark.parametrize("name", ["absent", Path("/absent/model"), "a/b/c", "../x"])
def test_neither_folder_nor_name(name: str | Path) -> None:
    with pytest.raises(CallerError, match="give a folder or a hub name 'OWNER/NAME'"):
        CrossEncoderReranker(name)


def test_a_name_outside_the_cache_is_not_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelMissing, match="foveate models get hf:cross-encoder/absent"):
        CrossEncoderReranker("cross-encoder/absent")


def test_without_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ExtraMissing, match=r"'sentence-transformers' is not installed.*foveate\[hub\]"):
        CrossEncoderReranker(folder)


def test_too_few_tokens(folder: Path) -> None:
    with pytest.raises(CallerError, match="max_tokens is 4"):
        CrossEncoderReranker(folder, max_tokens=4)


def test_a_first_stage_score_does_not_move_a_text(reranker: CrossEncoderReranker) -> None:
    def scored(first: float) -> list[Result]:
        return [result("text", "bread is baked hot", score=first)]

    assert rerank(reranker, "bread", scored(0.0)) == rerank(reranker, "bread", scored(9.0))
