"""Whether random weights are such that the limits for trained networks may judge engines on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bakeoff.accuracy.judge import limits_for, share_of_limits
from bakeoff.accuracy.metrics import OutputError
from bakeoff.artifacts.accuracy import OutputFigures
from bakeoff.core.precision import Precision

ROUNDED_AS: dict[Precision, Precision] = {
    "tf32": "fp16", "fp16": "fp16", "bf16": "bf16",
}  # fmt: skip
"""The precision whose rounding was measured: tf32 keeps as many bits as fp16. Quantized precisions are not here: sound
int8 engines came to 6 to 25 dB on conditioned weights (resnet18, mobilenet_v2, efficientnet_b0, regnet_y_400mf through
ONNX Runtime and OpenVINO), as their few steps are laid out for what training makes of the activations."""
SHARE = 0.5
"""Of every limit, rounding alone may take so much. The rest is for engines that round elsewhere than eager execution
does; sound ones were measured to differ from it by a factor of 1.5."""


def is_conditioned(rounding: Mapping[str, Sequence[OutputFigures]] | None, precision: Precision) -> bool:
    """Whether rounding alone leaves room within every limit that a trained network would be held to.

    Args:
        rounding: By precision, what rounding does to each output: `rounding` of a reference's record.
        precision: That of the engine to be judged.
    """
    rounded = ROUNDED_AS.get(precision)
    outputs = (rounding or {}).get(rounded) if rounded else None
    if not rounded or not outputs:
        return False
    limits, _ = limits_for(rounded, None, trained=False, conditioned=True)
    figures = [OutputError(**output.model_dump(exclude={"name"})) for output in outputs]
    return all(share_of_limits(output, limits) <= SHARE for output in figures)
