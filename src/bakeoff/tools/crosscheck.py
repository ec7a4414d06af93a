"""Compare a study's latencies with measurements that share no code with Bakeoff's timing loop.

Every fp32 target of ONNX Runtime and OpenVINO that was timed on the CPU is timed anew: by Bakeoff, and by a plain loop
over the same engine file in a process that imports nothing of Bakeoff, in turn, three times each. OpenVINO's engines
are timed by its own `benchmark_app`, too, where that is installed. The table holds the medians and their ratios; a
ratio near 1 says that the timing loop adds nothing.

    python -m bakeoff crosscheck results/quickstart
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

import click

from bakeoff.artifacts.collected import Collected, TargetResult
from bakeoff.artifacts.io import read_record
from bakeoff.artifacts.stages import TRACKED_ONLY
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.config.load import parse_study
from bakeoff.core.errors import BakeoffError
from bakeoff.core.machine import Machine
from bakeoff.study.job_parameters import JobParameters
from bakeoff.study.jobs import Job, StudyJobs, reference_of
from bakeoff.study.plan import Plan
from bakeoff.supervision.supervise import run_stage
from bakeoff.tools._results import need_results

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

_ENGINES = {"onnxruntime": ("engine.onnx", _ONNX_RUNTIME), "openvino": ("engine.xml", _OPENVINO)}
"""Per backend kind, the engine's file and the code of the plain loop that loads it."""


@click.command()
@click.argument("results")
def command(results: str) -> None:
    """Print the comparison, a row as soon as it is made."""
    collected_file = need_results(results) / "collected.json"
    collected = read_record(collected_file, Collected)
    study = parse_study(collected.settings, source=f"the study in {collected_file}")
    jobs = StudyJobs(Plan(study, Machine.detect()))
    click.echo("| target | library (ms) | plain loop (ms) | ratio | benchmark_app (ms) | ratio |")
    click.echo("|---|---|---|---|---|---|")
    for target in collected.targets:
        row, kind = target.row, study.backends[target.row.backend].kind
        # the plain loop runs on the CPU alone and passes float32 arrays
        if row.status == "ok" and row.device == "cpu" and row.precision == "fp32" and kind in _ENGINES:
            click.echo(_compare(jobs, target, kind))


def _compare(jobs: StudyJobs, target: TargetResult, kind: str) -> str:
    row = target.row
    engine = Path(jobs.folder(Job("build", jobs.plan.engine_of(row.cell))))
    reference = Path(jobs.folder(reference_of(row.cell)))
    file, preparation = _ENGINES[kind]
    graph, plain_code = engine / file, _BEGIN + preparation + _LOOP
    threads = jobs.plan.threads_of(row.backend)
    library, plain, app = [], [], []
    for _ in range(ROUNDS):
        library.append(_by_library(jobs, target))
        arguments = [str(graph), str(reference / "inputs.npz"), str(row.batch_size), str(threads), str(SECONDS)]
        command = [sys.executable, "-c", plain_code, *arguments]
        plain.append(_by_plain_loop(command))
        if kind == "openvino" and shutil.which("benchmark_app"):
            app.append(_by_benchmark_app(graph, jobs, row.model, row.batch_size, threads))
    ours, theirs = statistics.median(library), statistics.median(plain)
    name = f"{row.model} {row.backend} batch {row.batch_size}"
    cells = [name, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}"]
    cells += [f"{statistics.median(app):.3f}", f"{ours / statistics.median(app):.3f}"] if app else ["", ""]
    return f"| {' | '.join(cells)} |"


def _by_plain_loop(command: list[str]) -> float:
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise BakeoffError(f"the plain loop ended with status {said.returncode}:\n{said.stderr[-2000:]}")
    return float(json.loads(said.stdout))


def _by_library(jobs: StudyJobs, target: TargetResult) -> float:
    given = JobParameters(jobs).of(Job("time", target.row.cell.at(study=jobs.study.study, round=1)))
    job: dict[str, Any] = {k: v for k, v in given.items() if k not in TRACKED_ONLY}
    with tempfile.TemporaryDirectory() as scratch:
        job["out"] = scratch
        job["timing"] = {**job["timing"], "max_s": float(SECONDS), "min_s": float(SECONDS) - 1}
        record = run_stage("time", job, f"{scratch}/timing.json", f"{scratch}/log", 0, 600, [])
    if not isinstance(record, TimingRecord) or record.latency_ms is None:
        raise BakeoffError(f"the library could not time it: {record.reason}")
    return record.latency_ms.median


def _by_benchmark_app(graph: Path, jobs: StudyJobs, model: str, batch: int, threads: int) -> float:
    inputs = jobs.plan.inputs_of(model)
    shapes = ",".join(f"{i['name']}[{','.join(map(str, [batch, *i['shape']]))}]" for i in inputs)
    command = ["benchmark_app", "-m", str(graph), "-d", "CPU", "-api", "sync", "-hint", "none", "-nstreams", "1",
               "-nthreads", str(threads), "-infer_precision", "f32", "-t", str(SECONDS), "-data_shape", shapes,
               "-inference_only", "true", "-pin", "NO"]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    median = median_ms(said.stdout)
    if median is None:
        raise BakeoffError(f"benchmark_app gave no median:\n{said.stdout[-2000:]}{said.stderr[-2000:]}")
    return median


def median_ms(said: str) -> float | None:
    """The median latency that benchmark_app printed, which it gives in microseconds where it is short; None if none."""
    found = re.search(r"Median:\s*([\d.]+) (ms|us)\b", said)
    return float(found.group(1)) / (1000 if found.group(2) == "us" else 1) if found else None
