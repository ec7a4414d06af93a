"""int8: a network that learned scikit-learn's digits, quantized by each backend and judged by the jobs themselves."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import TinyModel, built_and_inspected, export_onnx, gpu, machine, request

from bakeoff.accuracy.tolerance import DEFAULT_TOLERANCE
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.io import write_record
from bakeoff.backends import make_backend
from bakeoff.backends.base import EngineSpec, InputInfo, Session
from bakeoff.core.errors import BakeoffError, BuildError
from bakeoff.core.machine import Machine
from bakeoff.jobs import build, calibrate, export, profile, reference, verify
from bakeoff.models.data.listing import state_of
from bakeoff.quantization import images
from bakeoff.quantization.int8_instructions import has_int8_instructions
from bakeoff.quantization.settings import Calibration
from bakeoff.quantization.static_onnx import Scheme, calibration_batches, quantize_onnx

TARGET = {"study": "s", "model": "digits", "precision": "int8"}
INPUTS = {"image": {"shape": [1, 8, 8]}}
KINDS = ["onnxruntime", "openvino"]


@pytest.fixture(scope="session")
def digits(root: Path) -> Any:
    """The module tests/models/digits.py."""
    spec = importlib.util.spec_from_file_location("digits", root / "tests" / "models" / "digits.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits"] = module
    spec.loader.exec_module(module)
    return module


class World:
    """The trained network's reference and export, and its calibration sets."""

    def __init__(self, folder: Path, digits: Any, root: Path) -> None:
        import torch

        torch.set_num_threads(1)
        self.folder = folder
        self.pixels, self.labels = digits.pixels()
        self.held_out = digits.HELD_OUT
        self.inputs = digits.normalised(self.pixels[self.held_out])
        self.net = digits.train()
        torch.save(self.net.state_dict(), folder / "digits.pt")
        with torch.inference_mode():
            self.scores = self.net(torch.from_numpy(self.inputs)).numpy()
        factory = f"{root / 'tests' / 'models' / 'digits.py'}:DigitsNet"
        model = {"source": "file", "factory": factory, "weights": str(folder / "digits.pt"), "inputs": INPUTS}
        self.reference, self.export = str(folder / "reference"), str(folder / "export")
        common = {"target": {**TARGET, "precision": None}, "label": "digits", "model": model, "threads": 1}
        record = reference.run({**common, "data": {"n_inputs": 64}, "device": "cpu", "out": self.reference})
        write_record(Path(self.reference) / "reference.json", record)
        assert record.real_weights
        common |= {"reference": self.reference, "out": self.export}
        record = export.run({**common, "format": "onnx", "precision": "fp32", "batch_size": None, "batch_max": 64})
        write_record(Path(self.export) / "export.json", record)
        training = self.pixels[digits.TRAINING]
        self.sound = self.calibration("sound", digits.save_images(training[:100], folder / "images"))
        faded = np.full((20, 8, 8), round(255 * digits.MEAN), np.uint8)
        self.faded = self.calibration("faded", digits.save_images(faded, folder / "faded images"))

    def calibration(self, name: str, folder: Path) -> str:
        """Run the calibration job on a folder of images."""
        settings = Calibration(images=str(folder), n_inputs=64)
        chosen = images.choose_images(folder, 64, 0)
        out = self.folder / name
        record = calibrate.run(
            {
                "target": {**TARGET, "precision": None},
                "label": "digits",
                "model": {"source": "file", "factory": "x.py:make", "inputs": INPUTS},
                "data": {},
                "calibration": settings.model_dump(),
                "images_state": state_of(chosen),
                "out": str(out),
            }
        )
        write_record(out / "calibration.json", record)
        return str(out)

    def job(self, out: Path, kind: str, **options: Any) -> dict[str, Any]:
        """What the jobs that use an engine are told."""
        return {
            "target": {**TARGET, "backend": kind},
            "backend": {"kind": kind, **options},
            "engine": str(out),
            "reference": self.reference,
            "device": "cpu",
            "threads": 1,
            "batch": {"min": 1, "opt": 64, "max": 64},
            "inputs": [{"name": "image", "shape": [1, 8, 8], "dtype": "float32"}],
        }

    def build(self, out: Path, kind: str, calibration: str, /, **options: Any) -> BuildRecord:
        """Run the build job and leave its record."""
        job = self.job(out, kind, **options)
        record = build.run({**job, "export": self.export, "calibration": calibration})
        write_record(out / "build.json", record)
        return record

    def top1(self, out: Path, kind: str) -> float:
        """Share of held-out digits that an engine reads right."""
        job = build.Spec.model_validate({**self.job(out, kind), "export": None})
        right = 0
        session: Session = job.load(job.checked_files(), 50)
        wanted = self.labels[self.held_out]
        for start in range(0, len(wanted) - len(wanted) % 50, 50):
            session.prepare([self.inputs[start : start + 50]])
            session.run()
            right += (session.outputs()[0].argmax(1) == wanted[start : start + 50]).sum()
        session.close()
        return right / (len(wanted) - len(wanted) % 50)


def synthetic_set(folder: Path, inputs: dict[str, Any]) -> None:
    """Run the calibration job without images."""
    settings = Calibration(n_inputs=10).model_dump()
    model = {"source": "file", "factory": "x.py:make", "inputs": inputs}
    calibrate.run(
        {"target": TARGET, "label": "net", "model": model, "data": {}, "calibration": settings, "images_state": None,
         "out": str(folder)}
    )  # fmt: skip


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, digits: Any, root: Path, quick_onnx_export: None) -> World:
    """Trained once."""
    return World(tmp_path_factory.mktemp("digits"), digits, root)


def judged(world: World, out: Path, kind: str, without: str | None = None) -> Any:
    """Run the accuracy check with the tolerance of int8, one of its limits left out."""
    tolerance = DEFAULT_TOLERANCE["int8"].filled_in().model_dump(exclude_none=True)
    tolerance.pop(without, None)
    return verify.run({**world.job(out, kind), "tolerance": tolerance, "real_weights": True, "batch_sizes": [1, 64]})


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("onnxruntime", {}),
        ("onnxruntime", {"calibration": "entropy"}),
        ("onnxruntime", {"calibration": "percentile", "percentile": 99.9, "per_channel": False, "reduce_range": True}),
        ("openvino", {}),
        ("openvino", {"preset": "mixed", "calibration": "mean_minmax", "fast_bias_correction": False}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())) or "default",
)
def test_int8_reads_digits_as_well_as_fp32(world: World, tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    fp32 = (world.scores.argmax(1) == world.labels[world.held_out]).mean()
    assert fp32 > 0.95
    record = world.build(tmp_path, kind, world.sound, **options)
    assert world.top1(tmp_path, kind) >= fp32 - 0.02
    assert record.holds_precision is True
    in_int8 = sum(n for dtype, n in record.layer_dtypes.items() if dtype in ("int8", "uint8"))
    assert in_int8 >= 4  # three convolutions and a matrix product
    used = record.calibration
    assert (used.n_inputs, len(used.sha256)) == (64, 64)
    assert used.source.startswith("64 images of folder ")
    assert all(str(options[name]) in used.method for name in ("calibration", "preset", "percentile") if name in options)
    assert set(record.library) == {"onnxruntime": {"onnxruntime", "onnx"}, "openvino": {"openvino", "nncf"}}[kind]
    # The check's inputs are noise, not digits, and scores of noise are near ties: top-1 is judged above instead.
    verdict = judged(world, tmp_path, kind, without="top1_agreement")
    assert verdict.passed is True, verdict.failures
    assert verdict.indicative is False
    assert verdict.relative_l2 > 1e-4  # rounded: it is not fp32 under another name


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_calibration_is_caught(world: World, tmp_path: Path, kind: str) -> None:
    record = world.build(tmp_path, kind, world.faded)
    assert record.holds_precision is True
    verdict = judged(world, tmp_path, kind)
    assert verdict.passed is False
    assert verdict.relative_l2 > DEFAULT_TOLERANCE["int8"].relative_l2
    assert any("relative L2" in failure for failure in verdict.failures)


@pytest.mark.parametrize("kind", KINDS)
def test_profile_shows_int8_layers(world: World, tmp_path: Path, kind: str) -> None:
    world.build(tmp_path, kind, world.sound)
    told = {"batch_size": 8, "runs": 3, "max_s": 20.0, "out": str(tmp_path / "b8")}
    record = profile.run({**world.job(tmp_path, kind), **told})
    convolutions = [layer for layer in record.layers if layer.type in ("QLinearConv", "Convolution")]
    assert len(convolutions) == 3
    assert {layer.dtype for layer in convolutions} <= {"int8", "uint8"}


def test_pairs_that_no_optimizer_fused_are_not_int8(world: World, tmp_path: Path) -> None:
    record = world.build(tmp_path, "onnxruntime", world.sound, graph_optimization="disabled")
    assert record.holds_precision is False
    assert "4 in float32: not int8" in " ".join(record.notes)


def test_a_processor_without_vnni(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "detect", lambda: machine())
    record = world.build(tmp_path, "onnxruntime", world.sound)
    assert "7-bit weights" in record.calibration.method
    assert any("VNNI" in note for note in record.notes)
    assert not has_int8_instructions(frozenset({"avx512f", "avx2"}))
    assert has_int8_instructions(frozenset({"avx512f", "avx512_vnni"}))


@pytest.mark.parametrize("kind", [*KINDS, "tensorrt"])
def test_no_calibration_set(world: World, tmp_path: Path, kind: str) -> None:
    with pytest.raises(BuildError, match="without a calibration set"):
        build.run({**world.job(tmp_path, kind), "export": world.export, "calibration": None})


def test_an_altered_calibration_set_is_refused(world: World, tmp_path: Path) -> None:
    import shutil

    altered = tmp_path / "calibration"
    shutil.copytree(world.sound, altered)
    with (altered / "inputs.npz").open("ab") as file:
        file.write(b" ")
    with pytest.raises(BakeoffError, match="hash differs"):
        world.build(tmp_path / "engine", "onnxruntime", str(altered))


class TestTensorRt:
    @pytest.fixture(autouse=True)
    def _needs_tensorrt_rtx(self) -> None:
        pytest.importorskip("tensorrt_rtx")

    def test_convolutions_are_built_or_refused_in_words(self, world: World, tmp_path: Path) -> None:
        refusal = None
        try:
            record = world.build(tmp_path, "tensorrt", world.sound, library="tensorrt_rtx")
        except BuildError as error:
            refusal = str(error)
        if refusal is None:  # a version later than 1.6 may well convolve in int8
            assert record.holds_precision is None  # only an engine on a GPU can be asked
            return
        assert "tensorrt_rtx" in refusal
        assert "dtype == myelinTypeFloat" in refusal  # the library's own words
        assert "3 convolutions of this network are quantized to int8" in refusal
        assert "leave int8 out of this backend's precisions" in refusal

    def test_a_transformer_keeps_its_patch_embedding_in_fp32(self, tmp_path: Path) -> None:
        import torch
        from torch import nn

        class Patches(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embed = nn.Conv2d(3, 16, 4, stride=4)
                self.mixer = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16), nn.Linear(16, 5))

            def forward(self, image: torch.Tensor) -> torch.Tensor:
                return self.mixer(self.embed(image).flatten(2).transpose(1, 2))

        torch.manual_seed(0)
        inputs = [InputInfo("image", (3, 8, 8), "float32")]
        arrays = [np.zeros((2, 3, 8, 8), np.float32)]
        source = export_onnx(Patches().eval(), arrays, inputs, True, tmp_path / "export")
        calibration, out = tmp_path / "calibration", tmp_path / "engine"
        out.mkdir()
        synthetic_set(calibration, {"image": {"shape": [3, 8, 8]}})
        spec = EngineSpec("int8", "cpu", 1, 1, 4, 4, inputs, calibration)
        built = built_and_inspected(make_backend({"kind": "tensorrt", "library": "tensorrt_rtx"}), source, spec, out)
        assert built.holds_precision is None
        assert built.layer_dtypes["int8"] >= 3
        if built.calibration_method.endswith("matrix products only"):
            notes = " ".join(built.notes)
            assert "convolutions are left in fp32: tensorrt_rtx" in notes
            assert "of 4 convolutions and matrix products, 1 in float32: not int8" in notes

    def test_the_graph_is_as_tensorrt_wants_it(self, world: World, tmp_path: Path) -> None:
        import onnx
        import onnxruntime
        from onnx import numpy_helper

        scheme = Scheme("minmax", 99.99, True, for_tensorrt=True)
        source, target = Path(world.export) / "model.onnx", tmp_path / "quantized.onnx"
        quantize_onnx(source, target, calibration_batches(Path(world.sound), source, scheme), scheme)
        graph = onnx.load(target).graph
        made_by = {output: node for node in graph.node for output in node.output}
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        pairs = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
        for pair in pairs:
            zero_point = constants[pair.input[2]]
            assert zero_point.dtype == np.int8
            assert not zero_point.any()
        compute = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
        assert len(compute) == 4
        for node in compute:
            before = [made_by.get(name) for name in node.input]
            assert [b.op_type if b else None for b in before] == ["DequantizeLinear", "DequantizeLinear", None]
            assert constants[before[1].input[1]].size > 1  # a scale for each output channel
        assert len(pairs) == 4 * len(compute)
        session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
        scores = session.run(None, {"image": world.inputs})[0]
        wanted = world.labels[world.held_out]
        assert (scores.argmax(1) == wanted).mean() >= (world.scores.argmax(1) == wanted).mean() - 0.02

    @pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
    def test_matrix_products_are_built(self, tiny: dict[str, TinyModel], tmp_path: Path, dynamic: bool) -> None:
        model, folder, out = tiny["two_outputs"], tmp_path / "calibration", tmp_path / "engine"
        out.mkdir()
        synthetic_set(folder, {"x": {"shape": [8]}})
        spec = replace(model.spec(dynamic, "int8"), calibration=folder)
        backend = make_backend({"kind": "tensorrt", "library": "tensorrt_rtx"})
        built = built_and_inspected(backend, model.export(dynamic), spec, out)
        assert built.holds_precision is None
        assert built.layer_dtypes["int8"] == 3  # all of its linear layers
        assert built.calibration_method == "minmax, symmetric int8 activations, int8 weights per channel"


class TestReasons:
    @pytest.mark.parametrize("kind", [*KINDS, "tensorrt"])
    def test_int8_is_built_without_vnni(self, kind: str) -> None:
        assert make_backend({"kind": kind}).cannot_build(request("int8", machine=machine())) is None

    @pytest.mark.parametrize("kind", [*KINDS, "tensorrt"])
    def test_fp8_says_what_it_needs(self, kind: str) -> None:
        reason = make_backend({"kind": kind}).cannot_build(request("fp8", machine=machine()))
        for words in ("NVIDIA GPU", "compute capability 8.9", "TensorRT", "Torch-TensorRT"):
            assert words in reason

    def test_fp8_on_gpus(self) -> None:
        backend = make_backend({"kind": "tensorrt"})
        old = request("fp8", "cuda:0", machine(gpus=(gpu(compute_capability=(8, 6)),)))
        assert "has 8.6" in backend.cannot_build(old)
        new = request("fp8", "cuda:0", machine(gpus=(gpu(compute_capability=(9, 0)),)))
        assert backend.cannot_build(new) == "post-training quantization to fp8 is not implemented yet in Bakeoff"

    def test_missing_quantizers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nncf" else found(name))
        backend = make_backend({"kind": "openvino"})
        assert "nncf, which quantizes for OpenVINO, is not installed" in backend.cannot_build(request("int8"))
        assert backend.cannot_build(request("fp32")) is None

    def test_onnx_runtime_on_cuda(self) -> None:
        on_gpu = request("int8", "cuda:0", machine(gpus=(gpu(),)))
        assert "no int8 convolutions" in make_backend({"kind": "onnxruntime"}).cannot_build(on_gpu)
