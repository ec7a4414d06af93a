"""A study as large as one wants, of backends that compute nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLUGINS = HERE / "backends"

PER_MODEL = 100
"""Targets of each model: 10 backends, 2 precisions, 5 batch sizes."""


def null_study(targets: int) -> dict[str, Any]:
    """The config of a study of `targets` targets (a multiple of 100), with the default rounds and profiles."""
    inputs = {"x": {"shape": [16]}}
    model = {"source": "file", "factory": f"{HERE / 'same.py'}:make", "weights": "factory", "inputs": inputs}
    return {
        "study": "scale",
        "device": "cpu",
        "threads": 1,
        "models": {f"model{i:02d}": model for i in range(targets // PER_MODEL)},
        "backends": {f"null{i}": {"kind": "null", "duration_ms": round(0.1 + 0.01 * i, 2)} for i in range(10)},
        "precisions": ["fp32", "fp16"],
        "batch": {"sizes": [1, 2, 4, 8, 16]},
        "warmup": {"min_s": 0.001, "max_s": 0.01},
        "timing": {"min_s": 0.001, "max_s": 0.01, "throughput_s": 0.001},
        "profile": {"runs": 1, "max_s": 0.001},
        "baseline": "null0",
    }
