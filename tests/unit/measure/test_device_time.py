import numpy as np
from virtual_session import FakeSession, VirtualDeviceClock, VirtualTime

from bakeoff.measure.device_time import MAX_TRIES, measure_device


def _measured(dispatch_ms, said_ms, never_in_time=False, seconds=0.2):
    """Device times of a 1 ms inference whose call takes `dispatch_ms` where `said_ms` was measured; clock, session."""
    time = VirtualTime()
    clock = VirtualDeviceClock(time, never_in_time)
    session = FakeSession(time, lambda _: 1.0, dispatch_ms)
    latency_s = (1.0 + said_ms) / 1e3
    return measure_device(session, clock, latency_s, said_ms / 1e3, seconds, time.now_ns), clock, session


def test_a_call_that_returns_soon_is_timed_behind_another_inference():
    """No kernel but the inference's own: others change the speed of CUDA graphs."""
    ms, clock, session = _measured(dispatch_ms=0.2, said_ms=0.2)
    assert np.allclose(ms, 1.0)
    assert ms.size >= 10
    assert clock.delays_s == []
    assert session.runs == 2 * ms.size


def test_the_delay_covers_the_dispatch():
    ms, clock, _ = _measured(dispatch_ms=3.0, said_ms=3.0)
    assert np.allclose(ms, 1.0)
    assert min(clock.delays_s) > 3e-3
    assert ms.size == len(clock.delays_s) >= 10


def test_a_delay_that_was_too_short_gives_no_sample_and_a_longer_delay():
    ms, clock, _ = _measured(dispatch_ms=6.0, said_ms=1.1)
    assert np.allclose(ms, 1.0)
    assert clock.delays_s[0] < 6e-3 < clock.delays_s[-1]
    assert ms.size < len(clock.delays_s)


def test_where_another_inference_is_over_too_soon_a_delay_follows():
    ms, clock, session = _measured(dispatch_ms=3.0, said_ms=0.1)
    assert np.allclose(ms, 1.0)
    assert session.calls.count("first of two") == MAX_TRIES
    assert clock.delays_s[-1] > 3e-3


def test_a_call_that_waits_for_the_device_is_timed_as_it_comes():
    for said_ms in (0.1, 1.5):
        ms, clock, _ = _measured(dispatch_ms=1.5, said_ms=said_ms, never_in_time=True)
        assert ms.size >= 1
        assert len(clock.delays_s) >= MAX_TRIES
        assert max(clock.delays_s) <= 0.1
