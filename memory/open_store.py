"""Which store a collection gets."""

import difflib
import importlib
from pathlib import Path
from typing import cast

from foveate.errors import CallerError
from foveate.memory.store import Store, StoreSpec
from foveate.settings import StoreSettings

__all__ = ["STORES", "open_store"]

STORES: dict[str, str] = {
    "edge": "foveate.memory.edge:EdgeStore",
    "reference": "foveate.memory.reference:ReferenceStore",
    "server": "foveate.memory.server:ServerStore",
}
"""Store name -> ``module:class``. Loaded on use, for each engine costs its import."""


def open_store(settings: StoreSettings, directory: Path, spec: StoreSpec) -> Store:
    """Open or make the store of a collection.

    Args:
        settings: which kind, and a server's address and key.
        directory: where stores on this machine keep their files; its parent's name names a server's
            collection.
        spec: what it holds.

    Raises:
        CallerError: no store of that name, or settings that do not fit it.
        ExtraMissing: the kind needs a package that is not installed.
        CollectionBusy: open in another process.
        CollectionCorrupt: files that cannot be read.
        ServiceError: a server that does not answer.
    """
    if settings.kind not in STORES:
        near = difflib.get_close_matches(settings.kind, STORES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CallerError(f"store {settings.kind!r} must be one of {sorted(STORES)}{hint}")
    module, _, name = STORES[settings.kind].partition(":")
    opener = getattr(importlib.import_module(module), name).from_settings
    return cast("Store", opener(settings, directory, spec))
