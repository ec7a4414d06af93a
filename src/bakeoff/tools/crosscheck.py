"""Compares a study's latencies with measurements that share no code with the library's loop.

`python -m bakeoff crosscheck results/<study>`: for every timed ONNX Runtime and OpenVINO target, a fresh timing round
by the library and one by a plain loop over the same engine file, alternating; for OpenVINO also by its `benchmark_app`
where that is installed. Prints the medians and their ratios.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.artifacts.io import read_record
from bakeoff.artifacts.stages import TRACKED_ONLY
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.config.study import Study
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs, reference_of
from bakeoff.study.plan import Plan
from bakeoff.supervision.supervise import run_stage

ROUNDS = 3
SECONDS = 3

_BEGIN = """
import json, sys, time
import numpy as np
graph, inputs = sys.argv[1:3]
batch, threads, seconds = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
"""

_LOOP = """
def once():
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000
begin = time.perf_counter()
while time.perf_counter() - begin < seconds / 4:
    once()
samples = []
begin = time.perf_counter()
while time.perf_counter() - begin < seconds:
    samples.append(once())
print(json.dumps(sorted(samples)[len(samples) // 2]))
"""

_ONNX_RUNTIME = """
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
arrays = np.load(inputs)
feed = {i.name: np.resize(arrays[i.name], (batch, *arrays[i.name].shape[1:])) for i in session.get_inputs()}
run = lambda: session.run(None, feed)
"""

_OPENVINO = """
import openvino as ov
compiled = ov.Core().compile_model(graph, "CPU", {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
    "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False})
request = compiled.create_infer_request()
arrays = np.load(inputs)
feed = {i.any_name: np.resize(arrays[i.any_name], (batch, *arrays[i.any_name].shape[1:])) for i in compiled.inputs}
request.infer(feed)
run = request.infer
"""


def main(results: str) -> int:
    """Print the comparison for every timed fp32 target of ONNX Runtime and OpenVINO. Returns the exit status."""
    collected = read_record(Path(results) / "collected.json", Collected)
    study = Study.model_validate(collected.settings)
    jobs = StudyJobs(Plan(study, Machine.detect()))
    print("| target | library (ms) | plain loop (ms) | ratio | benchmark_app (ms) | ratio |")
    print("|---|---|---|---|---|---|")
    for target in collected.targets:
        kind = study.backends[target.row.backend].kind
        if target.row.status == "ok" and target.row.precision == "fp32" and kind in ("onnxruntime", "openvino"):
            print(_compare(jobs, target, kind), flush=True)
    return 0


def _compare(jobs: StudyJobs, target: TargetResult, kind: str) -> str:
    row = target.row
    engine = Path(jobs.folder(Job("build", jobs.plan.engine_of(row.cell))))
    reference = Path(jobs.folder(reference_of(row.cell)))
    graph = engine / ("engine.onnx" if kind == "onnxruntime" else "engine.xml")
    plain_code = _BEGIN + (_ONNX_RUNTIME if kind == "onnxruntime" else _OPENVINO) + _LOOP
    threads = jobs.plan.threads_of(row.backend)
    library, plain, app = [], [], []
    for _ in range(ROUNDS):
        library.append(_by_library(jobs, target))
        arguments = [str(graph), str(reference / "inputs.npz"), str(row.batch_size), str(threads), str(SECONDS)]
        command = [sys.executable, "-c", plain_code, *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        plain.append(float(json.loads(said.stdout)))
        if kind == "openvino" and shutil.which("benchmark_app"):
            app.append(_by_benchmark_app(graph, jobs, row.model, row.batch_size, threads))
    ours, theirs = statistics.median(library), statistics.median(plain)
    name = f"{row.model} {row.backend} batch {row.batch_size}"
    cells = [name, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}"]
    cells += [f"{statistics.median(app):.3f}", f"{ours / statistics.median(app):.3f}"] if app else ["", ""]
    return f"| {' | '.join(cells)} |"


def _by_library(jobs: StudyJobs, target: TargetResult) -> float:
    given = JobParameters(jobs).of(Job("time", target.row.cell.at(study=jobs.study.study, round=1)))
    job: dict[str, Any] = {k: v for k, v in given.items() if k not in TRACKED_ONLY}
    with tempfile.TemporaryDirectory() as scratch:
        job["out"] = scratch
        job["timing"] = {**job["timing"], "max_s": float(SECONDS), "min_s": float(SECONDS) - 1}
        record = run_stage("time", job, f"{scratch}/timing.json", f"{scratch}/log", 0, 600, [])
    if not isinstance(record, TimingRecord) or record.latency_ms is None:
        raise SystemExit(f"the library could not time it: {record.reason}")
    return record.latency_ms.median


def _by_benchmark_app(graph: Path, jobs: StudyJobs, model: str, batch: int, threads: int) -> float:
    inputs = jobs.plan.inputs_of(model)
    shapes = ",".join(f"{i['name']}[{','.join(map(str, [batch, *i['shape']]))}]" for i in inputs)
    command = ["benchmark_app", "-m", str(graph), "-d", "CPU", "-api", "sync", "-hint", "none", "-nstreams", "1",
               "-nthreads", str(threads), "-infer_precision", "f32", "-t", str(SECONDS), "-data_shape", shapes,
               "-inference_only", "true", "-pin", "NO"]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Median:\s*([\d.]+) ms", said.stdout)
    if not found:
        raise SystemExit(f"benchmark_app gave no median:\n{said.stdout[-2000:]}{said.stderr[-2000:]}")
    return float(found.group(1))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bakeoff.tools.crosscheck results/<study>")
    sys.exit(main(sys.argv[1]))
