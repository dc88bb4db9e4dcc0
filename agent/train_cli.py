"""``foveate train``: adapt models to your own data. Heavy modules are imported inside the commands."""

import json as jsonlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foveate.agent.answerability_cli import EPILOG, answerability
from foveate.console import Console
from foveate.errors import CallerError

if TYPE_CHECKING:
    from foveate.rerankers.lora.card import Card
    from foveate.rerankers.lora.completion_card import CompletionCard
    from foveate.rerankers.lora.pairs import Pair
    from foveate.rerankers.lora.recipe import Recipe
    from foveate.rerankers.lora.run import TrainProgress
    from foveate.settings import Settings

__all__ = ["app", "bar"]

_LINE_EVERY_S = 60.0
_FIGURES = ("loss", "auroc", "accuracy", "ece", "ndcg")
app = typer.Typer(no_args_is_help=True, help="Adapt models to your own data.")


@app.callback()
def root() -> None:
    """Adapt models to your own data."""


@app.command(
    epilog="Examples:\n\n- `foveate train reranker --data pairs.jsonl --out adapters/mine`\n\n"
    "- `foveate train reranker --collection home --out adapters/home --minutes 30`\n\n"
    "- `foveate train reranker --data pairs.jsonl --base ./my-vlm --recipe recipe.toml --out adapters/vlm --fresh`"
)
def reranker(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the adapter.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="JSONL: question, candidate, label (0 or 1); see docs/training.md.")
    ] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Make pairs of its captions and first sentences.")
    ] = None,
    base: Annotated[str | None, typer.Option("--base", help="`smollm2`, or a model's folder.")] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help="TOML: rank, epochs, learning_rate ...")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="End after so many.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--fresh", help="Go on, or begin again and overwrite.")] = True,
    questions: Annotated[int | None, typer.Option("--questions", min=2, help="Of --collection, at most.")] = None,
    save_pairs: Annotated[Path | None, typer.Option("--save-pairs", help="Write the pairs of --collection.")] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="`mini` or `open_clip:MODEL/PRETRAINED`.")] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Folder that holds the collections.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Train a LoRA adapter that judges whether a candidate matches a question.

    Kill it whenever you like: the same command goes on.
    """
    from foveate.rerankers.lora.recipe import read_recipe
    from foveate.rerankers.lora.training import train_reranker

    if (data is None) == (collection is None):
        raise CallerError("give either --data FILE or --collection NAME")
    for flag, value in (("--questions", questions), ("--save-pairs", save_pairs)):
        if value is not None and collection is None:
            raise CallerError(f"{flag} goes with --collection")
    console = Console(json=json)
    chosen = read_recipe(recipe, base=base, max_minutes=minutes)
    try:
        pairs = data if data else _mined(console, str(collection), chosen, questions, save_pairs, home, encoder)
        with bar(console, "training") as tell:
            card = train_reranker(chosen, pairs, out, _training(tell), resume)
    except KeyboardInterrupt:
        console.note("interrupted: the last checkpoint is kept; the same command goes on")
        raise typer.Exit(130) from None
    _show(console, out, card)


@app.command(
    epilog="Examples:\n\n- `foveate train reasoner --data completions.jsonl --out adapters/mine --minutes 30`\n\n"
    "- `foveate train reasoner --data completions.jsonl --recipe recipe.toml --out adapters/mine --fresh`"
)
def reasoner(
    data: Annotated[Path, typer.Option("--data", help="JSONL: messages, reply, task; see docs/training.md.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the adapter.")],
    base: Annotated[str | None, typer.Option("--base", help="`smollm2`, or a model's folder.")] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help="TOML: rank, epochs, learning_rate ...")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="End after so many.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--fresh", help="Go on, or begin again and overwrite.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Train a LoRA adapter that replies as the data do.

    Kill it whenever you like: the same command goes on.
    """
    from foveate.rerankers.lora.completing import train_completions
    from foveate.rerankers.lora.recipe import read_recipe

    console = Console(json=json)
    chosen = read_recipe(recipe, base=base, max_minutes=minutes)
    try:
        with bar(console, "training") as tell:
            card = train_completions(chosen, data, out, _training(tell), resume)
    except KeyboardInterrupt:
        console.note("interrupted: the last checkpoint is kept; the same command goes on")
        raise typer.Exit(130) from None
    _show_replies(console, out, card)


@app.command(
    epilog="Examples:\n\n- `foveate train calibration --data pairs.jsonl --reranker pointwise:mini --out mini.json`\n\n"
    "- `foveate train calibration --data pairs.jsonl --out sentences.json --method isotonic --recall 0.95`"
)
def calibration(
    data: Annotated[Path, typer.Option("--data", help="JSONL: question, candidate, label (0 or 1).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File of the calibrator.")],
    reranker: Annotated[str | None, typer.Option("--reranker", help="Such as `pointwise:mini`.")] = None,
    method: Annotated[str, typer.Option("--method", help="`platt`, or `isotonic` for 1,000 pairs and more.")] = "platt",
    precision: Annotated[float | None, typer.Option("--precision", help="Wanted of what is kept.")] = None,
    recall: Annotated[float | None, typer.Option("--recall", help="Wanted instead; 0.9 if neither is given.")] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="`mini` or `open_clip:MODEL/PRETRAINED`.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Make a reranker's scores probabilities, and find where to cut, so that an irrelevant pool gives nothing.

    Half of the questions fit the curve, the other half choose the cut. Set `calibrator` and `cut_at` to use both.
    """
    import asyncio

    from foveate.agent.calibrating import calibrate
    from foveate.rerankers.lora.pairs import read_pairs
    from foveate.settings import Settings

    if precision is None and recall is None:
        recall = 0.9
    settings = Settings.load(reranker=reranker, encoder=encoder)
    found = asyncio.run(
        calibrate(settings, read_pairs(data), method=method, precision=precision, recall=recall)  # type: ignore[arg-type]  # checked where it is used
    )
    found.calibrator.save(out)
    fitted, cut = found.calibrator.fitted, found.operating
    Console(json=json).table(
        {
            "calibrator": str(out),
            "reranker": found.calibrator.model,
            "pairs": fitted.pairs,
            "ece": f"{fitted.ece_before} -> {fitted.ece_after}",
            "brier": f"{fitted.brier_before} -> {fitted.brier_after}",
            "cut_at": cut.at,
            "precision": cut.precision,
            "recall": cut.recall,
        }
    )


app.command(epilog=EPILOG)(answerability)


def _mined(
    console: Console,
    name: str,
    recipe: "Recipe",
    questions: int | None,
    save: Path | None,
    home: Path | None,
    encoder: str | None,
) -> "Sequence[Pair]":
    from foveate.agent.training import FromCollection, collection_pairs
    from foveate.rerankers.lora.bases import base_folder, sees
    from foveate.rerankers.lora.pairs import write_pairs

    wanted = FromCollection(questions=questions, sees=sees(base_folder(recipe.base)))
    with bar(console, "mining") as tell:
        pairs = collection_pairs(
            _settings(name, home, encoder), name, wanted, progress=lambda done, whole: tell(done / whole, "")
        )
    console.note(f"{len(pairs)} pairs of {sum(pair.label for pair in pairs)} questions from {name!r}")
    if save:
        write_pairs(save, pairs)
    return pairs


def _settings(name: str, home: Path | None, encoder: str | None) -> "Settings":
    from foveate.memory.collection import list_collections, read_encoder
    from foveate.settings import Settings

    settings = Settings.load(home=home, encoder=encoder)
    made_with = read_encoder(settings.home, name)
    if made_with is None:
        known = ", ".join(list_collections(settings.home)) or "none"
        raise CallerError(f"no collection {name!r} (there: {known}); make it with: foveate index PATHS -c {name}")
    return settings if encoder else settings.model_copy(update={"encoder": made_with.name})


def _training(tell: Callable[[float, str], object]) -> "Callable[[TrainProgress], object]":
    def show(state: "TrainProgress") -> None:
        held_out = "" if state.held_out_loss is None else f"  held out {state.held_out_loss:.3f}"
        left = "" if state.minutes_left is None else f"  {state.minutes_left:.1f} min left"
        pace = f"{state.pairs_per_s:.1f}/s  {state.tokens_per_s:.0f} tokens/s"
        tell(state.fraction, f"step {state.step}  loss {state.loss:.3f}{held_out}  {pace}{left}")

    return show


@contextmanager
def bar(console: Console, what: str) -> Iterator[Callable[[float, str], object]]:
    """A progress bar on standard error; a line a minute in pipes, nothing for ``--json``."""
    if console.json or not sys.stderr.isatty():
        yield _minutely(console, what)
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.fields[text]}")
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), text)
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=1.0, text="")
        yield lambda share, told: progress.update(task, completed=share, text=told)


def _minutely(console: Console, what: str) -> Callable[[float, str], object]:
    told = time.monotonic()

    def tell(share: float, text: str) -> None:
        nonlocal told
        if time.monotonic() - told >= _LINE_EVERY_S:
            told = time.monotonic()
            console.note(f"{what} {share:.0%}  {text}")

    return tell


def _show(console: Console, out: Path, card: "Card") -> None:
    if console.json:
        sys.stdout.write(jsonlib.dumps({"adapter": str(out), **card.to_dict()}, indent=2) + "\n")
        return
    before, after = card.before.to_dict(), card.after.to_dict()
    console.lines(
        [
            f"{card.train.pairs} pairs of {card.train.questions} questions, {card.steps} steps in "
            f"{card.seconds / 60:.1f} minutes, ended by {card.ended_by}; kept is step {card.best_step}",
            *(f"  {name:10}{_number(before[name])} -> {_number(after[name])}" for name in _FIGURES),
        ]
    )
    console.note(f"adapter: {out}")


def _show_replies(console: Console, out: Path, card: "CompletionCard") -> None:
    if console.json:
        sys.stdout.write(jsonlib.dumps({"adapter": str(out), **card.to_dict()}, indent=2) + "\n")
        return
    tasks = [(task, card.before.tasks[task], after) for task, after in card.after.tasks.items()]
    console.lines(
        [
            f"{card.train.completions} completions of {card.train.groups} groups, {card.steps} steps in "
            f"{card.seconds / 60:.1f} minutes ({card.tokens_per_s:.0f} tokens/s), ended by {card.ended_by}; "
            f"kept is step {card.best_step}",
            *(
                f"  {task:10}loss {before.loss:.3f} -> {after.loss:.3f}  "
                f"tokens {before.token_accuracy:.3f} -> {after.token_accuracy:.3f}  "
                f"exact {before.exact:.3f} -> {after.exact:.3f}  of {after.completions}"
                for task, before, after in [*tasks, ("all", card.before.whole, card.after.whole)]
            ),
        ]
    )
    console.note(f"adapter: {out}")


def _number(value: Any) -> str:
    return "undefined" if value is None else f"{value:.3f}"
