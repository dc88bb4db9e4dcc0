"""Tasks by name: what each needs of a target, how it is run, and what it is scored by when a suite does not say."""

import difflib
from dataclasses import dataclass

from foveate.errors import CallerError
from foveate.evals.targets.protocols import Ability
from foveate.evals.tasks import running
from foveate.evals.tasks.running import Run

__all__ = ["TASKS", "Task", "task"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One kind of question."""

    name: str
    title: str
    ability: Ability
    run: Run
    metrics: tuple[str, ...]
    options: tuple[str, ...] = ()
    """Names of the options it takes."""


_RANKED = ("recall@1", "recall@10", "ndcg@10", "mrr@10")
_SAID = ("em", "f1", "contains")
_CHECKED = ("citation_precision", "citation_recall")
_KNOWN = ("refusal_precision", "refusal_recall", "auroc", "aurc", "ece", "brier")

_ALL = (
    Task(
        name="retrieval",
        title="Retrieval: text, pictures or both, from text, pictures or both",
        ability="find",
        run=running.find,
        metrics=_RANKED,
        options=("depth",),
    ),
    Task(
        name="composed_retrieval",
        title="Composed retrieval: a picture and what should be different",
        ability="find",
        run=running.find,
        metrics=("recall@1", "recall@10", "recall@50", "map@10"),
        options=("depth",),
    ),
    Task(
        name="moment_retrieval",
        title="Moments of films",
        ability="locate",
        run=running.locate,
        metrics=("tiou@0.5", "moment_recall@5:0.5"),
        options=("depth",),
    ),
    Task(
        name="long_text",
        title="Retrieval with long texts",
        ability="find",
        run=running.find,
        metrics=_RANKED,
        options=("depth",),
    ),
    Task(
        name="multilingual",
        title="Retrieval in many languages",
        ability="find",
        run=running.find,
        metrics=("recall@1", "recall@10", "mrr@10"),
        options=("depth",),
    ),
    Task(
        name="negation",
        title="Retrieval with what must not be in it",
        ability="find",
        run=running.find,
        metrics=_RANKED,
        options=("depth",),
    ),
    Task(
        name="reranking",
        title="The first stage's best in a better order",
        ability="rerank",
        run=running.rerank,
        metrics=_RANKED,
        options=("depth",),
    ),
    Task(
        name="vqa",
        title="Questions about a picture",
        ability="ask",
        run=running.answer,
        metrics=("vqa_accuracy", "anls"),
    ),
    Task(
        name="knowledge_vqa",
        title="Questions about a picture that need knowledge",
        ability="ask",
        run=running.answer,
        metrics=("vqa_accuracy", "contains", *_CHECKED),
    ),
    Task(
        name="question_answering",
        title="Questions over a collection",
        ability="ask",
        run=running.answer,
        metrics=(*_SAID, *_CHECKED),
    ),
    Task(
        name="multi_hop",
        title="Questions that need several pieces of evidence",
        ability="ask",
        run=running.answer,
        metrics=(*_SAID, *_CHECKED, "fact_recall"),
    ),
    Task(
        name="multiple_choice",
        title="Questions with options",
        ability="ask",
        run=running.answer,
        metrics=("accuracy",),
    ),
    Task(
        name="unanswerability",
        title="Knowing when not to answer",
        ability="ask",
        run=running.answer,
        metrics=_KNOWN,
    ),
    Task(
        name="long_film",
        title="Questions about long films",
        ability="ask",
        run=running.answer,
        metrics=("accuracy",),
    ),
    Task(
        name="entailment",
        title="Does the evidence carry the claim",
        ability="ask",
        run=running.entail,
        metrics=("label_accuracy",),
    ),
    Task(
        name="captioning",
        title="Captions of pictures",
        ability="say",
        run=running.caption,
        metrics=("clipscore", "refclipscore"),
        options=("instruction",),
    ),
    Task(
        name="matching",
        title="Compositional matching of pictures and texts",
        ability="match",
        run=running.match,
        metrics=("accuracy",),
    ),
    Task(
        name="few_shot",
        title="Classes from names and a few pictures",
        ability="match",
        run=running.classify,
        metrics=("label_accuracy",),
        options=("shots", "weight", "prompt"),
    ),
)

TASKS: dict[str, Task] = {item.name: item for item in _ALL}


def task(name: str) -> Task:
    """The task ``name``.

    Raises:
        CallerError: no task has that name; with the choices.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CallerError(f"task {name!r} is none of: {', '.join(sorted(TASKS))}{hint}")
    return TASKS[name]
