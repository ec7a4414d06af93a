"""What every backend that runs ONNX exports on the CPU must do; a backend's test file derives from it."""

from pathlib import Path

import numpy as np
import pytest
from tiny_models import BATCH, MODELS, TinyModel, built_and_inspected

from bakeoff.backends import make_backend
from bakeoff.core.errors import BuildError, EngineError


class CpuEngines:
    """Real builds and inferences."""

    kind: str

    @pytest.mark.parametrize("name", MODELS)
    @pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
    def test_outputs_are_those_of_pytorch(
        self, tiny: dict[str, TinyModel], tmp_path: Path, name: str, dynamic: bool
    ) -> None:
        model, backend = tiny[name], make_backend({"kind": self.kind})
        spec = model.spec(dynamic)
        built = built_and_inspected(backend, model.export(dynamic), spec, tmp_path)
        assert built.files
        assert all((tmp_path / file).stat().st_size > 0 for file in built.files)
        assert built.holds_precision is True
        assert set(built.layer_dtypes) <= {"float32", "int64", "int32"}
        assert built.fallback == []
        for size in (1, BATCH, 5) if dynamic else (BATCH,):
            session = backend.load(tmp_path, built.files, spec, size)
            session.prepare(model.arrays[size])
            session.run()
            session.run()
            session.synchronize()
            outputs = session.outputs()
            assert len(outputs) == len(model.expected[size])
            for got, expected in zip(outputs, model.expected[size], strict=True):
                assert got.dtype == np.float32
                np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
            session.close()

    def test_a_dynamic_export_becomes_an_engine_of_fixed_size(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, backend = tiny["conv"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic=False)
        built = backend.build(model.dynamic, spec, tmp_path)
        session = backend.load(tmp_path, built.files, spec, BATCH)
        session.prepare(model.arrays[BATCH])
        session.run()
        np.testing.assert_allclose(session.outputs()[0], model.expected[BATCH][0], rtol=1e-4, atol=1e-5)

    def test_outputs_kept_are_not_overwritten_by_the_next_run(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, backend = tiny["conv"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic=False)
        built = backend.build(model.fixed, spec, tmp_path)
        session = backend.load(tmp_path, built.files, spec, BATCH)
        session.prepare(model.arrays[BATCH])
        session.run()
        first = session.outputs()[0]
        session.prepare([2 * a for a in model.arrays[BATCH]])
        session.run()
        np.testing.assert_allclose(first, model.expected[BATCH][0], rtol=1e-4, atol=1e-5)
        assert not np.allclose(session.outputs()[0], first)

    @pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
    def test_profile(self, tiny: dict[str, TinyModel], tmp_path: Path, dynamic: bool) -> None:
        model, backend = tiny["conv"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic)
        built = backend.build(model.export(dynamic), spec, tmp_path)
        session = backend.load(tmp_path, built.files, spec, BATCH)
        session.prepare(model.arrays[BATCH])
        times = session.layers(runs=12, max_s=60)
        assert times.runs == 12
        convolutions = [layer for layer in times.layers if "Conv" in layer.type and layer.type != "Convert"]
        assert len(convolutions) == 2
        for layer in convolutions:
            assert layer.dtype == "float32"
            assert layer.input_shapes[0][0] == layer.output_shapes[0][0] == BATCH
        total = sum(layer.time_ms.median for layer in times.layers)
        assert total > 0
        assert times.latency_ms is not None
        assert total < 3 * times.latency_ms  # layers are parts of the inference; medians need not add up exactly
        assert sum(layer.share for layer in times.layers) == pytest.approx(1)
        for layer in times.layers:
            time = layer.time_ms
            assert 0 <= time.min <= time.median <= time.p90 <= time.max

    def test_profile_stops_in_time(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, backend = tiny["two_inputs"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic=False)
        built = backend.build(model.fixed, spec, tmp_path)
        session = backend.load(tmp_path, built.files, spec, BATCH)
        session.prepare(model.arrays[BATCH])
        assert session.layers(runs=10_000, max_s=1e-9).runs == 1

    def test_refuses_what_is_no_onnx(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(b"not a model")
        out = tmp_path / "out"
        out.mkdir()
        with pytest.raises(BuildError, match=r"model\.onnx"):
            make_backend({"kind": self.kind}).build(tmp_path, tiny["conv"].spec(dynamic=True), out)

    def test_refuses_a_fixed_export_for_several_batch_sizes(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model = tiny["conv"]
        with pytest.raises(BuildError, match=rf"fixed batch size of {BATCH} at input 'image'.*dynamic batch"):
            make_backend({"kind": self.kind}).build(model.fixed, model.spec(dynamic=True), tmp_path)

    def test_refuses_a_damaged_engine(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, backend = tiny["conv"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic=True)
        built = backend.build(model.dynamic, spec, tmp_path)
        engine = tmp_path / built.files[0]
        engine.write_bytes(engine.read_bytes()[:100])
        with pytest.raises(EngineError, match=built.files[0]):
            backend.load(tmp_path, built.files, spec, 1)

    def test_refuses_a_batch_size_it_was_not_built_for(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, backend = tiny["conv"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic=True)
        built = backend.build(model.dynamic, spec, tmp_path)
        with pytest.raises(EngineError, match="batch sizes 1 to 5, not for 6"):
            backend.load(tmp_path, built.files, spec, 6)

    def test_refuses_another_number_of_inputs(self, tiny: dict[str, TinyModel], tmp_path: Path) -> None:
        model, backend = tiny["two_inputs"], make_backend({"kind": self.kind})
        spec = model.spec(dynamic=True)
        built = backend.build(model.dynamic, spec, tmp_path)
        with pytest.raises(EngineError, match="takes 2 inputs, 1 were given"):
            backend.load(tmp_path, built.files, spec, 1).prepare(model.arrays[1][:1])
