"""Conversation threads: a SQLite checkpointer that reads back data only."""

from pathlib import Path

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

__all__ = ["open_threads"]


async def open_threads(path: Path) -> AsyncSqliteSaver:
    """A checkpointer on a file; close it by closing its ``conn``.

    The serializer takes JSON values and nothing that names a class: a checkpoint written by somebody else must
    not import code (CVE-2025-64439, CVE-2026-28277).
    """
    connection = await aiosqlite.connect(path)
    await connection.execute("PRAGMA journal_mode=WAL")
    await connection.execute("PRAGMA synchronous=FULL")
    await connection.execute("PRAGMA busy_timeout=5000")
    serde = JsonPlusSerializer(pickle_fallback=False, allowed_json_modules=None, allowed_msgpack_modules=None)
    saver = AsyncSqliteSaver(connection, serde=serde)
    await saver.setup()
    return saver
