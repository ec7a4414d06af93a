"""Static quantization of an ONNX graph into explicit QuantizeLinear/DequantizeLinear pairs (QDQ).

The tool is onnxruntime.quantization; ONNX Runtime and TensorRT read what it writes, each in the scheme it wants.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bakeoff.core.errors import BuildError
from bakeoff.core.quoting import shortened

if TYPE_CHECKING:
    import numpy as np

Method = Literal["minmax", "entropy", "percentile"]

BATCH = 8
"""Calibration inputs at once through a graph with a dynamic batch dimension."""

_PRODUCTS = ("Gemm", "MatMul")
_WEIGHTED = ("Conv", "ConvTranspose", *_PRODUCTS)

_ONE_FILE_BYTES = 1_500_000_000
"""Larger graphs keep their weights in a file beside them: a protocol buffer holds at most 2 GiB, and calibration adds
to the graph."""


@dataclass(frozen=True)
class Scheme:
    """What is quantized, and how ranges become scales."""

    method: Method
    """Ranges of activations from the calibration set: the extremes seen (`minmax`), the range that loses least
    information (`entropy`), or a quantile of magnitudes (`percentile`)."""
    percentile: float
    """The quantile, in percent, of the method `percentile`."""
    per_channel: bool
    """A scale for each output channel of a weight, instead of one for the whole."""
    reduce_range: bool = False
    """Weights in 7 bits, where 16-bit sums of a processor without VNNI would saturate."""
    signed: bool = False
    """Activations as int8 instead of uint8."""
    for_tensorrt: bool = False
    """TensorRT's rules: zero points of 0, a Q/DQ pair of its own before each input of a convolution or matrix
    product and nowhere else, biases left in fp32."""
    convolutions: bool = True
    """Whether convolutions are quantized (TensorRT's rules only); matrix products always are."""

    @property
    def words(self) -> str:
        """The calibration method for the build record."""
        method = f"percentile {self.percentile:g}" if self.method == "percentile" else self.method
        activations = "symmetric int8" if self.for_tensorrt else "int8" if self.signed else "uint8"
        weights, scales = "7-bit" if self.reduce_range else "int8", "channel" if self.per_channel else "tensor"
        where = "" if self.convolutions else ", matrix products only"
        return f"{method}, {activations} activations, {weights} weights per {scales}{where}"


def import_tools() -> None:
    """Import what quantizing needs (sympy among it, behind the inference of shapes)."""
    import onnxruntime.quantization.shape_inference
    import onnxruntime.tools.symbolic_shape_infer  # noqa: F401


def quantize_onnx(source: Path, target: Path, data: Iterable[dict[str, np.ndarray]], scheme: Scheme) -> list[str]:
    """Write the quantized graph of `source`; returns notes for the build record.

    Args:
        source: The ONNX file, in fp32.
        target: Where the quantized graph goes.
        data: Batches of calibration inputs by name.
        scheme: What is quantized, and how.

    Raises BuildError that quotes the quantizer.
    """
    import onnx
    from onnxruntime import quantization as q

    large = sum(f.stat().st_size for f in source.parent.glob(f"{source.name}*")) > _ONE_FILE_BYTES
    methods = {
        "minmax": q.CalibrationMethod.MinMax,
        "entropy": q.CalibrationMethod.Entropy,
        "percentile": q.CalibrationMethod.Percentile,
    }
    try:
        with tempfile.TemporaryDirectory(prefix="bakeoff-qdq-") as scratch:
            prepared = Path(scratch) / "prepared.onnx"
            notes = _prepare(source, prepared, large)
            q.quantize_static(
                str(prepared),
                str(target),
                _Reader(list(data)),
                quant_format=q.QuantFormat.QDQ,
                op_types_to_quantize=_operators(scheme),
                per_channel=scheme.per_channel,
                reduce_range=scheme.reduce_range,
                activation_type=q.QuantType.QInt8 if scheme.signed or scheme.for_tensorrt else q.QuantType.QUInt8,
                weight_type=q.QuantType.QInt8,
                use_external_data_format=large,
                calibrate_method=methods[scheme.method],
                extra_options=_options(scheme),
            )
    except Exception as error:
        raise BuildError(f"onnxruntime.quantization cannot quantize {source}: {error}") from error
    graph = onnx.load(str(target), load_external_data=False).graph
    if not any(node.op_type == "QuantizeLinear" for node in graph.node):
        raise BuildError(f"onnxruntime.quantization found nothing to quantize in {source}")
    return notes


def calibration_batches(folder: Path | None, source: Path, scheme: Scheme) -> list[dict[str, np.ndarray]]:
    """The calibration set in batches that the graph `source` takes.

    Raises BuildError where there is no set or the file is no ONNX graph.
    """
    import onnx

    from bakeoff.quantization.calibration_set import batches

    if folder is None:
        raise BuildError("a quantized engine cannot be built without a calibration set")
    try:
        graph = onnx.load(str(source), load_external_data=False).graph
    except Exception as error:
        raise BuildError(f"{source} is no ONNX graph: {error}") from error
    constants = {initializer.name for initializer in graph.initializer}
    shapes = [value.type.tensor_type.shape.dim for value in graph.input if value.name not in constants]
    fixed = next((shape[0].dim_value for shape in shapes if len(shape) and shape[0].dim_value > 0), None)
    # Histograms need every activation of a batch in memory, extremes do not.
    return list(batches(folder, fixed or (BATCH if scheme.method == "minmax" else 1)))


def _operators(scheme: Scheme) -> tuple[str, ...] | None:
    if not scheme.for_tensorrt:
        return None  # all that ONNX Runtime has int8 kernels for
    return _WEIGHTED if scheme.convolutions else _PRODUCTS


def _options(scheme: Scheme) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if scheme.method != "minmax":
        # Histograms of one batch after the other: otherwise every activation of the whole set is held in memory.
        options["CalibStridedMinMax"] = 1
    if scheme.method == "percentile":
        options["CalibPercentile"] = scheme.percentile
        options["CalibTensorRangeSymmetric"] = scheme.for_tensorrt
    if scheme.for_tensorrt:
        options |= {
            "ActivationSymmetric": True,
            "WeightSymmetric": True,
            "QuantizeBias": False,
            "AddQDQPairToWeight": True,
            "DedicatedQDQPair": True,
            "OpTypesToExcludeOutputQuantization": list(_WEIGHTED),
            # Symmetric ranges do not clip at zero, so a ReLU before a pair must stay.
            "QDQKeepRemovableActivations": True,
        }
    return options


def _prepare(source: Path, prepared: Path, large: bool) -> list[str]:
    """ONNX Runtime's own pre-processing: shapes inferred, BatchNorm and constants folded."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    try:
        quant_pre_process(str(source), str(prepared), save_as_external_data=large)
        return []
    except Exception as error:
        # Symbolic inference knows fewer operators than ONNX's own, which is enough for most graphs.
        quant_pre_process(str(source), str(prepared), save_as_external_data=large, skip_symbolic_shape=True)
        return [f"quantized without symbolic shape inference ({shortened(' '.join(str(error).split()), 200)})"]


class _Reader:
    """The calibration batches as onnxruntime.quantization asks for them."""

    def __init__(self, data: list[dict[str, np.ndarray]]) -> None:
        self._data = data
        self._rest = iter(data)

    def __len__(self) -> int:
        return len(self._data)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._rest = iter(self._data[start_index:end_index])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._rest, None)
