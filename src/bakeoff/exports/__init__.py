"""Exchange formats: one file a format, each with `export(module, spec, out) -> Exported`.

Importing this package imports no torch; planning asks it what cannot be exported.
"""

from __future__ import annotations

import importlib

from bakeoff.exports.base import Exporter
from bakeoff.models.sources import source_class

FORMATS: dict[str, str] = {
    "torchscript-trace": "torchscript_trace",
    "torchscript-script": "torchscript_script",
    "exported_program": "exported_program",
    "onnx": "onnx",
}
"""Each format's name and the module of this package that writes it."""


def cannot_export(format: str, source: str) -> str | None:
    """Why a model of this source cannot be written in this format, in words a user understands; None when it can."""
    return source_class(source).cannot_export.get(format)


def exporter(format: str) -> Exporter:
    """The function that writes a format. Raises KeyError for an unknown one."""
    function: Exporter = importlib.import_module(f"{__name__}.{FORMATS[format]}").export
    return function
