"""How far an adapter has moved a model: the Frobenius norm of its update, without making the update.

Few examples move weights further than they can tell; a penalty on the squared distance from the starting weights holds
them back without a choice of layers or of when to stop (L2-SP, Li et al., ICML 2018).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["squared_drift"]


def squared_drift(model: Any) -> "Tensor":
    """Sum over the adapted layers of ||scale * B A||_F^2, a scalar with gradients.

    With A of shape [r, in] and B of shape [out, r] it is scale^2 * sum((B^T B) * (A A^T)): r x r products only.

    Args:
        model: peft's, with its adapter ``default``.
    """
    import torch

    total = torch.zeros(())
    for module in model.modules():
        if "default" not in getattr(module, "lora_A", ()):
            continue
        first, second = module.lora_A["default"].weight, module.lora_B["default"].weight
        total = total + module.scaling["default"] ** 2 * ((second.T @ second) * (first @ first.T)).sum()
    return total
