"""What a report says of a target beside its row: engine, clocks, evidence, cold start, dynamic batch."""

import re

import pytest
from report_fixture import SCRIPT, make_collected
from test_report_pages import Page

from bakeoff.core.formats import MS, format_change, format_estimate, format_ms, format_number, format_ratio
from bakeoff.report.details import details_of
from bakeoff.report.facts import environment_facts
from bakeoff.report.html import html_of
from bakeoff.report.markdown import markdown_of
from bakeoff.report.markdown_text import escape
from bakeoff.report.method import method_of
from bakeoff.report.targets import latency_words

GPU = {"gpu": True, "precisions": ("fp32", "fp16", "int8")}


@pytest.fixture(scope="module")
def gpu(tmp_path_factory):
    """(what was collected, HTML, Markdown) of a GPU study full of hostile strings."""
    folder = tmp_path_factory.mktemp("gpu")
    collected = make_collected(**GPU)
    return collected, html_of(collected, [], folder, folder), markdown_of(collected, [], "plots")


def target(collected, backend, precision="fp32", batch=1, model="resnet18"):
    return next(
        t
        for t in collected.targets
        if (t.row.backend, t.row.precision, t.row.batch_size, t.row.model) == (backend, precision, batch, model)
    )


def facts(found):
    return {heading: dict(pairs) for heading, pairs in details_of(found)}


def test_an_engine_says_what_is_in_it():
    collected = make_collected(hostile=False, **GPU)
    engine = facts(target(collected, "torch_tensorrt", "int8"))["Engine"]
    assert engine["Batch sizes"] == "1 to 8, tuned for 8"
    assert engine["Layers compute in"] == "int8 (40), float32 (3)"
    assert engine["Holds int8"] == "yes"
    assert engine["Calibrated on"] == "64 inputs: 64 images of data/calibration, seed 0 (sha256 0f3c0f3c0f3c)"
    assert engine["Calibration method"].startswith("entropy; ")
    assert engine["Graph cut into"] == "2 engines of 61, 4 operators"
    assert engine["Left to PyTorch"] == "aten.grid_sampler_2d.default (2×), aten.nonzero.default (1×)"
    assert engine["For one engine"] == "min_block_size 5 at least"
    assert "Falls back" not in engine, "operators left to PyTorch are said once"
    assert engine["Notes"] == "opset 20, torch.onnx.export (dynamo)"
    assert facts(target(collected, "tensorrt-fixed", batch=8))["Engine"]["Batch sizes"] == "8 alone"


def test_an_engine_that_does_not_hold_its_precision_says_so():
    engine = facts(target(make_collected(hostile=False), "onnxruntime", "bf16"))["Engine"]
    assert engine["Holds bf16"] == "no"
    assert engine["Layers compute in"] == "float32 (43)"
    assert engine["Falls back"] == "Conv (41) runs in float32"


def test_a_gpu_target_has_its_clocks_and_evidence():
    collected = make_collected(hostile=False, **GPU)
    found = target(collected, "torchscript", batch=8)
    groups = facts(found)
    times, evidence = groups["Times"], groups["GPU while it was timed"]
    row = found.row
    assert times["Median latency"] == format_estimate(row.latency_ms, row.latency_ci_low_ms, row.latency_ci_high_ms, MS)
    assert times["Mean latency"].startswith(
        f"{format_ms(row.mean_ms)}, {format_number(1000 / row.mean_ms)} iterations/s"
    )
    assert re.fullmatch(
        r"[\d.]+\u202fimages/s \[[\d.]+–[\d.]+\], .* a batch back to back", times["Pipelined throughput"]
    )
    assert times["Device time"].startswith(format_ms(row.device_ms))
    assert format_ms(row.dispatch_ms) in times["Dispatch"]
    assert format_ratio(row.latency_ms / row.dispatch_ms) in times["Dispatch"]
    assert (
        times["Copy to the GPU"] == f"{format_ms(row.h2d_ms)} pinned, {format_ms(row.pageable_h2d_ms)} pageable memory"
    )
    assert times["Copy from the GPU"].startswith(format_ms(row.d2h_ms))
    assert times["Inferences timed"] == "360 in 3 rounds, after 60 to warm up"
    assert evidence["GPU"] == "NVIDIA H200, number 1; NVIDIA H200, number 0"
    assert evidence["SM clock"] == "1410–1980\u202fMHz"
    assert evidence["Temperature"] == "41–47\u202f°C"
    assert evidence["Energy"] == "604\u202fJ a round, 402\u202fW on average"
    assert evidence["Slowed down by"] == "sw power cap (2 of 3 rounds)"
    assert evidence["Other processes"] == "0"
    assert facts(target(collected, "torchscript"))["GPU while it was timed"]["Other processes"] == "1"
    assert facts(target(collected, "eager"))["GPU while it was timed"]["Slowed down by"] == "nothing"


def test_what_is_not_known_is_left_out():
    groups = facts(target(make_collected(hostile=False), "openvino"))
    assert set(groups) == {"Times", "Limit of the hardware", "Engine", "Machine while it was timed"}
    assert not {"Device time", "Dispatch", "Copy to the GPU"} & groups["Times"].keys()
    collected = make_collected(hostile=False, **GPU)
    found = target(collected, "eager")
    for record in found.rounds:
        record.telemetry = None
        record.transfer = None
    found.build = found.row.limit_ms = None
    assert set(facts(found)) == {"Times"}


def test_every_target_with_details_is_linked_from_its_row(gpu):
    page = Page(gpu[1])
    assert page.open == []
    details = {attributes["id"] for attributes in page.of("details") if attributes.get("class") == "one"}
    links = [a["href"][1:] for a in page.of("a") if a.get("class") == "more"]
    assert len(links) == len(details) == sum(bool(details_of(t)) for t in gpu[0].targets)
    assert set(links) == details


def test_what_backends_and_users_wrote_is_text(gpu):
    _, html, markdown = gpu
    page = Page(html)
    assert SCRIPT not in html
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.of("img"))
    shown = "".join(page.texts)
    assert f"tactics for {SCRIPT}" in shown
    assert f"64 inputs: {SCRIPT}" in shown
    assert f"{SCRIPT} (1×)" in shown
    assert "<" not in markdown
    assert escape(f"tactics for {SCRIPT}") in markdown


def test_forgetting_to_synchronise_is_explained_by_the_studys_own_figures(gpu):
    timed = [t for t in gpu[0].targets if t.row.dispatch_ms]
    target = max(timed, key=lambda t: t.row.latency_ms / t.row.dispatch_ms)
    worst = target.row
    text = dict(method_of(gpu[0]))["Four clocks on a GPU"]
    assert f"{worst.model} at batch {worst.batch_size} on {worst.backend} {worst.precision}" in text
    assert format_ratio(worst.latency_ms / worst.dispatch_ms) in text
    assert latency_words(target) in text
    assert format_ms(worst.dispatch_ms) in text
    assert "".join(Page(gpu[1]).texts).count(text) == 1
    on_cpu = method_of(make_collected(hostile=False))
    assert not [name for name, text in on_cpu if "GPU" in name or "{" in text]


def test_the_method_says_when_several_gpus_measured_at_once():
    collected = make_collected(models=1, hostile=False, layers=False, **GPU)
    collected.targets[0].rounds[0].device = None  # as where a round failed
    assert "nothing else of the study runs meanwhile." in dict(method_of(collected))["Rounds"]
    rounds = next(target.rounds for target in collected.targets[1:] if len(target.rounds) > 1)
    rounds[0].device, rounds[1].device = "cuda:0", "cuda:1"
    assert "runs on its GPU meanwhile; 2 GPUs measure at once" in dict(method_of(collected))["Rounds"]


def test_warnings_of_the_gpu_stand_on_the_row(gpu):
    chips = re.findall(r'class="chip" href="#warning-([\w-]+)"', gpu[1])
    assert {"throttled", "shared-gpu"} <= set(chips)
    assert "the GPU was slowed down by its power or temperature limit" in gpu[1]


def test_cold_start_has_what_there_is(gpu, tmp_path):
    heads = [re.sub(r"<[^>]+>", " ", head) for head in re.findall(r"<th [^>]*>.*?</th>", section(gpu[1], "cost"))]
    said = re.sub(r"\s+", " ", " ".join(heads))
    for words in ("Export", "caches empty", "caches warm", "Engine size", "Import", "Load", "First inference"):
        assert words in said
    assert "Host memory" in said
    assert "GPU memory" in said
    row = target(gpu[0], "inductor").row
    assert row.warm_build_s < row.build_s
    on_cpu = make_collected(models=1, backends=2, hostile=False, layers=False)
    plain = section(html_of(on_cpu, [], tmp_path, tmp_path), "cost")
    assert "caches warm" not in plain
    assert "GPU memory" not in plain
    assert "Import" in plain
    markdown = markdown_of(on_cpu, [], "plots")
    assert "| Export | Build | Engine size | Import | Load | First inference | Host memory |" in markdown
    assert "Build, warm caches | Engine size" in gpu[2]


def section(html, name):
    return re.search(rf'<section id="{name}".*?</section>', html, re.S)[0]


def test_the_cost_of_dynamic_batch_is_shown_with_its_interval(gpu):
    collected, html, markdown = gpu
    shown = "".join(Page(section(html, "dynamic")).texts)
    assert len(collected.dynamic_costs) == 18
    for cost in collected.dynamic_costs:
        ci = cost.latency
        change, ends = format_change(ci.value, ci.low, ci.high)
        assert f"{change}{ends}" in shown
        assert f"{escape(change)} [{ends}]" in markdown
    none_shown = [cost for cost in collected.dynamic_costs if not cost.latency.differs_from_one]
    assert section(html, "dynamic").count("no difference shown") == len(none_shown) == 9
    assert "## What dynamic batch costs" in markdown
    on_cpu = make_collected(models=1, backends=2, hostile=False, layers=False)
    assert "dynamic batch costs" not in markdown_of(on_cpu, [], "plots")


def test_the_compiler_is_shown_with_its_version_where_that_was_recorded():
    collected = make_collected(hostile=False)
    assert dict(environment_facts(collected)[0][1])["C++ compiler"] == "/usr/bin/g++"
    collected.environment.compiler = "/usr/bin/g++ (g++ 12.2.0)"
    assert dict(environment_facts(collected)[0][1])["C++ compiler"] == "/usr/bin/g++ (g++ 12.2.0)"


def test_a_change_has_its_sign_and_the_digits_of_its_interval():
    assert format_change(1.0421, 1.012, 1.071) == ("+4.2 %", "+1.2 % to +7.1 %")
    assert format_change(0.99, 0.95, 1.04) == ("−1 %", "−5 % to +4 %")
    assert format_change(1.0, 1.0, 1.0) == ("+0.00 %", "+0.00 % to +0.00 %")
    assert format_change(2.5, 1.5, 4.0) == ("+150 %", "+50 % to +300 %")


def test_markdown_has_clocks_and_engines(gpu):
    collected, _, markdown = gpu
    lines = markdown.splitlines()
    clocks = lines[lines.index("## Clocks and copies on the GPU") : lines.index("## What dynamic batch costs")]
    assert sum(line.startswith("|") for line in clocks) == 2 + sum(
        t.row.device_ms is not None for t in collected.targets
    )
    assert "Dispatch (ms)" in clocks[2]
    engines = lines[lines.index("## Engines") : lines.index("## Warnings explained")]
    names = re.findall(r"^- \*\*(.*?):\*\* ", "\n".join(engines), re.M)
    built = {
        (t.row.model, t.row.backend, t.row.precision, t.build.target.batch_size) for t in collected.targets if t.build
    }
    assert len(names) == len(set(names)) == len(built)
    assert "## Clocks" not in markdown_of(make_collected(models=1, backends=3, hostile=False), [], "plots")


def test_a_large_gpu_study_stays_small(tmp_path):
    collected = make_collected(
        models=20, backends=10, batch_sizes=(1, 2, 4, 8, 16), hostile=False, gpu=True, precisions=("fp32", "fp16")
    )
    assert len(collected.targets) == 2000
    assert len(html_of(collected, [], tmp_path, tmp_path).encode()) < 5_000_000


@pytest.mark.parametrize(
    ("low", "high", "words"), [(None, None, ""), (2.5, 4.0, " [2.5"), (2.5, None, " [2.5"), (2.5, None, "or more")]
)
def test_a_p99_that_is_not_bounded_says_so(low, high, words):
    found = target(make_collected(**GPU), "eager")
    found.row.p99_ms, found.row.p99_ci_low_ms, found.row.p99_ci_high_ms = 3.0, low, high
    said = facts(found)["Times"]["99th percentile"]
    assert words in said
    assert ("or more" in said) == (low is not None and high is None)
