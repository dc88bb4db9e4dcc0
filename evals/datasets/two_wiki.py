"""2WikiMultihopQA (Ho et al., COLING 2020): comparison, inference, compositional and bridge-comparison questions.

Files as https://github.com/Alab-NII/2wikimultihop gives them: HotpotQA's form with ``evidences`` and ``entity_ids``
beside it. The release of 7 April 2021 (``data_ids_april7.zip``) has consistent sentences and is the one to take.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.options import one_of, yes
from foveate.evals.reading.paragraphs import POOL, Paragraphs, hotpot_samples
from foveate.evals.reading.rows import json_rows
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

_SPLITS = ("train", "dev", "test")

INFO = DatasetInfo(
    name="two_wiki",
    title="2WikiMultihopQA: multi-hop questions of two to four paragraphs with supporting sentences",
    tasks=("multi_hop", "retrieval", "reranking"),
    paper="Ho, Duong Nguyen, Sugawara and Aizawa, COLING 2020",
    licence="Apache-2.0",
    get=(
        "Follow the link of data_ids_april7.zip in https://github.com/Alab-NII/2wikimultihop and unpack into the\n"
        "folder: train.json, dev.json, test.json (each only where its split is read)"
    ),
    options={"split": "train, dev (default) or test (without answers)", "pool": POOL},
)


def read(folder: Path, *, split: str = "dev", pool: str = "no") -> Dataset:
    """Read one file.

    Documents are paragraphs, their text the sentences joined with a space. ``hops`` is the number of gold paragraphs.

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, or no sample.
    """
    path = folder / f"{one_of('split', split, _SPLITS)}.json"
    pooled = yes("pool", pool)
    samples, documents = hotpot_samples(json_rows(path), Paragraphs(), pooled=pooled, glue=" ")
    return assembled(INFO, samples, documents, note=path.name, partial=True)
