"""What this machine has, found without importing any inference library."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from bakeoff.core.compiler import find_compiler
from bakeoff.core.visible_gpus import visible_handles


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU."""

    index: int
    """As in `cuda:<index>`: among those that CUDA_VISIBLE_DEVICES leaves, in PCI order where it is not set."""
    name: str
    memory_bytes: int
    compute_capability: tuple[int, int]
    uuid: str


@dataclass(frozen=True)
class Machine:
    """The facts that planning depends on."""

    cpu: str
    """The processor's model name."""
    cpu_flags: frozenset[str]
    """Instruction-set flags as the kernel names them (`avx512_bf16`, `amx_bf16`, ...)."""
    cores: int
    """Cores that this process may use."""
    gpus: tuple[Gpu, ...]
    driver: str | None
    """NVIDIA driver version."""
    compiler: str | None
    """Path of a C++ compiler."""
    modules: frozenset[str] | None = None
    """Importable Python modules, where they are to be assumed (documentation, tests); None: look."""

    @classmethod
    def detect(cls) -> Machine:
        """Look at the machine that runs this process."""
        cpu, flags = _cpu()
        gpus, driver = _gpus()
        return cls(cpu, flags, len(os.sched_getaffinity(0)), gpus, driver, find_compiler())

    def device(self, asked: str) -> str:
        """Resolve `auto`, `cpu`, `cuda`, `cuda:1` into `cpu` or `cuda:<index>`, present or not."""
        if asked == "auto":
            return "cuda:0" if self.gpus else "cpu"
        return "cuda:0" if asked == "cuda" else asked

    def gpu(self, device: str) -> Gpu | None:
        """The GPU behind `cuda:<index>`; None for a CPU or an index that is not there."""
        if not device.startswith("cuda:"):
            return None
        index = int(device[5:])
        return next((gpu for gpu in self.gpus if gpu.index == index), None)

    def gpus_for(self, asked: str) -> tuple[Gpu, ...]:
        """The GPUs that share a study's jobs: the one asked for by its number, else all of the first one's model.

        Empty on a CPU. Results of different models are never mixed.
        """
        first = self.gpu(self.device(asked))
        if first is None or asked.startswith("cuda:"):
            return (first,) if first else ()
        return tuple(gpu for gpu in self.gpus if gpu.name == first.name)

    def has_module(self, name: str) -> bool:
        """Whether a top-level Python module could be imported; nothing is imported."""
        return importlib.util.find_spec(name) is not None if self.modules is None else name in self.modules

    def fingerprint(self, device: str) -> str:
        """What a measurement was made on, in one line: the device and, beside a GPU, the host's processor.

        The processor launches what the GPU runs, so at small batches it decides the latency. Its number of cores does
        not count there: what of it a job uses is its number of threads.
        """
        computes = self.computes_on(device)
        return f"{computes}, host {self.cpu}" if self.gpu(device) else computes

    def computes_on(self, device: str) -> str:
        """What numbers were computed on, in one line: the device alone."""
        gpu = self.gpu(device)
        if gpu:
            return f"{gpu.name} (compute capability {'.'.join(map(str, gpu.compute_capability))}), driver {self.driver}"
        return f"{self.cpu}, {self.cores} cores"

    def to_json(self) -> dict[str, object]:
        """Plain data, for environment.json."""
        data = asdict(self)
        data["cpu_flags"] = sorted(self.cpu_flags)
        del data["modules"]
        return data


def _cpu() -> tuple[str, frozenset[str]]:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine(), frozenset()
    text = info.read_text(errors="replace")
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.M)
    return (
        name.group(1).strip() if name else platform.machine(),
        frozenset(flags.group(1).split()) if flags else frozenset(),
    )


def _gpus() -> tuple[tuple[Gpu, ...], str | None]:
    try:
        import pynvml
    except ImportError:
        return (), None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return (), None
    try:
        gpus = [
            Gpu(
                index=index,
                name=pynvml.nvmlDeviceGetName(handle),
                memory_bytes=pynvml.nvmlDeviceGetMemoryInfo(handle).total,
                compute_capability=tuple(pynvml.nvmlDeviceGetCudaComputeCapability(handle)),
                uuid=pynvml.nvmlDeviceGetUUID(handle),
            )
            for index, handle in enumerate(visible_handles(pynvml))
        ]
        return tuple(gpus), pynvml.nvmlSystemGetDriverVersion()
    finally:
        pynvml.nvmlShutdown()
