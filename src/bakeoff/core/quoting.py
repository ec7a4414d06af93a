"""Somebody else's exception, or a value from a config, in one readable line.

Three questions are asked of an exception, and each has its function:

- `cause`: what did this very exception say? For the user's own code and files, whose exceptions are plain.
- `essential_line`: what went wrong at the bottom of it? For exporters and compilers, which wrap exceptions in others.
- `build_failure`: the same for a compilation in which a C++ compiler may have failed.
"""

from __future__ import annotations

import math
import re
from typing import Any

MAX_CHARACTERS = 300

_ADVICE = (
    "failed to export the model",
    "the following operation failed in the torchscript interpreter",
    "traceback of torchscript",
    "error in user code",
)
"""How lines begin, in lower case, that stand around a reason and give none."""


def cause(error: BaseException, characters: int = MAX_CHARACTERS) -> str:
    """Type and first telling line of the exception, at most `characters` long: `ValueError: bad shape`.

    TorchScript's interpreter puts the reason last, after its traceback, so that line is taken there.
    """
    lines = _lines(str(error))
    if not lines:
        return type(error).__name__
    return _with_type(error, lines[-1] if _of_interpreter(lines) else lines[0], characters)


def essential_line(error: BaseException) -> str:
    """Type and first telling line of the innermost cause.

    torch.onnx wraps the exception of torch.export, and torch.export that of the model's own code; each adds advice for
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
    lines = _lines(str(innermost))
    if not lines:
        return type(innermost).__name__
    of_cuda = next((line for line in lines if "CUDA error:" in line), None)  # five lines of advice follow it
    if of_cuda:
        lines = [of_cuda]
    elif _of_interpreter(lines):
        lines = lines[::-1]
    telling = [line for line in lines if not line.lower().startswith(_ADVICE)] or lines
    line = telling[0]
    if line.endswith(":") and len(telling) > 1:
        line = f"{line} {telling[1]}"
    return _with_type(innermost, line)


def build_failure(error: BaseException) -> str:
    """The C++ compiler's first complaint where it was the compiler that failed, else `essential_line`.

    A compiler's failure is an exception with its command line (`cmd`) and what it printed (`output`): that of
    subprocess, or Inductor's CppCompileError, which Inductor wraps in an exception that hides it in `inner_exception`.
    """
    inner: BaseException | None = error
    while inner is not None:
        if hasattr(inner, "cmd") and hasattr(inner, "output"):
            lines = _lines(str(inner.output))
            telling = [line for line in lines if "error" in line] or lines or ["it said nothing"]
            command = inner.cmd if isinstance(inner.cmd, str) else inner.cmd[0]
            return f"the C++ compiler ({command.split()[0]}) failed: {telling[0][:MAX_CHARACTERS]}"
        inner = getattr(inner, "inner_exception", None) or inner.__cause__
    return essential_line(error)


def shortened(line: str, characters: int = MAX_CHARACTERS) -> str:
    """The line, its end replaced by dots where it is longer than `characters`."""
    return line if len(line) <= characters else line[: characters - 3] + "..."


def _lines(text: str) -> list[str]:
    """The lines that are not blank, without terminal colours and without blanks around them."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _of_interpreter(lines: list[str]) -> bool:
    """Whether it is an exception of TorchScript's interpreter."""
    return "TorchScript interpreter" in lines[0]


def _with_type(error: BaseException, line: str, characters: int = MAX_CHARACTERS) -> str:
    """The line, shortened, with the exception's type in front unless it begins with that."""
    name = type(error).__name__
    return shortened(line if line.startswith(name) else f"{name}: {line}", characters)


def short(value: Any) -> str:
    """A value as a message quotes it: whole where it is short, else its beginning."""
    if isinstance(value, int) and abs(value) >= 10**60:
        return f"a number of about {value.bit_length() * math.log10(2):.0f} digits"
    try:
        text = repr(value)
    except ValueError:
        return f"a {type(value).__name__} that holds a number of thousands of digits"
    return text if len(text) <= 80 else text[:77] + "..."
