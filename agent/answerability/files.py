"""The fitted judge in one JSON file: combiner and policy."""

import json
from pathlib import Path

from foveate.agent.answerability.combiner import Combiner, read_combiner
from foveate.agent.answerability.policy import Policy, read_policy
from foveate.memory.durable import write_durably
from foveate.rerankers.fitted import parsed, read_fitted

__all__ = ["load_fitted", "save_fitted"]

_FORM = 1
_MAX_BYTES = 8_000_000


def save_fitted(path: Path, combiner: Combiner, policy: Policy) -> None:
    """Write both; a crash leaves the old or the new file whole.

    Raises:
        ServiceError: it cannot be written.
    """
    body = {"form": _FORM, "combiner": combiner.to_dict(), "policy": policy.to_dict()}
    # A number a line would be three times as long.
    text = json.dumps(body, sort_keys=True, allow_nan=False, separators=(",", ":"))
    write_durably(path, lambda stream: stream.write(text.encode() + b"\n"))


def load_fitted(path: Path) -> tuple[Combiner, Policy]:
    """Read what ``save_fitted`` wrote.

    Raises:
        CallerError: no such file.
        ModelError: too large or damaged; names the file and the field.
    """
    return read_fitted(path, "judge", _read, _MAX_BYTES)


def _read(raw: bytes) -> tuple[Combiner, Policy]:
    body = parsed(raw, _FORM)
    if set(body) != {"combiner", "policy"}:
        raise ValueError("the fields of judge must be combiner, form, policy")
    return read_combiner(body["combiner"]), read_policy(body["policy"])
