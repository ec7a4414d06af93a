import csv
import hashlib
import io
import json
import time
from pathlib import Path
from statistics import geometric_mean

import numpy as np
import pytest

from bakeoff.accuracy import doubts
from bakeoff.artifacts.accuracy import AccuracyRecord, ReferenceRecord
from bakeoff.artifacts.build import BuildRecord
from bakeoff.artifacts.collected import Row
from bakeoff.artifacts.environment import EnvironmentRecord
from bakeoff.artifacts.io import write_bytes, write_record
from bakeoff.artifacts.plan import PlannedTarget
from bakeoff.artifacts.timing import Cold, Memory, Throughput, TimingRecord, WarmUp
from bakeoff.collect import collect, csv_text
from bakeoff.collect.files import TargetFiles, files_of
from bakeoff.collect.warnings import thresholds
from bakeoff.config.study import Study
from bakeoff.core.cell import Cell
from bakeoff.core.paths import StudyPaths
from bakeoff.measure.modes import split_in_two
from bakeoff.measure.statistics import summarize

ROUNDS = 3
LATENCY_MS = {"eager": 8.0, "onnxruntime": 4.0, "openvino": 2.0}


class World:
    """A study whose records a test can change before collecting them."""

    def __init__(self, **study: object) -> None:
        self.rng = np.random.default_rng(0)
        self.study = Study.model_validate(
            {
                "study": "demo",
                "models": {"net": {"source": "torchvision", "name": "resnet18"}},
                "backends": {label: {"kind": label} for label in LATENCY_MS},
                "timing": {"rounds": ROUNDS},
                "profile": {"enabled": False},
                "batch": {"sizes": [1, 8]},
                "report": {"speedup_against": ["onnxruntime"]},
                **study,
            }
        )
        paths = StudyPaths("demo")
        self.environment = paths.environment
        write_record(self.environment, EnvironmentRecord(target=self._id(), status="ok", device="cpu"))
        self.reference = f"{paths.reference('net')}/reference.json"
        write_record(self.reference, ReferenceRecord(target=self._id(), status="ok"))
        self.targets = [self._plan(label, batch_size) for batch_size in (1, 8) for label in LATENCY_MS]
        for planned in self.targets:
            self.fill(planned)

    def _id(self, **more: object) -> dict:
        return {"study": "demo", **more}

    def _plan(self, label: str, batch_size: int) -> PlannedTarget:
        cell = Cell("demo", "net", label, "fp32", batch_size)
        return PlannedTarget(cell=cell, engine=cell.engine(fixed=False), device="cpu")

    def files(self, which: int | PlannedTarget) -> TargetFiles:
        """Where the records of a target lie, given itself or its place in `targets`."""
        return files_of(self.study, self.targets[which] if isinstance(which, int) else which)

    def fill(self, planned: PlannedTarget) -> None:
        cell, files = planned.cell, self.files(planned)
        target = self._id(model="net", backend=cell.backend, precision="fp32")
        write_record(files.build, BuildRecord(target=target, status="ok", build_s=1.5, engine_bytes=1000))
        write_record(
            files.accuracy,
            AccuracyRecord(target=target, status="ok", passed=True, sqnr_db=118.0, max_abs=1e-6, top1_agreement=1.0),
        )
        for number, path in enumerate(files.timing, 1):
            scale = LATENCY_MS[cell.backend] * cell.batch_size * np.exp(0.01 * self.rng.standard_normal())
            self.write_round(Path(path), scale * (1 + 0.01 * self.rng.standard_normal(40)), number, planned)

    def write_round(self, path: Path, latency_ms: np.ndarray, number: int, planned: PlannedTarget) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, latency_ms=latency_ms, warmup_ms=latency_ms)
        write_bytes(path.parent / "samples.npz", buffer.getvalue())
        record = TimingRecord(
            target=planned.cell.at(round=number),
            status="ok",
            device="cpu",
            session="a",
            begun=f"2026-11-20T10:0{number}:00+00:00",
            latency_ms=summarize(latency_ms),
            modes=split_in_two(latency_ms),
            throughput=Throughput(items_per_s=number * 100.0, n=10),
            cold=Cold(load_s=0.1 * number, first_ms=10.0 * number),
            warmup=WarmUp(n=5, s=0.3, steady=True),
            converged=True,
            memory=Memory(device_peak_bytes=None, host_rss_bytes=10**8),
            samples=f"elsewhere/{path.parent.name}/samples.npz",
            samples_digest=hashlib.sha256(buffer.getvalue()).hexdigest(),
        )
        write_record(path, record)

    def edit(self, path: str, **changes: object) -> None:
        data = json.loads(Path(path).read_text())
        Path(path).write_text(json.dumps({**data, **changes}))

    def collect(self):
        return collect(self.study, self.targets)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return World()


def _by_name(collected, batch_size=1):
    return {t.row.backend: t for t in collected.targets if t.row.batch_size == batch_size}


def test_rows_of_a_sound_study(world):
    collected = world.collect()
    assert collected.ok
    assert [t.row.status for t in collected.targets] == ["ok"] * 6
    for target in collected.targets:
        row = target.row
        expected = LATENCY_MS[row.backend] * row.batch_size
        assert row.latency_ms == pytest.approx(geometric_mean([r.latency_ms.median for r in target.rounds]))
        assert row.latency_ms == pytest.approx(expected, rel=0.05)
        assert row.latency_ci_low_ms < row.latency_ms < row.latency_ci_high_ms
        assert row.items_per_s == pytest.approx(geometric_mean([r.throughput.items_per_s for r in target.rounds]))
        assert row.items_per_s_ci_low < row.items_per_s < row.items_per_s_ci_high
        assert row.mean_ms == pytest.approx(geometric_mean([r.latency_ms.mean for r in target.rounds]))
        assert row.iterations_per_s * row.mean_ms == pytest.approx(1000)
        assert (row.session, row.measured_at) == ("a", "2026-11-20T10:01:00+00:00")
        assert (row.load_s, row.first_ms) == (0.2, 20.0)
        assert (row.build_s, row.engine_bytes, row.sqnr_db) == (1.5, 1000, 118.0)
        assert row.speedup == pytest.approx(8.0 / LATENCY_MS[row.backend], rel=0.06)
        assert row.speedup_ci_low <= row.speedup <= row.speedup_ci_high
        baseline = next(r.row for r in collected.targets if r.row.cell == row.cell.at(backend="eager"))
        assert row.speedup == pytest.approx(baseline.latency_ms / row.latency_ms)
        assert target.ranked
        assert set(target.speedups) == {"eager/fp32", "onnxruntime/fp32"}
    assert collected.baseline == "eager/fp32"
    assert [a.best for a in collected.answers] == ["openvino/fp32"] * 2


def test_baseline_speedup_is_exactly_one(world):
    row = _by_name(world.collect())["eager"].row
    assert (row.speedup, row.speedup_ci_low, row.speedup_ci_high) == (1.0, 1.0, 1.0)


def test_csv_has_the_columns_of_a_row_and_further_speedups(world):
    world.edit(world.files(0).timing[0], warmup={"n": 5, "s": 0.3, "steady": False}, converged=False)
    collected = world.collect()
    rows = list(csv.DictReader(io.StringIO(csv_text(collected))))
    assert list(rows[0]) == [*Row.model_fields, "speedup_vs_onnxruntime_fp32"]
    assert rows[0]["warnings"] == "not-steady;not-converged"
    assert rows[0]["accuracy_passed"] == "true"
    assert rows[0]["reason"] == ""
    assert float(rows[0]["latency_ms"]) == collected.targets[0].row.latency_ms
    assert float(rows[2]["speedup_vs_onnxruntime_fp32"]) == pytest.approx(2, rel=0.06)


def _warnings_in_csv(world) -> list[str]:
    return [row["warnings"] for row in csv.DictReader(io.StringIO(csv_text(world.collect())))]


def _files(world) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("where", "name", "value", "codes"),
    [
        (thresholds, "FEW_SAMPLES", 50, ["few-samples"] * 6),
        (thresholds, "SHORT_MS", 3.0, ["", "", "clock-resolution", "", "", ""]),
        (thresholds, "OTHER_CPU_SHARE", 0.01, ["noisy-machine"] * 6),
        (thresholds, "STEAL_SHARE", 0.0005, ["noisy-machine"] * 6),
        (thresholds, "ROUNDS_APART", 1e-9, ["rounds-disagree"] * 6),
        (doubts, "REPEAT_SHARE", 0.01, ["not-repeatable"] * 6),
    ],
)
def test_a_changed_threshold_shows_at_once_and_changes_no_record(world, monkeypatch, where, name, value, codes):
    """Collected twice over the same files: the codes of results.csv change, and nothing was measured again."""
    for planned in world.targets:
        world.edit(world.files(planned).accuracy, relative_l2=0.1, repeat_relative_l2=0.01)
        for path in world.files(planned).timing:
            world.edit(path, telemetry={"other_cpu_share": 0.02, "steal_share": 0.001})
    before = _files(world)
    assert _warnings_in_csv(world) == [""] * 6
    monkeypatch.setattr(where, name, value)
    assert _warnings_in_csv(world) == codes
    assert _files(world) == before


def test_a_changed_threshold_of_two_modes_shows_at_once(world, monkeypatch):
    two_speeds = np.where(np.arange(200) % 5 < 2, 12.0, 8.0) + 0.1 * world.rng.standard_normal(200)
    for number, path in enumerate(world.files(0).timing, 1):
        world.write_round(Path(path), two_speeds, number, world.targets[0])
    before = _files(world)
    assert _warnings_in_csv(world) == ["bimodal", *[""] * 5]
    monkeypatch.setattr(thresholds, "BIMODAL_SHARE", 0.45)
    assert _warnings_in_csv(world) == [""] * 6
    assert _files(world) == before


def test_each_round_in_collected_json_has_its_codes(world):
    world.edit(world.files(0).timing[1], converged=False)
    rounds = _by_name(world.collect())["eager"].rounds
    assert [record.warnings for record in rounds] == [[], ["not-converged"], []]
    assert json.loads(Path(world.files(0).timing[1]).read_text())["warnings"] is None


def test_records_of_older_versions_are_read_and_judged_anew(world):
    """They hold the codes of their day and not the split into two parts, which is computed from their samples."""
    two_speeds = np.where(np.arange(200) % 2 == 0, 12.0, 8.0) + 0.1 * world.rng.standard_normal(200)
    for number, path in enumerate(world.files(0).timing, 1):
        world.write_round(Path(path), two_speeds, number, world.targets[0])
        record = json.loads(Path(path).read_text())
        del record["modes"]
        Path(path).write_text(json.dumps({**record, "warnings": ["noisy-machine", "few-samples"]}))
    before = _files(world)
    target = _by_name(world.collect())["eager"]
    assert target.row.status == "ok"
    assert target.row.warnings == ["bimodal"]
    assert [record.warnings for record in target.rounds] == [["bimodal"]] * ROUNDS
    assert target.rounds[0].modes.smaller_share == pytest.approx(0.5)
    assert _files(world) == before


def test_failed_accuracy_keeps_timing_and_loses_rank_and_speedup(world):
    openvino = world.targets[2]
    world.edit(world.files(openvino).accuracy, passed=False, failures=["relative L2 0.4 is above 0.001"])
    collected = world.collect()
    target = _by_name(collected)["openvino"]
    assert target.row.status == "ok"
    assert target.row.latency_ms is not None
    assert target.row.accuracy_passed is False
    assert target.row.speedup is None
    assert target.speedups == {}
    assert not target.ranked
    assert "relative L2 0.4" in target.unranked_reason
    assert collected.answers[0].best == "onnxruntime/fp32"
    assert "openvino" not in collected.answers[0].words


def test_engine_that_does_not_hold_its_precision_is_unranked_and_marked(world):
    world.edit(world.files(1).build, holds_precision=False, layer_dtypes={"float16": 20})
    target = _by_name(world.collect())["onnxruntime"]
    assert target.row.warnings == ["precision-not-held"]
    assert not target.ranked
    assert "20 in float16" in target.unranked_reason


def test_an_engine_that_answers_differently_each_time_is_marked(world):
    world.edit(world.files(2).accuracy, relative_l2=0.01, repeat_relative_l2=0.2)
    collected = world.collect()
    assert {name: target.row.warnings for name, target in _by_name(collected).items()} == {
        "eager": [], "onnxruntime": [], "openvino": ["not-repeatable"]
    }  # fmt: skip
    assert "run again on the same inputs, it gave other outputs" in collected.answers[0].words


def test_an_engine_that_agrees_far_less_than_others_is_marked(world):
    for number, planned in enumerate(world.targets[:3]):
        fp16 = planned.model_copy(
            update={"cell": planned.cell.at(precision="fp16"), "engine": planned.engine.at(precision="fp16")}
        )
        world.targets[number] = fp16
        world.fill(fp16)
        files = world.files(fp16)
        for path in (files.build, files.accuracy, *files.timing):
            world.edit(path, target={**json.loads(Path(path).read_text())["target"], "precision": "fp16"})
        world.edit(files.accuracy, sqnr_db=20.0 if planned.cell.backend == "openvino" else 40.0)
    collected = world.collect()
    marked = {name: target.row.warnings for name, target in _by_name(collected).items()}
    assert marked == {"eager": [], "onnxruntime": [], "openvino": ["less-accurate"]}
    behind = _by_name(collected)["openvino"]
    assert not behind.ranked
    assert behind.speedups == {}
    assert behind.unranked_reason == (
        "its outputs agree at least 15 dB less with the reference than those of other backends at fp16"
    )
    assert "openvino" not in collected.answers[0].words


def test_rows_of_a_gpu_have_its_clocks_copies_and_state(world):
    planned = world.targets[0]
    for number, path in enumerate(world.files(planned).timing, 1):
        record = json.loads(Path(path).read_text())
        copies = {"h2d_ms": 0.1, "d2h_ms": 0.2, "pageable_h2d_ms": 0.3, "pageable_d2h_ms": 0.4}
        world.edit(
            path,
            device_ms=record["latency_ms"],
            dispatch_ms=0.01 * number,
            transfer={name: number * value for name, value in copies.items()},
            cold={**record["cold"], "import_s": 1.0 * number},
            memory={"device_peak_bytes": 1000 * number, "host_rss_bytes": 10**8 * number},
            telemetry={"gpu": {"sm_mhz_after": 2000 - number, "temperature_c_after": 40 + number,
                               "power_w_after": 300.0, "energy_j": 800.0 * number, "observed_s": 2.0}},
        )  # fmt: skip
    world.edit(world.files(planned).build, warm_build_s=0.5, export_s=3.0, holds_precision=True,
               batch={"min": 1, "opt": 8, "max": 8})  # fmt: skip
    collected = world.collect()
    row = _by_name(collected)["eager"].row
    assert row.device_ms == pytest.approx(row.latency_ms)
    assert (row.dispatch_ms, row.import_s, row.host_peak_bytes) == (0.02, 2.0, 3 * 10**8)
    assert (row.h2d_ms, row.d2h_ms, row.pageable_h2d_ms, row.pageable_d2h_ms) == (0.2, 0.4, 0.6, 0.8)
    assert (row.gpu_sm_mhz, row.gpu_temperature_c, row.gpu_power_w) == (1997, 43, 800.0)
    assert (row.warm_build_s, row.export_s, row.holds_precision, row.dynamic_batch) == (0.5, 3.0, True, True)
    other = _by_name(collected)["openvino"].row
    assert (other.device_ms, other.dispatch_ms, other.h2d_ms, other.gpu_power_w, other.dynamic_batch) == (None,) * 5
    assert other.host_peak_bytes == 10**8


def test_power_is_as_read_where_a_round_was_too_short_for_the_counter(world):
    for path in world.files(0).timing:
        world.edit(path, telemetry={"gpu": {"power_w_after": 300.0, "energy_j": None, "observed_s": 0.2}})
    assert _by_name(world.collect())["eager"].row.gpu_power_w == 300


def test_the_csv_begins_with_the_columns_that_others_read(world):
    """The names and the order of the design; what came later stands after them."""
    columns = csv_text(world.collect()).splitlines()[0]
    assert columns.startswith(
        "model,backend,precision,batch_size,device,status,reason,latency_ms,latency_ci_low_ms,latency_ci_high_ms,p99_ms,"
        "items_per_s,iterations_per_s,speedup,speedup_ci_low,speedup_ci_high,sqnr_db,max_abs,top1_agreement,"
        "accuracy_passed,build_s,load_s,first_ms,engine_bytes,device_peak_bytes,warnings,"
    )


def test_p99_is_that_of_a_process_of_typical_speed(world):
    planned = world.targets[0]
    samples = [2**k * np.random.default_rng(k).lognormal(2, 0.1, 400) for k in range(ROUNDS)]
    for number, path in enumerate(world.files(planned).timing, 1):
        world.write_round(Path(path), samples[number - 1], number, planned)
    rows = _by_name(world.collect())
    row = rows["eager"].row
    ratios = np.concatenate([each / np.median(each) for each in samples])
    assert row.p99_ms == pytest.approx(row.latency_ms * np.percentile(ratios, 99))
    assert row.latency_ms <= row.p99_ci_low_ms < row.p99_ms
    assert row.p99_ci_high_ms is None
    assert rows["openvino"].row.p99_ms is None


def test_throughput_of_one_old_round_has_no_interval(world):
    once = world.study.timing.model_copy(update={"rounds": 1})
    world.study = world.study.model_copy(update={"timing": once})
    for target in world.collect().targets:
        assert target.row.items_per_s == pytest.approx(100.0)
        assert target.row.items_per_s_ci_low is target.row.items_per_s_ci_high is None


def test_build_that_failed_blocks_its_targets(world):
    world.edit(world.files(1).build, status="failed", reason="unsupported operator", error_type="BuildError")
    for path in world.files(1).timing + world.files(4).timing:
        Path(path).unlink()
    collected = world.collect()
    for batch_size in (1, 8):
        row = _by_name(collected, batch_size)["onnxruntime"].row
        assert (row.status, row.reason) == ("blocked", "unsupported operator")
        assert row.latency_ms is None
        assert row.build_s is None
        assert _by_name(collected, batch_size)["openvino"].row.status == "ok"


def test_round_that_failed_fails_the_target(world):
    path = world.files(1).timing[1]
    world.edit(path, status="failed", reason="signal SIGSEGV", error_type="signal SIGSEGV", latency_ms=None)
    target = _by_name(world.collect())["onnxruntime"]
    assert target.row.status == "failed"
    assert target.row.reason == "timing, round 2: signal SIGSEGV"
    assert target.row.latency_ms is None
    assert [r.ok for r in target.rounds] == [True, False, True]


def test_accuracy_check_that_failed_keeps_timing(world):
    world.edit(world.files(1).accuracy, status="failed", reason="timeout", passed=None)
    target = _by_name(world.collect())["onnxruntime"]
    assert (target.row.status, target.row.reason) == ("failed", "accuracy check: timeout")
    assert target.row.latency_ms is not None
    assert not target.ranked


@pytest.mark.parametrize(
    ("which", "damage", "says"),
    [
        ("timing", lambda p: p.write_text('{"schema": "bakeoff/timing/1"'), "damaged"),
        ("timing", lambda p: p.write_bytes(b"\xff\x00"), "damaged"),
        ("timing", lambda p: p.write_text("[]"), "damaged"),
        ("timing", lambda p: p.unlink(), "missing"),
        ("timing", lambda p: (p.unlink(), p.mkdir()), "directory"),
        ("timing", lambda p: p.write_text(p.read_text().replace("bakeoff/timing/1", "bakeoff/timing/9")), "damaged"),
        ("timing", lambda p: (p.parent / "samples.npz").write_bytes(b"x"), "not as it was"),
        ("timing", lambda p: (p.parent / "samples.npz").unlink(), "cannot be read"),
        ("build", lambda p: p.write_text("{}"), "damaged"),
        ("build", lambda p: p.unlink(), "missing"),
        ("accuracy", lambda p: p.write_text(""), "damaged"),
    ],
)
def test_damaged_records_fail_their_target_only(world, which, damage, says):
    planned = world.targets[1]
    files = world.files(planned)
    damage(Path(files.timing[0] if which == "timing" else getattr(files, which)))
    rows = _by_name(world.collect())
    assert rows["onnxruntime"].row.status == "failed"
    assert says in rows["onnxruntime"].row.reason
    assert rows["openvino"].row.status == "ok"
    assert rows["openvino"].row.speedup is not None


@pytest.mark.parametrize("field", ["latency_ms", "throughput", "samples_digest"])
def test_round_that_lacks_a_figure_is_damaged(world, field):
    world.edit(world.files(1).timing[0], **{field: None})
    assert f"{field} is missing" in _by_name(world.collect())["onnxruntime"].row.reason


def test_unsupported_targets(world):
    built = world.targets[2]
    cell = built.cell.at(precision="fp16")
    cannot_build = PlannedTarget(
        cell=cell, engine=cell.engine(fixed=False), device="cpu", cannot_build="needs fp16 hardware"
    )
    cannot_run = PlannedTarget(
        cell=cell.at(precision="bf16"), engine=built.engine, device="cpu", cannot_run="needs an NVIDIA GPU"
    )
    world.targets += [cannot_build, cannot_run]
    first, second = world.collect().targets[-2:]
    assert (first.row.status, first.row.reason, first.build) == ("unsupported", "needs fp16 hardware", None)
    assert (second.row.status, second.row.reason) == ("unsupported", "needs an NVIDIA GPU")
    assert (second.row.build_s, second.row.engine_bytes) == (1.5, 1000)
    assert not second.ranked


def test_nothing_succeeded(world):
    for planned in world.targets:
        for path in world.files(planned).timing:
            Path(path).unlink()
    collected = world.collect()
    assert collected.status == "failed"
    assert all(a.best is None for a in collected.answers)


def test_missing_baseline_leaves_speedups_empty(world):
    Path(world.files(0).timing[0]).unlink()
    row = _by_name(world.collect())["openvino"].row
    assert row.status == "ok"
    assert row.speedup is None
    assert _by_name(world.collect(), 8)["openvino"].row.speedup is not None


def test_each_target_has_its_limit_where_work_and_rates_are_known(world):
    assert world.collect().targets[0].row.limit_ms is None
    rates = {"matrix_flops_per_s": {"fp32": 2e9}, "copy_bytes_per_s": 1e9}
    world.edit(world.environment, limits=rates)
    work = {"flops_per_item": 1_000_000, "weight_elements": 10, "input_elements": 4, "output_elements": 1}
    world.edit(world.reference, work={**work, "table_elements": 0, "integer_bytes": 0})
    collected = world.collect()
    for target in collected.targets:
        row = target.row
        assert row.limit_ms == pytest.approx(0.5 * row.batch_size)
        assert row.share_of_limit == pytest.approx(row.limit_ms / row.latency_ms)
        assert row.bound == "compute"
    assert next(csv.DictReader(io.StringIO(csv_text(collected))))["bound"] == "compute"


def test_damaged_environment_and_reference_do_not_stop_collecting(world):
    Path(world.environment).write_text("{")
    Path(world.reference).unlink()
    collected = world.collect()
    assert collected.environment.status == "failed"
    assert collected.models["net"].status == "failed"
    assert collected.targets[0].row.status == "ok"


def test_collected_survives_json(world):
    collected = world.collect()
    again = type(collected).model_validate_json(collected.model_dump_json(by_alias=True))
    assert again == collected


def test_collecting_is_linear_in_targets(world):
    """Two thousand targets are to take well under a minute: no work may grow with their square."""

    def collect_s(copies: int) -> float:
        original = world.targets
        for k in range(copies):
            link = Path("results/demo", f"net{k}")
            if not link.exists():
                link.symlink_to("net")
        world.targets = [
            planned.model_copy(update={"cell": planned.cell.at(model=f"net{k}")})
            for k in range(copies)
            for planned in original
        ]
        start = time.process_time()
        world.collect()
        elapsed = time.process_time() - start
        world.targets = original
        return elapsed

    collect_s(2)  # imports
    small, large = min(collect_s(4) for _ in range(3)), min(collect_s(40) for _ in range(2))
    assert large < 30 * small
