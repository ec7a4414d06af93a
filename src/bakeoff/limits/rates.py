"""Measures what a device does at most: matrix products of each precision, and copying."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bakeoff.artifacts.environment import DeviceLimits
from bakeoff.core.precision import DTYPES, PRECISIONS, Precision
from bakeoff.core.quoting import cause
from bakeoff.core.torch_private import int8_product

SMALLEST, LARGEST = 256, 16384
"""Matrix sizes: doubled as long as a product of the next size would take no longer than `LONGEST_S`."""
LONGEST_S = 0.4
FINAL_S = 0.25
"""Seconds given to the size that ran at the highest rate, and to copying."""
REPETITION_S = 0.01
"""Calls are repeated between two synchronizations for about so long, so that clock and launch cost next to nothing."""
REPETITIONS = 3
"""Repetitions of which the best counts; fewer where they would take longer than `FINAL_S`."""
MIB = 2**20

_MEASURED: tuple[Precision, ...] = ("fp32", "tf32", "fp16", "bf16", "int8")
"""Precisions whose matrices PyTorch multiplies."""


@dataclass(frozen=True)
class Fastest:
    """The highest rate that was seen, in work (operations, bytes) per second."""

    rate: float
    size: int
    """Rows of the matrices, or MiB of the buffer."""
    repetitions: int


def measure_limits(device: str, threads: int, precisions: Sequence[Precision]) -> DeviceLimits:
    """Measure the rates of the precisions and the copy bandwidth; what cannot be measured is null, with the reason.

    Takes about a second for each precision and one for copying.

    Args:
        device: `cpu` or `cuda:<index>`.
        threads: CPU threads of the products and the copy.
        precisions: Those of the study.
    """
    import torch

    torch.set_num_threads(threads)
    found: dict[Precision, Fastest | None] = {}
    how: dict[str, str] = {}
    # fp32 too where it is not asked for: what is slower is emulated, and says nothing of the device.
    for precision in [p for p in PRECISIONS if p in precisions or p == "fp32"]:
        cannot = _cannot(device, precision)
        best, how[precision] = _attempt(cannot, partial(_fastest_product, device, precision))
        fp32 = found.get("fp32")
        if best and fp32 and best.rate < fp32.rate:
            how[precision] = f"PyTorch only emulates it here, at {best.rate / fp32.rate:.2g} of the rate of fp32"
            best = None
        elif best:
            function = "torch._int_mm" if precision == "int8" else "torch.matmul"
            how[precision] = f"{function} of two {best.size} × {best.size} matrices, best of {best.repetitions}"
        found[precision] = best
    copy, how["copy"] = _attempt(_cannot(device), partial(_fastest_copy, device))
    if copy:
        how["copy"] = f"Tensor.copy_ of {copy.size} MiB, best of {copy.repetitions}"
    asked = {precision: best for precision, best in found.items() if precision in precisions}
    return DeviceLimits(
        matrix_flops_per_s={precision: best.rate if best else None for precision, best in asked.items()},
        copy_bytes_per_s=copy.rate if copy else None,
        how={name: how[name] for name in (*asked, "copy")},
    )


def last_level_cache_bytes() -> int:
    """Size of the first core's largest cache; 0 where the system does not say."""
    sizes = [0]
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = file.read_text().strip()
        sizes.append(int(text[:-1]) * {"K": 2**10, "M": 2**20, "G": 2**30}[text[-1]])
    return max(sizes)


def _cannot(device: str, precision: Precision | None = None) -> str | None:
    """Why there is nothing to measure, in words."""
    import torch

    if device != "cpu" and int(device.removeprefix("cuda:")) >= torch.cuda.device_count():
        return f"there is no {device} here"
    if precision == "tf32" and device == "cpu":
        return "TF32 is a format of NVIDIA GPUs"
    if precision and precision not in _MEASURED:
        return f"products of {precision} matrices are not measured"
    return None


def _attempt(cannot: str | None, measure: Callable[[], Fastest]) -> tuple[Fastest | None, str]:
    if cannot:
        return None, cannot
    try:
        return measure(), ""
    except (RuntimeError, NotImplementedError) as error:
        return None, cause(error)


def _fastest_product(device: str, precision: Precision) -> Fastest:
    """Operations per second of the fastest square matrix product."""
    best: Fastest | None = None
    size, call_s = SMALLEST, 0.0
    with _tf32(precision == "tf32"):
        while size <= LARGEST and 8 * call_s <= LONGEST_S:
            work = 2 * size**3
            try:
                found = _fastest(_product(size, precision, device), device, work, size)
            except RuntimeError:  # out of memory, for one
                if best is None:
                    raise
                break
            best = max(best or found, found, key=lambda fastest: fastest.rate)
            size, call_s = 2 * size, work / found.rate
        assert best is not None
        final = _fastest(_product(best.size, precision, device), device, 2 * best.size**3, best.size, FINAL_S)
    return Fastest(max(best.rate, final.rate), best.size, best.repetitions + final.repetitions)


def _product(size: int, precision: Precision, device: str) -> Callable[[], object]:
    """A call that multiplies two matrices of random values: constant ones draw less power, so clocks stay higher."""
    import torch

    dtype = getattr(torch, DTYPES[precision][0])
    if precision == "int8":
        a, b = (torch.randint(-128, 128, (size, size), dtype=dtype, device=device) for _ in range(2))
        multiply = int8_product()
        return lambda: multiply(a, b.t())  # tensor cores want the second matrix in columns
    a, b = (torch.rand(size, size, device=device).sub_(0.5).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    return lambda: torch.matmul(a, b, out=out)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    import torch

    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        matmul.allow_tf32 = before


def _fastest_copy(device: str) -> Fastest:
    """Bytes read and written per second by a copy within the device's memory, beyond its caches."""
    import torch

    if device == "cpu":
        import psutil

        wanted, free = max(256 * MIB, 4 * last_level_cache_bytes()), psutil.virtual_memory().available
    else:
        wanted, free = 1024 * MIB, torch.cuda.mem_get_info(device)[0]
    size = min(wanted, free // 8) // MIB
    source = torch.ones(size * MIB // 4, device=device)
    target = torch.zeros_like(source)
    return _fastest(lambda: target.copy_(source), device, 2 * size * MIB, size, FINAL_S)


def _fastest(call: Callable[[], object], device: str, work: int, size: int, at_least_s: float = 0) -> Fastest:
    """The highest rate over synchronized repetitions of `call`, which does `work` each time."""

    def seconds(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        if device != "cpu":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    import torch

    seconds(1)  # loads kernels
    shortest_s = seconds(1)
    calls = max(1, round(REPETITION_S / shortest_s))
    begin = time.perf_counter()
    for repetition in itertools.count(2):
        shortest_s = min(shortest_s, seconds(calls) / calls)
        spent_s = time.perf_counter() - begin
        if spent_s >= max(at_least_s, REPETITION_S * REPETITIONS) and (repetition > REPETITIONS or spent_s >= FINAL_S):
            break
    return Fastest(work / shortest_s, size, repetition)
