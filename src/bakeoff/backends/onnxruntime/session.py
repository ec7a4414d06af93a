"""ONNX Runtime's session on the CPU."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.backends.base import LayerTimes, Session, check_input_count
from bakeoff.backends.onnxruntime.dtypes import numpy_name
from bakeoff.backends.onnxruntime.profiler import ProfiledRun, read_profile
from bakeoff.backends.shared.arrays import as_float32
from bakeoff.core.errors import EngineError

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort

Open = Callable[..., "ort.InferenceSession"]
"""Opens the engine. Its arguments: the prefix of the profile's path, or None for a session that is not profiled, and
further options of the CUDA provider."""

_WARM_UP_RUNS = 2


class OnnxRuntimeSession(Session):
    """An InferenceSession on the CPU whose inputs are bound beforehand."""

    def __init__(self, open: Open) -> None:
        """Open the engine; profiling opens it once more."""
        self._open_engine = open
        self._session = self._open()
        self._arrays: list[np.ndarray] = []
        self._binding: ort.IOBinding | None = None

    def _open(self, profile_prefix: str | None = None) -> ort.InferenceSession:
        return self._open_engine(profile_prefix)

    def prepare(self, inputs: list[np.ndarray]) -> None:
        """See Session.prepare."""
        import numpy as np

        taken = self._session.get_inputs()
        check_input_count(len(taken), len(inputs))
        self._arrays = [
            np.ascontiguousarray(array, dtype=np.dtype(numpy_name(argument.type)))
            for array, argument in zip(inputs, taken, strict=True)
        ]
        self._binding = self._bind(self._session)

    def _bind(self, session: ort.InferenceSession) -> ort.IOBinding:
        import onnxruntime as ort

        binding = session.io_binding()
        for array, argument in zip(self._arrays, session.get_inputs(), strict=True):
            binding.bind_ortvalue_input(argument.name, ort.OrtValue.ortvalue_from_numpy(array))
        for result in session.get_outputs():
            binding.bind_output(result.name)
        return binding

    def run(self) -> Any:
        """See Session.run."""
        return self._session.run_with_iobinding(self._binding)

    def outputs(self) -> list[np.ndarray]:
        """See Session.outputs."""
        import numpy as np

        if self._binding is None:
            raise EngineError("outputs asked before any inference")
        return [as_float32(np.array(array)) for array in self._binding.copy_outputs_to_cpu()]

    def layers(self, runs: int, max_s: float) -> LayerTimes:
        """See Session.layers: kernel times of ONNX Runtime's own profiler, which counts in microseconds."""
        from bakeoff.profiling.layers import LayerSamples, summarise

        profiled = self.profile(runs, max_s)
        first = profiled[0]
        kept = [run for run in profiled if [n.name for n in run.nodes] == [n.name for n in first.nodes]]
        notes = []
        if len(kept) < len(profiled):
            notes.append(f"{len(profiled) - len(kept)} of {len(profiled)} runs executed other nodes and were left out")
        layers = summarise(
            [
                LayerSamples(
                    name=node.name,
                    type=node.operator,
                    ms=[run.nodes[i].ms for run in kept],
                    input_shapes=node.input_shapes,
                    output_shapes=node.output_shapes,
                    dtype=node.dtype,
                    kernel=node.provider,
                )
                for i, node in enumerate(first.nodes)
            ]
        )
        return LayerTimes(layers, len(kept), notes, statistics.median(run.ms for run in kept))

    def profile(self, runs: int, max_s: float) -> list[ProfiledRun]:
        """Profile up to `runs` inferences on the prepared inputs in a second session with the profiler on."""
        with tempfile.TemporaryDirectory(prefix="bakeoff-ort-") as folder:
            session = self._open(str(Path(folder) / "profile"))
            binding = self._bind(session)
            for _ in range(_WARM_UP_RUNS):
                session.run_with_iobinding(binding)
            started = time.perf_counter()
            for _ in range(runs):
                session.run_with_iobinding(binding)
                if time.perf_counter() - started > max_s:
                    break
            events = json.loads(Path(session.end_profiling()).read_text())
        return read_profile(events)[_WARM_UP_RUNS:]

    def close(self) -> None:
        """See Session.close."""
        self._binding = None
        del self._session
