"""HotpotQA (Yang et al., EMNLP 2018): questions over two Wikipedia paragraphs, with supporting sentences.

Files as https://hotpotqa.github.io gives them: a JSON list of ``{_id, question, answer, supporting_facts: [[title,
sentence]], context: [[title, [sentence]]], type, level}``. In the distractor setting the context is 2 gold and 8 other
paragraphs; in the full-wiki setting the 10 best of the authors' search, gold or not.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.options import one_of, yes
from foveate.evals.reading.paragraphs import POOL, Paragraphs, hotpot_samples
from foveate.evals.reading.rows import json_rows
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

_FILES = {
    "distractor": {"train": "hotpot_train_v1.1.json", "dev": "hotpot_dev_distractor_v1.json"},
    "fullwiki": {
        "train": "hotpot_train_v1.1.json",
        "dev": "hotpot_dev_fullwiki_v1.json",
        "test": "hotpot_test_fullwiki_v1.json",
    },
}

INFO = DatasetInfo(
    name="hotpotqa",
    title="HotpotQA: multi-hop questions with supporting sentences",
    tasks=("multi_hop", "retrieval", "reranking"),
    paper="Yang, Qi, Zhang et al., EMNLP 2018",
    licence="CC-BY-SA-4.0",
    get=(
        "Download from https://hotpotqa.github.io (section Download) and put into the folder, unchanged:\n"
        "  hotpot_train_v1.1.json, hotpot_dev_distractor_v1.json, hotpot_dev_fullwiki_v1.json,\n"
        "  hotpot_test_fullwiki_v1.json (each only where its split and setting are read)"
    ),
    options={
        "split": "train, dev (default) or test (full-wiki only, without answers)",
        "setting": "distractor (default) or fullwiki",
        "pool": POOL,
    },
)


def read(folder: Path, *, split: str = "dev", setting: str = "distractor", pool: str = "no") -> Dataset:
    """Read one file.

    Documents are paragraphs, their text the sentences as published (each carries its own leading space).

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, or no sample.
    """
    files = _FILES[one_of("setting", setting, tuple(_FILES))]
    path = folder / files[one_of("split", split, tuple(files))]
    pooled = yes("pool", pool)
    samples, documents = hotpot_samples(json_rows(path), Paragraphs(), pooled=pooled, glue="")
    return assembled(INFO, samples, documents, note=path.name, partial=True)
