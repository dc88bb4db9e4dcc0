"""Pictures of any mode as RGB: alpha lies on white."""

import numpy as np
from PIL import Image

__all__ = ["flattened"]


def flattened(image: Image.Image) -> Image.Image:
    """RGB form of a picture; the same object where it already is."""
    if image.mode.startswith(("I", "F")):  # 16-bit greys and floats: convert() alone clips them to white
        values = np.asarray(image, dtype=np.float32)
        if values.max(initial=0.0) > 255.0:
            values = values / 257.0
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if image.mode == "RGB":
        return image
    clear = image.convert("RGBA")
    white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, clear).convert("RGB")
