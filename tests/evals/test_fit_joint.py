"""Fitting scale and joint weights with a model of random weights: the files, and what is refused."""

import asyncio
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from foveate.agent.entailment import open_verifier
from foveate.errors import CallerError
from foveate.evals import fit_joint
from foveate.evals.overlap import mixed
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import Message, Reply, TokenLogprob
from foveate.rerankers.reasoning.joint import JointWeights
from foveate.rerankers.reasoning.verdict_scale import VerdictScale
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.usage import Usage
from tests.rerankers.tiny import build


def exact(messages: Sequence[Message]) -> Reply:
    """Entailed where the evidence is the claim."""
    evidence, claim = messages[-1].text.removeprefix("Evidence: ").split("\nClaim: ")
    top = (("ent", math.log(0.9)), ("neutral", math.log(0.1))) if evidence == claim else (("neutral", -0.01),)
    logprobs = (TokenLogprob(token=top[0][0], logprob=top[0][1], top=top),)
    return Reply(text="", finish="length", usage=Usage(), logprobs=logprobs)


def test_pieces_keep_the_order_of_the_texts() -> None:
    pools = mixed(3)
    encoder = HashedEncoder()
    reranker = SentenceReranker(encoder.encode_text, Weights(bias=-7.6))
    found = asyncio.run(fit_joint.judged(pools, reranker, Verifier(ScriptedChat(exact))))
    for pool, pieces in zip(pools, found, strict=True):
        sure = [at for at, piece in enumerate(pieces) if piece.entailment.label == "entailed"]
        assert sure == ([pool.telling] if pool.label == "entailed" else [])
        if pool.telling is not None and pool.label == "entailed":
            assert pieces[pool.telling].relevance == max(piece.relevance for piece in pieces)


def test_the_files_belong_to_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = build(tmp_path / "tiny", context=1024)
    chat = LocalChat(folder)
    rows = [{"claim": f"The mill closed in {1900 + n}.", "evidence": f"It was {n} miles away."} for n in range(36)]
    try:
        said = asyncio.run(Verifier(chat).verify([(row["claim"], row["evidence"]) for row in rows]))
    finally:
        chat.close()
    # Labels that go with what it says: of each word, the pairs it leans to most.
    order = sorted(range(36), key=lambda at: said[at].entailed - said[at].neutral)
    label = {at: ("neutral", "contradicted", "entailed")[place // 12] for place, at in enumerate(order)}
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(json.dumps(row | {"label": label[at]}) for at, row in enumerate(rows)))
    out = tmp_path / "out"
    flags = ["--adapter", str(tmp_path / "none"), "--model", str(folder), "--encoder", "hashed", "--count", "30"]
    fit_joint.main([*flags, "--pairs", str(pairs), "--out", str(out)])
    told = json.loads(capsys.readouterr().out)
    assert (told["pairs"], told["pools"]) == (36, 30) and told["loss"][1] < told["loss"][0]
    scale = VerdictScale.load(out / f"{shipped.REASONER.name}.scale.json", model=told["model"])
    assert scale.fitted.pairs == 36
    assert JointWeights.load(out / f"{shipped.REASONER.name}.joint.json", model=told["model"]) != JointWeights()
    verifier, weights = open_verifier(ScriptedChat())
    assert weights is None and repr(verifier) == "Verifier('scripted')"


def test_wrong_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"claim": "a", "evidence": "b", "label": "perhaps"}\n')
    with pytest.raises(CallerError, match="line 1: field 'label' must be one of entailed, contradicted, neutral"):
        fit_joint.read_pairs(path)
    path.write_text('{"claim": "a", "texts": ["b", "b"], "label": "neutral"}\n')
    with pytest.raises(CallerError, match="different texts"):
        fit_joint.read_pools(path)
    path.write_text("")
    with pytest.raises(CallerError, match="holds no pool"):
        fit_joint.read_pools(path)
