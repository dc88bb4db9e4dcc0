"""``foveate vllm``: start a vLLM server, watch it, give it adapters, hold it to the in-process reference, end it."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from foveate.console import Console
from foveate.errors import CallerError

if TYPE_CHECKING:
    from foveate.serving.vllm.health import Waiting
    from foveate.serving.vllm.server import Build
    from foveate.serving.vllm.state import Server

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="A vLLM server: start it, watch it, load adapters, check its scores.")
adapters = typer.Typer(no_args_is_help=True, help="Adapters on a running server: list, load, unload.")
app.add_typer(adapters, name="adapters")

Name = Annotated[str, typer.Option("--name", "-n", help="Which server, where there are several.")]
State = Annotated[Path | None, typer.Option("--state", help="Folder of state files and logs.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
KeyEnv = Annotated[str | None, typer.Option("--key-env", help="Variable that holds the server's key.")]
Adapters = Annotated[list[Path] | None, typer.Option("--adapter", "-a", help="Folder of an adapter; repeatable.")]
Device = Annotated[
    bool | None, typer.Option("--gpu/--cpu", help="Where it computes; by default what its vLLM was built for.")
]


@app.command(
    epilog="Examples:\n\n- `foveate vllm up smollm2`\n\n"
    "- `foveate vllm up smollm2 --adapter adapters/mine --port 8001`\n\n"
    "- `foveate vllm up models/my-vlm --gpu --python /opt/vllm/bin/python`"
)
def up(
    model: Annotated[str, typer.Argument(help="A fetched model's name, or a folder (with a slash).")],
    adapter: Adapters = None,
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes a free one.")] = 8000,
    python: Annotated[Path | None, typer.Option("--python", help="Interpreter that has vLLM.")] = None,
    gpu: Device = None,
    context: Annotated[
        int | None, typer.Option("--context", min=64, help="Tokens; the model's own if left out.")
    ] = None,
    images: Annotated[int, typer.Option("--images", min=0, max=64, help="Pictures a prompt may hold.")] = 8,
    kv_gb: Annotated[float, typer.Option("--kv-gb", min=0.5, help="Memory for prefixes on a CPU, GiB.")] = 2.0,
    lora_rank: Annotated[
        int | None, typer.Option("--lora-rank", min=1, max=64, help="Room for later adapters.")
    ] = None,
    lora_modules: Annotated[list[str] | None, typer.Option("--lora-module", help="Layers those train.")] = None,
    wait: Annotated[float, typer.Option("--wait", min=1, help="Longest wait until it is ready, seconds.")] = 600.0,
    name: Name = "main",
    state: State = None,
    json: Json = False,
) -> None:
    """Start a server and wait until it answers. It stays when this command ends; `down` ends it."""
    from foveate.serving.vllm import adapters as lora
    from foveate.serving.vllm.launch import Launch, folder_of
    from foveate.serving.vllm.server import build, free_port, python_with_vllm, start
    from foveate.serving.vllm.state import state_folder

    console, folder = Console(json=json), state_folder(state)
    base = folder_of(model)
    admitted = [lora.admit(path.expanduser(), base, folder) for path in adapter or []]
    room = lora.room_for([item.info for item in admitted], rank=lora_rank, modules=lora_modules or ())
    found = build(python_with_vllm(python))
    launch = Launch(
        model=base,
        served_name=base.name,
        port=port or free_port(),
        python=found.python,
        device=_device(gpu, found),
        context=context,
        images=images,
        kv_gb=kv_gb,
        lora=room,
    )
    console.note(f"vLLM {found.version}: {base} on port {launch.port} ({launch.device}, up to {wait:.0f} s)")
    with _waiting(console) as tell:
        server = start(launch, folder, tell, name=name, timeout_s=wait)
    console.table(_facts(server) | {"adapters": _load_all(server, adapter or [], folder)})


@app.command(epilog="Example: `foveate vllm attach https://gpu-box:8000 --key-env VLLM_KEY --model my-vlm`")
def attach(
    url: Annotated[str, typer.Argument(help="Where it runs, as http://HOST:PORT.")],
    model: Annotated[str | None, typer.Option("--model", help="Which of its models, where it has several.")] = None,
    key_env: KeyEnv = None,
    name: Name = "main",
    state: State = None,
    json: Json = False,
) -> None:
    """Use a server that somebody else runs. `down` only forgets it."""
    from foveate.serving.vllm.server import attach as attach_to
    from foveate.serving.vllm.state import state_folder

    server = attach_to(url, state_folder(state), name=name, model=model, key=_key(key_env))
    Console(json=json).table(_facts(server))


@app.command()
def status(
    show_key: Annotated[bool, typer.Option("--show-key", help="Print the keys too.")] = False,
    state: State = None,
    json: Json = False,
) -> None:
    """All servers: up, silent (starting, or stuck), dead, unreachable. Exit status 5 when one is not up."""
    from foveate.serving.vllm.server import status as status_of
    from foveate.serving.vllm.state import read, servers, state_folder

    folder = state_folder(state)
    known = [read(folder, name) for name in servers(folder)]
    found = [status_of(server) for server in known]
    keys = [{"key": server.key} if show_key else {} for server in known]
    rows = [asdict(item) | {"serves": list(item.serves)} | key for item, key in zip(found, keys, strict=True)]
    if not rows:
        Console(json=json).note("no servers; start one with: foveate vllm up MODEL")
    Console(json=json).rows(rows)
    if any(item.state != "up" for item in found):
        raise typer.Exit(5)


@app.command()
def down(name: Name = "main", state: State = None, json: Json = False) -> None:
    """End a server that `up` started, with all its processes; forget one that was attached."""
    from foveate.serving.vllm.server import down as end
    from foveate.serving.vllm.state import state_folder

    server = end(state_folder(state), name)
    Console(json=json).table({"forgotten" if server.process is None else "ended": name, "url": server.url})


@app.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-l", min=1, max=2000, help="How many.")] = 40,
    name: Name = "main",
    state: State = None,
) -> None:
    """The last lines a server wrote."""
    from foveate.serving.vllm.health import tail
    from foveate.serving.vllm.state import log_file, state_folder

    file = log_file(state_folder(state), name)
    if not file.is_file():
        raise CallerError(f"server {name!r} has no log at {str(file)!r}")
    Console().lines(tail(file, lines))


@adapters.command("list")
def adapters_list(name: Name = "main", state: State = None, json: Json = False) -> None:
    """Names to ask for adapters by."""
    from foveate.serving.vllm.adapters import loaded

    Console(json=json).rows([{"adapter": adapter} for adapter in loaded(_server(name, state))])


@adapters.command("load", epilog="Example: `foveate vllm adapters load adapters/mine`")
def adapters_load(
    adapter: Annotated[Path, typer.Argument(help="Its folder.")],
    name: Name = "main",
    state: State = None,
    json: Json = False,
) -> None:
    """Check an adapter and load it while the server runs."""
    from foveate.serving.vllm.adapters import load
    from foveate.serving.vllm.state import state_folder

    served = load(_server(name, state), adapter.expanduser(), state_folder(state))
    Console(json=json).table({"adapter": served})


@adapters.command("unload")
def adapters_unload(
    adapter: Annotated[str, typer.Argument(help="Its name, as listed.")],
    name: Name = "main",
    state: State = None,
    json: Json = False,
) -> None:
    """Take an adapter off a running server."""
    from foveate.serving.vllm.adapters import unload

    unload(_server(name, state), adapter)
    Console(json=json).table({"unloaded": adapter})


@app.command(
    epilog="Examples:\n\n- `foveate vllm parity smollm2`\n\n- `foveate vllm parity smollm2 --adapter adapters/mine`\n\n"
    "- `foveate vllm parity models/my-vlm --url http://gpu-box:8000 --served-name my-vlm --tolerance 0.02`"
)
def parity(
    model: Annotated[str, typer.Argument(help="What it should be: a fetched model's name, or a folder.")],
    adapter: Annotated[Path | None, typer.Option("--adapter", "-a", help="Folder of the adapter to compare.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Of a server that is neither started nor attached.")] = None,
    served_name: Annotated[str | None, typer.Option("--served-name", help="What to ask the server for.")] = None,
    key_env: KeyEnv = None,
    tolerance: Annotated[float, typer.Option("--tolerance", min=1e-6, max=1, help="Largest difference.")] = 1e-2,
    name: Name = "main",
    state: State = None,
    json: Json = False,
) -> None:
    """Compare its yes/no probabilities with those in this process, 1, 8 and 32 at a time; exit 5 when they differ."""
    from foveate.serving.vllm.judges import judges_of
    from foveate.serving.vllm.launch import folder_of
    from foveate.serving.vllm.parity import compare, require
    from foveate.serving.vllm.probes import probes
    from foveate.serving.vllm.state import Server

    console, base = Console(json=json), folder_of(model)
    if url is None:
        server = _server(name, state)
    else:
        server = Server(name="parity", url=url.rstrip("/").removesuffix("/v1"), model=base.name, key=_key(key_env))
    chosen = judges_of(server, base, adapter.expanduser() if adapter else None, served_name)
    report = asyncio.run(
        compare(
            chosen.reference,
            chosen.served,
            probes(sees=chosen.reference.sees),
            tolerance=tolerance,
            suspects=chosen.suspects,
            served_at=chosen.served_at,
            tell=console.note,
        )
    )
    if json or report.accepted:
        console.table(report.to_dict())
    if json and not report.accepted:
        raise typer.Exit(5)
    require(report)


def _server(name: str, state: Path | None) -> "Server":
    from foveate.serving.vllm.state import read, state_folder

    return read(state_folder(state), name)


def _facts(server: "Server") -> dict[str, object]:
    pid = server.process.pid if server.process else None
    return {"name": server.name, "url": server.base_url, "model": server.model, "pid": pid}


def _load_all(server: "Server", paths: Sequence[Path], folder: Path) -> list[dict[str, str]]:
    from foveate.serving.vllm.adapters import load
    from foveate.serving.vllm.server import down as end

    try:
        return [{"adapter": load(server, path.expanduser(), folder)} for path in paths]
    except BaseException:
        end(folder, server.name)
        raise


def _device(gpu: bool | None, found: "Build") -> Literal["cpu", "gpu"]:
    wanted: Literal["cpu", "gpu"] = found.device if gpu is None else ("gpu" if gpu else "cpu")
    if wanted != found.device:
        raise CallerError(f"vLLM {found.version} in {str(found.python)!r} was built for {found.device}, not {wanted}")
    return wanted


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    if not (key := os.environ.get(variable)):
        raise CallerError(f"--key-env names {variable!r}, which is not set")
    return key


@contextmanager
def _waiting(console: Console) -> Iterator["Waiting"]:
    """The last line of the log while the server starts; silent for ``--json`` and in pipes."""
    if console.json or not sys.stderr.isatty():
        yield lambda seconds, line: None
        return
    from rich.console import Console as RichConsole
    from rich.markup import escape

    from foveate.console import visible

    with RichConsole(stderr=True).status("starting") as shown:
        yield lambda seconds, line: shown.update(f"starting, {seconds:.0f} s: {escape(visible(line)[-100:])}")
