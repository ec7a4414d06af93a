"""The device memory that a report gives for a target holds its weights, whatever the backend allocates them with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.workflow.conftest import QUICK, Workspace, own_model

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs an NVIDIA GPU", allow_module_level=True)
pytest.importorskip("snakemake")

WIDTH = 8192
WEIGHTS_BYTES = 2 * 4 * WIDTH * WIDTH
"""Two square linear layers: 537 MB, more than any library takes without weights."""


def test_every_backend_takes_its_weights_at_least(tmp_path: Path) -> None:
    study = {
        "study": "memory",
        "device": "cuda:0",
        "models": {"wide": own_model("wide", args={"width": WIDTH}, inputs={"x": {"shape": [WIDTH]}})},
        "backends": {
            "eager": None,
            "eager-graph": {"kind": "eager", "cuda_graph": True},
            "torchscript": None,
            "inductor": None,
            "onnxruntime": None,
            "tensorrt": None,
            "torch_tensorrt": None,
        },
        "batch": {"sizes": [1]},
        "profile": {"enabled": False},
        "timing": QUICK["timing"] | {"rounds": 1},
    }
    (tmp_path / "study").mkdir()
    workspace = Workspace(tmp_path / "study", {**QUICK, **study})
    workspace.cores = 8
    run = workspace.run("report", "--keep-going")
    rows = [each["row"] for each in json.loads(workspace.result("collected.json").read_text())["targets"]]
    timed = {row["backend"]: row for row in rows if row["latency_ms"] is not None}
    print({name: row["device_peak_bytes"] for name, row in timed.items()})
    print({row["backend"]: row["reason"] for row in rows if row["reason"]})
    assert {"eager", "eager-graph", "torchscript"} <= set(timed), run.output
    for name, row in timed.items():
        assert row["device_peak_bytes"] is not None, name
        assert row["device_peak_bytes"] >= WEIGHTS_BYTES, name
