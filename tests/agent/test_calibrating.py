import asyncio
import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foveate.agent.calibrating import calibrate
from foveate.agent.reranking import open_reranker
from foveate.agent.train_cli import app
from foveate.errors import CallerError
from foveate.rerankers.lora.pairs import Pair
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.settings import Settings
from tests.agent.test_reranking import look
from tests.contracts.reranker import result

SETTINGS = Settings(encoder="hashed", reranker="sentences")
WORDS = ("museum", "kite", "bread", "harbour", "eclipse", "garden", "knot", "train")


def pairs(questions: int = 60) -> list[Pair]:
    rng = random.Random(0)
    made = []
    for number in range(questions):
        one, other = rng.sample(WORDS, 2)
        made.append(Pair(question=f"{one} {number}", candidate=f"{one} {number} is here", label=True))
        made.append(Pair(question=f"{one} {number}", candidate=f"{other} stands there", label=False))
    return made


def test_an_irrelevant_pool_gives_nothing(tmp_path: Path) -> None:
    found = asyncio.run(calibrate(SETTINGS, pairs(), method="platt", precision=None, recall=0.95))
    assert found.operating.recall >= 0.95 and found.operating.precision > 0.9
    path = tmp_path / "sentences.json"
    found.calibrator.save(path)
    settings = SETTINGS.model_copy(update={"calibrator": path, "cut_at": found.operating.at})
    reranker = open_reranker("sentences", settings, HashedEncoder(), look)
    pool = [result("a", "bread stands there"), result("b", "a train stands there")]
    assert asyncio.run(reranker.rerank("museum 3", pool)) == []
    right = [*pool, result("c", "museum 3 is here")]
    assert [hit.chunk_id for hit in asyncio.run(reranker.rerank("museum 3", right))] == [right[2].chunk.id]


def test_a_calibrator_of_another_reranker_is_refused(tmp_path: Path) -> None:
    found = asyncio.run(calibrate(SETTINGS, pairs(), method="platt", precision=0.9, recall=None))
    found.calibrator.save(tmp_path / "c.json")
    settings = SETTINGS.model_copy(update={"calibrator": tmp_path / "c.json"})
    with pytest.raises(CallerError, match="sentences"):
        open_reranker("frames", settings, HashedEncoder(), look)


def test_pictures_are_refused(tmp_path: Path) -> None:
    some = [Pair(question="q", candidate="", label=True, images=(tmp_path / "a.png",))]
    with pytest.raises(CallerError, match="takes pairs of text"):
        asyncio.run(calibrate(SETTINGS, some, method="platt", precision=None, recall=0.9))


def test_on_the_command_line(tmp_path: Path) -> None:
    data = tmp_path / "pairs.jsonl"
    rows = ({"question": p.question, "candidate": p.candidate, "label": int(p.label)} for p in pairs())
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "c.json"
    flags = ["calibration", "--data", str(data), "--out", str(out), "--encoder", "hashed", "--json"]
    done = CliRunner().invoke(app, flags)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["reranker"] == "sentences" and 0 < told["cut_at"] < 1 and out.is_file()
