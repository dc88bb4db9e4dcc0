"""Second-order attributions on tiny CLIPs: exactness with random weights, meaning with trained ones."""

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.evals.probes.attributions import attribute, deletion, saliency
from foveate.evals.probes.captioned import Captioned
from foveate.evals.probes.explain import probe
from foveate.evals.probes.occlusion import covered, interactions, occlude
from foveate.evals.probes.towers import Towers, has_towers
from foveate.retrievers.encoders.open_clip import OpenClipEncoder
from tests.evals.probes import shapes
from tests.evals.probes.toys import Palette, block

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

CAPTION = "red circle blue square"
THINGS = {0: ("red", "circle"), 3: ("blue", "square")}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield shapes.tiny(tmp_path_factory.mktemp("configs"))


@pytest.fixture(scope="module")
def encoder(parts: Any) -> OpenClipEncoder:
    return shapes.encoder(parts)


@pytest.fixture(scope="module")
def towers(encoder: OpenClipEncoder) -> Towers:
    return Towers(encoder)


def test_towers_give_the_models_own_vectors(encoder: OpenClipEncoder, towers: Towers) -> None:
    image = shapes.draw(THINGS)
    picture, caption = towers.image(image), towers.text(CAPTION)
    with torch.no_grad():
        np.testing.assert_allclose(picture(picture.tokens).numpy(), encoder.encode_images([image]), atol=1e-5)
        np.testing.assert_allclose(caption(caption.tokens).numpy(), encoder.encode_text([CAPTION]), atol=1e-5)
        # A hook that stayed would give this vector for every picture.
        other = encoder.encode_images([shapes.draw({1: ("green", "triangle")})])
    assert np.abs(other - encoder.encode_images([image])).max() > 1e-4


def test_words_have_their_tokens(towers: Towers) -> None:
    assert towers.words("red circle") == (("red", 1, 2), ("circle", 2, 3))
    spans = towers.words("a photograph, armadillos")
    assert [word for word, _, _ in spans] == ["a", "photograph,", "armadillos"]
    assert spans[0][1] == 1 and all(a[2] == b[1] for a, b in itertools.pairwise(spans))
    assert spans[-1][2] == towers.content("a photograph, armadillos")[1]
    assert towers.words("") == ()


def test_words_past_the_context_are_cut(towers: Towers) -> None:
    spans = towers.words("red " * 30)
    assert len(spans) == 8 and spans[-1][2] == 9  # ten places, begin and end take two


@pytest.mark.parametrize("layer", [0, 1])
def test_the_sum_is_complete_as_steps_grow(encoder: OpenClipEncoder, layer: int) -> None:
    towers = Towers(encoder, layer=layer)
    errors = [attribute(towers, shapes.draw(THINGS), CAPTION, steps=steps).error for steps in (2, 8, 64)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 2e-5
    # Midpoints: eight times the steps, about a 64th of the error.
    assert errors[2] < errors[1] / 20


def test_attributions_are_the_integrated_jacobians_themselves(towers: Towers) -> None:
    image, steps = shapes.draw(THINGS), 3
    found = attribute(towers, image, CAPTION, steps=steps)

    def jacobian(tower: Any) -> Any:
        span = tower.tokens - tower.reference
        each = [
            torch.autograd.functional.jacobian(
                lambda tokens: tower(tokens)[0], tower.reference + (i + 0.5) / steps * span
            )[:, 0]
            for i in range(steps)
        ]
        return torch.einsum("dtw,tw->dt", torch.stack(each).mean(dim=0), span[0])

    pairs = (jacobian(towers.image(image)).T @ jacobian(towers.text(CAPTION))).detach().numpy()
    np.testing.assert_allclose(found.values.reshape(4, 16).T, pairs[1:, 1:5], atol=1e-6)


def test_what_is_the_reference_gets_nothing(towers: Towers) -> None:
    found = attribute(towers, shapes.draw(THINGS), CAPTION, steps=2)
    assert found.rest == pytest.approx(0.0, abs=1e-9)  # class token, begin and end are as in the reference
    assert found.words == ("red", "circle", "blue", "square") and found.values.shape == (4, 4, 4)


def test_deletion_starts_whole_and_ends_empty(towers: Towers) -> None:
    image = shapes.draw(THINGS)
    curve = deletion(towers, image, CAPTION, np.arange(16.0).reshape(4, 4))
    picture, caption = towers.image(image), towers.text(CAPTION)
    with torch.no_grad():
        goal = caption(caption.tokens)[0]
        whole, empty = float(picture(picture.tokens)[0] @ goal), float(picture(picture.reference)[0] @ goal)
    assert len(curve) == 17
    assert curve[0] == pytest.approx(whole, abs=1e-5) and curve[-1] == pytest.approx(empty, abs=1e-5)


def test_saliency_is_the_slope(towers: Towers) -> None:
    image = shapes.draw(THINGS)
    picture, caption = towers.image(image), towers.text(CAPTION)
    with torch.no_grad():
        goal = caption(caption.tokens)[0]
        moved = picture.tokens.clone()
        moved[0, 1 + 5] -= 1e-2 * (picture.tokens - picture.reference)[0, 1 + 5]
        slope = float((picture(picture.tokens) - picture(moved))[0] @ goal) / 1e-2
    assert saliency(towers, image, CAPTION).ravel()[5] == pytest.approx(slope, abs=2e-2 * abs(slope) + 1e-4)


def test_bad_input(encoder: OpenClipEncoder, towers: Towers) -> None:
    with pytest.raises(CallerError, match="0 to 1"):
        Towers(encoder, layer=2)
    with pytest.raises(CallerError, match="no words"):
        attribute(towers, shapes.draw({}), "")
    with pytest.raises(CallerError, match="at least 1"):
        attribute(towers, shapes.draw({}), "red", steps=0)
    assert has_towers(encoder) and not has_towers(Palette())


def test_interactions_are_second_differences() -> None:
    rng = np.random.default_rng(0)
    f, g = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(3, 6)).astype(np.float32)
    found = interactions(f[:3], g[:2], f[3], g[2])
    for i in range(3):
        for j in range(2):
            wanted = f[3] @ g[2] - f[i] @ g[2] - f[3] @ g[j] + f[i] @ g[j]
            assert found[i, j] == pytest.approx(float(wanted), abs=1e-5)


def test_covering_finds_the_colour_that_a_word_names() -> None:
    image = block("black", (60, 60)).convert("RGB")
    image.paste((255, 0, 0), (0, 0, 30, 30))
    image.paste((0, 0, 255), (30, 30, 60, 60))
    words, values = occlude(Palette(), image, "red and blue", grid=2)
    assert words == ("red", "and", "blue")
    assert np.unravel_index(values[0].argmax(), (2, 2)) == (0, 0)
    assert np.unravel_index(values[2].argmax(), (2, 2)) == (1, 1)
    np.testing.assert_allclose(values[1], 0.0, atol=1e-6)
    with pytest.raises(CallerError, match="1 words"):
        occlude(Palette(), image, "red")
    with pytest.raises(CallerError, match="has no 9 x 9"):
        covered(image.resize((5, 5)), 9)


def test_reports_by_both_ways(encoder: OpenClipEncoder, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    shapes.draw(THINGS).save(tmp_path / "a.png")
    items = [Captioned(id="a.png", path=tmp_path / "a.png", caption="red circle costs $5 and $6")]
    by_gradients = probe(encoder, items, steps=4)
    assert by_gradients.facts["method"] == "integrated Jacobians"
    assert by_gradients.facts["largest_error_of_the_sum"] < 0.1
    by_covering = probe(Palette(), items, grid=3)
    assert by_covering.facts["method"].startswith("covering") and by_covering.facts["grid"] == 3
    for report in (by_gradients, by_covering):
        assert len(report.pictures) == 1 and report.pictures[0].data.startswith(b"<?xml")
        assert report.tables[0].rows[0][0] == "a.png"
        assert "$5 and $6" in report.to_html()
    with pytest.raises(CallerError, match="no captioned pictures"):
        probe(Palette(), [])


@pytest.mark.slow
def test_after_training_deletion_beats_first_order_saliency(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = shapes.tiny(tmp_path, "tiny-shapes-trained")
    loss = shapes.train(parts, steps=150)
    assert loss < 1.6  # ln 64 = 4.2 without learning
    towers = Towers(shapes.encoder(parts))
    rng = np.random.default_rng(5)
    means = []
    for _ in range(40):
        things, _ = shapes.pair(rng)
        image, caption = shapes.draw(things), " ".join(next(iter(things.values())))
        found = attribute(towers, image, caption, steps=16)
        orders = (found.values.sum(axis=0), saliency(towers, image, caption), rng.random((4, 4)))
        means.append([deletion(towers, image, caption, order).mean() for order in orders])
    second, first, chance = np.mean(means, axis=0)
    assert second < first - 0.05 and first < chance - 0.05
