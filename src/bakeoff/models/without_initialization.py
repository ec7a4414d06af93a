"""Makes a module without filling its parameters, for weights that are loaded right afterwards.

A constructor draws random numbers for every weight: of vit_b_16 they take three quarters of the time that loading it
does. Whoever loads saved weights throws them away. Only what fills a parameter in place is left out: parameters are in
every state dict, while buffers need not be, and keep what their constructor computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.overrides import TorchFunctionMode

FILLS = ("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_", "geometric_",
         "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_", "copy_")  # fmt: skip
"""Methods of a tensor, in place, that initialization is made of (torch.nn.init, timm.layers)."""


def without_initialization() -> TorchFunctionMode:
    """A context in which nothing fills a `torch.nn.Parameter`, whose contents are then undefined."""
    import torch
    from torch.overrides import TorchFunctionMode

    fills = {getattr(torch.Tensor, name) for name in FILLS}

    class Unfilled(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            made_by_init = getattr(func, "__module__", None) == "torch.nn.init"
            if func in fills or made_by_init:
                tensor = args[0] if args else kwargs.get("tensor")
                if isinstance(tensor, torch.nn.Parameter):
                    return tensor
            return func(*args, **kwargs)

    return Unfilled()
