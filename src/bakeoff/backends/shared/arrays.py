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
