"""``foveate graph``: make and look at a collection's passage graph. Heavy modules are imported inside the commands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from foveate.console import Console
from foveate.errors import CallerError

if TYPE_CHECKING:
    from foveate.agent.loop import Loop
    from foveate.memory.collection import Collection
    from foveate.retrievers.multihop.passage_graph import PassageGraph, Progress
    from foveate.retrievers.multihop.pseudo_questions import AsksQuestions
    from foveate.retrievers.protocols import Encoder
    from foveate.settings import Settings

__all__ = ["FOLDER", "app"]

FOLDER = "passage_graph"
"""Of a collection's folder."""
Name = Annotated[str, typer.Option("--collection", "-c", help="Which collection.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Home = Annotated[Path | None, typer.Option("--home", help="Folder that holds the collections.")]
app = typer.Typer(no_args_is_help=True, help="The graph that `--strategy passage-graph` walks: build, info.")


@app.callback()
def root() -> None:
    """The graph that ``--strategy passage-graph`` walks."""


@app.command(
    epilog="Examples:\n\n- `foveate graph build -c home`\n\n"
    "- `foveate graph build -c home --asker model --reasoner openai:MODEL@URL`"
)
def build(
    collection: Name = "home",
    asker: Annotated[
        Literal["cloze", "model"], typer.Option("--asker", help="`cloze`: by rule. `model`: the reasoner writes.")
    ] = "cloze",
    reasoner: Annotated[str | None, typer.Option("--reasoner", help="`mini`, `generator`, `openai:MODEL@URL`.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask about every chunk again.")] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Make the graph, or bring it up to date: only chunks that came since are asked about."""
    from foveate.agent.loop import Loop
    from foveate.settings import Settings

    settings = Settings.load(home=home, reasoner=reasoner)
    console, loop = Console(json=json), Loop()
    with _opened(settings, collection) as opened:
        encoder = _encoder(opened)
        try:
            graph = _built(opened, encoder, _asker(asker, settings, loop), fresh, console)
        except KeyboardInterrupt:
            console.note("interrupted: the graph that was there is kept")
            raise typer.Exit(130) from None
        finally:
            loop.close()
        graph.save(opened.folder / FOLDER)
    console.table(graph.info())


@app.command(epilog="Example:\n\n- `foveate graph info -c home`")
def info(collection: Name = "home", home: Home = None, json: Json = False) -> None:
    """Counts, and whether the graph still fits the collection."""
    from foveate.retrievers.multihop.passage_graph import PassageGraph
    from foveate.settings import Settings

    with _opened(Settings.load(home=home), collection) as opened:
        graph = PassageGraph.load(opened.folder / FOLDER)
        held = {point.id for point in opened.store.scroll()}
        facts = graph.info() | {
            "chunks_not_in_it": len(held - set(graph.ids)),
            "chunks_gone": len(set(graph.ids) - held),
            "fits": held == set(graph.ids) and graph.encoder == opened.encoder.fingerprint,
        }
    Console(json=json).table(facts)


def _opened(settings: "Settings", name: str) -> "Collection":
    from foveate.memory.collection import Collection

    return Collection.open(settings.home, name, None, settings.store)


def _encoder(opened: "Collection") -> "Encoder":
    from foveate.errors import EncoderMismatch
    from foveate.retrievers.encoders.presets import load_encoder

    encoder = load_encoder(opened.encoder.name)
    if encoder.fingerprint != opened.encoder.fingerprint:
        raise EncoderMismatch(opened.name, opened.encoder.fingerprint, encoder.fingerprint)
    return encoder


def _asker(kind: str, settings: "Settings", loop: "Loop") -> "AsksQuestions":
    from foveate.retrievers.multihop.pseudo_questions import ClozeAsker

    if kind == "cloze":
        return ClozeAsker()
    from foveate.agent.multihop.model_asker import ModelAsker
    from foveate.agent.reasoning import open_reasoner
    from foveate.rerankers.open_chat import generator_of
    from foveate.rerankers.reasoning.asker import ChatAsker

    chat = open_reasoner(settings.reasoner, settings, generator_of(settings))
    if chat is None:
        raise CallerError("--asker 'model' needs a reasoner; name one: --reasoner mini, generator or openai:MODEL@URL")
    return ModelAsker(ChatAsker(chat), loop)


def _built(
    opened: "Collection", encoder: "Encoder", asker: "AsksQuestions", fresh: bool, console: Console
) -> "PassageGraph":
    from foveate.errors import CollectionCorrupt
    from foveate.retrievers.multihop.passage_graph import PassageGraph

    known = None
    try:
        known = None if fresh else PassageGraph.load(opened.folder / FOLDER)
    except CollectionCorrupt as error:
        console.note(str(error))
    except CallerError:
        pass  # there is none yet
    with _bar(console) as tell:
        if known is not None:
            return known.update(opened.store, encoder, asker, progress=tell)
        return PassageGraph.build(opened.store, encoder, asker, progress=tell)


@contextmanager
def _bar(console: Console) -> "Iterator[Progress]":
    """A progress bar on standard error; silent for ``--json`` and in pipes."""
    if console.json or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)
