"""The environment variables that libraries obey, which environment.json records and which make results stale.

Left out on purpose, although libraries read them:

- counts of threads: no job is given them (see bakeoff.core.thread_counts), the study's `threads` is what counts;
- `CUDA_VISIBLE_DEVICES` and `CUDA_DEVICE_ORDER`: the supervisor gives each job its GPU, and the GPU's model is tracked;
- folders of caches: Bakeoff's builds begin with empty ones, and what else is cached changes no settled measurement;
- levels, files and formats of logs and dumps: they are meant to leave results alone;
- search paths (`PATH`, `LD_LIBRARY_PATH`, `PYTHONPATH`): they change with every loaded module of a cluster, mostly by
  folders that nothing is taken from, and the versions of what is taken are tracked.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from bakeoff.core.thread_counts import THREAD_COUNTS

Effect = Literal["capture", "numbers", "speed"]
"""What of a model's way to a timing a variable may change: how the model is captured (and all else), the numbers that
are computed (and how fast), or speed alone."""

_EFFECTS: dict[str, tuple[Effect, ...]] = {"export": ("capture",), "reference": ("capture", "numbers")}
"""Stages that not all variables concern. A build counts as measured, too: it records how long it took, and tuning
chooses kernels by their times."""


class Obeyed(NamedTuple):
    """Variables that the same libraries obey."""

    patterns: tuple[str, ...]
    """Names, in which `*` stands for any characters."""
    by: tuple[str, ...]
    """Distributions and kinds of backends that obey them; none stands for every process."""
    effect: Effect
    what: str
    on_gpu: bool = False
    """Whether they concern work on a GPU alone."""


_TORCH = ("torch",)
_INDUCTOR = ("inductor",)
_TENSORRT = ("tensorrt", "torch_tensorrt", "torch2trt")

OBEYED = (
    Obeyed(("LD_PRELOAD", "MALLOC_*", "GLIBC_TUNABLES", "TCMALLOC_*", "MIMALLOC_*", "PYTHONMALLOC", "PYTHONDEVMODE",
            "PYTHONOPTIMIZE", "PYTHON_GIL", "PYTHON_JIT"), (), "speed",
           "memory allocators, and how Python runs"),
    Obeyed(("OMP_*", "GOMP_*", "KMP_*"), _TORCH, "speed",
           "OpenMP: how its threads wait and where they are bound"),
    Obeyed(("ATEN_CPU_CAPABILITY", "MKL_*", "OPENBLAS_*", "LRU_CACHE_CAPACITY"), _TORCH, "numbers",
           "instruction sets and modes of the mathematics libraries"),
    Obeyed(("ONEDNN_*", "DNNL_*"), ("torch", "openvino"), "numbers",
           "instruction sets and modes of oneDNN"),
    Obeyed(("TORCHDYNAMO_*", "TORCH_DYNAMO_*", "TORCH_COMPILE_*", "TORCHEXPORT_*", "TORCH_ONNX_*", "PYTORCH_JIT*",
            "TORCH_DISABLE_FUNCTIONALIZATION_META_REFERENCE"), _TORCH, "capture",
           "how PyTorch captures a model"),
    Obeyed(("PYTORCH_CUDA_*", "PYTORCH_NO_CUDA_MEMORY_CACHING", "PYTORCH_TUNABLEOP_*", "TORCH_CUDNN_*", "TORCH_CUBLAS*",
            "TORCH_BLAS_PREFER_*", "TORCH_LINALG_PREFER_*", "TORCH_ALLOW_TF32_*"), _TORCH, "numbers",
           "PyTorch on a GPU: its allocator, and which libraries compute", True),
    Obeyed(("PYTORCH_*", "TORCH_*"), _TORCH, "numbers",
           "PyTorch itself"),
    Obeyed(("TORCHINDUCTOR_*", "AOT_INDUCTOR_*", "AOTINDUCTOR_*", "AOTI_*", "CPATH", "CPLUS_INCLUDE_PATH",
            "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX"), _INDUCTOR, "numbers",
           "Inductor, and the C++ compiler that it calls"),
    Obeyed(("TRITON_*", "ENABLE_*TMA*", "ENABLE_TEMPLATE_*", "CUTLASS_*", "CUTEDSL_*", "CC", "CUDA_HOME", "CUDA_PATH",
            "CUDACXX"), _INDUCTOR, "numbers",
           "Triton and the other compilers of kernels that Inductor calls", True),
    Obeyed(("ORT_*", "ONNXRUNTIME_*"), ("onnxruntime",), "numbers",
           "ONNX Runtime"),
    Obeyed(("OV_*", "OPENVINO_*", "TBB_*"), ("openvino",), "numbers",
           "OpenVINO, and the library of its threads"),
    Obeyed(("TRT_*", "TENSORRT_*", "TORCHTRT_*"), _TENSORRT, "numbers",
           "TensorRT and Torch-TensorRT", True),
    Obeyed(("NVIDIA_TF32_OVERRIDE", "CUBLAS_*", "CUBLASLT_*", "CUDNN_*"), (), "numbers",
           "cuBLAS and cuDNN", True),
    Obeyed(("CUDA_LAUNCH_BLOCKING", "CUDA_MODULE_LOADING", "CUDA_MODULE_DATA_LOADING", "CUDA_DEVICE_MAX_*",
            "CUDA_SCALE_LAUNCH_QUEUES", "CUDA_AUTO_BOOST", "CUDA_FORCE_*", "CUDA_DISABLE_*",
            "CUDA_BINARY_LOADER_THREAD_COUNT", "CUDA_GRAPHS_*", "CUDA_MPS_*"), (), "speed",
           "the CUDA driver", True),
)  # fmt: skip
"""The first entry that a name fits is the variable's."""

LEFT_OUT = (
    *THREAD_COUNTS,
    "*_CACHE_DIR", "*_CACHE_PATH", "TORCH_HOME", "TORCH_EXTENSIONS_DIR", "TRITON_HOME",
    "*_LOG", "*_LOGS", "*_LOGS_*", "*_LOG_*", "*LOGLEVEL*", "*LOGINFO*", "*LOGDEST*", "*_LOGGING*", "*_LOGPATH",
    "*_VERBOSE*", "*_VERBOSITY", "*_DISPLAY_*", "*_DUMP_*", "*_DUMP", "*_VISUALIZE*", "*_SERIALIZE_TRACING",
    "*_TRACE_DEPTH", "TORCH_TRACE", "TORCH_SHOW_*", "TORCH_COMPILE_DEBUG*", "GOMP_DEBUG", "KMP_SETTINGS",
    "KMP_VERSION", "KMP_WARNINGS", "TORCH_NCCL_*", "TORCH_FR_*", "TORCH_DISTRIBUTED_*", "ORT_DISABLE_TELEMETRY",
    "TORCH_CUDA_ARCH_LIST", "*_VERSION", "CUDA_MPS_LOG_DIRECTORY",
)  # fmt: skip
"""Names that fit an entry and do not count; the module's words say why. Those of versions are set by container images
and read by nobody, and NCCL's are for several GPUs at once."""


def recorded(environment: Mapping[str, str] = os.environ, on_gpu: bool = True) -> dict[str, str]:
    """All listed variables that are set, those for work on a GPU only where it is on one."""
    return {name: value for name, value in sorted(environment.items()) if _concerns(name, None, on_gpu, None)}


def tracked(
    stage: str, obeying: Collection[str], on_gpu: bool, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The listed variables that are set and that results of a stage depend on.

    Args:
        stage: A stage of bakeoff.artifacts.stages.RECORDS.
        obeying: The distributions that the job uses, and the kind of its backend.
        on_gpu: Whether the study is on GPUs.
        environment: Where to look.
    """
    effects = _EFFECTS.get(stage)
    return {name: value for name, value in sorted(environment.items()) if _concerns(name, obeying, on_gpu, effects)}


def _concerns(name: str, obeying: Collection[str] | None, on_gpu: bool, effects: Collection[str] | None) -> bool:
    found = _entry(name)
    return (
        found is not None
        and (obeying is None or not found.by or bool({*found.by} & {*obeying}))
        and (on_gpu or not found.on_gpu)
        and (effects is None or found.effect in effects)
    )


@functools.cache
def _entry(name: str) -> Obeyed | None:
    """The entry of a variable; None where it is not listed."""
    if any(fnmatchcase(name, pattern) for pattern in LEFT_OUT):
        return None
    return next((entry for entry in OBEYED if any(fnmatchcase(name, pattern) for pattern in entry.patterns)), None)
