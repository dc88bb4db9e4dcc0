"""Text cross-encoders through sentence-transformers: question and passage read together by one small network.

Nogueira and Cho, "Passage re-ranking with BERT", 2019; the interface is that of sentence-transformers' CrossEncoder.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate import hub
from foveate.errors import CallerError, ExtraMissing, ModelError, ModelMissing
from foveate.ids import digest, file_digest
from foveate.records import Hit, Result
from foveate.rerankers.abstain import abstention
from foveate.rerankers.folders import UNSAFE, check_folder
from foveate.rerankers.hits import check_distinct, ranked
from foveate.rerankers.protocols import ImagePart

__all__ = ["CrossEncoderReranker"]

_LOG = logging.getLogger(__name__)
_BATCH = 32


class CrossEncoderReranker:
    """Probability that a text answers the question: the logistic of the network's one output.

    What has no text is not judged: it gets a score below 0 and follows the texts in the first stage's order
    (:mod:`foveate.rerankers.abstain`). Pictures of the question are not looked at.
    """

    def __init__(
        self, model: str | Path, *, local_files_only: bool = True, max_tokens: int | None = None, device: str = "cpu"
    ) -> None:
        """Load the network; takes a second or more.

        Args:
            model: a folder of a cross-encoder with one output (``cross-encoder/ms-marco-MiniLM-L6-v2`` is one), or a
                hub name ``OWNER/NAME``.
            local_files_only: take a hub name from the client's cache alone; False may download.
            max_tokens: of question and text together; what the model takes if None.
            device: of torch.

        Raises:
            CallerError: neither a folder nor a hub name, a name that is not in the cache, or a bad ``max_tokens``.
            ExtraMissing: without sentence-transformers.
            ModelError: unsafe or damaged files, several outputs, or a hub out of reach.
        """
        if max_tokens is not None and max_tokens < 8:
            raise CallerError(f"max_tokens is {max_tokens!r}; allowed are None and numbers from 8")
        folder = _folder(model, local_files_only)
        _check(folder)
        said = folder.name if folder == Path(model) else str(model)
        self.name = f"cross-encoder:{said}@{_content(folder)}"
        """With a hash of the weights: what was calibrated on one folder must not meet another of its name."""
        self._model = _load(folder, max_tokens, device)
        # Fast tokenizers keep their truncation in themselves and refuse a second thread meanwhile.
        self._lock = threading.Lock()

    async def rerank(self, question: str, results: Sequence[Result], *, images: Sequence[ImagePart] = ()) -> list[Hit]:
        """Probabilities, best first, ties by id; below 0 for what has no text.

        A text longer than the model takes is cut at the end; how many were is logged.

        Raises:
            CallerError: a chunk given twice.
            ModelError: the network gave NaN.
        """
        check_distinct(results)
        texts = {result.chunk.id: (result.chunk.text or "").strip() for result in results}
        told = [name for name, text in texts.items() if text] if question.strip() else []
        pairs = [(question, texts[name]) for name in told]
        logits = await asyncio.to_thread(self._logits, pairs) if pairs else np.zeros(0, np.float32)
        scores = dict(zip(told, map(_logistic, logits.tolist()), strict=True))
        return ranked([(one.chunk.id, scores.get(one.chunk.id, abstention(one))) for one in results], by=self.name)

    def _logits(self, pairs: list[tuple[str, str]]) -> NDArray[np.float32]:
        """(n) pairs -> (n) outputs before any activation."""
        import torch

        with self._lock:
            self._note_cuts(pairs)
            rows = self._model.predict(
                pairs, batch_size=_BATCH, show_progress_bar=False, activation_fn=torch.nn.Identity()
            )
        logits: NDArray[np.float32] = np.asarray(rows, dtype=np.float32).reshape(len(pairs))
        return logits

    def _note_cuts(self, pairs: Sequence[tuple[str, str]]) -> None:
        longest = self._model.max_seq_length
        # A token has a character at least, so most pairs need no second look.
        long_ones = [pair for pair in pairs if longest and len(pair[0]) + len(pair[1]) + 8 > longest]
        if not long_ones or not _LOG.isEnabledFor(logging.INFO):
            return
        from foveate.rerankers.loading import quiet  # late: it loads torch, as the model has by now

        with quiet():
            rows = self._model.tokenizer([list(pair) for pair in long_ones])["input_ids"]
        if cut := sum(len(row) > longest for row in rows):
            _LOG.info("%d of %d candidates were cut to %d tokens by %r", cut, len(pairs), longest, self.name)


def _logistic(x: float) -> float:
    if np.isnan(x):
        return x  # named with its chunk where hits are made
    return float(1.0 / (1.0 + np.exp(-np.clip(x, -700.0, 700.0))))


def _folder(model: str | Path, local_files_only: bool) -> Path:
    if Path(model).is_dir():
        return Path(model)
    owner, slash, name = str(model).partition("/")
    if isinstance(model, Path) or not (owner and slash and name) or "/" in name or owner in (".", ".."):
        raise CallerError(f"no folder at {str(model)!r}; give a folder or a hub name 'OWNER/NAME'")
    if not local_files_only:
        return hub.get(f"hf:{model}")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ExtraMissing("huggingface_hub", "hub") from error
    try:
        return Path(snapshot_download(str(model), local_files_only=True))
    except (OSError, ValueError) as error:
        raise ModelMissing(f"hf:{model}") from error


def _content(folder: Path) -> str:
    return digest(*(file_digest(file) for file in sorted(folder.glob("*.safetensors"))))[:8]


def _check(folder: Path) -> None:
    """Refuse what could run code: ``check_folder``, and the same for the folders of further modules."""
    check_folder(folder)
    listing = folder / "modules.json"
    modules = json.loads(listing.read_bytes()) if listing.is_file() else []
    for module in modules if isinstance(modules, list) else [modules]:
        kind, place = (str(module.get(key)) if isinstance(module, dict) else "" for key in ("type", "path"))
        # Up or away from the folder would be unchecked ground.
        if not kind.startswith("sentence_transformers.") or not re.fullmatch(r"\w[\w-]*|", place):
            raise ModelError(
                f"{str(listing)!r} asks for {module!r:.200}; only modules of sentence-transformers are taken"
            )
        # Weights of the folder itself are taken from safetensors whatever lies beside them; those below would not be.
        if place and (unsafe := sorted(file.name for file in (folder / place).glob("*") if file.suffix in UNSAFE)):
            raise ModelError(f"{str(folder / place / unsafe[0])!r} may run code when loaded; save it as safetensors")


def _load(folder: Path, max_tokens: int | None, device: str) -> Any:
    try:
        from sentence_transformers import CrossEncoder

        from foveate.rerankers.loading import quiet
    except ImportError as error:
        raise ExtraMissing("sentence-transformers", "hub") from error
    try:
        with quiet():
            model = CrossEncoder(
                str(folder),
                device=device,
                max_length=max_tokens,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
    except Exception as error:  # transformers raises dozens of types for a damaged folder; the cause stays chained
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"cross-encoder {str(folder)!r} could not be loaded: {cause}") from error
    outputs = model.config.num_labels
    if outputs != 1:
        raise ModelError(f"{str(folder)!r} has {outputs} outputs; a cross-encoder for ranking has 1")
    return model
