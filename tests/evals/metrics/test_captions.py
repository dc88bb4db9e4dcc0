from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchmetrics.functional.multimodal import clip_score
from torchmetrics.multimodal import CLIPScore

from foveate.errors import CallerError
from foveate.evals.metrics.captions import PREFIX, WEIGHT, clip_scores, ref_clip_scores
from foveate.evals.metrics.metric import Columns, Context
from foveate.evals.metrics.table import metric
from foveate.evals.samples import Output, Sample
from tests.evals.metrics.tiny_clip import SIZE, TinyEncoder, tiny

CAPTIONS = ("a red cat on a mat", "two dogs", "the sea", "a ship far out at sea", "nothing at all", "noise")


def unit_rows(seed: int, *shape: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for number in range(len(CAPTIONS)):
        pixels = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
        pixels[:, : number * 5] = number * 40
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


def context(encoder: TinyEncoder | None = None) -> Context:
    found = encoder or TinyEncoder()
    return Context(encoder=lambda: found)


def rows(name: str, samples: list[Sample], outputs: list[Output]) -> Columns:
    return metric(name).rows(samples, outputs, context())


def tensors(paths: list[str]) -> list[torch.Tensor]:
    return [torch.from_numpy(np.asarray(Image.open(path)).transpose(2, 0, 1).copy()) for path in paths]


def theirs(paths: list[str], texts: list[str]) -> list[float]:
    """torchmetrics' CLIPScore of each pair, in its own scale of 100."""
    return [float(clip_score(image, text, tiny)) for image, text in zip(tensors(paths), texts, strict=True)]


def test_clipscore_is_that_of_torchmetrics_over_forty(pictures: list[str]) -> None:
    samples = [Sample(id=path, images=(path,)) for path in pictures]
    found = rows("clipscore", samples, [Output(text=text) for text in CAPTIONS])[:, 0]
    wanted = theirs(pictures, [PREFIX + text for text in CAPTIONS])
    # float32 features: both normalise and sum in their own order.
    assert found * 100 / WEIGHT == pytest.approx(wanted, abs=2e-4)
    assert np.ptp(wanted) > 1  # the tiny model does tell them apart, so the agreement means something
    assert min(wanted) == 0.0 < max(wanted)


def test_mean_is_that_of_torchmetrics_where_no_cosine_is_below_zero(pictures: list[str]) -> None:
    values = theirs(pictures, [PREFIX + text for text in CAPTIONS])
    keep = [i for i, value in enumerate(values) if value > 0]
    assert len(keep) >= 2
    chosen = [pictures[i] for i in keep]
    score = CLIPScore(model_name_or_path=tiny)
    score.update(tensors(chosen), [PREFIX + CAPTIONS[i] for i in keep])
    samples = [Sample(id=path, images=(path,)) for path in chosen]
    found = rows("clipscore", samples, [Output(text=CAPTIONS[i]) for i in keep])
    assert metric("clipscore").statistic(found) == pytest.approx(float(score.compute()) * WEIGHT / 100, abs=5e-6)


def test_refclipscore_is_the_harmonic_mean_with_torchmetrics_text_to_text(pictures: list[str]) -> None:
    references = [("a cat", "a red mat"), ("dogs",), ("the sea", "waves"), ("a ship",), ("something",), ("static",)]
    samples = [
        Sample(id=path, images=(path,), answers=answers) for path, answers in zip(pictures, references, strict=True)
    ]
    found = rows("refclipscore", samples, [Output(text=text) for text in CAPTIONS])[:, 0]
    seen = np.array(theirs(pictures, [PREFIX + text for text in CAPTIONS])) * WEIGHT / 100
    told = np.array(
        [
            max(float(clip_score(PREFIX + text, PREFIX + answer, tiny)) / 100 for answer in answers)
            for text, answers in zip(CAPTIONS, references, strict=True)
        ]
    )
    with np.errstate(invalid="ignore"):
        wanted = np.where(seen * told > 0, 2 * seen * told / (seen + told), 0.0)
    assert found == pytest.approx(wanted, abs=5e-6)


def test_clipscore_by_hand() -> None:
    pictures = np.array([[1, 0], [1, 0], [1, 0]], np.float32)
    captions = np.array([[0.6, 0.8], [-0.6, 0.8], [1, 0]], np.float32)
    assert clip_scores(pictures, captions) == pytest.approx([1.5, 0.0, 2.5])


def test_refclipscore_by_hand() -> None:
    pictures = np.array([[1, 0], [1, 0], [-1, 0]], np.float32)
    captions = np.array([[0.6, 0.8], [0.6, 0.8], [0.6, 0.8]], np.float32)
    references = [np.array([[0, 1], [1, 0]], np.float32), np.array([[0, -1]], np.float32), captions[:1]]
    # 1.5 seen and 0.8 told; told below 0 counts 0; not seen at all is 0 however well told.
    assert ref_clip_scores(pictures, captions, references) == pytest.approx([2 * 1.5 * 0.8 / 2.3, 0.0, 0.0], abs=1e-6)


def test_order_of_references_and_rows_does_not_matter() -> None:
    pictures, captions = unit_rows(0, 5, 8), unit_rows(1, 5, 8)
    references = [unit_rows(i, 3, 8) for i in range(5)]
    values = ref_clip_scores(pictures, captions, references)
    turned = ref_clip_scores(pictures[::-1], captions[::-1], [one[::-1] for one in references[::-1]])
    assert turned[::-1] == pytest.approx(values)
    assert ((values >= 0) & (values <= 2 * WEIGHT / (WEIGHT + 1))).all()


@pytest.mark.parametrize("name", ["clipscore", "refclipscore"])
def test_what_is_scored(name: str, pictures: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno more")
    said = Output(text="two dogs")
    cases = [
        (Sample(id="whole", images=(pictures[1],), answers=("dogs",)), said, "value"),
        (Sample(id="no picture", answers=("dogs",)), said, "nan"),
        (Sample(id="missing", images=("/nowhere.png",), answers=("dogs",)), said, "nan"),
        (Sample(id="broken", images=(str(broken),), answers=("dogs",)), said, "nan"),
        (Sample(id="silent", images=(pictures[1],), answers=("dogs",)), Output(), "nan"),
        (Sample(id="abstained", images=(pictures[1],), answers=("x",)), Output(verdict="unanswerable"), "zero"),
        (Sample(id="closed", images=(pictures[1],), answers=("x",), answerable=False), said, "nan"),
        (Sample(id="no reference", images=(pictures[1],)), said, "nan" if name == "refclipscore" else "value"),
    ]
    values = rows(name, [case[0] for case in cases], [case[1] for case in cases])[:, 0]
    for (sample, _, wanted), value in zip(cases, values, strict=True):
        assert np.isnan(value) == (wanted == "nan"), sample.id
        assert wanted != "zero" or value == 0.0
    assert rows(name, [], []).shape == (0, 1)


def test_pictures_go_to_the_encoder_in_batches(pictures: list[str]) -> None:
    encoder = TinyEncoder()
    samples = [Sample(id=str(i), images=(pictures[i % 6],)) for i in range(130)]
    outputs = [Output(text=CAPTIONS[i % 6]) for i in range(130)]
    values = metric("clipscore").rows(samples, outputs, context(encoder))[:, 0]
    assert encoder.calls == [64, 64, 2]
    assert values[:124] == pytest.approx(values[6:], abs=1e-6)


def test_a_run_without_encoder_is_told_so(pictures: list[str]) -> None:
    with pytest.raises(CallerError, match="need an encoder"):
        metric("clipscore").rows([Sample(id="s", images=(pictures[0],))], [Output(text="x")], Context())


class Doubled(torch.nn.Module):
    """The tiny model with features in float64, so that what is compared is the formula and not its rounding."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.inner = model
        self.config = model.config

    def get_image_features(self, *given: torch.Tensor) -> torch.Tensor:
        return self.inner.get_image_features(*given).double()

    def get_text_features(self, *given: torch.Tensor) -> torch.Tensor:
        return self.inner.get_text_features(*given).double()


def test_clipscore_agrees_to_a_billionth_in_double_precision(pictures: list[str]) -> None:
    model, processor = tiny()
    doubled = Doubled(model)
    for path, text in zip(pictures, CAPTIONS, strict=True):
        (pixels,) = tensors([path])
        wanted = float(clip_score(pixels, text, lambda: (doubled, processor)))
        shown = processor(images=[Image.open(path)])["pixel_values"]
        said = processor(text=[text])
        with torch.no_grad():
            rows = [
                doubled.get_image_features(shown),
                doubled.get_text_features(said["input_ids"], said["attention_mask"]),
            ]
        ours = clip_scores(*[(row / row.norm(dim=-1, keepdim=True)).numpy() for row in rows])
        assert ours[0] * 100 / WEIGHT == pytest.approx(wanted, abs=1e-9)
