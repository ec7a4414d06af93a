import pytest
import torch
from virtual_session import VirtualTime

from bakeoff.measure import transfer
from bakeoff.measure.transfer import COPIES, MIN_COPIES, measure_transfer, time_copies


class Copied:
    """A destination whose copies are enqueued at once and take as long as a test says."""

    def __init__(self, time: VirtualTime, ms: float) -> None:
        self.time, self.ms, self.queued_ms = time, ms, 0.0

    def copy_(self, _source, non_blocking):
        assert non_blocking
        self.queued_ms += self.ms

    def synchronize(self):
        self.time.sleep_ms(self.queued_ms)
        self.queued_ms = 0.0


def _times(ms: float, count: int = 2) -> list[float]:
    time = VirtualTime()
    destination = Copied(time, ms)
    return time_copies([(destination, None)] * count, destination.synchronize, time.now_ns)


def test_all_copies_are_timed_together_to_their_end():
    assert _times(0.5) == [1.0] * COPIES


def test_long_copies_are_made_less_often():
    assert _times(200.0) == [400.0] * MIN_COPIES


def test_on_a_cpu_nothing_is_copied():
    assert measure_transfer([], []) is None


def test_pinned_and_pageable_copies_of_inputs_and_outputs(monkeypatch):
    """The four figures, with memory that is pinned in name only: there is no GPU here."""
    made = []
    empty_like = torch.empty_like

    def without_pinning(tensor, device=None, pin_memory=False):
        made.append((device, pin_memory))
        return empty_like(tensor, device=device)

    monkeypatch.setattr(torch, "empty_like", without_pinning)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    monkeypatch.setattr(transfer, "COPIES", 7)
    inputs, outputs = [torch.ones(2, 3, 4, 4)], [torch.ones(2, 10), torch.zeros(2, dtype=torch.int64)]
    found = measure_transfer(inputs, outputs)
    assert all(value > 0 for value in found.model_dump().values())
    assert set(made) == {(None, False), ("cpu", True), ("cpu", False)}
    assert torch.equal(inputs[0], torch.ones(2, 3, 4, 4))


@pytest.mark.parametrize("missing", ["inputs", "outputs"])
def test_a_session_that_cannot_show_its_memory_has_no_figures(missing):
    tensors = {"inputs": [torch.ones(1)], "outputs": [torch.ones(1)], missing: []}
    assert measure_transfer(**tensors) is None
