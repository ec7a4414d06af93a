import numpy as np
import pytest

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.timing import Distribution, Telemetry, TimedOutputs, TimingRecord, WarmUp
from bakeoff.collect.warnings import thresholds
from bakeoff.collect.warnings.codes import WARNINGS, in_order
from bakeoff.collect.warnings.rules import round_warnings, target_warnings
from bakeoff.measure.modes import split_in_two


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
    samples_ms = 5 + 0.1 * np.random.default_rng(0).standard_normal(500)
    assert round_warnings(_round(modes=split_in_two(samples_ms))) == []


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


RNG = np.random.default_rng(0)
UNIMODAL = {
    "normal": lambda n: 10 + RNG.standard_normal(n),
    "uniform": lambda n: 10 + 8 * RNG.random(n),
    "lognormal": lambda n: np.exp(0.5 * RNG.standard_normal(n)),
    "exponential": lambda n: 1 + RNG.exponential(1, n),
    "one in ten twice as slow": lambda n: np.where(RNG.random(n) < 0.1, 2, 1) + 0.02 * RNG.standard_normal(n),
    "two speeds 2 % apart": lambda n: np.where(RNG.random(n) < 0.5, 1.02, 1) + 0.001 * RNG.standard_normal(n),
    "constant": lambda n: np.full(n, 2.0),
}


def _is_bimodal(samples_ms):
    record = _round(modes=split_in_two(samples_ms), latency_ms=_latency(float(np.median(samples_ms)), samples_ms.size))
    return round_warnings(record) == ["bimodal"]


@pytest.mark.parametrize("name", UNIMODAL)
def test_one_mode(name):
    assert np.mean([_is_bimodal(UNIMODAL[name](200)) for _ in range(100)]) <= 0.02


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_two_modes(share):
    samples = np.where(RNG.random(500) < share, 1.3, 1) + 0.03 * RNG.standard_normal(500)
    assert _is_bimodal(samples)


@pytest.mark.parametrize("dwell", [1, 100])
def test_two_modes_five_percent_apart(dwell):
    """Jitter of 1 %, changing after `dwell` inferences in the mean. A gap of 5 % was the least before, so half at most
    were seen; with jitter of 1.5 % the two run into each other, and no look at the distribution parts them.
    """
    rng, seen = np.random.default_rng(0), 0
    for _ in range(40):
        slow = np.cumsum(rng.random(1000) < 1 / dwell) % 2
        seen += _is_bimodal(5 * (1 + 0.05 * slow) * np.exp(0.01 * rng.standard_normal(1000)))
    assert seen >= 0.85 * 40


def test_two_modes_of_constant_latency_are_infinitely_far_apart():
    assert _is_bimodal(np.array([5.0, 7.0] * 200))


def test_few_samples_have_no_modes():
    assert not _is_bimodal(np.array([1.0, 2.0] * 20))
    assert _is_bimodal(np.array([1.0, 2.0] * 50))


def test_a_round_without_modes_is_not_called_bimodal():
    assert round_warnings(_round(modes=None)) == []


@pytest.mark.parametrize(
    ("name", "value"), [("BIMODAL_SAMPLES", 501), ("BIMODAL_SHARE", 0.45), ("BIMODAL_D", 12.0), ("BIMODAL_GAP", 0.4)]
)
def test_each_threshold_of_two_modes_counts(name, value, monkeypatch):
    samples = np.where(np.arange(500) % 5 < 2, 1.3, 1) + 0.03 * np.random.default_rng(0).standard_normal(500)
    assert _is_bimodal(samples)
    monkeypatch.setattr(thresholds, name, value)
    assert not _is_bimodal(samples)


def test_codes_stored_by_an_older_version_are_not_used():
    record = _round(warnings=["noisy-machine"], converged=False)
    assert round_warnings(record) == ["not-converged"]
    assert target_warnings([record, record], None) == ["not-converged"]


def test_codes_stand_in_the_order_of_their_texts_and_unknown_ones_last():
    assert in_order(["unknown", "bimodal", "made-up", "not-steady", "bimodal"]) == [
        "not-steady", "bimodal", "made-up", "unknown",
    ]  # fmt: skip


def test_target_warnings():
    calm, noisy = _round(), _round(telemetry=Telemetry(other_cpu_share=0.2))
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
