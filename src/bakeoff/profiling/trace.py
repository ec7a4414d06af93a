"""trace.json: the layers of one inference on a time line, for Perfetto or chrome://tracing.

Format: Chrome's Trace Event Format, complete events (`ph: X`) with times in microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bakeoff.artifacts.io import write_text
from bakeoff.artifacts.profile import Layer

_PROCESS = 1
_TRACK = 1


def write_trace(path: str | Path, layers: Sequence[Layer], title: str) -> None:
    """Write the layers one after the other, each as long as its median, under the heading `title`."""
    events = [_label("process_name", title), _label("thread_name", "layers (median of the profiled runs)")]
    start_us = 0.0
    for layer in layers:
        duration_us = layer.time_ms.median * 1000
        events.append(
            {
                "name": layer.name,
                "cat": layer.type,
                "ph": "X",
                "pid": _PROCESS,
                "tid": _TRACK,
                "ts": start_us,
                "dur": duration_us,
                "args": layer.model_dump(exclude={"name"}, exclude_none=True),
            }
        )
        start_us += duration_us
    write_text(path, json.dumps({"displayTimeUnit": "ms", "traceEvents": events}))


def _label(kind: str, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": _PROCESS, "tid": _TRACK, "args": {"name": name}}
