"""TensorRT: real builds without a GPU through tensorrt_rtx, and reasons. Running engines needs a GPU (tests/gpu)."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest
from tiny_models import BATCH, MODELS, TinyModel, built_and_inspected, gpu, machine, request

from bakeoff.backends import make_backend
from bakeoff.backends.base import Built
from bakeoff.backends.tensorrt import info as trt_info
from bakeoff.backends.tensorrt import library as trt_library
from bakeoff.backends.tensorrt.backend import PLAN, TensorRt
from bakeoff.core.distributions import version_of
from bakeoff.core.errors import BuildError, EngineError

REASON = TensorRt(TensorRt.Options()).cannot_build(request("fp32"))
builds = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def the_backend(**options: object) -> TensorRt:
    return make_backend({"kind": "tensorrt", **options})  # type: ignore[return-value]


@builds
class TestBuild:
    @pytest.mark.parametrize("name", MODELS)
    @pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
    def test_builds_without_a_gpu(self, tiny: dict[str, TinyModel], tmp_path: Path, name: str, dynamic: bool) -> None:
        model = tiny[name]
        built = built_and_inspected(the_backend(), model.export(dynamic), model.spec(dynamic), tmp_path)
        assert built.files == [PLAN, "engine_info.json"]
        assert (tmp_path / PLAN).stat().st_size > 1000
        info = json.loads((tmp_path / "engine_info.json").read_text())
        assert info["inputs"] == [i.name for i in model.inputs]
        assert len(info["outputs"]) == len(model.expected[BATCH])
        assert info["library"] == {"tensorrt_rtx": version_of("tensorrt_rtx")}
        assert info["source"] == trt_info.FROM_NETWORK
        assert any("before fusion" in note for note in built.notes)
        assert built.holds_precision is None
        assert any("not known: types are those of the network before fusion" in note for note in built.notes)
        assert set(built.layer_dtypes) <= {"float32", "int64"}

    def test_layers_are_those_of_the_graph(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model = tiny["conv"]
        the_backend().build(model.dynamic, model.spec(True), tmp_path)
        layers = trt_info.layers(trt_info.read(tmp_path))
        first, second = [layer for layer in layers if layer.type == "CONVOLUTION"]
        assert first.dtype == second.dtype == "float32"
        assert first.input_shapes[0] == [-1, 3, 16, 16]
        assert first.output_shapes == [[-1, 16, 16, 16]]

    def test_fp16_comes_from_the_graph(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model = tiny["conv"]
        built = built_and_inspected(the_backend(), model.half, model.spec(True, "fp16"), tmp_path)
        assert built.holds_precision is None
        assert built.layer_dtypes.keys() == {"float16"}

    def test_fp32_graph_does_not_hold_fp16(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model = tiny["conv"]
        built = built_and_inspected(the_backend(), model.dynamic, model.spec(True, "fp16"), tmp_path)
        assert built.holds_precision is False

    def test_tf32_is_set_for_tf32_and_cleared_for_fp32(
        self, tiny: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trt = trt_library.library("tensorrt_rtx")
        flags = {}

        class Builder(trt.Builder):
            def build_serialized_network(self, network: object, config: object) -> object:
                flags[precision] = config.get_flag(trt.BuilderFlag.TF32)  # type: ignore[attr-defined]
                return super().build_serialized_network(network, config)

        monkeypatch.setattr(trt, "Builder", Builder)
        for precision in ("fp32", "tf32"):
            out = tmp_path / precision
            out.mkdir()
            the_backend().build(tiny["conv"].dynamic, tiny["conv"].spec(True, precision), out)
        assert flags == {"fp32": False, "tf32": True}

    def test_optimization_profile_spans_the_batch_sizes(
        self, tiny: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trt = trt_library.library("tensorrt_rtx")
        shapes = {}
        plain = trt.IOptimizationProfile.set_shape

        def set_shape(profile: object, name: str, *sizes: tuple[int, ...]) -> None:
            shapes[name] = sizes
            plain(profile, name, *sizes)

        monkeypatch.setattr(trt.IOptimizationProfile, "set_shape", set_shape)
        the_backend().build(tiny["two_inputs"].dynamic, tiny["two_inputs"].spec(True), tmp_path)
        assert shapes == {"left": ((1, 8), (3, 8), (5, 8)), "right": ((1, 5), (3, 5), (5, 5))}

    def test_options(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        backend = the_backend(library="tensorrt_rtx", optimization_level=0, workspace_bytes=1 << 28)
        assert backend.build(tiny["conv"].fixed, tiny["conv"].spec(False), tmp_path).files[0] == PLAN

    def test_options_of_running_build_the_same_without_a_gpu(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        backend = the_backend(cuda_graph=True, runtime_cache=True, kernel_specialization="lazy")
        assert backend.cannot_build(request("fp32")) is None
        built = built_and_inspected(backend, tiny["conv"].dynamic, tiny["conv"].spec(True), tmp_path)
        assert built.files == [PLAN, "engine_info.json"]

    def test_the_timing_cache_of_tensorrt(
        self, tiny: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The interface is the same, so tensorrt_rtx stands in for tensorrt; it has no times to remember."""
        monkeypatch.setitem(sys.modules, "tensorrt", trt_library.library("tensorrt_rtx"))
        trt_library.library.cache_clear()
        trt_library.logger.cache_clear()
        try:
            backend = the_backend(library="tensorrt", warm_build=True)
            built = built_and_inspected(backend, tiny["conv"].fixed, tiny["conv"].spec(False), tmp_path)
        finally:
            trt_library.library.cache_clear()
            trt_library.logger.cache_clear()
        assert built.files == [PLAN, "engine_info.json", "timing.cache"]
        assert (tmp_path / "timing.cache").stat().st_size > 0
        assert built.warm_build_s > 0

    def test_the_parser_says_why_it_refuses(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        import onnx
        from onnx import TensorProto, helper

        value = helper.make_tensor_value_info
        node = helper.make_node("NoSuchOperator", ["image"], ["y"], name="strange")
        graph = helper.make_graph(
            [node], "g", [value("image", TensorProto.FLOAT, [BATCH, 4])], [value("y", TensorProto.FLOAT, [BATCH, 4])]
        )
        onnx.save(helper.make_model(graph), tmp_path / "model.onnx")
        with pytest.raises(BuildError, match="NoSuchOperator"):
            the_backend().build(tmp_path, tiny["conv"].spec(False), tmp_path)

    def test_refuses_what_is_no_onnx(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(b"not a model")
        with pytest.raises(BuildError, match=r"model\.onnx"):
            the_backend().build(tmp_path, tiny["conv"].spec(True), tmp_path)

    def test_refuses_a_fixed_export_for_several_batch_sizes(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        with pytest.raises(BuildError, match=f"fixed batch size of {BATCH}"):
            the_backend().build(tiny["conv"].fixed, tiny["conv"].spec(True), tmp_path)

    def test_cannot_be_loaded_on_a_cpu(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        backend, spec = the_backend(), tiny["conv"].spec(True)
        built = backend.build(tiny["conv"].dynamic, spec, tmp_path)
        with pytest.raises(EngineError, match="needs an NVIDIA GPU"):
            backend.load(tmp_path, built.files, spec, 1)

    def test_a_plan_that_is_none_is_refused_in_words(self) -> None:
        with pytest.raises(EngineError, match=r"cannot load engine\.plan: "):
            trt_library.deserialize("tensorrt_rtx", b"not a plan", "engine.plan")

    def test_damaged_engine_info(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        the_backend().build(tiny["conv"].dynamic, tiny["conv"].spec(True), tmp_path)
        (tmp_path / "engine_info.json").write_text('{"inputs": []}')
        with pytest.raises(EngineError, match="build the engine again"):
            trt_info.read(tmp_path)
        shutil.rmtree(tmp_path)
        with pytest.raises(EngineError, match="missing"):
            trt_info.read(tmp_path)


HALF = [trt_info.LayerInfo("conv", "CONVOLUTION", "float16"), trt_info.LayerInfo("relu", "ACTIVATION", "float16")]


@pytest.mark.parametrize(
    ("finished", "holds"),
    [
        ([trt_info.LayerInfo("conv + relu", "CaskConvolution", "float16")], True),
        ([trt_info.LayerInfo("conv + relu", "CaskConvolution", "float32")], False),
        ([trt_info.LayerInfo("conv", "CaskConvolution", "float16"), trt_info.LayerInfo("fc", "gemm", None)], None),
        ([trt_info.LayerInfo("everything", "kgen", "float16", fused=["conv", "relu"])], True),
        ([trt_info.LayerInfo("everything", "kgen", "float32", fused=["conv", "relu"])], False),
        ([trt_info.LayerInfo("everything", "kgen", "float16")], None),
        ([trt_info.LayerInfo("only a name", "layer", None)], None),
        (None, None),
    ],
)
def test_the_finished_engine_says_whether_it_holds_its_precision(
    finished: list[trt_info.LayerInfo] | None, holds: bool | None
) -> None:
    """The network is right in each case, and speaks for none."""
    built = Built(files=[])
    trt_info.record_types(built, HALF, finished, "fp16")
    assert built.holds_precision is holds
    assert any("is not known" in note for note in built.notes) == (holds is None)


def test_an_fp32_engine_whose_kernels_are_tf32_does_not_hold_fp32() -> None:
    layer = {"Name": "conv", "LayerType": "CaskConvolution", "Inputs": [{"Name": "x", "Format/Datatype": "Float"}],
             "TacticName": "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwckrsc_nhwc"}  # fmt: skip
    finished = trt_info.layers({"engine": {"Layers": [layer]}})
    for precision, holds in (("fp32", False), ("tf32", True)):
        built = Built(files=[])
        trt_info.record_types(built, [trt_info.LayerInfo("conv", "CONVOLUTION", "float32")], finished, precision)
        assert built.holds_precision is holds


def test_inspector_json_is_read() -> None:
    text = json.dumps(
        {
            "Layers": [
                {
                    "Name": "fused_conv",
                    "LayerType": "Convolution",
                    "Inputs": [{"Name": "x", "Dimensions": [1, 3, 8, 8], "Format/Datatype": "Row major linear FP16"}],
                    "Outputs": [{"Name": "y", "Dimensions": [1, 8, 8, 8], "Format/Datatype": "Half"}],
                    "Metadata": "[ONNX Layer: conv]\x1e[ONNX Layer: relu]\x1e[ONNX Layer: relu]",
                },
                "only a name",
            ],
            "Bindings": ["x", "y"],
        }
    )
    before = {"library": {"tensorrt": "10.1"}, "inputs": ["x"], "outputs": ["y"], "source": "?", "engine": {}}
    content = trt_info.from_inspector(text, before)
    assert (content["inputs"], content["source"]) == (["x"], trt_info.FROM_INSPECTOR)
    fused, plain = trt_info.layers(content)
    assert (fused.dtype, fused.fused, fused.output_shapes) == ("float16", ["conv", "relu"], [[1, 8, 8, 8]])
    assert (plain.name, plain.dtype) == ("only a name", None)


class TestReasons:
    @pytest.fixture(autouse=True)
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> set[str]:
        """Names of the libraries that seem to be installed; both, unless a test removes some."""
        names = {"tensorrt", "tensorrt_rtx"}
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in names else None)
        monkeypatch.setattr(trt_library, "version_of", lambda _: "10.14.1")
        return names

    def test_runs_only_on_a_gpu(self) -> None:
        assert the_backend().cannot_run(request("fp32")) == "needs an NVIDIA GPU"
        assert the_backend().cannot_run(request("fp32", "cuda:1", machine(gpus=(gpu(),)))) == "needs an NVIDIA GPU"
        assert the_backend().cannot_run(request("fp32", "cuda:0", machine(gpus=(gpu(),)))) is None

    def test_nothing_installed(self, installed: set[str]) -> None:
        installed.clear()
        assert "pip install tensorrt_rtx" in the_backend().cannot_build(request("fp32"))
        assert "pip install tensorrt" in the_backend(library="tensorrt").cannot_build(request("fp32"))

    def test_tensorrt_proper_builds_on_a_gpu_only(self, installed: set[str]) -> None:
        on_gpu = request("fp32", "cuda:0", machine(gpus=(gpu(),)))
        assert "only on an NVIDIA GPU" in the_backend(library="tensorrt").cannot_build(request("fp32"))
        assert the_backend(library="tensorrt").cannot_build(on_gpu) is None
        assert the_backend().cannot_build(request("fp32")) is None  # tensorrt_rtx builds
        installed.remove("tensorrt_rtx")
        assert "only on an NVIDIA GPU" in the_backend().cannot_build(request("fp32"))
        assert the_backend().cannot_build(on_gpu) is None

    def test_auto_takes_tensorrt_on_a_gpu(self, installed: set[str]) -> None:
        assert trt_library.choose("auto", "cuda:0") == "tensorrt"
        assert trt_library.choose("auto", "cpu") == "tensorrt_rtx"
        installed.remove("tensorrt")
        assert trt_library.choose("auto", "cuda:0") == "tensorrt_rtx"
        assert trt_library.choose("tensorrt", "cpu") == "tensorrt"

    def test_old_tensorrt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trt_library, "version_of", lambda _: "8.6.1")
        on_gpu = request("fp32", "cuda:0", machine(gpus=(gpu(),)))
        assert "10 or later is needed, 8.6.1" in the_backend(library="tensorrt").cannot_build(on_gpu)

    def test_other_precisions(self) -> None:
        for precision in ("fp16", "bf16", "tf32"):
            assert the_backend().cannot_build(request(precision)) is None
        for precision in ("bf16", "tf32"):
            old = request(precision, "cuda:0", machine(gpus=(gpu(compute_capability=(7, 5)),)))
            assert "8.0" in the_backend().cannot_build(old)

    def test_distributions_follow_the_library(self) -> None:
        assert the_backend().distributions() == ("tensorrt", "tensorrt-rtx")
        assert the_backend(library="tensorrt_rtx").distributions() == ("tensorrt-rtx",)

    def test_a_library_that_came_without_its_outer_package_has_a_version_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rtx = {"tensorrt-rtx-cu13": "1.6.1", "tensorrt-rtx-cu13-bindings": "1.6.1"}
        there = {"tensorrt-cu13-bindings": "10.14.1"} | rtx
        monkeypatch.setattr(trt_library, "version_of", there.get)
        assert the_backend().distributions() == ("tensorrt-cu13-bindings", "tensorrt-rtx-cu13")
        on_gpu = request("fp32", "cuda:0", machine(gpus=(gpu(),)))
        assert the_backend(library="tensorrt").cannot_build(on_gpu) is None
        there.clear()
        assert the_backend().distributions() == ("tensorrt", "tensorrt-rtx")

    def test_reads_the_export_of_its_precision(self) -> None:
        keys = {p: the_backend().export_key(p).precision for p in ("fp32", "tf32", "fp16")}
        assert keys == {"fp32": "fp32", "tf32": "fp32", "fp16": "fp16"}
