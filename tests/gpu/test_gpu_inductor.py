"""AOTInductor on a real GPU: frozen and tuned packages answer as eager does, and tuning compiles no kernel twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)

from tests.models.tiny import ConvNet  # noqa: E402

from bakeoff.backends import make_backend  # noqa: E402
from bakeoff.backends.base import EngineSpec, InputInfo, Session  # noqa: E402
from bakeoff.machine import find_compiler  # noqa: E402

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="needs a C++ compiler")

DEVICE = "cuda:0"
SHAPE = (3, 32, 32)
BATCH = 4
CLOSE = {"fp32": 1e-5, "fp16": 1e-2}


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    model = ConvNet(width=32)
    with torch.no_grad():
        model.train()(torch.randn(16, *SHAPE))  # statistics for BatchNorm
    return model.eval()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((BATCH, *SHAPE), dtype=np.float32)


@pytest.fixture(scope="module")
def expected(model: Any, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy()


@pytest.fixture(scope="module")
def export(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Gives the folder of the export with weights in a precision."""
    folders: dict[str, Path] = {}

    def of(precision: str) -> Path:
        if precision not in folders:
            dtype = {"fp32": torch.float32, "fp16": torch.float16}[precision]
            folders[precision] = tmp_path_factory.mktemp(precision)
            with torch.no_grad():
                program = torch.export.export(model.to(dtype), (torch.zeros(BATCH, *SHAPE, dtype=dtype),))
            torch.export.save(program, folders[precision] / "model.pt2")
            model.float()
        return folders[precision]

    return of


class Turns:
    """Counts the turns at timing kernels."""

    taken = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.taken += 1
        yield


def _spec(precision: str, turns: Turns) -> EngineSpec:
    inputs = [InputInfo("image", SHAPE, "float32")]
    return EngineSpec(precision, DEVICE, 4, BATCH, BATCH, BATCH, inputs, alone=turns)  # type: ignore[arg-type]


def _assert_close(session: Session, images: np.ndarray, expected: np.ndarray, precision: str) -> None:
    """Twice, since the first run captures a CUDA graph."""
    session.prepare([images])
    session.run()
    session.run()
    (output,) = session.outputs()
    assert np.linalg.norm(output - expected) <= CLOSE[precision] * np.linalg.norm(expected)


@pytest.mark.parametrize("precision", CLOSE)
@pytest.mark.parametrize("freeze", [True, False])
def test_agrees_with_eager(
    export: Any, images: Any, expected: Any, tmp_path: Path, precision: str, freeze: bool
) -> None:
    backend = make_backend({"kind": "inductor", "freeze": freeze, "channels_last": True, "cuda_graph": True})
    spec = _spec(precision, Turns())
    built = backend.build(export(precision), spec, tmp_path)
    backend.inspect(tmp_path, built, spec)
    assert built.holds_precision is True
    _assert_close(backend.load(tmp_path, built.files, spec, BATCH), images, expected, precision)


def test_tuning_finds_the_kernels_that_workers_compiled_and_times_them_in_turns(
    export: Any, images: Any, expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    backend = make_backend({"kind": "inductor", "max_autotune": True, "channels_last": True})
    spec = _spec("fp16", turns)
    built = backend.build(export("fp16"), spec, tmp_path)
    tried = counters["inductor"]["select_algorithm_num_precompiles"]
    assert tried > 10
    assert len(compiled_here) < tried / 2
    assert turns.taken > 10
    _assert_close(backend.load(tmp_path, built.files, spec, BATCH), images, expected, "fp16")


def test_a_profile_holds_every_kernel(export: Any, images: Any, tmp_path: Path) -> None:
    """Also those that the package launches itself, above which stands no operator."""
    from torch.profiler import ProfilerActivity, profile

    backend = make_backend({"kind": "inductor", "channels_last": True})
    spec = _spec("fp16", Turns())
    built = backend.build(export("fp16"), spec, tmp_path)
    session = backend.load(tmp_path, built.files, spec, BATCH)
    session.prepare([images])
    for _ in range(3):
        session.run()
    session.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        session.run()
        session.synchronize()
    kernels = [event for event in profiler.events() if event.device_type == torch.autograd.DeviceType.CUDA]

    layers = session.layers(20, 30.0).layers
    assert any(layer.type == "kernel" and "triton" in layer.name for layer in layers)
    assert all(layer.time_ms.median > 0 for layer in layers)
    whole_ms = sum(kernel.time_range.end - kernel.time_range.start for kernel in kernels) / 1000
    assert sum(layer.time_ms.median for layer in layers) == pytest.approx(whole_ms, rel=0.2)
