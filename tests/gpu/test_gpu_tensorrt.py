"""TensorRT on an NVIDIA GPU: engines built here and built without a GPU, against eager PyTorch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.artifacts.build import ExportRecord
from bakeoff.artifacts.io import digests, write_record
from bakeoff.backends import make_backend
from bakeoff.backends.base import Built, EngineSpec, InputInfo, Session
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.backends.tensorrt.backend import PLAN, RUNTIME_CACHE, TensorRt
from bakeoff.backends.tensorrt.library import choose, missing
from bakeoff.jobs import build
from bakeoff.measure.clock import clock_for

torch = pytest.importorskip("torch")

DEVICE = "cuda:0"
LIBRARY = choose("auto", DEVICE)
REASON = "there is no NVIDIA GPU" if not torch.cuda.is_available() else missing("auto", DEVICE)
pytestmark = pytest.mark.skipif(REASON is not None, reason=str(REASON))
rtx_only = pytest.mark.skipif(LIBRARY != "tensorrt_rtx", reason="only tensorrt_rtx has this")

INPUTS = [InputInfo("image", (3, 64, 64), "float32")]
CLOSE = {"fp32": 5e-3 if LIBRARY == "tensorrt_rtx" else 1e-4, "tf32": 5e-3, "fp16": 2e-2}
"""Largest relative L2 error against eager fp32. TensorRT for RTX 1.4 computes convolutions in TF32 on an H200 even
where TF32 is switched off (7e-4), and cannot run them at all under NVIDIA_TF32_OVERRIDE=0."""


def spec(precision: str = "fp32", device: str = DEVICE) -> EngineSpec:
    return EngineSpec(precision, device, 1, 1, 4, 8, INPUTS)  # type: ignore[arg-type]


def images(batch_size: int) -> np.ndarray:
    return np.random.default_rng(batch_size).standard_normal((batch_size, 3, 64, 64), dtype=np.float32)


def network() -> Any:
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3, stride=2, padding=1),
        nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 100),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the ONNX graph and its record, by the precision of the graph."""
    folders = {}
    for precision, dtype in (("fp32", torch.float32), ("fp16", torch.float16)):
        folder = tmp_path_factory.mktemp(f"export-{precision}")
        torch.onnx.export(
            network().to(dtype),
            (torch.zeros(2, 3, 64, 64, dtype=dtype),),
            folder / "model.onnx",
            dynamo=True,
            verbose=False,
            input_names=["image"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
        )
        names = sorted(path.name for path in folder.iterdir())
        record = ExportRecord(
            target={"study": "s"}, status="ok", format="onnx", export_s=1.0, files=digests(folder, names)
        )
        write_record(folder / "export.json", record)
        folders[precision] = folder
    return folders


@pytest.fixture(scope="module")
def expected() -> Callable[[int], np.ndarray]:
    """What eager PyTorch answers in fp32 on the GPU, by batch size."""

    def answer(batch_size: int) -> np.ndarray:
        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        try:
            with torch.inference_mode():
                return network().to(DEVICE)(torch.from_numpy(images(batch_size)).to(DEVICE)).cpu().numpy()
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32

    return answer


class Engines:
    """Engines by precision and the device they were built for, each built once."""

    def __init__(self, exports: dict[str, Path], folders: pytest.TempPathFactory) -> None:
        self._exports = exports
        self._folders = folders
        self._made: dict[tuple[str, str], tuple[Path, Built]] = {}

    def __call__(self, precision: str = "fp32", device: str = DEVICE) -> tuple[Path, Built]:
        if (precision, device) not in self._made:
            folder = self._folders.mktemp(f"engine-{precision}")
            backend = TensorRt(TensorRt.Options(library=LIBRARY))
            built = backend.build(
                self._exports["fp16" if precision == "fp16" else "fp32"], spec(precision, device), folder
            )
            backend.inspect(folder, built, spec(precision, device))
            print("\n".join(built.notes))
            self._made[precision, device] = folder, built
        return self._made[precision, device]


@pytest.fixture(scope="module")
def engines(exports: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(exports, tmp_path_factory)


def load(engine: tuple[Path, Built], precision: str = "fp32", batch_size: int = 4, **options: Any) -> Session:
    folder, built = engine
    backend = make_backend({"kind": "tensorrt", "library": LIBRARY, **options})
    session = backend.load(folder, built.files, spec(precision), batch_size)
    session.prepare([images(batch_size)])
    return session


def answer(session: Session, runs: int = 1) -> np.ndarray:
    """The output of the last of some runs; the session is closed."""
    try:
        for _ in range(runs):
            session.run()
        (output,) = session.outputs()
    finally:
        session.close()
    return output


def error(output: np.ndarray, expected: np.ndarray) -> float:
    assert output.shape == expected.shape
    return float(np.linalg.norm(output - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("precision", CLOSE)
def test_agrees_with_eager(engines: Engines, expected: Any, precision: str, batch_size: int) -> None:
    engine = engines(precision)
    assert engine[1].holds_precision is True
    assert error(answer(load(engine, precision, batch_size)), expected(batch_size)) < CLOSE[precision]


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("capture", ["library", "bakeoff"])
def test_a_cuda_graph_answers_the_same(engines: Engines, expected: Any, batch_size: int, capture: str) -> None:
    session = load(engines("fp16"), "fp16", batch_size, cuda_graph=True, graph_capture=capture)
    captured = answer(session, runs=5)
    assert error(captured, answer(load(engines("fp16"), "fp16", batch_size))) < 1e-2
    assert error(captured, expected(batch_size)) < CLOSE["fp16"]


@pytest.mark.parametrize("cuda_graph", [False, True])
def test_another_batch_size_in_the_same_session(engines: Engines, expected: Any, cuda_graph: bool) -> None:
    session = load(engines(), batch_size=8, cuda_graph=cuda_graph)
    session.run()
    session.synchronize()
    session.prepare([images(2)])
    assert error(answer(session, runs=2), expected(2)) < CLOSE["fp32"]


def test_works_on_a_stream_of_its_own(engines: Engines) -> None:
    session = load(engines())
    try:
        assert torch.cuda.current_stream(DEVICE) != torch.cuda.default_stream(DEVICE)
        clock = clock_for(DEVICE)
        for _ in range(3):
            second_ms, _ = clock.time_second(session)
            device_ms, _ = clock.time_behind(session, 0.001)
            inference = clock.time(session)
        assert 0 < second_ms <= inference.latency_ns / 1e6 * 1.5
        assert 0 < device_ms <= inference.latency_ns / 1e6 * 1.5
        inputs, outputs = session.device_tensors()
        assert [tensor.device.type for tensor in inputs + outputs] == ["cuda", "cuda"]
        assert [tuple(tensor.shape) for tensor in inputs + outputs] == [(4, 3, 64, 64), (4, 100)]
    finally:
        session.close()
    assert torch.cuda.current_stream(DEVICE) == torch.cuda.default_stream(DEVICE)


@pytest.mark.parametrize("cuda_graph", [False, True])
def test_profile(engines: Engines, cuda_graph: bool) -> None:
    session = load(engines("fp16"), "fp16", cuda_graph=cuda_graph)
    try:
        session.run()
        times = session.layers(20, 30.0)
    finally:
        session.close()
    print(times.notes, [(layer.name, layer.type, layer.dtype, layer.time_ms.median) for layer in times.layers])
    assert times.runs == 20
    names = [layer.name for layer in times.layers]
    assert names
    assert len(set(names)) == len(names)
    joined = [layer for layer in times.layers if layer.type != "layer" and layer.dtype]
    assert any(layer.dtype == "float16" for layer in joined)
    assert any(layer.output_shapes and layer.output_shapes[0][0] == 4 for layer in joined)
    assert sum(layer.share for layer in times.layers) == pytest.approx(1)


def test_the_inspector_tells_of_the_engine(engines: Engines) -> None:
    folder, _ = engines("fp16")
    info = trt_info.read(folder)
    assert info["source"] == trt_info.FROM_INSPECTOR
    assert any(layer.fused for layer in trt_info.layers(info))


@rtx_only
class TestRuntimeCache:
    def test_is_kept_and_used(self, engines: Engines, expected: Any, capfd: pytest.CaptureFixture[str]) -> None:
        folder, built = engines()
        assert built.files[-1] == RUNTIME_CACHE
        assert (folder / RUNTIME_CACHE).stat().st_size > 0
        assert any(note.startswith("runtime cache: load ") for note in built.notes)
        before = (folder / RUNTIME_CACHE).read_bytes()
        assert error(answer(load((folder, built))), expected(4)) < CLOSE["fp32"]
        assert "is not used" not in capfd.readouterr().err
        assert (folder / RUNTIME_CACHE).read_bytes() == before

    def test_without(self, engines: Engines, expected: Any) -> None:
        assert error(answer(load(engines(), runtime_cache=False)), expected(4)) < CLOSE["fp32"]

    def test_one_of_another_machine_is_passed_over_in_words(
        self, engines: Engines, expected: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        folder, built = engines()
        for name in (PLAN, trt_info.FILE):
            (tmp_path / name).write_bytes((folder / name).read_bytes())
        (tmp_path / RUNTIME_CACHE).write_bytes(b"of another machine")
        assert error(answer(load((tmp_path, built))), expected(4)) < CLOSE["fp32"]
        assert "is not used" in capfd.readouterr().err


@rtx_only
@pytest.mark.parametrize("specialization", ["eager", "lazy", "none"])
def test_kernel_specialization(engines: Engines, expected: Any, specialization: str) -> None:
    session = load(engines(), kernel_specialization=specialization, runtime_cache=False)
    assert error(answer(session, runs=10), expected(4)) < CLOSE["fp32"]


@rtx_only
class TestBuiltWithoutAGpu:
    @pytest.mark.parametrize("precision", CLOSE)
    def test_runs_here(self, engines: Engines, expected: Any, precision: str) -> None:
        engine = engines(precision, "cpu")
        assert trt_info.read(engine[0])["source"] == trt_info.FROM_NETWORK
        assert error(answer(load(engine, precision)), expected(4)) < CLOSE[precision]

    def test_is_taken_over_by_a_build_job(self, exports: dict[str, Path], expected: Any, tmp_path: Path) -> None:
        job = {
            "target": {"study": "ci", "model": "net", "backend": "tensorrt", "precision": "fp16"},
            "backend": {"kind": "tensorrt", "library": LIBRARY},
            "engine": str(tmp_path / "ci"),
            "reference": str(exports["fp16"]),
            "export": str(exports["fp16"]),
            "device": "cpu",
            "threads": 1,
            "batch": {"min": 1, "opt": 4, "max": 8},
            "inputs": [{"name": "image", "shape": [3, 64, 64], "dtype": "float32"}],
        }
        there = build.run(job)
        write_record(tmp_path / "ci" / "build.json", there)
        here = build.run({**job, "engine": str(tmp_path / "here"), "device": DEVICE, "elsewhere": str(tmp_path / "ci")})
        assert here.build_s == there.build_s
        assert here.notes[0].startswith("built elsewhere, by tensorrt_rtx ")
        assert RUNTIME_CACHE in here.files
        assert here.files[PLAN] == there.files[PLAN]
        built = Built(files=list(here.files))
        assert error(answer(load((tmp_path / "here", built), "fp16")), expected(4)) < CLOSE["fp16"]


def test_an_engine_for_other_batch_sizes_is_refused(engines: Engines) -> None:
    from bakeoff.core.errors import EngineError

    folder, built = engines()
    with pytest.raises(EngineError, match="batch sizes 1 to 8, not for 9"):
        make_backend({"kind": "tensorrt"}).load(folder, built.files, replace(spec(), batch_max=8), 9)
