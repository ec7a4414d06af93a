import os
import re
import sys
import time

import pytest

from bakeoff.devices.nvml import GpuProbe, GpuReading, gpu_evidence, others, throttle_names
from bakeoff.measure.memory import peak_rss_bytes
from bakeoff.measure.telemetry import Observer


def test_observer_reads_the_machine():
    observer = Observer("cpu")
    observer.before()
    time.sleep(0.1)
    observer.after()
    telemetry = observer.telemetry()
    assert telemetry.gpu is None
    for share in (telemetry.other_cpu_share, telemetry.steal_share):
        assert share is None or 0 <= share <= 1
    if telemetry.cpus is not None:
        assert set(telemetry.cpus) == set(os.sched_getaffinity(0))
        assert 0 <= telemetry.other_cores <= len(telemetry.cpus) + 0.5
        assert telemetry.steal_cores >= 0


def test_observer_needs_both_readings():
    with pytest.raises(ValueError, match="reading before"):
        Observer("cpu").telemetry()


def test_peak_memory(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  999 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 1000 kB\n")
    assert peak_rss_bytes(status) == 1234 * 1024
    assert peak_rss_bytes(tmp_path / "missing") > 1_000_000
    block = bytearray(b"x" * 30_000_000)
    assert peak_rss_bytes() > len(block)


def _gpu(**changes):
    values = {
        "time_s": 0.0,
        "sm_mhz": 1980,
        "memory_mhz": 2600,
        "temperature_c": 40,
        "power_w": 300.0,
        "energy_j": 1000.0,
        "throttle": (),
        "other_processes": 0,
        "memory_used_bytes": 10**9,
    }
    return GpuReading(**{**values, **changes})


def test_gpu_evidence():
    evidence = gpu_evidence(_gpu(), _gpu(time_s=2.0, energy_j=1600.0, throttle=("sw_power_cap",), other_processes=1))
    assert evidence["energy_j"] == 600
    assert evidence["throttle_reasons"] == ["sw_power_cap"]
    assert evidence["other_processes"] == 1
    assert gpu_evidence(_gpu(), _gpu(time_s=0.3, energy_j=1100.0))["energy_j"] is None
    assert gpu_evidence(_gpu(), None) is None


class Nvml:
    """A stand-in for pynvml on a host of two GPUs that refuses some questions."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0
    uuids = ("GPU-a", "GPU-b")

    class NVMLError(Exception):
        pass

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetCount(self):  # noqa: N802
        return len(self.uuids)

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return index

    def nvmlDeviceGetIndex(self, handle):  # noqa: N802
        return handle

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802
        return self.uuids[handle]

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        return 1980 if kind == self.NVML_CLOCK_SM else 3201

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):  # noqa: N802
        return 0x4

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        raise self.NVMLError("not permitted")


def test_nvml_may_refuse_any_question(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-b")
    observer = Observer("cuda:0")
    observer.before()
    observer.after()
    gpu = observer.telemetry().gpu
    assert (gpu["index"], gpu["uuid"], gpu["name"]) == (1, "GPU-b", None)
    assert gpu["sm_mhz_after"] == 1980
    assert gpu["throttle_reasons"] == ["sw_power_cap"]
    assert gpu["power_w_after"] is None
    assert gpu["other_processes"] is None


@pytest.mark.parametrize(("visible", "device"), [("", "cuda:0"), ("GPU-b", "cuda:1"), ("GPU-c", "cuda:0")])
def test_a_gpu_that_cuda_does_not_show_is_not_read(monkeypatch, visible, device):
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert GpuProbe(device).read() is None


def test_without_nvml_there_is_no_gpu_evidence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    observer = Observer("cuda:0")
    observer.before()
    observer.after()
    assert observer.telemetry().gpu is None


@pytest.mark.parametrize(
    ("computing", "strangers"),
    [([10, 11], 0), ([10, 99], 1), ([98, 99], 1), ([99], 0), ([], 0)],
    ids=["own tree", "one other", "ids of another namespace", "only we, in another namespace", "hidden"],
)
def test_other_processes_on_the_gpu(computing, strangers):
    assert others(computing, own={10, 11}) == strangers


def test_throttle_reasons_leave_out_idling():
    assert throttle_names(0x1) == ()
    assert throttle_names(0x4 | 0x40 | 0x1) == ("sw_power_cap", "hw_thermal_slowdown")
    assert all(re.fullmatch(r"[a-z_]+", name) for name in throttle_names(0xFFFF))
