"""Options that every backend kind understands; each kind adds its own in its file."""

from typing import Annotated

from pydantic import Field

from bakeoff.core.precision import Precision
from bakeoff.core.section import Section


class BackendOptions(Section):
    """One entry of `backends` in the config."""

    kind: str
    """The backend kind; may be left out where the label is one."""
    precisions: Annotated[list[Precision], Field(min_length=1)] | None = None
    """Precisions of this backend; the study's `precisions` when left out."""
    models: Annotated[list[str], Field(min_length=1)] | None = None
    """Labels of the models that this backend is compared on; all when left out."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads; the study's `threads` when left out."""
    dynamic_batch: bool | None = None
    """One engine for all batch sizes (true) or an engine each (false); the study's `batch.dynamic` when left out. The
    report says what dynamic batch costs where two labels differ in this alone."""


OF_THE_STUDY = frozenset({"precisions", "models", "threads", "dynamic_batch"})
"""Options about the matrix, not about an engine; jobs are told what follows from them instead."""


class CudaGraphOptions(BackendOptions):
    """Options of every kind that enqueues its work on a CUDA stream."""

    cuda_graph: bool = False
    """Capture one inference in a CUDA graph at the first run and replay it from then on (NVIDIA GPUs only)."""


def cuda_graph_refusal(options: CudaGraphOptions, device: str) -> str | None:
    """Why `cuda_graph` cannot be had on a device (`cpu` or `cuda:<index>`); None where it can or is not asked for."""
    if options.cuda_graph and not device.startswith("cuda:"):
        return "cuda_graph needs an NVIDIA GPU"
    return None
