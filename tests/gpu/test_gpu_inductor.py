"""AOTInductor on a real GPU: frozen and tuned packages answer as eager does, and tuning compiles no kernel twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from on_gpu import DEVICE, OnGpu, assert_profile_is_whole
from tests.unit.backends.workshop import Workshop

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)

from bakeoff.backends import make_backend  # noqa: E402
from bakeoff.backends.inductor.kernel_benchmark import ReplayTimer  # noqa: E402
from bakeoff.core.compiler import find_compiler  # noqa: E402
from bakeoff.core.torch_private import delay_gpu  # noqa: E402

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="needs a C++ compiler")

CLOSE = {"fp32": 1e-5, "fp16": 1e-2}
"""Largest relative L2 error against eager fp32."""


class Turns:
    """Counts the turns at timing kernels."""

    taken = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.taken += 1
        yield


@pytest.mark.parametrize("precision", CLOSE)
@pytest.mark.parametrize("freeze", [True, False])
def test_agrees_with_eager(workshop: Workshop, tmp_path: Path, precision: str, freeze: bool) -> None:
    backend = make_backend({"kind": "inductor", "freeze": freeze, "channels_last": True, "cuda_graph": True})
    engine = OnGpu(workshop, backend, precision)
    built = engine.build(tmp_path)
    assert built.holds_precision is True
    engine.assert_close(engine.load(tmp_path, built), CLOSE)


@pytest.mark.parametrize("cuda_graph", [False, True])
def test_tuning_finds_the_kernels_that_workers_compiled_and_times_them_in_turns(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda_graph: bool
) -> None:
    """This process would otherwise compile every kernel again when it times it."""
    triton = pytest.importorskip("triton")
    from torch._dynamo.utils import counters
    from torch._inductor.async_compile import AsyncCompile

    compiled_here = []

    def listener(*, src: Any, cache_hit: bool, **_: Any) -> None:
        if not cache_hit:
            compiled_here.append(src)

    monkeypatch.setattr(triton.knobs.compilation, "listener", listener)
    torch._inductor.config.compile_threads = 4
    AsyncCompile.wait_pool_ready()  # until then this process compiles, too
    counters.clear()
    turns = Turns()
    backend = make_backend({"kind": "inductor", "max_autotune": True, "channels_last": True, "cuda_graph": cuda_graph})
    engine = OnGpu(workshop, backend, "fp16", turns)
    built = engine.build(tmp_path)
    assert any("as a CUDA graph replays them" in note for note in built.notes) is cuda_graph
    assert not any("launch by launch" in note for note in built.notes)
    tried = counters["inductor"]["select_algorithm_num_precompiles"]
    assert tried > 10
    assert len(compiled_here) < tried / 2
    assert turns.taken > 10
    engine.assert_close(engine.load(tmp_path, built), CLOSE)


def test_coordinate_descent_without_autotuning(workshop: Workshop, tmp_path: Path) -> None:
    turns = Turns()
    backend = make_backend({"kind": "inductor", "coordinate_descent": True, "channels_last": True, "cuda_graph": True})
    engine = OnGpu(workshop, backend, "fp16", turns)
    built = engine.build(tmp_path)
    assert any("as a CUDA graph replays them" in note for note in built.notes)
    assert turns.taken > 10
    engine.assert_close(engine.load(tmp_path, built), CLOSE)


def test_candidates_are_timed_as_a_graph_replays_them() -> None:
    timer = ReplayTimer()
    one = torch.ones(1, device=DEVICE)
    with torch.cuda.stream(torch.cuda.Stream()):
        short_ms, long_ms = (timer.time_ms(lambda n=cycles: delay_gpu(n)) for cycles in (20_000, 200_000))
        assert timer.time_ms(one.item) is None
        again_ms = timer.time_ms(lambda: delay_gpu(200_000))
    assert (timer.timed, timer.refused) == (3, 1)
    print(short_ms, long_ms, again_ms)
    assert 8 < long_ms / short_ms < 10.2
    assert again_ms == pytest.approx(long_ms, rel=0.05)


def test_a_profile_holds_every_kernel(workshop: Workshop, tmp_path: Path) -> None:
    """Also those that the package launches itself, above which stands no operator."""
    engine = OnGpu(workshop, make_backend({"kind": "inductor", "channels_last": True}), "fp16")
    assert_profile_is_whole(engine.load(tmp_path, engine.build(tmp_path)), "triton")
