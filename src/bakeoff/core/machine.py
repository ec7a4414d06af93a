"""What this machine has, found without importing any inference library."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


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
        """The device that a result was made on: a change makes it stale."""
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


def find_compiler() -> str | None:
    """Path of the C++ compiler: $CXX, else g++, else clang++; None where there is none."""
    return shutil.which(os.environ.get("CXX") or "g++") or shutil.which("clang++")


@functools.cache
def version_of(distribution: str) -> str | None:
    """The installed version of a distribution; None where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions_of(distributions: tuple[str, ...]) -> dict[str, str]:
    """Installed versions by name; those that are not installed are left out."""
    found = {name: version_of(name) for name in distributions}
    return {name: version for name, version in found.items() if version is not None}


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
        every = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        uuids = [pynvml.nvmlDeviceGetUUID(handle) for handle in every]
        gpus = []
        for index, position in enumerate(visible_positions(uuids, os.environ.get("CUDA_VISIBLE_DEVICES"))):
            handle = every[position]
            gpus.append(
                Gpu(
                    index=index,
                    name=pynvml.nvmlDeviceGetName(handle),
                    memory_bytes=pynvml.nvmlDeviceGetMemoryInfo(handle).total,
                    compute_capability=tuple(pynvml.nvmlDeviceGetCudaComputeCapability(handle)),
                    uuid=uuids[position],
                )
            )
        return tuple(gpus), pynvml.nvmlSystemGetDriverVersion()
    finally:
        pynvml.nvmlShutdown()


def visible_positions(uuids: Sequence[str], visible: str | None) -> list[int]:
    """Positions among all GPUs of those that CUDA shows, in its order.

    Args:
        uuids: UUID of each GPU of the host, in PCI order.
        visible: CUDA_VISIBLE_DEVICES: numbers or beginnings of UUIDs; what follows an entry that names no GPU does not
            count, as in CUDA (CUDA C++ Programming Guide, environment variables). None where it is not set.
    """
    if visible is None:
        return list(range(len(uuids)))
    positions = []
    for entry in map(str.strip, visible.split(",")):
        if entry.isdigit():
            named = [int(entry)] if int(entry) < len(uuids) else []
        else:
            named = [i for i, uuid in enumerate(uuids) if entry.startswith("GPU-") and uuid.startswith(entry)]
        if len(named) != 1:
            break
        positions += named
    return positions
