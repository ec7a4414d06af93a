"""Private parts of PyTorch on a real GPU: what stands in for them does what they do."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)

from bakeoff.core import torch_private  # noqa: E402


def busy_ms(cycles: int) -> float:
    """How long the GPU is kept busy."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch_private.delay_gpu(1)
    begin.record()
    torch_private.delay_gpu(cycles)
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end))


@pytest.mark.parametrize("private", [True, False])
def test_a_delay_lasts_at_least_as_long_as_at_the_highest_clock(private, monkeypatch):
    if not private:
        monkeypatch.setattr(torch_private, "SLEEP", replace(torch_private.SLEEP, name="no_such_thing"))
    for wanted_ms in (0.5, 5.0):
        taken_ms = busy_ms(int(wanted_ms / 1e3 * torch_private.HIGHEST_CLOCK_HZ))
        print(private, wanted_ms, taken_ms)
        assert wanted_ms <= taken_ms < 20 * wanted_ms


def test_matrices_of_8_bit_integers_are_multiplied():
    a, b = (torch.randint(-128, 128, (64, 64), dtype=torch.int8, device="cuda") for _ in range(2))
    assert torch.equal(torch_private.int8_product()(a, b.t()).cpu(), a.cpu().int() @ b.cpu().int().t())
