"""What ONNX Runtime's own profiler writes: events, in microseconds, to inferences and their nodes."""

from __future__ import annotations

from typing import Any

from bakeoff.backends.onnxruntime.dtypes import DTYPES


class Node:
    """One execution of one node, from an event of ONNX Runtime's profiler."""

    def __init__(self, event: dict[str, Any]) -> None:
        details = event["args"]
        self.name: str = event["name"].removesuffix("_kernel_time")
        self.operator: str = details["op_name"]
        self.provider: str | None = details.get("provider")
        self.ms: float = event["dur"] / 1000
        inputs = [next(iter(entry.items())) for entry in details.get("input_type_shape", []) if entry]
        outputs = [next(iter(entry.items())) for entry in details.get("output_type_shape", []) if entry]
        self.input_shapes: list[list[int]] = [shape for _, shape in inputs]
        self.output_shapes: list[list[int]] = [shape for _, shape in outputs]
        # The type of what flows in says what is computed in: a quantized convolution may well put out int32.
        first = (inputs or outputs or [(None, None)])[0][0]
        self.dtype: str | None = DTYPES.get(first, first) if first else None


class ProfiledRun:
    """One inference: its nodes in the order of execution, and how long it took in all."""

    def __init__(self, nodes: list[Node], ms: float) -> None:
        self.nodes = nodes
        self.ms = ms


def read_profile(events: list[dict[str, Any]]) -> list[ProfiledRun]:
    """Split the profiler's events into inferences; nodes inside another node's time (loop bodies) belong to it."""
    kernels = sorted(
        (e for e in events if e.get("cat") == "Node" and e["name"].endswith("_kernel_time")),
        key=lambda e: (e["ts"], -e["dur"]),
    )
    whole = sorted((e for e in events if e["name"] == "model_run"), key=lambda e: e["ts"])
    runs, position = [], 0
    for run in whole:
        end = run["ts"] + run["dur"]
        nodes: list[Node] = []
        covered = run["ts"]
        while position < len(kernels) and kernels[position]["ts"] <= end:
            event = kernels[position]
            position += 1
            if event["ts"] + event["dur"] <= covered and event["dur"] > 0:
                continue
            covered = max(covered, event["ts"] + event["dur"])
            nodes.append(Node(event))
        runs.append(ProfiledRun(nodes, run["dur"] / 1000))
    return runs
