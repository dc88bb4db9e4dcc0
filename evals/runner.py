"""Runs a suite: every sample once, whatever happens to the others; a killed run goes on where it was."""

import asyncio
import importlib.metadata
import json
import logging
import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate import __version__
from foveate.errors import CallerError, FoveateError
from foveate.evals.datasets.table import read_dataset
from foveate.evals.hashing import data_sha256
from foveate.evals.journal import Journal, finished_lines
from foveate.evals.lines import cost_line, output_from, output_line, pictures_of, sample_line
from foveate.evals.metrics.metric import Context
from foveate.evals.samples import Dataset, Output, Sample
from foveate.evals.scoring import columns, figures, merged
from foveate.evals.suite import Suite, TargetSpec, TaskSpec
from foveate.evals.targets.protocols import Target, need
from foveate.evals.targets.table import open_target
from foveate.evals.tasks.running import Asked
from foveate.evals.tasks.table import task
from foveate.memory.durable import write_durably
from foveate.memory.lock import ProcessLock
from foveate.retrievers.encoders.presets import load_encoder
from foveate.settings import Settings

__all__ = ["RunOptions", "RunProgress", "run_suite"]

_LOG = logging.getLogger(__name__)
_FORMAT = 1
_LOCK = ".lock"
_PACKAGES = ("numpy", "torch", "transformers", "timm", "open_clip_torch", "qdrant-edge-py", "langgraph", "ir-measures")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunProgress:
    """How far a run is."""

    task: str
    done: int
    total: int
    errors: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """How to run, beside what the suite says."""

    out: Path
    """Folder of the results."""
    work: Path
    """Folder of indexes that runs share; contents are by hash and may be deleted at any time."""
    folder: Path = Path()
    """What the suite's relative paths start from."""
    limit: int | None = None
    """Samples a task, the first ones of each in an order drawn by seed."""
    seed: int | None = None
    """Instead of the suite's."""
    concurrency: int | None = None
    retry_errors: bool = False
    """Run the samples again that failed."""
    tell: Callable[[RunProgress], None] = lambda _: None


def run_suite(suite: Suite, settings: Settings, options: RunOptions) -> Path:
    """Run a suite to its end and return the folder of results.

    The folder may hold a part of the same run: it goes on then. What it may not hold is another run.

    Raises:
        CallerError: data missing, a target that cannot do a task, or a folder with another run in it.
        CollectionBusy: another process is at this folder.
        ModelMissing: a model was never fetched.
    """
    return asyncio.run(_Runner(suite, settings, options).run())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """One task with its data."""

    spec: TaskSpec
    dataset: Dataset
    """Cut to the limit."""
    data_sha256: str
    """Of the whole dataset."""
    metrics: tuple[str, ...]
    target: TargetSpec


class _Runner:
    def __init__(self, suite: Suite, settings: Settings, options: RunOptions) -> None:
        self._suite = suite
        self._settings = settings
        self._options = options
        self._seed = suite.seed if options.seed is None else options.seed
        self._targets: dict[str, Target] = {}

    async def run(self) -> Path:
        out = self._options.out
        jobs = [self._job(spec) for spec in self._suite.tasks]
        try:
            facts = self._facts(jobs)
            if out.exists() and not (out / "run.json").exists() and any(path.name != _LOCK for path in out.iterdir()):
                raise CallerError(f"{str(out)!r} is not empty and holds no run; name another folder with --out")
            with ProcessLock(out, _LOCK):
                self._claim(out, facts)
                if not (out / "summary.json").exists() or self._options.retry_errors:
                    await self._all(jobs)
        finally:
            for target in self._targets.values():
                await target.close()
        return out

    async def _all(self, jobs: Sequence[_Job]) -> None:
        out = self._options.out
        (out / "summary.json").unlink(missing_ok=True)
        summary: dict[str, Any] = {}
        costs: list[dict[str, Any]] = []
        for job in jobs:
            summary[job.spec.name], spent = await self._task(job)
            costs += spent
        _write(out / "costs.jsonl", "".join(_compact(line) for line in costs))
        body = {"format": _FORMAT, "suite": self._suite.name, "complete": True, "tasks": summary}
        _write(out / "summary.json", json.dumps(body, indent=1, sort_keys=True) + "\n")
        shutil.rmtree(out / "journal", ignore_errors=True)

    # ---- before the first sample

    def _job(self, spec: TaskSpec) -> _Job:
        whole = read_dataset(spec.dataset, spec.folder, self._options.folder, spec.options)
        limits = [limit for limit in (spec.limit, self._options.limit) if limit]
        samples = whole.samples
        if limits:
            samples = _drawn(samples, min(limits), self._seed)
        missing = [key for key in spec.slices if not any(key in sample.slices for sample in samples)]
        if missing:
            there = ", ".join(sorted({key for sample in samples for key in sample.slices})) or "none"
            raise CallerError(f"task {spec.name!r}: no sample has the slice {missing[0]!r}; there are: {there}")
        return _Job(
            spec=spec,
            dataset=Dataset(
                name=whole.name,
                samples=samples,
                documents=whole.documents,
                licence=whole.licence,
                source=whole.source,
            ),
            data_sha256=data_sha256(whole),
            metrics=spec.metrics or task(spec.task).metrics,
            target=spec.target or self._suite.target,
        )

    def _target(self, spec: TargetSpec) -> Target:
        key = spec.model_dump_json()
        if key not in self._targets:
            named = {"encoder": spec.encoder, "generator": spec.generator}
            settings = self._settings.model_copy(update={name: value for name, value in named.items() if value})
            self._targets[key] = open_target(spec.kind, settings, **spec.options)
        return self._targets[key]

    def _facts(self, jobs: Sequence[_Job]) -> dict[str, Any]:
        for job in jobs:
            need(self._target(job.target), task(job.spec.task).ability, job.spec.task)
        main = self._target(self._suite.target if not jobs else jobs[0].target)
        return {
            "format": _FORMAT,
            "suite": self._suite.name,
            "title": self._suite.title,
            "seed": self._seed,
            "limit": self._options.limit,
            "level": self._suite.level,
            "draws": self._suite.draws,
            # Metrics that look at pictures (CLIPScore) look with the settings' encoder, whatever is measured.
            "scoring_encoder": self._settings.encoder,
            "target": {"name": main.kind, "kind": main.kind, **main.describe()},
            "versions": _versions(),
            "tasks": [self._task_facts(job) for job in jobs],
        }

    def _task_facts(self, job: _Job) -> dict[str, Any]:
        target = self._target(job.target)
        return {
            "name": job.spec.name,
            "task": job.spec.task,
            "title": task(job.spec.task).title,
            "dataset": job.spec.dataset,
            "options": dict(job.spec.options),
            "settings": dict(job.spec.settings),
            "data_sha256": job.data_sha256,
            "samples": len(job.dataset.samples),
            "documents": len(job.dataset.documents),
            "metrics": list(job.metrics),
            "slices": list(job.spec.slices),
            "licence": job.dataset.licence,
            "source": job.dataset.source,
            "target": {"kind": target.kind, **target.describe()},
        }

    def _claim(self, out: Path, facts: Mapping[str, Any]) -> None:
        """Make the folder this run's, or find that it is already."""
        path = out / "run.json"
        text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
        if path.exists():
            held = path.read_text(encoding="utf-8")
            if held != text:
                raise CallerError(
                    f"{str(out)!r} holds another run: {_difference(held, facts)}; name another folder with --out, "
                    "or delete this one"
                )
        else:
            _write(path, text)

    # ---- a task

    async def _task(self, job: _Job) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        with Journal(self._options.out / "journal" / f"{job.spec.name}.jsonl") as journal:
            if self._options.retry_errors:
                self._reopen(job, journal)
            await self._samples(job, journal)
            done = dict(journal.done)
        body = self._settle(job, done)
        costs = [done[sample.id]["cost"] for sample in job.dataset.samples]
        return body, costs

    def _reopen(self, job: _Job, journal: Journal) -> None:
        """Take up what a finished run holds, without its failures."""
        for line in finished_lines(self._options.out, job.spec.name):
            if line["id"] not in journal.done:
                journal.add(line)
        journal.forget({name for name, line in journal.done.items() if line["error"]})

    async def _samples(self, job: _Job, journal: Journal) -> None:
        waiting = [sample for sample in job.dataset.samples if sample.id not in journal.done]
        total, errors = len(job.dataset.samples), sum(bool(line["error"]) for line in journal.done.values())
        name = job.spec.name
        self._options.tell(RunProgress(task=name, done=total - len(waiting), total=total, errors=errors))
        if not waiting:
            return
        target = self._target(job.target)
        await target.prepare(job.dataset, self._options.work)
        asked = Asked(target=target, dataset=job.dataset, options=job.spec.settings, seed=self._seed)
        queue = iter(waiting)

        async def worker() -> None:
            nonlocal errors
            for sample in queue:
                line = await _one(job, sample, asked)
                journal.add(line)
                errors += bool(line["error"])
                self._options.tell(RunProgress(task=name, done=len(journal.done), total=total, errors=errors))

        async with asyncio.TaskGroup() as group:
            for _ in range(self._options.concurrency or target.concurrency):
                group.create_task(worker())

    def _settle(self, job: _Job, done: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Score what came, write the task's lines, and return its part of the summary."""
        samples = job.dataset.samples
        lines = [done[sample.id] for sample in samples]
        outputs = [output_from(line["output"]) if line["output"] else None for line in lines]
        documents = {document.id: document for document in job.dataset.documents}
        context = Context(documents=documents, encoder=lambda: load_encoder(self._settings.encoder))
        scored = columns(job.metrics, samples, outputs, context)
        body = [
            {
                "id": sample.id,
                "group": sample.group or sample.id,
                "slices": dict(sample.slices),
                "sample": sample_line(sample),
                "output": line["output"],
                "error": line["error"],
                "pictures": pictures_of(sample, output, documents),
                "scores": merged(scored, row),
            }
            for row, (sample, line, output) in enumerate(zip(samples, lines, outputs, strict=True))
        ]
        _write(self._options.out / f"{job.spec.name}.jsonl", "".join(_compact(line) for line in body))
        found = figures(
            scored,
            samples,
            job.spec.slices,
            level=self._suite.level,
            draws=self._suite.draws,
            seed=self._seed,
        )
        return {
            "samples": len(samples),
            "errors": sum(output is None for output in outputs),
            **found,
            "usage": _usage(outputs),
        }


async def _one(job: _Job, sample: Sample, asked: Asked) -> dict[str, Any]:
    begun = time.perf_counter()
    output: Output | None = None
    error: dict[str, str] | None = None
    try:
        output = await task(job.spec.task).run(sample, asked)
    except FoveateError as fault:
        error = {"type": type(fault).__name__, "message": str(fault)[:1000]}
    except Exception as fault:
        # One sample must never end a run, not even by a bug: it is counted, shown, and in the log whole.
        _LOG.exception("sample %r of task %r failed", sample.id, job.spec.name)
        error = {"type": type(fault).__name__, "message": str(fault)[:1000]}
    return {
        "id": sample.id,
        "output": None if output is None else output_line(output),
        "error": error,
        "cost": cost_line(job.spec.name, sample.id, output, time.perf_counter() - begun),
    }


def _drawn(samples: Sequence[Sample], limit: int, seed: int) -> tuple[Sample, ...]:
    """``limit`` samples drawn by seed, in the dataset's order: the first ones of a file are often of one kind."""
    import numpy as np

    if limit >= len(samples):
        return tuple(samples)
    chosen = sorted(np.random.default_rng(seed).permutation(len(samples))[:limit].tolist())
    return tuple(samples[i] for i in chosen)


def _usage(outputs: Sequence[Output | None]) -> dict[str, int]:
    whole = [output.usage for output in outputs if output]
    names = ("tokens_in", "tokens_out", "images_sent", "frames_decoded", "hops")
    return {name: sum(getattr(usage, name) for usage in whole) for name in names}


def _versions() -> dict[str, str]:
    found = {"foveate": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _difference(held: str, facts: Mapping[str, Any]) -> str:
    try:
        old = json.loads(held)
    except ValueError:
        return "its run.json is damaged"
    keys = [key for key in facts if json.dumps(old.get(key), sort_keys=True) != json.dumps(facts[key], sort_keys=True)]
    return f"{', '.join(keys)} differ" if keys else "run.json differs"


def _compact(line: Mapping[str, Any]) -> str:
    return json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    raw = text.encode("utf-8", "backslashreplace")
    write_durably(path, lambda stream: stream.write(raw))
