"""``foveate eval probe NAME``: one command a probe. Heavy modules are imported inside the commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foveate.console import Console, short
from foveate.errors import CallerError

if TYPE_CHECKING:
    from foveate.evals.probes.captioned import Captioned
    from foveate.evals.probes.record import ProbeReport

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Probes that explain a model instead of ranking it. Each writes one report.",
)

Pictures = Annotated[
    Path,
    typer.Option("--pictures", "-p", help="Folder of pictures with a .txt caption beside each, or a TSV."),
]
EncoderName = Annotated[str, typer.Option("--encoder", "-e", help="`mini`, `hashed` or `open_clip:MODEL/TAG`.")]
Seed = Annotated[int, typer.Option("--seed", help="Of all that is drawn.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most this many pictures, drawn by the seed.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the report to this .html or .json file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Named = Annotated[list[str], typer.Option(help="`NAME=word,word`; repeatable.")]


@app.command("list")
def list_probes(json: Json = False) -> None:
    """Which probes there are."""
    from foveate.evals.probes.table import PROBES, load

    lines = [(name, (load(name).__doc__ or "").strip().splitlines()[0]) for name in sorted(PROBES)]
    Console(json=json).rows([{"name": name, "summary": summary} for name, summary in lines])


@app.command(
    epilog="Examples:\n\n- `foveate eval probe correlates -p examples/sample/pictures -o correlates.html`\n\n"
    "- `foveate eval probe correlates --run runs/quick/plain.jsonl --metric ndcg@10 --root examples/sample/pictures`"
)
def correlates(
    pictures: Annotated[Path | None, typer.Option("--pictures", "-p", help="Captioned pictures, or --run.")] = None,
    run: Annotated[Path | None, typer.Option("--run", help="TASK.jsonl of a run, instead of --pictures.")] = None,
    metric: Annotated[str, typer.Option("--metric", help="Metric of the run.")] = "ndcg@10",
    root: Annotated[Path | None, typer.Option("--root", help="Folder that the run's paths start from.")] = None,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Which features of captions and pictures go with success."""
    from foveate.evals.probes.correlates import report
    from foveate.evals.probes.rated import rated_run

    if (pictures is None) == (run is None):
        raise CallerError("name captioned pictures with --pictures, or a run's TASK.jsonl with --run")
    if pictures is not None:
        _run("correlates", encoder, pictures, seed, limit, out, json)
        return
    assert run is not None
    rated = rated_run(run, metric, root=root)[:limit]
    _show(report(_encoder(encoder), rated, measure=f"{metric} of {run.name}"), out, json)


@app.command(
    "multi-object",
    epilog="Examples:\n\n- `foveate eval probe multi-object -p objects.tsv --scenes 120 -o scenes.html`\n\n"
    "- `foveate eval probe multi-object -p stamps/ --objects 2 --objects 3`",
)
def multi_object(
    pictures: Pictures,
    scenes: Annotated[int, typer.Option("--scenes", min=2, help="How many to make.")] = 240,
    objects: Annotated[list[int] | None, typer.Option("--objects", min=2, max=4, help="Objects a scene.")] = None,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Whether size and order decide what a vector of several objects is about. Objects need a name of their own."""
    sizes = tuple(objects or (2, 3, 4))
    _run("multi-object", encoder, pictures, seed, limit, out, json, scenes=scenes, sizes=sizes)


@app.command(
    "text-spotting",
    epilog="Example: `foveate eval probe text-spotting -p examples/sample/pictures --limit 50 --ocr -o text.html`",
)
def text_spotting(
    pictures: Pictures,
    ocr: Annotated[bool, typer.Option("--ocr", help="Mask what RapidOCR reads, not what was painted.")] = False,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """How much words in a picture move its score, before and after they are masked."""
    from foveate.evals.probes.painting import read_boxes

    _run("text-spotting", encoder, pictures, seed, limit, out, json, reader=read_boxes if ocr else None)


@app.command(
    epilog="Examples:\n\n- `foveate eval probe attributions -p examples/sample/pictures --limit 4 -o maps.html`\n\n"
    "- `foveate eval probe attributions -p photos/ -e open_clip:ViT-B-32/laion2b_s34b_b79k --steps 16`"
)
def attributions(
    pictures: Pictures,
    layer: Annotated[int, typer.Option("--layer", min=0, help="Block whose input is attributed to (open_clip).")] = 0,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Of integration (open_clip).")] = 32,
    grid: Annotated[int, typer.Option("--grid", min=2, help="Patches a side (other encoders).")] = 7,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = 4,
    out: Out = None,
    json: Json = False,
) -> None:
    """Heat maps of which caption words were matched with which parts of a picture."""
    _run("attributions", encoder, pictures, seed, limit, out, json, layer=layer, steps=steps, grid=grid)


@app.command(
    epilog="Example: `foveate eval probe association -p photos/ --group women=woman,women --group men=man,men "
    "--label kitchen=kitchen,cook --share 0.6`"
)
def association(
    pictures: Pictures,
    group: Named,
    label: Named,
    share: Annotated[float, typer.Option("--share", help="Part of the set that balancing keeps.")] = 0.5,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Which words go with which groups of captions, and a subsample in which they do not."""
    more = {"groups": _words(group, "--group"), "labels": _words(label, "--label"), "share": share}
    _run("association", encoder, pictures, seed, limit, out, json, **more)


@app.command(
    epilog="Example: `foveate eval probe classes -p photos/ --class 'a person' --harm 'an animal' --add 'a child'`"
)
def classes(
    pictures: Pictures,
    base: Annotated[list[str], typer.Option("--class", help="A class to begin with; repeatable.")],
    harm: Annotated[list[str] | None, typer.Option("--harm", help="A class nobody should land in.")] = None,
    add: Annotated[list[str] | None, typer.Option("--add", help="A harmless class added last.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="`NAME=word,word` of captions.")] = None,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Where pictures land as classes are added, and how often in harmful ones."""
    more = {"classes": base, "harm": harm or (), "added": add or (), "groups": _words(group or [], "--group")}
    _run("classes", encoder, pictures, seed, limit, out, json, **more)


@app.command(epilog="Example: `foveate eval probe gap -p examples/sample/pictures -o gap.html`")
def gap(
    pictures: Pictures,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """How far apart captions and pictures lie, and what mixed search loses by it."""
    _run("gap", encoder, pictures, seed, limit, out, json)


@app.command(epilog="Example: `foveate eval probe diversity -p examples/sample/pictures --json`")
def diversity(
    pictures: Pictures,
    encoder: EncoderName = "mini",
    seed: Seed = 0,
    limit: Limit = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """How varied pictures are, whole and apart from what their captions say."""
    _run("diversity", encoder, pictures, seed, limit, out, json)


def _run(
    name: str, encoder: str, pictures: Path, seed: int, limit: int | None, out: Path | None, json: bool, **more: Any
) -> None:
    from foveate.evals.probes.table import load

    _writable(out)
    items = _items(pictures, limit, seed)
    _show(load(name)(_encoder(encoder), items, seed=seed, **more), out, json)


def _items(pictures: Path, limit: int | None, seed: int) -> "Sequence[Captioned]":
    from foveate.evals.probes.captioned import read_captioned, thinned

    return thinned(read_captioned(pictures), limit, seed=seed)


def _encoder(name: str) -> Any:
    from foveate.retrievers.encoders.presets import load_encoder

    return load_encoder(name)


def _show(report: "ProbeReport", out: Path | None, json: bool) -> None:
    console = Console(json=json)
    body = report.to_dict()
    if json:
        console.table(body)
    else:
        console.table({report.title: report.source, **report.facts})
        for table in body["tables"]:
            rows = [dict(zip(table["columns"], map(_cell, row), strict=True)) for row in table["rows"]]
            console.table({table["title"]: [{name: name for name in table["columns"]}, *rows]})
    if out:
        report.write(out)
        console.note(f"report: {short(str(out))}")


def _writable(out: Path | None) -> None:
    # Said before minutes of work, not after them.
    if out is not None and out.suffix.lower() not in (".html", ".json"):
        raise CallerError(f"--out must end in .html or .json, found {str(out)!r}")


def _words(given: Sequence[str], flag: str) -> dict[str, tuple[str, ...]]:
    """``NAME=word,word`` as a mapping."""
    found: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, listed = text.partition("=")
        words = tuple(word.strip() for word in listed.split(",") if word.strip())
        if not (name and equals and words):
            raise CallerError(f"{flag} takes NAME=word,word, found {text!r}")
        found[name] = words
    return found


def _cell(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
