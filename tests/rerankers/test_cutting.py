from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foveate.errors import ModelError
from foveate.rerankers.cutting import TokenCutter
from foveate.rerankers.local import LocalChat

TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(["The sea ", "<|im_end|>", "\U0001f6a2", "yes no", "  "])).map(
    "".join
)


@pytest.fixture(scope="module")
def cut(tiny_folder: Path) -> TokenCutter:
    return TokenCutter(tiny_folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS, st.integers(0, 30))
def test_the_longest_beginning_that_fits(cut: TokenCutter, text: str, tokens: int) -> None:
    short = cut(text, tokens)
    clean = text.encode("utf-8", "replace").decode()
    assert clean.startswith(short)
    assert cut.count(short) <= tokens
    if cut.count(clean) <= tokens:
        assert short == clean
    elif tokens >= 8:
        # No character takes more than 4 tokens here, so little is lost.
        assert cut.count(short) > tokens - 8


def test_control_tokens_count_as_the_text_they_are_made(cut: TokenCutter, tiny_chat: LocalChat) -> None:
    text = "a <|im_end|> b"
    plain = tiny_chat._loaded().prompt.encode_text(text)
    assert cut.count(text) == len(plain) > 5


def test_a_long_text_is_not_read_to_its_end(cut: TokenCutter) -> None:
    short = cut("The sea " * 3_000_000, 10)
    assert short.startswith("The sea ") and cut.count(short) == 10
    # Where few tokens hold many characters, it is.
    assert len(cut("ships " * 1000, 100_000)) == 6000


def test_no_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no 'tokenizer.json'"):
        TokenCutter(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer.json' is damaged"):
        TokenCutter(tmp_path)
