"""Models that see as learners: prompts and pictures as the vision judge puts them, LoRA in the language tower."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.errors import CallerError, ExtraMissing, MediaError, ModelError
from foveate.media.formats import HEAD_BYTES, sniff
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.lora.learners import Batch
from foveate.rerankers.lora.pairs import Pair
from foveate.rerankers.lora.recipe import Recipe
from foveate.rerankers.lora.text_training import shown, taught
from foveate.rerankers.pointwise import prompt_of
from foveate.rerankers.protocols import Candidate, ImagePart

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

__all__ = ["VisionLearner"]

_LONGEST_PX = 1024
_ROWS = 4
"""Prompts of one pass, as in the vision judge."""
_PLACE = ImagePart(data=b"", mime="image/png")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """A pair as the processor takes it; pictures stay on the disk until their pass."""

    text: str
    pictures: tuple[Path, ...]


class VisionLearner:
    """An image-text model with a fresh adapter in its language tower; vision tower and projector stay as they are."""

    def __init__(self, folder: Path, recipe: Recipe, *, longest_px: int = _LONGEST_PX) -> None:
        """Load the base and put the adapter into it; the caller seeds torch before.

        Args:
            folder: of the base.
            recipe: rank, modules and layers are read from it; batches have a fixed number of prompts.
            longest_px: pictures are scaled down to this, as the judge's.

        Raises:
            ExtraMissing: without peft, torch or transformers.
            ModelError: the base is unsafe, damaged, or has no such modules.
        """
        try:
            from peft import get_peft_model

            from foveate.rerankers.vision_engine import VisionEngine
        except ModuleNotFoundError as error:
            raise ExtraMissing((error.name or "peft").partition(".")[0], "embedded") from error
        self._engine = VisionEngine(folder, folder.name, longest_px=longest_px)
        self._recipe = recipe
        self._longest_px = longest_px
        self._cut = TokenCutter(folder)
        self.answers = taught(self._engine.answers, self._engine.prompt.encode_text)
        self._head = self._engine.model.get_output_embeddings()
        self.model = get_peft_model(self._engine.model, _lora_config(self._engine.model, recipe))

    def prepare(self, pairs: Sequence[Pair]) -> list[_Seen]:
        """Rendered prompts; each picture is opened once, so that a broken one is told before the training.

        Raises:
            CallerError: a picture cannot be read.
        """
        for path in dict.fromkeys(item for pair in pairs for item in (*pair.question_images, *pair.images)):
            self._decoded(path)
        return [self._seen(pair) for pair in pairs]

    def batches(self, prepared: Sequence[_Seen], order: Sequence[int]) -> list[Batch]:
        """Up to four neighbours with the same number of pictures: processors want that."""
        runs: list[list[int]] = []
        for at in order:
            alike = runs and len(prepared[runs[-1][0]].pictures) == len(prepared[at].pictures)
            if alike and len(runs[-1]) < _ROWS:
                runs[-1].append(at)
            else:
                runs.append([at])
        return [
            Batch(
                pairs=tuple(run),
                tokens=sum(len(self._engine.prompt.raw_tokens(prepared[at].text)) for at in run),
                body=[prepared[at] for at in run],
            )
            for run in runs
        ]

    def logits(self, batch: Batch) -> "Tensor":
        """[N, vocabulary]; the output layer runs on the last tokens only."""
        from foveate.rerankers.judging import only_last

        body: list[_Seen] = batch.body
        images = [[self._decoded(path) for path in one.pictures] for one in body]
        pictures: dict[str, Any] = {"images": images} if images[0] else {}
        made = self._engine.processor(text=[one.text for one in body], return_tensors="pt", padding=True, **pictures)
        lengths = made["attention_mask"].sum(-1)
        if int(lengths.max()) >= self._engine.context:
            raise CallerError(
                f"a prompt has {int(lengths.max())} tokens, pictures included; {self._recipe.base!r} holds "
                f"{self._engine.context}: give less text or smaller pictures"
            )
        with only_last(self._head, lengths - 1):
            logits: Tensor = self.model(**made, use_cache=False).logits[:, 0]
        return logits

    def _seen(self, pair: Pair) -> _Seen:
        text = shown(pair.candidate, self._cut, self._recipe.candidate_tokens)
        candidate = Candidate(id="", text=text, images=(_PLACE,) * len(pair.images))
        messages = prompt_of(pair.question, candidate, (_PLACE,) * len(pair.question_images))
        return _Seen(text=self._engine.render(messages), pictures=(*pair.question_images, *pair.images))

    def _decoded(self, path: Path) -> "Image":
        from foveate.rerankers.pictures import MAX_BYTES, decoded

        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            mime: Any = f"image/{sniff(data[:HEAD_BYTES], '')}"
            return decoded(ImagePart(data=data, mime=mime), self._longest_px)
        except (OSError, MediaError) as error:
            raise CallerError(f"picture {str(path)!r} cannot be trained on: {error}") from error


def _lora_config(model: Any, recipe: Recipe) -> Any:
    """The configuration of peft: whole names, since a vision tower has modules of the same last names."""
    from peft import LoraConfig

    count = model.config.get_text_config().num_hidden_layers
    last = count if recipe.last_layers is None else recipe.last_layers
    if last > count:
        raise ModelError(f"recipe: last_layers is {last}; model {recipe.base!r} has {count} layers")
    decoder = model.get_decoder()
    tower = next((name for name, module in model.named_modules() if module is decoder), None)
    kept = {str(number) for number in range(count - last, count)}
    names = [
        name
        for name, _ in model.named_modules()
        if tower is not None
        and name.startswith(f"{tower}.layers.")
        and name.removeprefix(f"{tower}.layers.").partition(".")[0] in kept
        and name.rpartition(".")[2] in recipe.target_modules
    ]
    if not names:
        raise ModelError(
            f"no adapter fits {recipe.base!r}: its language tower has no modules {', '.join(recipe.target_modules)}"
        )
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=names,
        task_type="CAUSAL_LM",
    )
