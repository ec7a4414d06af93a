"""Made-up results of a study, as large and as nasty as a test wants them.

`make_collected()` has 3 models × 6 backends × 2 precisions × 2 batch sizes with everything a report must show:
failed, blocked and unsupported targets, failed accuracy, a precision that is not held, warnings, ties, layers.
With `gpu=True` it has what only a GPU has: device and dispatch times, copies, NVML's readings, int8 engines with their
calibration, graphs that were cut, engines of dynamic and of fixed batch size.
`python tests/report_fixture.py out.json [n_targets] [gpu]` writes one to a file, to look at a report while working on
it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

from bakeoff.artifacts.accuracy import (
    AccuracyRecord,
    Guess,
    OutputSpread,
    PairedTruth,
    ReferenceRecord,
    SamplePicture,
    Truth,
    Work,
)
from bakeoff.artifacts.build import BatchRange, BuildRecord, CalibrationUse, Partition
from bakeoff.artifacts.collected import Answer, BackendSummary, Collected, DynamicCost, Interval, Row, TargetResult
from bakeoff.artifacts.environment import DeviceLimits, EnvironmentRecord
from bakeoff.artifacts.profile import Layer, LayerTime, ProfileRecord
from bakeoff.artifacts.timing import Cold, Distribution, Memory, Telemetry, Throughput, TimingRecord, Transfer, WarmUp
from bakeoff.backends.torch_tensorrt.graph_cut import fallback_words
from bakeoff.core.cell import Cell
from bakeoff.devices.nvml import GpuReading, gpu_evidence
from bakeoff.limits.share import set_limit

SCRIPT = "<script>alert(1)</script>"
HOSTILE_MODEL = f"evil\"'{SCRIPT}|`x`"
HOSTILE_REASON = (
    f"RuntimeError: bad {SCRIPT} \"quoted\" 'single' | pipe `tick` $x^2$\nsecond line & <img src=x onerror=alert(2)>"
)
HOSTILE_LAYER = f"/layer1/{SCRIPT}/conv|1`"

BACKENDS = {
    "eager": ("eager", "PyTorch as it is", 1.0),
    "torchscript": ("torchscript", "TorchScript, traced and frozen", 1.15),
    "inductor": ("inductor", "AOTInductor package", 1.6),
    "onnxruntime": ("onnxruntime", "ONNX Runtime", 1.9),
    "openvino": ("openvino", "OpenVINO", 2.3),
    "tensorrt": ("tensorrt", "TensorRT through ONNX", 9.0),
}
GPU_BACKENDS = {
    "eager": ("eager", "PyTorch as it is", 1.0),
    "torchscript": ("torchscript", "TorchScript, traced and frozen", 1.15),
    "inductor": ("inductor", "AOTInductor package", 6.0),
    "tensorrt": ("tensorrt", "TensorRT through ONNX", 9.0),
    "tensorrt-fixed": ("tensorrt", "TensorRT through ONNX", 9.4),
    "torch_tensorrt": ("torch_tensorrt", "Torch-TensorRT", 8.1),
}
TYPES = ("Convolution", "Convolution", "Convolution", "Add", "Relu", "MaxPool", "MatMul", "Reorder")


def make_collected(
    *,
    models: int = 3,
    backends: int = 6,
    batch_sizes: tuple[int, ...] = (1, 8),
    precisions: tuple[str, ...] = ("fp32", "bf16"),
    hostile: bool = True,
    layers: bool = True,
    gpu: bool = False,
    seed: int = 7,
) -> Collected:
    """A study's results; the same arguments always give the same results."""
    rng = random.Random(seed)
    names = ["resnet18", "mobilenet_v2", HOSTILE_MODEL if hostile else "two_inputs"]
    names = (names + [f"model_{index:02d}" for index in range(3, models)])[:models]
    known = GPU_BACKENDS if gpu else BACKENDS
    labels = list(known)[:backends] + [f"openvino-variant{index}" for index in range(6, backends)]
    targets: list[TargetResult] = []
    answers: list[Answer] = []
    for position, model in enumerate(names):
        scale = (22.0, 9.0, 0.4)[position % 3] / (8 if gpu else 1)
        for batch in batch_sizes:
            cell = [
                _target(rng, model, label, precision, batch, scale, hostile, layers, gpu)
                for label in labels
                for precision in precisions
            ]
            _compare(cell)
            answers.append(_answer(model, batch, cell))
            targets += cell
    speedup_against = ["eager/fp32"] + (["torchscript/fp32"] if "torchscript" in labels else [])
    collected = Collected(
        target=Cell(study="quickstart"),
        status="ok",
        title="Quickstart" + (f" {SCRIPT}" if hostile else ""),
        baseline="eager/fp32",
        speedup_against=speedup_against,
        environment=_environment(hostile),
        settings=_settings(names, labels, batch_sizes, precisions),
        models={name: _reference(name, real=index == 1, hostile=hostile) for index, name in enumerate(names)},
        backends={
            label: BackendSummary(
                kind=known.get(label, ("openvino", "", 0))[0],
                summary=known.get(label, ("", "OpenVINO with other options", 0))[1],
                options={"threads": 2} if label == "openvino" else {},
            )
            for label in labels
        },
        answers=answers,
        dynamic_costs=_dynamic_costs(targets),
        targets=targets,
        made="2026-11-21T09:30:00+00:00",
    )
    _set_limits(collected, precisions, gpu)
    return collected


def make_empty(status: str = "unsupported") -> Collected:
    """A study of which nothing ran."""
    full = make_collected(models=1, backends=1, batch_sizes=(1,), precisions=("fp32",), hostile=False)
    row = Row(
        model="resnet18", backend="eager", precision="fp32", batch_size=1, device="cuda:0",
        status=status, reason="needs an NVIDIA GPU",
    )  # fmt: skip
    answer = Answer(model="resnet18", batch_size=1, best=None, words="resnet18 at batch 1: no target could be ranked.")
    return full.model_copy(update={"targets": [TargetResult(row=row)], "answers": [answer]})


def make_bare() -> Collected:
    """A study without any target at all."""
    return make_empty().model_copy(update={"targets": [], "answers": [], "models": {}, "backends": {}})


def _target(
    rng: random.Random,
    model: str,
    label: str,
    precision: str,
    batch: int,
    scale: float,
    hostile: bool,
    layers: bool,
    gpu: bool,
) -> TargetResult:
    identity = {"study": "quickstart", "model": model, "backend": label, "precision": precision}
    row: dict[str, Any] = {
        "model": model, "backend": label, "precision": precision, "batch_size": batch, "status": "ok",
        "device": "cuda:0" if gpu else "cpu",
    }  # fmt: skip
    folder = f"results/quickstart/.logs/{'resnet18' if '<' in model else model}/{label}/{precision}"

    def failure(status: str, reason: str, build: BuildRecord | None) -> TargetResult:
        built = _built(build) if build is not None and build.ok else {}
        failed = Row(**row | {"status": status, "reason": reason} | built)
        return TargetResult(row=failed, build=build, unranked_reason=reason)

    if label == "tensorrt" and not gpu:
        build = _build(rng, identity, scale, precision, holds=True)
        return failure("unsupported", "needs an NVIDIA GPU", build)
    if label == "inductor" and precision == "bf16" and model == "mobilenet_v2":
        reason = HOSTILE_REASON if hostile else "BuildError: the C++ compiler ended with status 1: internal error"
        build = BuildRecord(
            target=Cell(**identity), status="failed", reason=reason, error_type="BuildError",
            log=f"{folder}/build.log", attempt=1,
        )  # fmt: skip
        return failure("blocked", f"its build failed: {reason}", build)
    if label == "torchscript" and model not in ("resnet18", "mobilenet_v2") and not model.startswith("model_"):
        build = _build(rng, identity, scale, precision, holds=True)
        result = failure("failed", "ended by signal SIGSEGV (segmentation fault) while timing", build)
        record = TimingRecord(
            target=Cell(**identity, batch_size=batch, round=1), status="failed", reason=result.row.reason,
            error_type="signal SIGSEGV", log=f"{folder}/b{batch}/round1.log",
        )  # fmt: skip
        return result.model_copy(update={"rounds": [record]})

    speed = (GPU_BACKENDS if gpu else BACKENDS).get(label, ("", "", 1.5 + 0.1 * len(label)))[2]
    if label == "onnxruntime" and batch == 1 and model == "resnet18":
        speed = 2.29  # within the noise of openvino: a tie
    median = scale * batch**0.9 / speed * {"fp32": 1.0, "bf16": 0.72}.get(precision, 0.6) * rng.uniform(0.99, 1.01)
    half = median * rng.uniform(0.004, 0.02)
    warnings = []
    if label == "torchscript":
        warnings.append("not-converged")
    if label == "inductor" and batch == 8:
        warnings += ["noisy-machine", "made-up-code"]
    if gpu and label == "torchscript":
        warnings.append("throttled" if batch > 1 else "shared-gpu")
    holds = not (label == "onnxruntime" and precision == "bf16")
    accuracy = _accuracy(identity, label, precision, model)
    rounds = [_round(rng, identity, batch, k, median, half, warnings, folder, gpu) for k in (1, 2, 3)]
    build = _build(rng, identity, scale, precision, holds, batch, hostile)
    unranked = None
    if not accuracy.passed:
        unranked = "its outputs failed the accuracy check"
    elif not holds:
        unranked = f"the engine does not compute in {precision}"
    row |= {
        "latency_ms": median, "latency_ci_low_ms": median - half, "latency_ci_high_ms": median + half * 1.2,
        "p99_ms": median * 1.3 if median < 1 else None, "p99_ci_low_ms": median * 1.2 if median < 1 else None,
        "p99_ci_high_ms": median * 1.5 if median < 1 else None,
        "mean_ms": 1.02 * median, "iterations_per_s": 1000 / (1.02 * median),
        "items_per_s": batch * 1020 / median, "items_per_s_ci_low": batch * 1015 / median,
        "items_per_s_ci_high": batch * 1024 / median,
        "sqnr_db": accuracy.sqnr_db, "max_abs": accuracy.max_abs, "top1_agreement": accuracy.top1_agreement,
        "accuracy_passed": accuracy.passed, "load_s": rounds[0].cold.load_s, "import_s": rounds[0].cold.import_s,
        "first_ms": rounds[0].cold.first_ms, "warnings": warnings,
        "host_peak_bytes": rounds[0].memory.host_rss_bytes,
        **_built(build),
    }  # fmt: skip
    if gpu:
        one = rounds[0]
        row |= {
            "device_ms": one.device_ms.median, "dispatch_ms": one.dispatch_ms, **one.transfer.model_dump(),
            "device_peak_bytes": one.memory.device_peak_bytes, "gpu_sm_mhz": 1410, "gpu_temperature_c": 47,
            "gpu_power_w": 402.5,
        }  # fmt: skip
    return TargetResult(
        row=Row(**row),
        ranked=unranked is None,
        unranked_reason=unranked,
        build=build,
        accuracy=accuracy,
        profile=_profile(rng, identity, batch, median, hostile) if layers and label != "eager" else None,
        rounds=rounds,
    )


def _built(build: BuildRecord) -> dict[str, Any]:
    """What a row has of its engine."""
    return {
        "build_s": build.build_s, "warm_build_s": build.warm_build_s, "export_s": build.export_s,
        "engine_bytes": build.engine_bytes, "holds_precision": build.holds_precision,
        "dynamic_batch": build.batch.min != build.batch.max,
    }  # fmt: skip


def _build(
    rng: random.Random, identity: dict[str, str], scale: float, precision: str, holds: bool, batch: int = 1,
    hostile: bool = False,
) -> BuildRecord:  # fmt: skip
    label = identity["backend"]
    sizes = (batch, batch, batch) if label.endswith("-fixed") else (1, 8, 8)
    partition = calibration = None
    if label == "torch_tensorrt":
        partition = Partition(
            engines=2, operators_per_engine=[61, 4], smallest_min_block_size=5,
            operators_in_pytorch={"aten.grid_sampler_2d.default": 2, SCRIPT if hostile else "aten.nonzero.default": 1},
        )  # fmt: skip
    if precision == "int8":
        calibration = CalibrationUse(
            sha256="0f3c" * 16, n_inputs=64, source=SCRIPT if hostile else "64 images of data/calibration, seed 0",
            method="entropy; symmetric int8 weights per channel, asymmetric uint8 activations",
        )  # fmt: skip
    size = int(scale * 2e6 * {"fp32": 1, "bf16": 0.5}.get(precision, 0.25))
    dtype = {"fp32": "float32", "bf16": "bfloat16"}.get(precision, precision)
    return BuildRecord(
        target=Cell(**identity), status="ok", build_s=scale * rng.uniform(0.05, 1.5), export_s=rng.uniform(0.5, 3),
        warm_build_s=scale * 0.02 if label == "inductor" else None,
        engine_bytes=size, batch=BatchRange(min=sizes[0], opt=sizes[1], max=sizes[2]),
        partition=partition, calibration=calibration,
        notes=[f"tactics for {SCRIPT}" if hostile else "opset 20, torch.onnx.export (dynamo)"],
        layer_dtypes={dtype: 40, "float32": 3} if holds else {"float32": 43}, holds_precision=holds,
        fallback=(fallback_words(partition) if partition else []) + ([] if holds else ["Conv (41) runs in float32"]),
        library={"torch": "2.14.1"}, device="cpu",
    )  # fmt: skip


def _accuracy(identity: dict[str, str], label: str, precision: str, model: str) -> AccuracyRecord:
    failed = label == "openvino" and precision == "bf16" and model == "mobilenet_v2"
    same = label == "eager" and precision == "fp32"
    sqnr = None if same else {"fp32": 118.4, "bf16": 3.2 if failed else 31.7}.get(precision, 24.0)
    return AccuracyRecord(
        target=Cell(**identity), status="ok", relative_l2=0.0 if same else 10 ** (-(sqnr or 0) / 20),
        sqnr_db=sqnr, identical=same, max_abs=0.0 if same else 3.1e-6, cosine=1.0 if not failed else 0.71,
        top1_agreement=0.44 if failed else 1.0, top5_agreement=0.6 if failed else 0.99, reference_std=1.0, n_inputs=16,
        repeat_relative_l2=4e-4 if precision == "bf16" else 0.0,
        tolerance={"relative_l2": 0.1, "top1_agreement": 0.9} if precision == "bf16" else {"relative_l2": 1e-3},
        indicative=model != "mobilenet_v2" and precision != "fp32", passed=not failed,
        **(_labelled(failed, precision) if model == "mobilenet_v2" else {}),
        failures=["relative_l2 0.69 is above 0.1", "top1_agreement 0.44 is below 0.9"] if failed else [],
    )  # fmt: skip


CAT, DOG = 0, 1
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
"""One black pixel."""


def _guesses(first: int, probability: float) -> list[Guess]:
    return [
        Guess(class_number=first, probability=probability),
        Guess(class_number=1 - first, probability=1 - probability),
    ]


def _labelled(failed: bool, precision: str) -> dict[str, Any]:
    """What labels say of an engine: in bf16 it takes the cat for a dog, and a failed one gives NaN for the dog."""
    off = precision == "bf16"
    return {
        "top1_accuracy": 0.94 if off else 0.98, "top1_accuracy_ci_low": 0.9 if off else 0.95,
        "top1_accuracy_ci_high": 0.97 if off else 0.99, "top5_accuracy": 1.0, "n_labelled": 200,
        "against_reference": PairedTruth(
            lost=10 if off else 1, won=2 if off else 1, drop=0.04 if off else 0.0,
            drop_ci_low=0.005 if off else -0.02, drop_ci_high=0.08 if off else 0.02, p_value=0.022 if off else 1.0,
        ),
        "predictions": [_guesses(DOG if off else CAT, 0.81), [] if failed else _guesses(DOG, 0.9)],
    }  # fmt: skip


def _round(
    rng: random.Random, identity: dict[str, str], batch: int, k: int, median: float, half: float,
    warnings: list[str], folder: str, gpu: bool,
) -> TimingRecord:  # fmt: skip
    here = median * rng.uniform(0.995, 1.005)
    on_gpu = _on_gpu(here, batch, k, warnings) if gpu else {}
    return TimingRecord(
        target=Cell(**identity, batch_size=batch, round=k), status="ok", device="cuda:0" if gpu else "cpu",
        threads=2,
        begun=f"2026-11-20T10:{k:02d}:00+00:00",
        session="20261120T100000Z@host",
        log=f"{folder}/b{batch}/round{k}.log",
        latency_ms=Distribution(
            median=here, mean=here * 1.02, std=half, min=here * 0.97, max=here * 1.6, p90=here * 1.05, p95=None,
            p99=None, ci95=(here - half, here + half), n=120,
        ),
        throughput=Throughput(items_per_s=batch * 1020 / here, n=40),
        cold=Cold(load_s=rng.uniform(0.02, 0.4), first_ms=here * rng.uniform(2, 9), import_s=2.1),
        warmup=WarmUp(n=20, s=0.4, steady=True), converged="not-converged" not in warnings,
        memory=Memory(
            device_peak_bytes=310_000_000 + batch * 10**7 if gpu else None,
            host_rss_bytes=int(4e8 * rng.uniform(0.9, 1.4)),
        ),
        telemetry=Telemetry(
            load_1min=1.2, steal_share=0.001, other_cpu_share=0.02, cpu_mhz=(2900, 2905),
            gpu=on_gpu.pop("telemetry", None),
        ),
        warnings=warnings, samples=f"results/b{batch}/round{k}/samples.npz", **on_gpu,
    )  # fmt: skip


def _on_gpu(latency_ms: float, batch: int, k: int, warnings: list[str]) -> dict[str, Any]:
    """What a round has on a GPU only."""
    device = latency_ms * 0.93
    throttled, shared = "throttled" in warnings and k < 3, "shared-gpu" in warnings

    def reading(time_s: float, mhz: int, celsius: int, joules: float) -> GpuReading:
        return GpuReading(
            time_s=time_s, sm_mhz=mhz, memory_mhz=2619, temperature_c=celsius, power_w=395.0 + k, energy_j=joules,
            throttle=("sw_power_cap",) if throttled else (), other_processes=int(shared), memory_used_bytes=900 * 2**20,
        )  # fmt: skip

    return {
        "device_ms": Distribution(
            median=device, mean=device, std=0.01, min=device, max=device, p90=device, p95=None, p99=None,
            ci95=(device, device), n=120,
        ),
        "dispatch_ms": 0.055 + latency_ms / 400,
        "transfer": Transfer(
            h2d_ms=0.012 * batch, d2h_ms=0.004 * batch, pageable_h2d_ms=0.05 * batch, pageable_d2h_ms=0.011 * batch
        ),
        "telemetry": {
            "index": k % 2, "name": "NVIDIA H200", "uuid": f"GPU-{k % 2}",
            **gpu_evidence(reading(10.0, 1980, 41, 100.0), reading(11.5, 1410 if throttled else 1965, 47, 703.75)),
        },
    }  # fmt: skip


def _profile(rng: random.Random, identity: dict[str, str], batch: int, median: float, hostile: bool) -> ProfileRecord:
    count = rng.randint(20, 60)
    weights = [rng.lognormvariate(0, 1.2) for _ in range(count)]
    total = sum(weights)
    made = []
    for index, weight in enumerate(weights):
        time = median * weight / total
        kind = TYPES[index % len(TYPES)]
        made.append(
            Layer(
                name=HOSTILE_LAYER if hostile and index == 0 else f"/layer{index // 8}/block{index % 8}/{kind.lower()}",
                type=kind, input_shapes=[[batch, 64, 56, 56]], output_shapes=[[batch, 64, 56, 56]], dtype="float32",
                fused=[f"relu_{index}"] if index % 3 == 0 else [], kernel="jit_avx512_FP32",
                time_ms=LayerTime(median=time, mean=time, min=time * 0.9, max=time * 1.4, p90=time * 1.1),
                share=weight / total,
            )
        )  # fmt: skip
    return ProfileRecord(
        target=Cell(**identity, batch_size=batch), status="ok", device="cpu", runs=20, layers=made,
        layer_sum_ms=median, profiled_latency_ms=median * 1.08, notes=["Profiling slowed inference by 8 %."],
        trace=f"results/quickstart/{identity['backend']}/trace.json",
    )  # fmt: skip


def _dynamic_costs(targets: list[TargetResult]) -> list[DynamicCost]:
    """Each target against that of its backend's `-fixed` label; every second interval holds 1."""
    rows = {(t.row.backend, t.row.model, t.row.precision, t.row.batch_size): t.row for t in targets if t.ranked}
    costs = []
    for (label, *cell), row in rows.items():
        fixed = rows.get((f"{label}-fixed", *cell))
        if fixed is None:
            continue
        ratio = row.latency_ms / fixed.latency_ms
        reach = 1.1 if len(costs) % 2 else 1.004
        costs.append(
            DynamicCost(
                model=row.model, precision=row.precision, batch_size=row.batch_size, dynamic=label,
                fixed=f"{label}-fixed", latency=Interval(value=ratio, low=ratio / reach, high=ratio * reach),
                dynamic_build_s=row.build_s, fixed_build_s=2 * fixed.build_s, dynamic_engine_bytes=row.engine_bytes,
                fixed_engine_bytes=2 * fixed.engine_bytes,
            )
        )  # fmt: skip
    return costs


def _compare(cell: list[TargetResult]) -> None:
    """Speed-ups within one model and batch size."""
    by_label = {f"{t.row.backend}/{t.row.precision}": t for t in cell}
    for reference in ("eager/fp32", "torchscript/fp32"):
        base = by_label.get(reference)
        if base is None or base.row.latency_ms is None:
            continue
        for target in cell:
            if target.row.latency_ms is None:
                continue
            ratio = base.row.latency_ms / target.row.latency_ms
            target.speedups[reference] = Interval(value=ratio, low=ratio * 0.98, high=ratio * 1.03)
            if reference == "eager/fp32":
                target.row.speedup, target.row.speedup_ci_low = ratio, ratio * 0.98
                target.row.speedup_ci_high = ratio * 1.03


def _answer(model: str, batch: int, cell: list[TargetResult]) -> Answer:
    ranked = sorted((t for t in cell if t.ranked), key=lambda t: t.row.latency_ms or 0)
    if not ranked:
        return Answer(
            model=model, batch_size=batch, best=None, words=f"{model} at batch {batch}: nothing could be ranked."
        )
    best = ranked[0]
    ties = [
        f"{t.row.backend}/{t.row.precision}"
        for t in ranked[1:]
        if (t.row.latency_ci_low_ms or 0) <= (best.row.latency_ci_high_ms or 0)
    ]
    row = best.row
    against = (
        f", {row.speedup:.2f}× eager/fp32 [{row.speedup_ci_low:.2f}–{row.speedup_ci_high:.2f}]" if row.speedup else ""
    )
    agree = "outputs are bit-identical" if row.sqnr_db is None else f"outputs agree to {row.sqnr_db:.0f} dB"
    tie = f" {', '.join(ties)} cannot be told from it." if ties else ""
    words = (
        f"On this machine {model} at batch {batch} ships best on {row.backend} {row.precision}: "
        f"{row.latency_ms:.3g} ms{against}, {agree}.{tie}"
    )
    return Answer(model=model, batch_size=batch, best=f"{row.backend}/{row.precision}", ties=ties, words=words)


def _real_inputs(hostile: bool) -> dict[str, Any]:
    return {
        "data": "200 images of folder photos", "preprocessing": "shorter side to 256 (bicubic), centre 224 x 224",
        "scores": "output", "labels": [CAT, DOG] * 100, "labels_found": "by name", "classes": ["tiger cat", "dog"],
        "truth": Truth(
            n_labelled=200, top1_accuracy=0.98, top1_accuracy_ci_low=0.95, top1_accuracy_ci_high=0.99, top5_accuracy=1.0
        ),
        "pictures": [
            SamplePicture(name=f"{SCRIPT}.jpg" if hostile else "cat/1.jpg", picture=PICTURE, label=CAT,
                          guesses=_guesses(CAT, 0.83)),
            SamplePicture(name="dog/7.jpg", label=DOG, guesses=_guesses(DOG, 0.91)),
        ],
    }  # fmt: skip


def _reference(name: str, real: bool, hostile: bool) -> ReferenceRecord:
    where = f"models/{SCRIPT}.py:make" if hostile and "<" in name else f"torchvision {name}"
    return ReferenceRecord(
        target=Cell(study="quickstart", model=name), status="ok", description=where,
        weights="pretrained (sha256 5c106cde)" if real else "random, seed 0", real_weights=real, parameters=11_689_512,
        parameter_bytes=46_758_048, inputs=[{"name": "image", "shape": [3, 224, 224], "dtype": "float32"}],
        outputs=[OutputSpread(name="output", shape=[1000], dtype="float32", std=1.01, top1_classes=14)], n_inputs=16,
        statistics=None if real else "normalization statistics estimated on 4 seeded batches of 8",
        library={"torch": "2.14.1"},
        **(_real_inputs(hostile) if name == "mobilenet_v2" else {}),
    )  # fmt: skip


def _environment(hostile: bool) -> EnvironmentRecord:
    return EnvironmentRecord(
        target=Cell(study="quickstart"), status="ok", device="cpu",
        fingerprint="Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz, 2 cores",
        machine={"cpu": "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "cores": 2, "gpus": [], "driver": None,
                 "cpu_flags": ["amx_bf16", "avx2", "avx512f"], "compiler": "/usr/bin/g++"},
        memory_bytes=24 * 2**30, os=f"Debian GNU/Linux 12{' ' + SCRIPT if hostile else ''}", python="3.11.7",
        bakeoff="0.1.0", commit="3fa9c1d+dirty", library={"torch": "2.14.1", "openvino": "2026.3.0"},
        variables={"OMP_NUM_THREADS": "2"}, frequency={"governor": "performance", "turbo": True}, threads=2,
    )  # fmt: skip


def _set_limits(collected: Collected, precisions: tuple[str, ...], gpu: bool) -> None:
    """Rates of the device and work of the models; the third model's cannot be counted, int8 has no rate."""
    rates = {"fp32": 5e13, "fp16": 7e14} if gpu else {"fp32": 6e11, "bf16": 1.9e12}
    collected.environment.limits = DeviceLimits(
        matrix_flops_per_s={precision: rates.get(precision) for precision in precisions},
        copy_bytes_per_s=4.1e12 if gpu else 2.4e10,
        how={"fp32": "torch.matmul of two 8192 × 8192 matrices, best of 9", "int8": SCRIPT, "copy": "of 1024 MiB"},
    )
    for position, (name, reference) in enumerate(collected.models.items()):
        flops = (3_628_146_688, 601_548_544, None)[position % 3]
        reference.work = Work(
            flops_per_item=flops, weight_elements=11_689_512 if position % 3 == 0 else 3_504_872,
            input_elements=150_528, output_elements=1000, table_elements=0, integer_bytes=0,
            notes=[] if flops else [f"the operations are unknown, since there is no formula for {name}::attend"],
        )  # fmt: skip
    for target in collected.targets:
        set_limit(target.row, collected.models[target.row.model].work, collected.environment.limits)


def _settings(
    names: list[str], labels: list[str], batch_sizes: tuple[int, ...], precisions: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "study": "quickstart", "device": "auto", "threads": 2,
        "models": {
            name: {"source": "torchvision", "name": "resnet18", "weights": "random", "seed": 0} for name in names
        },
        "backends": {label: {"kind": BACKENDS.get(label, ("openvino",))[0]} for label in labels},
        "precisions": list(precisions), "batch": {"sizes": list(batch_sizes), "dynamic": True},
        "warmup": {"min_s": 0.3, "max_s": 10.0},
        "timing": {"rounds": 3, "ci_rel": 0.01, "min_s": 0.5, "max_s": 3.0, "min_samples": 10, "throughput_s": 0.5},
        "accuracy": {"n_inputs": 16, "tolerance": {}}, "profile": {"enabled": True, "runs": 20},
        "baseline": "eager", "report": {"title": None, "speedup_against": ["torchscript"]},
    }  # fmt: skip


if __name__ == "__main__":
    from bakeoff.artifacts.io import write_record

    out, *arguments = sys.argv[1:]
    large = [int(argument) for argument in arguments if argument.isdigit()]
    size = {"models": large[0] // 100, "backends": 10, "batch_sizes": (1, 2, 4, 8, 16)} if large else {}
    kind = {"gpu": True, "precisions": ("fp32", "fp16", "int8")[: 2 if large else 3]} if "gpu" in arguments else {}
    write_record(Path(out), make_collected(hostile=False, **size, **kind))
