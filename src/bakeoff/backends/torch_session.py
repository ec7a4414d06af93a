"""Sessions and precisions that every backend running inside PyTorch shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import Cell, EngineSpec, LayerTimes, Session
from bakeoff.backends.options import BackendOptions

if TYPE_CHECKING:
    import numpy as np
    import torch


class TorchOptions(BackendOptions):
    """Options of every backend that runs inside PyTorch."""

    channels_last: bool = False
    """Keep images and convolution weights in NHWC memory order."""


def torch_precision_refusal(cell: Cell) -> str | None:
    """Why PyTorch cannot compute in this precision on this device; None when it can."""
    precision = cell.precision
    if precision in ("int8", "fp8"):
        return f"{precision} needs a quantized engine; PyTorch runs the model as it is"
    if cell.device == "cpu":
        flags = cell.machine.cpu_flags
        if precision == "tf32":
            return "TF32 exists on NVIDIA GPUs only"
        if precision == "bf16" and not flags & {"avx512_bf16", "amx_bf16", "bf16"}:
            return "this processor has no bf16 instructions, PyTorch would emulate them"
        if precision == "fp16" and not flags & {"avx512_fp16", "amx_fp16", "asimdhp", "fphp"}:
            return "this processor has no fp16 instructions, PyTorch would emulate them"
        return None
    gpu = cell.machine.gpu(cell.device)
    if gpu is None:
        return f"there is no GPU {cell.device} on this machine"
    if precision in ("tf32", "bf16") and gpu.compute_capability < (8, 0):
        return f"{precision} needs compute capability 8.0 or later, {gpu.name} has {gpu.compute_capability}"
    return None


def torch_dtype(precision: str) -> torch.dtype:
    """The element type that weights and floating inputs have at this precision."""
    import torch

    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision, torch.float32)


def configure_torch(spec: EngineSpec) -> None:
    """Set threads and TF32 for this process: fp32 means TF32 off everywhere, tf32 means on everywhere."""
    import torch

    torch.set_num_threads(spec.threads)
    tf32 = spec.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


def count_dtypes(module: torch.nn.Module) -> dict[str, int]:
    """Number of modules that hold floating parameters, by those parameters' dtype."""
    counts: dict[str, int] = {}
    for part in module.modules():
        dtypes = {str(p.dtype).removeprefix("torch.") for p in part.parameters(recurse=False) if p.is_floating_point()}
        for dtype in dtypes:
            counts[dtype] = counts.get(dtype, 0) + 1
    return counts


class TorchSession(Session):
    """A callable module on a device."""

    def __init__(self, module: Any, spec: EngineSpec, channels_last: bool = False) -> None:
        self.module = module
        self.spec = spec
        self.channels_last = channels_last
        self._inputs: list[torch.Tensor] = []
        self._output: Any = None

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        import torch

        dtype = torch_dtype(self.spec.precision)
        self._inputs = []
        for array in inputs:
            tensor = torch.from_numpy(array).to(self.spec.device)
            if tensor.is_floating_point():
                tensor = tensor.to(dtype)
            if self.channels_last and tensor.ndim == 4:
                tensor = tensor.to(memory_format=torch.channels_last)
            self._inputs.append(tensor)
        if self.spec.device != "cpu":
            torch.cuda.reset_peak_memory_stats(self.spec.device)

    def run(self) -> Any:
        """See Session.run."""
        import torch

        with torch.inference_mode():
            self._output = self.module(*self._inputs)
        return self._output

    def synchronize(self) -> None:
        """See Session.synchronize."""
        if self.spec.device != "cpu":
            import torch

            torch.cuda.synchronize(self.spec.device)

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        from bakeoff.models.outputs import flatten

        arrays = []
        for _, tensor in flatten(self._output):
            tensor = tensor.detach()
            arrays.append((tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy())
        return arrays

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers."""
        from bakeoff.profiling.torch_profile import profile_torch

        return profile_torch(self.module, self.run, self.synchronize, self.spec.device, runs, max_s)

    def device_peak_bytes(self) -> int | None:
        """See Session.device_peak_bytes."""
        if self.spec.device == "cpu":
            return None
        import torch

        return int(torch.cuda.max_memory_allocated(self.spec.device))
