"""Adapters on a running server: checked, copied to where nobody else writes, loaded under a name of their content.

A server keeps attention states by adapter name, so that name must never stand for two contents; and it loads what lies
in the folder it is told, so that folder must hold what was checked.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import CallerError, ServiceError
from foveate.rerankers.lora.adapters import AdapterInfo, check_adapter
from foveate.serving.vllm.health import ask, served
from foveate.serving.vllm.launch import lora_room
from foveate.serving.vllm.state import LoraRoom, Server

__all__ = ["Admitted", "admit", "load", "loaded", "room_for", "unload"]

# A server compiles nothing for an adapter, but reads up to 1 GiB.
_LOAD_S = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """An adapter that passed the checks, and the copy that servers read."""

    info: AdapterInfo
    folder: Path

    @property
    def name(self) -> str:
        """What requests ask for it by."""
        return self.info.served_name


def admit(adapter: Path, base: Path, folder: Path) -> Admitted:
    """Check an adapter and copy it below ``folder``; one that was admitted before is checked again.

    Args:
        adapter: its folder.
        base: folder of the model it belongs to.
        folder: of the state files.

    Raises:
        CallerError: no such folder.
        ModelError: unsafe, damaged, or for another base model.
        ServiceError: the copy differs from what was checked.
    """
    info = check_adapter(adapter, base)
    place = folder / "adapters" / info.served_name
    place.parent.mkdir(mode=0o700, exist_ok=True)
    if not place.exists():
        _copy(adapter, place)
    if check_adapter(place, base).digest != info.digest:
        raise ServiceError(f"{str(place)!r} does not hold what its name says; delete it")
    return Admitted(info=info, folder=place)


def _copy(adapter: Path, place: Path) -> None:
    made = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
    for file in adapter.iterdir():
        shutil.copyfile(file, made / file.name)
    try:
        os.rename(made, place)
    except OSError:  # another process was first
        shutil.rmtree(made)


def room_for(infos: Sequence[AdapterInfo], *, rank: int | None = None, modules: Sequence[str] = ()) -> LoraRoom | None:
    """What a server must leave room for, so that it takes these adapters and no more; None for none.

    Args:
        infos: adapters known at the start.
        rank: of adapters that may come later.
        modules: that those train.
    """
    names = sorted({*modules, *(module for info in infos for module in info.target_modules)})
    ranks = [info.rank for info in infos] + ([rank] if rank is not None else [])
    if not ranks:
        return None
    return lora_room(max(ranks), tuple(names) if infos or modules else (), slots=max(2, len(infos)))


def load(server: Server, adapter: Path, folder: Path) -> str:
    """Load an adapter while the server runs; loading it twice changes nothing.

    Returns:
        The name to ask for it by.

    Raises:
        CallerError: the server is not ours, or was started without room for this adapter.
        ModelError, ServiceError: as :func:`admit`, or the server fails.
    """
    base = _own(server)
    room = server.lora
    if room is None:
        raise CallerError(f"server {server.name!r} takes no adapters; start it with --adapter or --lora-rank")
    found = admit(adapter, base, folder)
    _check_room(found.info, room, server.name)
    if found.name not in served(server):
        body = {"lora_name": found.name, "lora_path": str(found.folder)}
        ask(server, "POST", "/v1/load_lora_adapter", body, timeout_s=_LOAD_S)
        if found.name not in served(server):
            raise ServiceError(f"server {server.name!r} said yes, but does not list adapter {found.name!r}")
    return found.name


def _check_room(info: AdapterInfo, room: LoraRoom, name: str) -> None:
    if info.rank > room.rank:
        raise CallerError(
            f"adapter {info.name!r} has rank {info.rank}, server {name!r} takes up to {room.rank}; "
            "start it again with this --adapter, or a higher --lora-rank"
        )
    more = sorted(set(info.target_modules) - set(room.modules))
    if room.modules and more:
        raise CallerError(
            f"adapter {info.name!r} trains {', '.join(more)}, server {name!r} takes {', '.join(room.modules)}; "
            "start it again with this --adapter"
        )


def unload(server: Server, name: str) -> None:
    """Take an adapter off a server.

    Raises:
        CallerError: the server is not ours, or has none of that name.
    """
    _own(server)
    there = loaded(server)
    if name not in there:
        raise CallerError(
            f"server {server.name!r} has no adapter {name!r} (there: {', '.join(map(repr, there)) or 'none'})"
        )
    ask(server, "POST", "/v1/unload_lora_adapter", {"lora_name": name})


def loaded(server: Server) -> list[str]:
    """Names of the adapters that a server has, sorted; whatever it lists beside its model."""
    return sorted(name for name in served(server) if name != server.model)


def _own(server: Server) -> Path:
    if server.process is None or server.folder is None:
        raise CallerError(
            f"server {server.name!r} was attached; adapters are loaded and unloaded only on servers started here"
        )
    return Path(server.folder)
