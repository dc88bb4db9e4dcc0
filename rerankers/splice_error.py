"""How far logits of a spliced prompt are from those of the prompt computed as a whole."""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["SpliceError", "splice_error"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpliceError:
    """Distance of two sets of logits for the same next token."""

    max_difference: float
    """Largest absolute difference of two logits."""
    kl: float
    """Kullback-Leibler divergence of the spliced distribution from the exact one, in nats; 0 where they are equal."""
    same_token: bool
    """Whether the likeliest token is the same."""


def splice_error(exact: Tensor, spliced: Tensor) -> SpliceError:
    """Compare logits, [vocabulary] each; the divergence is KL(exact || spliced)."""
    exact, spliced = exact.double(), spliced.double()
    logs, others = exact.log_softmax(-1), spliced.log_softmax(-1)
    return SpliceError(
        max_difference=float((exact - spliced).abs().max()),
        # Rounding may leave a tiny negative number.
        kl=max(0.0, float((logs.exp() * (logs - others)).sum())),
        same_token=int(exact.argmax()) == int(spliced.argmax()),
    )
