"""Post-training quantization of an OpenVINO model by NNCF, Intel's own tool for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from bakeoff.core.errors import BuildError

if TYPE_CHECKING:
    import numpy as np
    import openvino as ov

Method = Literal["minmax", "mean_minmax"]
Preset = Literal["performance", "mixed"]


def import_nncf() -> None:
    """Import NNCF, with its reports of usage statistics switched off, since a study sends nothing anywhere."""
    os.environ.setdefault("NNCF_CI", "1")
    import nncf

    nncf.set_log_level(30)  # warnings


def quantize_model(
    model: ov.Model,
    data: Iterable[dict[str, np.ndarray]],
    method: Method,
    preset: Preset | None,
    transformer: bool | None,
    fast_bias_correction: bool,
) -> tuple[ov.Model, str]:
    """The quantized model, and the method in words for the build record.

    Args:
        model: In fp32, with a dynamic batch dimension or that of the data.
        data: Batches of calibration inputs by name.
        method: Ranges of activations: the extremes over all inputs, or the mean over batches of each one's extremes.
        preset: `performance`: symmetric activations; `mixed`: asymmetric ones; None: NNCF's choice for the model type.
        transformer: Whether NNCF's patterns for transformers apply; None where the graph shall tell (it has attention).
        fast_bias_correction: Correct biases from the same statistics, or layer by layer (slower, often better).

    Raises BuildError that quotes NNCF.
    """
    import_nncf()
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    ranges = {
        "minmax": RangeEstimatorParametersSet.MINMAX,
        "mean_minmax": RangeEstimatorParametersSet.MEAN_MINMAX,
    }
    items = list(data)
    if transformer is None:
        transformer = has_attention(model)
    chosen = preset or ("mixed" if transformer else "performance")
    try:
        quantized = nncf.quantize(
            model,
            nncf.Dataset(items),
            preset=nncf.QuantizationPreset(chosen),
            subset_size=len(items),
            fast_bias_correction=fast_bias_correction,
            advanced_parameters=AdvancedQuantizationParameters(activations_range_estimator_params=ranges[method]),
            model_type=nncf.ModelType.TRANSFORMER if transformer else None,
        )
    except Exception as error:
        raise BuildError(f"NNCF cannot quantize the model: {error}") from error
    words = f"{method}, NNCF preset {chosen}"
    if transformer:
        words += ", transformer patterns"
    return quantized, words + (", fast bias correction" if fast_bias_correction else ", bias correction")


def has_attention(model: ov.Model) -> bool:
    """Whether a softmax feeds a matrix product, as attention does."""
    for operation in model.get_ops():
        kind = operation.get_type_name()
        if kind == "ScaledDotProductAttention":
            return True
        if kind == "Softmax":
            readers = [target.get_node() for output in operation.outputs() for target in output.get_target_inputs()]
            if any(reader.get_type_name() == "MatMul" for reader in readers):
                return True
    return False
