"""What foveate knows of a vLLM server: one file a name, readable by its owner alone, since it holds the key."""

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from foveate.errors import CallerError, ServiceError
from foveate.serving.vllm.processes import Process

__all__ = ["NAME", "LoraRoom", "Server", "forget", "log_file", "read", "servers", "state_folder", "work_on", "write"]

NAME = "main"
"""Of a server when none is given."""
_NAMES = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraRoom:
    """What adapters a server can take."""

    rank: int
    """The highest; higher ones cost every request."""
    modules: tuple[str, ...]
    """Names of layers; empty means every linear layer."""
    slots: int
    """Adapters in one batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server that was started here, or one that runs anywhere and was attached."""

    name: str
    url: str
    """Up to the port, as ``http://127.0.0.1:8000``."""
    model: str
    """The name it is asked for by."""
    folder: str | None = None
    """Of the model; None for an attached server."""
    key: str | None = field(default=None, repr=False)
    """Sent with every request; made anew at each start."""
    process: Process | None = None
    """The first one of the session; None for an attached server."""
    others: tuple[Process, ...] = ()
    """The rest of the session when it was ready."""
    lora: LoraRoom | None = None
    """None when it takes no adapters."""
    sees: bool = False
    """Whether the model takes pictures."""

    @property
    def base_url(self) -> str:
        """Where the OpenAI protocol begins."""
        return f"{self.url}/v1"


def state_folder(chosen: Path | None = None) -> Path:
    """The folder of state files, made if absent; ``XDG_STATE_HOME`` moves it.

    Raises:
        ServiceError: others may write or read it.
    """
    folder = chosen or Path(platformdirs.user_state_dir("foveate")) / "vllm"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise ServiceError(f"{str(folder)!r} holds keys and must be yours alone; run: chmod 700 {folder}")
    return folder


def read(folder: Path, name: str = NAME) -> Server:
    """The server of that name.

    Raises:
        CallerError: there is none; names those there are.
        ServiceError: its file is damaged.
    """
    file = _file(folder, name)
    if not file.is_file():
        known = ", ".join(map(repr, servers(folder))) or "none"
        raise CallerError(f"no server {name!r} (there: {known}); start one with: foveate vllm up MODEL")
    try:
        return _server(json.loads(file.read_bytes()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ServiceError(f"{str(file)!r} is damaged ({error}); end what runs, then delete it") from error


def servers(folder: Path) -> list[str]:
    """Names of all servers, sorted."""
    return sorted(file.stem for file in folder.glob("*.json"))


def write(folder: Path, server: Server) -> None:
    """Keep ``server``; an interruption leaves the old file or the new one."""
    body = json.dumps(asdict(server), indent=2)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")  # made with mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(body)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(name, _file(folder, server.name))


def forget(folder: Path, name: str) -> None:
    """Delete the file of a server; its log stays."""
    _file(folder, name).unlink(missing_ok=True)


def log_file(folder: Path, name: str) -> Path:
    """Where a server writes."""
    return _file(folder, name).with_suffix(".log")


@contextmanager
def work_on(folder: Path, name: str) -> Iterator[None]:
    """Keep others from starting or ending the same server meanwhile.

    Raises:
        CallerError: someone does so now.
    """
    with _file(folder, name).with_suffix(".lock").open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CallerError(f"server {name!r} is being started or ended by another process") from None
        yield


def _file(folder: Path, name: str) -> Path:
    if not _NAMES.fullmatch(name):
        raise CallerError(f"name is {name!r}; allowed are 1 to 32 of a-z, 0-9, '-' and '_'")
    return folder / f"{name}.json"


def _server(body: dict[str, Any]) -> Server:
    return Server(
        name=body["name"],
        url=body["url"],
        model=body["model"],
        folder=body["folder"],
        key=body["key"],
        process=Process(**body["process"]) if body["process"] else None,
        others=tuple(Process(**item) for item in body["others"]),
        lora=LoraRoom(**{**body["lora"], "modules": tuple(body["lora"]["modules"])}) if body["lora"] else None,
        sees=body["sees"],
    )
