"""The exporter's own reason, out of pages of advice, in one line."""

from __future__ import annotations

import re

from bakeoff.core.quoting import MAX_CHARACTERS

_ADVICE = (
    "failed to export the model",
    "the following operation failed in the torchscript interpreter",
    "traceback of torchscript",
    "error in user code",
)


def essential_line(error: BaseException) -> str:
    """The first telling line of the innermost cause.

    torch.onnx wraps the exception of torch.export, and that one the model's own; each wrapper adds advice for
    developers of PyTorch. TorchScript's interpreter puts the reason last, after its traceback.
    """
    innermost = error
    seen = {id(error)}
    while True:
        inner = innermost.__cause__
        if inner is None or id(inner) in seen or not str(inner).strip():
            break
        seen.add(id(inner))
        innermost = inner
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(innermost))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return type(innermost).__name__
    of_cuda = next((line for line in lines if "CUDA error:" in line), None)  # followed by five lines of advice
    if of_cuda:
        lines = [of_cuda]
    elif "TorchScript interpreter" in lines[0]:
        lines = lines[::-1]
    telling = [line for line in lines if not line.lower().startswith(_ADVICE)] or lines
    line = telling[0]
    if line.endswith(":") and len(telling) > 1:
        line = f"{line} {telling[1]}"
    if not line.startswith(type(innermost).__name__):
        line = f"{type(innermost).__name__}: {line}"
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 3] + "..."
