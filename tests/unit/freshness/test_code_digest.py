"""Whose change makes a stage's results stale."""

from __future__ import annotations

import ast
import functools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff import backends
from bakeoff.freshness.code_digest import (
    PACKAGE,
    code_digest,
    code_files,
    digest_of,
    forget,
    member_of,
    members_of_kind,
    tree,
)
from bakeoff.freshness.imports import Tree, imported
from bakeoff.freshness.what_counts import (
    BESIDES,
    DATA,
    ENTRIES,
    EXCLUSIONS,
    JOBS,
    MEASURED,
    REGISTRIES,
    WITH_ENGINE,
    excluded,
)

REPOSITORY = PACKAGE.parents[1]
USES = [(stage, kind) for stage in ENTRIES for kind in (backends.KINDS if stage in WITH_ENGINE else [None])]
"""Every stage, with every backend kind where it uses one."""


@pytest.fixture
def digest():
    """code_digest as it is after an edit, of which a run sees none."""

    def now(stage: str, kind: str | None = None, members: tuple[str, ...] = ()) -> str:
        forget()
        return code_digest(stage, kind, members)

    yield now
    forget()


@pytest.fixture
def copy(tmp_path):
    """A copy of Bakeoff's package that a test may edit."""
    return shutil.copytree(PACKAGE, tmp_path / "copy" / "bakeoff", ignore=shutil.ignore_patterns("__pycache__"))


@functools.cache
def files_of(stage: str, kind: str | None = None, exclusions=EXCLUSIONS) -> frozenset[str]:
    """Names of the files that count for a stage."""
    return frozenset(code_files(tree(), stage, members_of_kind(kind) if kind else (), exclusions))


def modules_of(stage: str, kind: str | None = None, exclusions=EXCLUSIONS) -> set[str]:
    """The modules that count for a stage."""
    files = files_of(stage, kind, exclusions)
    return {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in files if name[-3:] == ".py"
    }


def source_of(module: str) -> str:
    return Path(tree().find(module).file).read_text()


@functools.cache
def imported_by(module: str) -> list[tuple[str, list[str]]]:
    """What a module imports, read from its whole source: the name of each module, and what is taken from it."""
    return imported(source_of(module), module if tree().find(module).folders else module.rpartition(".")[0])


# Backends from elsewhere


def test_the_file_of_a_backend_from_elsewhere_counts_for_its_kind_alone(digest, tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    own = Path(tmp_path, "mine.py")
    found = []
    for text in ("one", "two"):
        own.write_text(text)
        found.append((digest("build", "mine"), digest("build", "eager"), digest("collect")))
    assert found[0][0] != found[1][0]
    assert found[0][1:] == found[1][1:]
    assert len(set(found[0])) == 3


def test_whatever_lies_in_the_folder_of_a_backend_counts_for_its_kind_alone(digest, tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    folder = tmp_path / "mine"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    seen = [digest("time", "mine")]
    others = digest("time", "eager")
    for name in ("helper.py", "data/table.bin", "data/kernels.cu"):
        (folder / name).write_text("something")
        seen.append(digest("time", "mine"))
    assert len(set(seen)) == 4
    assert digest("time", "eager") == others
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "helper.cpython-311.pyc").write_bytes(b"compiled")
    (folder / ".helper.py.swp").write_bytes(b"an editor's")
    assert digest("time", "mine") == seen[-1]


def test_what_a_backend_from_elsewhere_imports_of_bakeoff_counts_for_it(digest, tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    (tmp_path / "mine.py").write_text(
        "# coding: latin-1\nfrom . import beside\nfrom .mine_shared import used\nx = 1; import bakeoff.models.weights"
    )
    (tmp_path / "beside.py").write_text("def f():\n    from bakeoff.backends.onnxruntime.dtypes import numpy_name\n")
    (tmp_path / "mine_shared").mkdir()
    for name in ("__init__.py", "used.py", "other.py", "table.bin"):
        (tmp_path / "mine_shared" / name).touch()
    forget()
    files = set(code_files(tree(), "build", members_of_kind("mine")))
    assert {"bakeoff/backends/beside.py", "bakeoff/models/weights.py"} <= files
    # of another kind's folder nearly everything counts, since importing one of its modules runs its __init__
    assert "bakeoff/backends/onnxruntime/session.py" in files
    shared = {name.removeprefix("bakeoff/backends/mine_shared/") for name in files if "/mine_shared/" in name}
    assert shared == {"__init__.py", "used.py", "table.bin"}
    assert "bakeoff/backends/openvino.py" not in files


def test_a_backend_with_a_mistake_in_its_source_counts_by_what_is_in_it(digest, tmp_path, monkeypatch):
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    found = []
    for text in ("def f(:\n", "def g(:\n"):
        (tmp_path / "mine.py").write_text(text)
        found.append(digest("build", "mine"))
    assert found[0] != found[1]


def test_a_kind_is_found_by_its_class_where_its_file_has_another_name(monkeypatch):
    monkeypatch.setattr(backends, "KINDS", ("fancy",))
    monkeypatch.setattr(backends, "kind_class", lambda kind: type("Mine", (), {"__module__": "bakeoff.backends.eager"}))
    assert members_of_kind("fancy") == ("bakeoff.backends.eager",)
    monkeypatch.setattr(backends, "kind_class", lambda kind: type("Mine", (), {"__module__": "distribution.mine"}))
    assert members_of_kind("fancy") == ()
    assert {f"bakeoff/backends/{name}.py" for name in ("eager", "openvino")} <= set(code_files(tree(), "build", ()))


# Which files count for what


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("collect/peers.py", {"collect", "contest"}),
        ("artifacts/accuracy.py", {"collect", "contest", "plots", "report", "verdict"}),
        ("artifacts/timing.py", {"collect", "contest", "plots", "report", "verdict"}),
        ("accuracy/judge.py", {"verify"}),
        ("accuracy/metrics.py", {"reference", "verify", "time"}),
        ("measure/loop.py", {"time"}),
        ("jobs/__init__.py", set(JOBS)),
        ("devices/locks.py", set(MEASURED)),
        ("devices/start_gate.py", set(MEASURED)),
        ("devices/kernel_timing_turns.py", {"build"}),
        ("supervision/supervise.py", set(MEASURED)),
        ("limits/rates.py", {"environment"}),
        ("exports/onnx.py", {"export"}),
        ("quantization/static_onnx.py", {"quantize"}),
        ("quantization/calibration_set.py", {"calibrate", "quantize"}),
        ("profiling/torch_profile.py", {"profile"}),
        ("report/html.py", {"report"}),
        ("report/plots/bars.py", {"report", "plots"}),
        ("report/templates/blocks/details.html.j2", {"report"}),
        ("report/static/style.css", {"report"}),
        ("report/vendor/dataTables.min.js", {"report"}),
        ("backends/base.py", {*WITH_ENGINE, "collect", "contest"}),
        ("backends/inductor/depthwise.py", set(WITH_ENGINE)),
        ("core/errors.py", {"collect", "contest", "plots", "report", "verdict"}),
        ("snakemake/script.py", set()),
        ("supervision/progress.py", set()),
        ("tools/coverage.py", set()),
    ],
)
def test_which_stages_a_file_counts_for(file, stages):
    assert (PACKAGE / file).is_file()
    assert {stage for stage, kind in USES if f"bakeoff/{file}" in files_of(stage, kind)} == stages


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("backends/inductor/depthwise.py", {"inductor"}),
        ("backends/onnxruntime/cuda.py", {"onnxruntime"}),
        ("backends/eager.py", {"eager"}),
        ("backends/**/exported.py", {"inductor", "torch_tensorrt"}),
        ("backends/**/torch_session.py", {"eager", "torchscript", "inductor", "torch_tensorrt", "torch2trt"}),
        ("backends/tensorrt/library.py", {"tensorrt", "torch_tensorrt", "torch2trt"}),
        ("models/load.py", {"eager", "torch2trt"}),
        ("backends/base.py", set(backends.KINDS)),
    ],
)
def test_which_kinds_a_file_counts_for(file, kinds):
    [path] = PACKAGE.glob(file)
    name = path.relative_to(PACKAGE.parent).as_posix()
    for stage in WITH_ENGINE:
        assert {kind for kind in backends.KINDS if name in files_of(stage, kind)} == kinds


_COUNTS_FOR_NOTHING = {
    "bakeoff.__main__": "It only finds the tools.",
    "bakeoff.collect.false_differences": "A tool counts with it; nothing of a study is made by it.",
    "bakeoff.tools": "Nothing of a study is made by them.",
    "bakeoff.snakemake": "It starts jobs; what they are told is tracked.",
    "bakeoff.config": "What a config says reaches jobs as their parameters.",
    "bakeoff.study": "It plans; what jobs are told is tracked.",
    "bakeoff.freshness": "It says what is made anew, and makes nothing.",
    "bakeoff.supervision": "What watches, tells and cleans up; what a job runs in counts, and is named in BESIDES.",
    "bakeoff.report.build": "It makes the whole report for other programs; the stages have a module each.",
}


def test_every_module_counts_for_something_or_it_is_known_why_not():
    """A module that is imported by name, and that nothing tells of, would count for nothing."""
    counted = set().union(*(modules_of(stage, kind) for stage, kind in USES))
    left_out = {exclusion.module for exclusion in EXCLUSIONS}
    there = {
        path.relative_to(PACKAGE.parent).with_suffix("").as_posix().removesuffix("/__init__").replace("/", ".")
        for path in PACKAGE.rglob("*.py")
    }
    known = {m for m in there if m in _COUNTS_FOR_NOTHING or ".".join(m.split(".")[:2]) in _COUNTS_FOR_NOTHING}
    assert there - counted - left_out - known == set()


def test_of_a_registry_the_members_that_are_named_count_and_all_where_none_is():
    sources = {tree().file_name(module) for module in tree().members("bakeoff.models.sources")}
    assert len(sources) >= 4
    assert sources <= set(code_files(tree(), "reference"))
    formats = {f"bakeoff/exports/{name}.py" for name in ("onnx", "torchscript_trace", "exported_program")}
    files = set(code_files(tree(), "export", ("bakeoff.exports.onnx",)))
    assert files & formats == {"bakeoff/exports/onnx.py"}
    assert formats <= set(code_files(tree(), "export"))


def test_a_member_counts_where_the_stage_does_not_import_its_registry():
    files = set(code_files(tree(), "environment", ("bakeoff.models.sources.timm",)))
    assert "bakeoff/models/sources/timm.py" in files - set(code_files(tree(), "environment"))
    assert "bakeoff/models/sources/file.py" not in files


def test_the_member_that_a_class_is_defined_in():
    assert member_of(backends.kind_class("inductor")) == ("bakeoff.backends.inductor",)
    assert member_of(backends.kind_class("eager")) == ("bakeoff.backends.eager",)
    assert member_of(Path) == ()


@pytest.mark.parametrize("member", ["bakeoff.exports.nothing", "bakeoff.measure.loop", "onnx"])
def test_a_member_that_is_none_is_refused(member):
    with pytest.raises(ValueError, match=f"{member} is no module of bakeoff.backends, bakeoff.exports"):
        code_digest("export", members=(member,))


def test_the_version_in_the_name_of_a_stages_own_record_counts_for_it(digest, monkeypatch):
    from bakeoff.artifacts.timing import TimingRecord

    before = digest("time", "eager"), digest("verify", "eager")
    monkeypatch.setattr(TimingRecord.model_fields["schema_"], "default", "bakeoff/timing/99")
    assert digest("time", "eager") != before[0]
    assert digest("verify", "eager") == before[1]


# What is left out


@pytest.mark.parametrize("exclusion", EXCLUSIONS, ids=lambda exclusion: exclusion.module)
def test_an_exclusion_leaves_something_out_and_says_why(exclusion):
    assert tree().find(exclusion.module.removesuffix(".*")) is not None
    assert re.fullmatch(r"[A-Z].*\.", exclusion.why)
    without = tuple(other for other in EXCLUSIONS if other is not exclusion)
    uses = [(stage, kind) for stage, kind in USES if stage in exclusion.stages]
    more = set().union(*(modules_of(stage, kind, without) - modules_of(stage, kind) for stage, kind in uses))
    assert any(not excluded(stage, without)(module) for stage, _ in uses for module in more), "nothing imports it"


@pytest.mark.parametrize(("stage", "kind"), USES)
def test_whatever_a_module_that_counts_imports_counts_or_is_left_out_by_name(stage, kind):
    counted, left_out = modules_of(stage, kind), excluded(stage)
    assert counted
    for module in counted:
        for name in tree().imports(module):
            assert name in counted or left_out(name) or tree().find(name) is None, f"{module} imports {name}"


@pytest.mark.parametrize(("stage", "kind"), USES)
def test_nothing_is_taken_through_a_module_that_is_left_out(stage, kind):
    """What a module that is left out imports is not followed, so what counts must not get anything else from it."""
    left_out = excluded(stage)
    for module in modules_of(stage, kind):
        for name, taken in imported_by(module):
            if left_out(name) and tree().find(name):
                defined = _defined_in(name)
                strange = [t for t in taken if t not in defined and not tree().find(f"{name}.{t}")]
                assert not strange, f"{module} takes {strange} from {name}, which only imports them"


@functools.cache
def _defined_in(module: str) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(source_of(module)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return names


@pytest.mark.parametrize("module", ["accuracy", "build", "environment", "profile", "timing"])
def test_schemas_that_are_left_out_only_say_which_fields_there_are(module):
    """A function that computes what is stored would have to count; properties are not stored."""
    for node in ast.parse(source_of(f"bakeoff.artifacts.{module}")).body:
        assert isinstance(
            node, ast.ClassDef | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr | ast.If
        )
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef):
                assert [ast.unparse(decorator) for decorator in inner.decorator_list] == ["property"], inner.name


def test_jobs_take_nothing_of_the_config():
    """What it says reaches them as parameters, so that a change of its schema makes nothing stale."""
    jobs = [(stage, kind) for stage, kind in USES if stage in JOBS]
    assert jobs
    for stage, kind in jobs:
        assert [module for module in modules_of(stage, kind) if module.startswith("bakeoff.config")] == []


def test_only_the_profile_asks_a_session_for_its_layers():
    asking = {path.name for path in (PACKAGE / "jobs").glob("*.py") if "session.layers(" in path.read_text()}
    assert asking == {"profile.py"}


# What begins a stage, and what is imported by name


def test_a_stage_begins_with_what_the_script_of_its_rule_imports():
    stage_of = {"html": "report", "markdown": "report", "index": "report", "plan": "collect"}
    common = {"bakeoff.snakemake.script", "bakeoff.supervision.part_of_run"}
    common |= {"bakeoff.supervision.progress", "bakeoff.core.paths"}  # how much is left to do
    for script in (REPOSITORY / "scripts").glob("*.py"):
        names = {name for name, _ in imported(script.read_text(), "") if name.startswith("bakeoff")} - common
        if names:
            assert names <= set(ENTRIES[stage_of.get(script.stem, script.stem)]), script
        else:
            assert ENTRIES[script.stem] == (f"bakeoff.jobs.{script.stem}",)


def test_every_module_that_is_named_is_there():
    names = [name for entry in ENTRIES.values() for name in entry]
    names += [*DATA.values(), *(besides.module for besides in BESIDES), *(registry.package for registry in REGISTRIES)]
    assert [name for name in names if tree().find(name.removesuffix(".*")) is None] == []
    assert all(besides.why for besides in BESIDES)
    assert all(registry.why for registry in REGISTRIES if registry.without)


_IMPORT_BY_NAME = {
    "bakeoff.supervision.child": "The job of its stage, which ENTRIES names.",
    "bakeoff.models.single_file_import": "A model's library.",
    "bakeoff.backends.tensorrt.library": "TensorRT.",
    "bakeoff.backends.torch2trt": "torch2trt.",
    "bakeoff.core.operator_libraries": "Libraries that register operators with PyTorch.",
    "bakeoff.core.registry": "Members of the registry that calls it.",
    "bakeoff.core.private_parts": "Private parts of other libraries, by their names.",
    "bakeoff.freshness.code_digest": "Registries, which it asks for their folders.",
}


def test_what_imports_by_name_is_a_registry_or_known():
    """Such an import cannot be followed: another one needs an entry in REGISTRIES, or a reason here."""
    by_name = re.compile(r"\bimport_module\(|\b__import__\(|\bdiscover\(")
    found = {
        module
        for module in set().union(*(modules_of(stage, kind) for stage, kind in USES))
        if by_name.search(source_of(module))
    }
    registries = {registry.package for registry in REGISTRIES}
    assert found - registries <= set(_IMPORT_BY_NAME)
    assert [module for module in _IMPORT_BY_NAME if not by_name.search(source_of(module))] == []


_WATCHED = """
import builtins, importlib, json, sys
edges, original = {}, builtins.__import__

def watched(name, globals=None, locals=None, fromlist=(), level=0):
    made = original(name, globals, locals, fromlist, level)
    importer = (globals or {}).get("__name__", "")
    if importer.partition(".")[0] == "bakeoff":
        if level:
            name = importlib.util.resolve_name("." * level + name, globals["__package__"])
        taken = [name, *(f"{name}.{part}" for part in fromlist or ())]
        loaded = {name for name in taken if name.partition(".")[0] == "bakeoff" and name in sys.modules}
        edges[importer] = edges.get(importer, set()) | loaded
    return made

builtins.__import__ = watched
for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
of_time = [name for name in sys.modules if name.partition(".")[0] == "bakeoff"]
for module in json.loads(sys.argv[2]):
    importlib.import_module(module)
print(json.dumps([of_time, {name: sorted(imported) for name, imported in edges.items()}]))
"""


def test_what_python_really_imports_is_found():
    """Functions' imports are found, too, so there may be more, but nothing may be missing."""

    def begins(stage: str) -> list[str]:
        entries = [*ENTRIES[stage], *(besides.module for besides in BESIDES if stage in besides.stages)]
        named = [[entry] if entry[-1] != "*" else tree().members(entry[:-2]) for entry in entries]
        return [module for modules in named for module in modules]

    others = [module for stage in ENTRIES for module in begins(stage)]
    command = [sys.executable, "-c", _WATCHED, json.dumps(begins("time")), json.dumps(others)]
    of_time, edges = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    kinds = tuple(tree().members("bakeoff.backends"))  # which the registry imports, all of them
    closure = code_files(tree(), "time", kinds, exclusions=())
    assert "bakeoff.measure.loop" in of_time
    assert {tree().file_name(module) for module in of_time} <= set(closure)
    assert {(module, name) for module, found in edges.items() for name in {*found} - {*tree().imports(module)}} == set()
    assert len(edges) > 100


def test_digests_are_made_without_an_import_of_what_is_heavy():
    code = (
        "import sys; from bakeoff.freshness.code_digest import code_digest; code_digest('time', 'eager');"
        "print([n for n in ('torch', 'numpy', 'pandas', 'matplotlib', 'bakeoff.jobs.time') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# What the digest does not depend on, and what it does


@pytest.mark.parametrize("stage", ENTRIES)
def test_a_digest_is_the_same_wherever_the_checkout_lies(stage, copy):
    members = members_of_kind("inductor") if stage in WITH_ENGINE else ()
    assert digest_of(Tree(copy), stage, members) == digest_of(tree(), stage, members)
    (copy / "report" / "templates" / "__pycache__").mkdir()
    (copy / "report" / "templates" / "__pycache__" / "x.pyc").write_bytes(b"compiled")
    assert digest_of(Tree(copy), stage, members) == digest_of(tree(), stage, members)


def test_a_digest_does_not_depend_on_the_order_in_which_a_folder_lists_its_files(copy, monkeypatch):
    import os

    listed, walked = os.listdir, os.walk
    before = [digest_of(Tree(copy), stage) for stage in ENTRIES]
    monkeypatch.setattr(os, "listdir", lambda path: sorted(listed(path), reverse=True))
    monkeypatch.setattr(os, "walk", lambda top: ((a, b, sorted(c, reverse=True)) for a, b, c in walked(top)))
    assert [digest_of(Tree(copy), stage) for stage in ENTRIES] == before


def test_an_edit_and_a_new_import_count(copy):
    before = digest_of(Tree(copy), "time")
    loop = copy / "measure" / "loop.py"
    loop.write_text(loop.read_text().replace("def measure(", "def measure(  "))
    edited = digest_of(Tree(copy), "time")
    assert edited != before
    (copy / "measure" / "fresh.py").write_text("x = 1\n")
    assert digest_of(Tree(copy), "time") == edited
    loop.write_text(loop.read_text() + "\ndef late():\n    from bakeoff.measure import fresh\n")
    imported_now = digest_of(Tree(copy), "time")
    (copy / "measure" / "fresh.py").write_text("x = 2\n")
    assert digest_of(Tree(copy), "time") not in {before, edited, imported_now}


def test_a_renamed_file_counts(copy):
    before = digest_of(Tree(copy), "report")
    style = copy / "report" / "static" / "style.css"
    style.rename(style.with_name("styles.css"))
    assert digest_of(Tree(copy), "report") != before
