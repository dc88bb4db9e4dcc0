"""A suite: which tasks, on which data, with which metrics. Read from YAML; what nobody knows is refused by name."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foveate.errors import CallerError
from foveate.evals.datasets.table import known_dataset
from foveate.evals.metrics.table import metric
from foveate.evals.targets.table import TARGETS
from foveate.evals.tasks.table import task

__all__ = ["Suite", "TargetSpec", "TaskSpec", "read_suite", "shipped_suites"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MAX_BYTES = 1 << 20


class TargetSpec(BaseModel):
    """What to evaluate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = "agent"
    encoder: str | None = None
    """As in the settings; None takes theirs."""
    generator: str | None = None
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Of the target: ``stage``, ``fold``, ``reads`` ..."""


class TaskSpec(BaseModel):
    """One task of a suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """Unique in the suite; names the result's file."""
    task: str
    dataset: str
    folder: str | None = None
    """Where the dataset's files are; relative to the suite's file, else to the working folder."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Of the dataset's reader."""
    settings: Mapping[str, Any] = Field(default_factory=dict)
    """Of the task: ``depth``, ``shots`` ..."""
    metrics: tuple[str, ...] = ()
    """Empty: the task's own."""
    slices: tuple[str, ...] = ()
    target: TargetSpec | None = None
    """Instead of the suite's."""
    limit: int | None = Field(default=None, ge=1)


class Suite(BaseModel):
    """A whole suite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str = ""
    seed: int = Field(default=0, ge=0)
    level: float = Field(default=0.95, gt=0, lt=1)
    """Of the intervals."""
    draws: int = Field(default=2000, ge=100, le=100_000)
    """Bootstrap resamples."""
    target: TargetSpec = TargetSpec()
    tasks: tuple[TaskSpec, ...] = Field(min_length=1)


def shipped_suites() -> tuple[str, ...]:
    """Names of the suites that ship with foveate."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _shelf().iterdir() if item.name.endswith(".yaml")))


def read_suite(name: str) -> tuple[Suite, Path]:
    """A suite, and the folder its relative paths start from.

    Args:
        name: of a YAML file; ``suites/quick.yaml`` and ``quick`` also name the shipped one.

    Raises:
        CallerError: no such suite; no YAML; a key, task, metric, dataset or target that nobody knows, with the choices.
    """
    path = Path(name)
    if path.is_file():
        if path.stat().st_size > _MAX_BYTES:
            raise CallerError(f"suite {name!r} is larger than {_MAX_BYTES} bytes")
        return _parsed(path.read_text(encoding="utf-8"), name), path.parent
    short = path.name.removesuffix(".yaml")
    if str(path.parent) in (".", "suites") and short in shipped_suites():
        return _parsed((_shelf() / f"{short}.yaml").read_text(encoding="utf-8"), name), Path()
    raise CallerError(f"no suite {name!r}; give a YAML file or one of: {', '.join(shipped_suites())}")


class _Plain(yaml.SafeLoader):
    """YAML without aliases: a few lines of them unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read in a suite")
        return super().compose_node(parent, index)


def _shelf() -> Any:
    return files("foveate.evals.suites")


def _parsed(text: str, name: str) -> Suite:
    try:
        body = yaml.load(text, Loader=_Plain)
    except yaml.YAMLError as error:
        raise CallerError(f"suite {name!r} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(body, dict):
        raise CallerError(f"suite {name!r}: a mapping is expected, found {type(body).__name__}")
    try:
        suite = Suite(**{str(key): value for key, value in body.items()})
    except ValidationError as error:
        raise CallerError(f"suite {name!r}: {_explain(error)}") from None
    _check(suite, name)
    return suite


def _check(suite: Suite, name: str) -> None:
    seen: set[str] = set()
    for spec in suite.tasks:
        where = f"suite {name!r}, task {spec.name!r}"
        if not _NAME.fullmatch(spec.name) or spec.name in seen:
            raise CallerError(f"{where}: names are unique, of lower-case letters, digits, '-' and '_'")
        seen.add(spec.name)
        try:
            _check_task(spec, spec.target or suite.target)
        except CallerError as error:
            raise CallerError(f"{where}: {error}") from None


def _check_task(spec: TaskSpec, target: TargetSpec) -> None:
    kind = task(spec.task)
    for name in spec.metrics:
        metric(name)
    known_dataset(spec.dataset)
    if target.kind not in TARGETS:
        raise CallerError(f"target {target.kind!r} is none of: {', '.join(sorted(TARGETS))}")
    for name in spec.settings:
        if name not in kind.options:
            choices = ", ".join(kind.options) or "none"
            raise CallerError(f"task {spec.task!r} has no setting {name!r}; it has: {choices}")


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            lines.append(f"key {key!r} is unknown; there are: {', '.join(_fields(item['loc']))}")
        else:
            lines.append(f"key {key!r}: {item['msg']}")
    return "; ".join(lines)


def _fields(place: tuple[int | str, ...]) -> list[str]:
    if "target" in place[:-1]:
        return sorted(TargetSpec.model_fields)
    return sorted((TaskSpec if place[0] == "tasks" else Suite).model_fields)
