import numpy as np
import pytest

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.timing import Distribution, Telemetry, TimedOutputs, TimingRecord, WarmUp
from bakeoff.collect.warnings import WARNINGS, round_warnings, target_warnings


def _latency(median=5.0, n=500):
    return Distribution(
        median=median, mean=median, std=0.1, min=median, max=median, p90=None, p95=None, p99=None,
        ci95=(median, median), n=n,
    )  # fmt: skip


def _round(**changes):
    fields = {
        "target": {"study": "s"},
        "status": "ok",
        "latency_ms": _latency(),
        "converged": True,
        "warmup": WarmUp(n=10, s=1, steady=True),
        "telemetry": Telemetry(other_cpu_share=0.01, steal_share=0.001),
    }
    return TimingRecord(**{**fields, **changes})


def test_a_good_round_warns_of_nothing():
    assert round_warnings(_round(), 5 + 0.1 * np.random.default_rng(0).standard_normal(500)) == []


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("not-converged", {"converged": False}),
        ("not-steady", {"warmup": WarmUp(n=10, s=1, steady=False)}),
        ("few-samples", {"latency_ms": _latency(n=19)}),
        ("clock-resolution", {"latency_ms": _latency(median=0.005)}),
        ("noisy-machine", {"telemetry": Telemetry(other_cpu_share=0.2)}),
        ("noisy-machine", {"telemetry": Telemetry(steal_share=0.05)}),
        ("throttled", {"telemetry": Telemetry(gpu={"throttle_reasons": ["sw_power_cap"]})}),
        ("shared-gpu", {"telemetry": Telemetry(gpu={"other_processes": 1})}),
    ],
)
def test_each_warning_by_its_cause(code, changes):
    assert round_warnings(_round(**changes)) == [code]


@pytest.mark.parametrize(
    ("device_ms", "dispatch_ms", "waits"),
    [
        (1.0, 4.9, True),  # the call returns when the GPU has long done most of its work
        (4.8, 0.1, False),  # a CUDA graph
        (4.8, 4.9, False),  # a call that itself waits for the GPU
        (1.0, 0.1, False),  # neither of both explains the latency
    ],
)
def test_a_gpu_that_waits_for_the_host(device_ms, dispatch_ms, waits):
    record = _round(device="cuda:0", device_ms=_latency(device_ms), dispatch_ms=dispatch_ms)
    assert round_warnings(record) == (["waits-for-host"] if waits else [])


def test_on_a_gpu_the_starts_of_other_targets_are_no_noise():
    busy = Telemetry(other_cpu_share=0.2)
    assert round_warnings(_round(device="cuda:0", telemetry=busy)) == []
    assert round_warnings(_round(device="cuda:0", telemetry=Telemetry(other_cpu_share=0.6))) == ["noisy-machine"]


def test_bimodal_samples():
    assert round_warnings(_round(), np.array([5.0, 7.0] * 200)) == ["bimodal"]


def test_target_warnings():
    calm, noisy = _round(), _round(warnings=["noisy-machine"])
    assert target_warnings([calm, calm], None) == []
    assert target_warnings([calm, noisy, noisy], None) == ["noisy-machine"]
    assert target_warnings([calm], None) == ["one-round"]
    assert target_warnings([calm, _round(latency_ms=_latency(5.5))], None) == ["rounds-disagree"]
    assert target_warnings([calm, _round(latency_ms=_latency(5.1))], None) == []
    build = BuildRecord(target={"study": "s"}, status="ok", holds_precision=False)
    assert target_warnings([calm, calm], build) == ["precision-not-held"]


def test_every_code_says_what_to_do():
    for code, explanation in WARNINGS.items():
        assert code == code.lower()
        assert explanation.headline
        assert explanation.what_to_do.endswith(".")


@pytest.mark.parametrize(
    ("timed", "batch_size", "judged", "marked"),
    [
        (TimedOutputs(relative_l2=2e-6), 1, 1e-6, False),
        (TimedOutputs(relative_l2=9e-4), 1, 1e-6, False),  # rounding in another order
        (TimedOutputs(relative_l2=2e-3), 1, 1e-6, True),
        (TimedOutputs(relative_l2=0.4), 1, 0.1, False),  # all the error of sixteen inputs in one
        (TimedOutputs(relative_l2=0.7), 1, 0.1, True),
        (TimedOutputs(relative_l2=0.4), 8, 0.1, True),
        (TimedOutputs(relative_l2=0.1), 128, 0.1, False),
        (TimedOutputs(relative_l2=0.2), 128, 0.1, True),
        (TimedOutputs(wrong="NaN"), 1, 0.1, True),
        (TimedOutputs(wrong="NaN"), 1, None, False),  # the check said so, and failed it
        (None, 1, 0.1, False),  # a record of an older version
    ],
)
def test_a_timed_process_that_answered_otherwise_than_the_judged_one(timed, batch_size, judged, marked):
    accuracy = AccuracyRecord(
        target={"study": "s"}, status="ok", relative_l2=judged, repeat_relative_l2=0.0, n_inputs=16
    )
    of = {"study": "s", "batch_size": batch_size}
    rounds = [_round(target=of, outputs=TimedOutputs(relative_l2=0.0)), _round(target=of, outputs=timed)]
    assert ("not-repeatable" in target_warnings(rounds, None, accuracy)) is marked
    assert target_warnings(rounds, None) == []
