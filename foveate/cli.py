"""The command line. It speaks; the library is silent.

Heavy modules are imported inside the commands, so that ``foveate --help`` answers at once.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foveate import __version__
from foveate.agent.graph_cli import app as graph
from foveate.agent.train_cli import app as train
from foveate.agent.verify_cli import EPILOG as VERIFY_EXAMPLES
from foveate.agent.verify_cli import verify
from foveate.console import Console, bar
from foveate.errors import CallerError, FoveateError
from foveate.evals.cli import app as evals
from foveate.rerankers.prompts_cli import app as prompts
from foveate.serving.vllm.cli import app as vllm

if TYPE_CHECKING:
    from foveate.agent.sdk import Agent
    from foveate.settings import Settings

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Ask questions about your pictures, documents and films; get answers that point at the evidence.",
)
models = typer.Typer(no_args_is_help=True, help="Models on this machine: get, list, verify.")
app.command(epilog=VERIFY_EXAMPLES)(verify)
app.add_typer(models, name="models")
app.add_typer(evals, name="eval")
app.add_typer(train, name="train")
app.add_typer(graph, name="graph")
app.add_typer(vllm, name="vllm")
app.add_typer(prompts, name="prompts")

Name = Annotated[str, typer.Option("--collection", "-c", help="Which collection.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Home = Annotated[Path | None, typer.Option("--home", help="Folder that holds the collections.")]
Encoder = Annotated[str | None, typer.Option("--encoder", help="`mini` or `open_clip:MODEL/PRETRAINED`.")]
Images = Annotated[list[Path] | None, typer.Option("--image", "-i", help="A picture of the question; repeatable.")]
Filters = Annotated[str, typer.Option("--filter", "-f", help="Such as `kind:image path:holiday/ date:2024-05..`.")]


def main() -> None:
    """Entry point: every fault of the tree in :mod:`foveate.errors` ends in one line and its own exit status."""
    console = Console(json="--json" in sys.argv)
    try:
        app()
    except FoveateError as error:
        console.error(error)
        sys.exit(error.exit_code)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"foveate {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """foveate: answers with evidence."""


@app.command(
    epilog="Examples:\n\n- `foveate index ~/Pictures ~/Papers -c home`\n\n- `foveate index ~/Pictures --prune --json`"
)
def index(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    collection: Name = "home",
    prune: Annotated[bool, typer.Option("--prune", help="Forget files below these folders that are gone.")] = False,
    ocr: Annotated[bool | None, typer.Option("--ocr/--no-ocr", help="Read text in pictures (slow).")] = None,
    encoder: Encoder = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Index files and folders. Run it again at any time: only what changed is read."""
    console = Console(json=json)
    flags = {"index": {"ocr": ocr}} if ocr is not None else {}
    with _agent(collection, home=home, encoder=encoder, create=True, **flags) as agent, bar(console) as progress:
        try:
            report = agent.index(paths, prune=prune, progress=progress)
        except KeyboardInterrupt:
            console.note("interrupted: what was reported done is kept; run the same command to go on")
            raise typer.Exit(130) from None
    console.report(report)


@app.command(
    epilog="Examples:\n\n- `foveate search 'a red kite over the sea' -k 5`\n\n"
    "- `foveate search --image cup.jpg --not people`\n\n- `foveate search 'the same in blue' --image cup.jpg`"
)
def search(
    text: Annotated[str, typer.Argument(help="Words; may be left out with --image.")] = "",
    image: Images = None,
    exclude: Annotated[str, typer.Option("--not", help="What must not be in it.")] = "",
    filters: Filters = "",
    k: Annotated[int, typer.Option("-k", min=1, help="How many results.")] = 10,
    diversity: Annotated[float, typer.Option(min=0.0, max=1.0, help="More variety, less relevance.")] = 0.0,
    collection: Name = "home",
    encoder: Encoder = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Search with words, pictures, or both together."""
    with _agent(collection, home=home, encoder=encoder) as agent:
        results = agent.search(text, images=_files(image), exclude=exclude, filters=filters, k=k, diversity=diversity)
    Console(json=json).results(results)


@app.command(
    epilog="Examples:\n\n- `foveate ask 'When does the museum open?' --trace`\n\n"
    "- `foveate ask 'Who wrote this?' --image page.jpg --sheet evidence.html`\n\n"
    "- `foveate ask 'Where was the founder of the museum born?' --strategy passage-graph --trace`"
)
def ask(
    question: Annotated[str, typer.Argument(help="In plain words.")],
    image: Images = None,
    filters: Filters = "",
    thread: Annotated[str | None, typer.Option("--thread", help="Continue this conversation.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Show every stage.")] = False,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Write the evidence to this HTML file.")] = None,
    collection: Name = "home",
    encoder: Encoder = None,
    generator: Annotated[str | None, typer.Option("--generator", help="`local:smollm2` or `openai:MODEL@URL`.")] = None,
    reranker: Annotated[
        str | None,
        typer.Option("--reranker", help="`sentences`, `pointwise:mini`, `cascade:pointwise`, `pairwise` ..."),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="How to gather evidence: `condensed`, `single`, `passage-graph` ..."),
    ] = None,
    reasoner: Annotated[
        str | None, typer.Option("--reasoner", help="Plans and reads: `mini`, `generator`, `none`, `openai:MODEL@URL`.")
    ] = None,
    reading: Annotated[
        str | None, typer.Option("--reading", help="`sentences`, or `margins` to read all relevant text to its end.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="To choose from; give it once an option.")
    ] = None,
    target_risk: Annotated[
        float | None, typer.Option("--target-risk", help="Share of wrong answers among those given, at most: `0.1`.")
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Ask a question; the answer cites its evidence, or says that there is none."""
    console = Console(json=json)
    flags: dict[str, Any] = {
        "generator": generator,
        "reranker": reranker,
        "strategy": strategy,
        "reasoner": reasoner,
        "reading": reading,
        "target_risk": target_risk,
    }
    with _agent(collection, home=home, encoder=encoder, **flags) as agent:
        answer = agent.ask(
            question,
            images=_files(image),
            options=option or (),
            filters=filters,
            thread_id=thread,
            progress=console.event,
        )
        if sheet:
            from foveate.agent.sheet import write_sheet

            write_sheet(sheet, [(question, answer)], agent.look)
    console.answer(question, answer, trace=trace)
    if sheet:
        console.note(f"evidence sheet: {sheet}")


@app.command()
def info(collection: Name = "home", home: Home = None, json: Json = False) -> None:
    """What a collection holds, and which files were left out and why."""
    from foveate.agent.asking import describe_collection
    from foveate.memory.collection import Collection

    settings = _settings(home=home)
    with Collection.open(settings.home, collection, None, settings.store) as opened:
        Console(json=json).table(describe_collection(opened))


@app.command(epilog="Examples:\n\n- `foveate rm ~/Pictures/old -c home`\n\n- `foveate rm --all -c home --yes`")
def rm(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders to forget.")] = None,
    collection: Name = "home",
    everything: Annotated[bool, typer.Option("--all", help="Delete the whole collection.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: Home = None,
    json: Json = False,
) -> None:
    """Forget files, or a whole collection. Your own files are never touched."""
    from foveate.memory.collection import Collection

    if everything == bool(paths):
        raise CallerError("name the files to forget, or --all for the whole collection, not both")
    if everything:
        if not yes:
            typer.confirm(f"Delete collection {collection!r}? Your own files stay.", abort=True)
        Collection.destroy(_settings(home=home).home, collection)
        Console(json=json).table({"deleted": collection})
        return
    with _agent(collection, home=home) as agent:
        Console(json=json).table({"forgotten": agent.remove(paths or [])})


@app.command()
def doctor(home: Home = None, json: Json = False) -> None:
    """Check the set-up: packages, models, store, disk."""
    from foveate.doctor import examine

    checks = examine(_settings(home=home))
    Console(json=json).checks(checks)
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(5)


@models.command("get", epilog="Example: `foveate models get mini smollm2`")
def models_get(names: Annotated[list[str], typer.Argument(help="Models to fetch.")], json: Json = False) -> None:
    """Fetch models, check them, convert them once."""
    from foveate.models import get

    console = Console(json=json)

    def tell(what: str, done: int, steps: int) -> None:
        console.note(f"[{done}/{steps}] {what}")

    console.table({name: str(get(name, progress=tell)) for name in names})


@models.command("list")
def models_list(json: Json = False) -> None:
    """Models foveate knows, and which are here."""
    from foveate.models import catalogue, installed

    rows = [
        {
            "name": spec.name,
            "here": "here" if installed(spec.name) else "not here",
            "size": f"{spec.disk_mb} MB",
            "licence": spec.licence,
            "summary": spec.summary,
        }
        for spec in catalogue()
    ]
    Console(json=json).rows(rows)


@models.command("verify")
def models_verify(
    names: Annotated[list[str] | None, typer.Argument(help="All that are here if left out.")] = None,
    json: Json = False,
) -> None:
    """Hash the files of fetched models again."""
    from foveate.models import catalogue, installed, verify

    chosen = names or [spec.name for spec in catalogue() if installed(spec.name)]
    found = [verify(name) for name in chosen]
    rows = [
        {"name": item.name, "state": "ok" if item.ok else f"damaged: {', '.join(item.bad)}", "files": item.files}
        for item in found
    ]
    Console(json=json).rows(rows)
    if not all(item.ok for item in found):
        raise typer.Exit(4)


def _settings(**flags: Any) -> "Settings":
    from foveate.settings import Settings

    return Settings.load(**flags)


def _agent(name: str, *, create: bool = False, **flags: Any) -> "Agent":
    from foveate.agent.sdk import Agent
    from foveate.memory.collection import read_encoder

    settings = _settings(**flags)
    if flags.get("encoder") is None and (made_with := read_encoder(settings.home, name)):
        # A collection knows its encoder; people need not repeat it.
        settings = settings.model_copy(update={"encoder": made_with.name})
    elif not create and read_encoder(settings.home, name) is None:
        _require(settings, name)
    return Agent.open(name, create=create, settings=settings)


def _require(settings: "Settings", name: str) -> None:
    # Said before a model is loaded: a misspelt name should not cost three seconds.
    from foveate.memory.collection import list_collections

    known = ", ".join(list_collections(settings.home)) or "none"
    raise CallerError(f"no collection {name!r} (there: {known}); make it with: foveate index PATHS -c {name}")


def _files(paths: list[Path] | None) -> list[Path]:
    for path in paths or []:
        if not path.expanduser().is_file():
            raise CallerError(f"no picture at {str(path)!r}")
    return paths or []


if __name__ == "__main__":
    main()
