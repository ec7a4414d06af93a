"""The timing loop against kernels of known duration, on a real GPU.

The kernel spins for a number of the multiprocessor's cycles and reads %globaltimer, the GPU's wall clock, at its begin
and end; the mean of the differences over the launches of the device's pass is its known duration (the clock's ticks of
up to 1 µs average out). What the GPU needs to start and to finish a kernel is no part of that: a kernel that spins for
no time, measured by the same loop, says how much it is. `pytest -s tests/gpu/test_gpu_measure.py` prints the figures.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)
cupy = pytest.importorskip("cupy", reason="needs cupy, which compiles the kernel of known duration")

from bakeoff.backends.base import Session  # noqa: E402
from bakeoff.measure.loop import LoopSettings, measure  # noqa: E402
from bakeoff.measure.settings import Timing, Warmup  # noqa: E402
from bakeoff.measure.telemetry import Observer  # noqa: E402
from bakeoff.measure.transfer import measure_transfer  # noqa: E402
from bakeoff.tools.monitor_check import medians_on_and_off, small_session  # noqa: E402

DEVICE = "cuda:0"
SETTINGS = LoopSettings(Warmup(min_s=0.5), Timing(min_s=1.0, max_s=2.0, throughput_s=0.5), DEVICE)
DURATIONS_US = [100, 1_000, 10_000]

SPIN = r"""
extern "C" __global__ void spin(long long cycles, unsigned long long* told) {
    unsigned long long begin, end;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin) :: "memory");
    long long start = clock64();
    while (clock64() - start < cycles) {}
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(end) :: "memory");
    atomicAdd(&told[0], end - begin);
    atomicAdd(&told[1], 1ULL);
}
"""


class SpinSession(Session):
    """An inference that is one kernel, which spins and writes down for how long."""

    def __init__(self, cycles: int) -> None:
        self.kernel = cupy.RawKernel(SPIN, "spin")
        self.told = torch.zeros(2, dtype=torch.int64, device=DEVICE)
        self.arguments = (np.int64(cycles), np.uint64(self.told.data_ptr()))

    def prepare(self, inputs: list) -> None:
        """Nothing to prepare."""

    def run(self) -> None:
        """Enqueue the kernel on the default stream, which is PyTorch's and CuPy's current one."""
        self.kernel((1,), (1,), self.arguments)

    def synchronize(self) -> None:
        """Wait for the kernel."""
        torch.cuda.synchronize(DEVICE)

    def outputs(self) -> list:
        """None."""
        return []

    def known_ms(self) -> float:
        """Mean duration by the GPU's own clock over the launches since the last call."""
        self.synchronize()
        total_ns, launches = self.told.tolist()
        self.told.zero_()
        return total_ns / launches / 1e6


class CountAfresh(Observer):
    """Forgets the launches before the device's pass, which follows the second reading of the machine."""

    def __init__(self, session: SpinSession) -> None:
        super().__init__(DEVICE)
        self.session = session

    def after(self) -> None:
        """Read the machine and forget."""
        super().after()
        self.session.known_ms()


@dataclass
class Checked:
    """A kernel of known duration as the loop measured it, in ms."""

    known: float
    device: float
    latency: float
    dispatch: float
    per_item: float
    """Of the throughput pass."""


@pytest.fixture(scope="module")
def cycles_per_ms() -> float:
    """Rate of the multiprocessor's clock once it has sped up."""
    session = SpinSession(20_000_000)
    rates = []
    for _ in range(60):
        session.run()
        rates.append(20_000_000 / session.known_ms())
    return statistics.median(rates[20:])


def _check(cycles: int) -> Checked:
    session = SpinSession(cycles)
    found = measure(session, 1, SETTINGS, observer=CountAfresh(session))
    return Checked(
        known=session.known_ms(),
        device=statistics.median(found.device_ms.tolist()),
        latency=statistics.median(found.kept.latency_ms.tolist()),
        dispatch=found.kept.dispatch_ms,
        per_item=1e3 / found.kept.throughput.items_per_s,
    )


@pytest.fixture(scope="module")
def nothing() -> Checked:
    """A kernel that does not spin: what starting and finishing one takes."""
    found = _check(0)
    print(f"\na kernel that does not spin: device {1e3 * found.device:.2f} us, latency {1e3 * found.latency:.2f} us")
    return found


@pytest.mark.parametrize("duration_us", DURATIONS_US)
def test_device_time_of_a_known_kernel_is_right_to_one_percent(cycles_per_ms, nothing, duration_us):
    found = _check(round(cycles_per_ms * duration_us / 1e3))
    net = found.device - (nothing.device - nothing.known)
    print(
        f"\n{duration_us} us: known {1e3 * found.known:.3f} us; device {1e3 * found.device:.3f} us "
        f"({100 * (found.device / found.known - 1):+.2f} %), less start and finish of a kernel {1e3 * net:.3f} us "
        f"({100 * (net / found.known - 1):+.2f} %); latency {1e3 * found.latency:.2f} us; "
        f"dispatch {1e3 * found.dispatch:.2f} us; throughput {1e3 * found.per_item:.3f} us an item"
    )
    assert found.known == pytest.approx(duration_us / 1e3, rel=0.1), "the GPU's clock changed meanwhile"
    assert net == pytest.approx(found.known, rel=0.01)
    if duration_us >= 1_000:
        assert found.device == pytest.approx(found.known, rel=0.01)
    assert found.device >= 0.999 * found.known
    assert found.latency >= 0.999 * found.device
    assert found.dispatch < 0.5 * found.latency
    # back to back no kernel starts before the last one ended, and none waits for the host
    assert 0.99 * found.known <= found.per_item <= 1.01 * found.latency


def test_a_call_that_is_not_synchronised_says_nothing_about_the_kernel(cycles_per_ms):
    """What a tutorial that forgets to synchronise would report as the speed of a 10 ms kernel."""
    found = _check(round(cycles_per_ms * 10))
    print(f"\nnot synchronised: {found.dispatch:.4f} ms, {found.latency / found.dispatch:.0f} times too fast")
    assert found.dispatch < 0.1 * found.latency


def test_device_time_of_many_kernels_has_no_gaps_of_the_host(cycles_per_ms):
    """Kernels shorter than their launch: on an idle device they would be as slow as the host; the device is faster."""

    class Many(SpinSession):
        def run(self) -> None:
            for _ in range(50):
                super().run()

    found = measure(Many(0), 1, SETTINGS)
    device, latency = (statistics.median(sample.tolist()) for sample in (found.device_ms, found.kept.latency_ms))
    dispatch = found.kept.dispatch_ms
    print(f"\n50 empty kernels: dispatch {dispatch:.4f} ms, latency {latency:.4f} ms, device {device:.4f} ms")
    assert device < latency


def test_watching_the_machine_does_not_change_the_result():
    settings = LoopSettings(Warmup(min_s=0.5), Timing(min_s=1.0, max_s=2.0, throughput_s=0.3), DEVICE)
    pairs = medians_on_and_off(small_session(DEVICE), 1, settings, pairs=5)
    ratios = [on / off for on, off in pairs]
    print(f"\nwatched/not watched: {', '.join(f'{ratio:.4f}' for ratio in ratios)}")
    assert statistics.median(ratios) == pytest.approx(1, abs=0.05)


def test_transfers():
    inputs = [torch.zeros(64, 3, 224, 224, device=DEVICE)]
    outputs = [torch.zeros(64, 1000, device=DEVICE)]
    found = measure_transfer(inputs, outputs)
    megabytes = inputs[0].numel() * 4 / 1e6
    print(
        f"\n{megabytes:.1f} MB to the device: pinned {found.h2d_ms:.3f} ms ({megabytes / found.h2d_ms:.1f} GB/s), "
        f"pageable {found.pageable_h2d_ms:.3f} ms; 256 kB back: {found.d2h_ms:.4f} and {found.pageable_d2h_ms:.4f} ms"
    )
    assert found.h2d_ms <= 1.1 * found.pageable_h2d_ms
    assert found.d2h_ms < found.h2d_ms


def test_evidence_names_the_gpu_and_finds_nobody_else_on_it():
    session = small_session(DEVICE)
    gpu = measure(session, 1, SETTINGS).telemetry.gpu
    assert gpu is not None, "NVML is not there (nvidia-ml-py)"
    print("\n" + ", ".join(f"{name} {value}" for name, value in gpu.items()))
    assert gpu["uuid"]
    assert gpu["sm_mhz_after"]
    assert gpu["other_processes"] in (0, None)
