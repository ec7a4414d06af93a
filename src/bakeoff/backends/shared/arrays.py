"""Outputs as every session gives them: numpy arrays on the host, floating ones as float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def host_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor of any device as an array of the same shape."""
    tensor = tensor.detach()
    array: np.ndarray = (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
    return array


def as_float32(array: np.ndarray) -> np.ndarray:
    """The array in float32 where its element type is a floating one, else as it is."""
    import numpy as np

    return array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array


def bfloat16_bits(array: np.ndarray) -> np.ndarray:
    """The array rounded to bfloat16, as the bits of each element (uint16), contiguous."""
    import ml_dtypes
    import numpy as np

    return np.ascontiguousarray(array).astype(ml_dtypes.bfloat16).view(np.uint16)


def from_bfloat16_bits(bits: np.ndarray) -> np.ndarray:
    """The float32 array behind bits of bfloat16 elements (uint16)."""
    import ml_dtypes
    import numpy as np

    return bits.view(ml_dtypes.bfloat16).astype(np.float32)
