"""AOTInductor: PyTorch's compiler, ahead of time."""

from bakeoff.backends.inductor.backend import Inductor

__all__ = ["Inductor"]
