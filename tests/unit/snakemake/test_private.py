"""Each change inside Snakemake takes effect with the Snakemake that is installed, and its loss is only told."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake.jobs import Job

from bakeoff.snakemake import private


class SourceCache:
    """As Snakemake's, as far as it is changed."""

    def __init__(self):
        self.asked = 0

    def _cache(self, source_file, cache_entry=None):
        self.asked += 1
        return source_file


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    monkeypatch.setattr(Job, "is_pipe_or_service_input", Job.is_pipe_or_service_input)
    monkeypatch.setitem(sys.modules, "pandas", sys.modules.get("pandas"))


def test_snakemake_has_all_that_is_changed():
    from snakemake.sourcecache import SourceCache as Real

    assert callable(Real._cache)
    assert private.speed_up_planning(SimpleNamespace(sourcecache=SourceCache())) == []


def test_a_script_is_looked_up_once():
    cache = SourceCache()
    workflow = SimpleNamespace(sourcecache=cache)
    for _ in range(2):  # a Snakefile may be read twice in a process
        private.speed_up_planning(workflow)
    assert [workflow.sourcecache._cache("a.py") for _ in range(3)] == ["a.py"] * 3
    assert cache.asked == 1


def test_pipes_are_looked_up_once_and_found():
    private.speed_up_planning(SimpleNamespace(sourcecache=SourceCache()))
    looked = []

    class Dag:
        @property
        def jobs(self):
            looked.append(1)
            return [SimpleNamespace(pipe_or_service_output=["pipe"]), SimpleNamespace(pipe_or_service_output=[])]

    job = SimpleNamespace(dag=Dag())
    assert [Job.is_pipe_or_service_input(job, path) for path in ("pipe", "file", "pipe")] == [True, False, True]
    assert looked == [1]


def test_functions_of_wildcards_are_taken_as_such():
    from snakemake.common import get_function_params

    asked = private.of_wildcards(lambda anything: anything.model)
    assert list(get_function_params(asked)) == ["wildcards"]
    assert asked(SimpleNamespace(model="net")) == "net"


def test_planning_a_study_imports_no_pandas(tmp_path):
    code = (
        "import sys; from types import SimpleNamespace; from bakeoff.snakemake import private; "
        "private.speed_up_planning(SimpleNamespace(sourcecache=None)); print(sys.modules['pandas'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "None"


def test_what_is_missing_is_told_and_harms_nothing(monkeypatch):
    monkeypatch.delattr(Job, "is_pipe_or_service_input")
    notes = private.speed_up_planning(SimpleNamespace(sourcecache=SimpleNamespace()))
    assert len(notes) == 2
    assert "scripts" in notes[0]
    assert "pipes" in notes[1]
    monkeypatch.setitem(sys.modules, "snakemake.common", SimpleNamespace())
    assert "functions" in private.speed_up_planning(SimpleNamespace(sourcecache=SimpleNamespace()))[-1]
    assert private.of_wildcards(lambda wildcards: 1)(None) == 1


def test_what_is_planned_for_is_known_while_jobs_are_planned():
    import snakemake.api  # noqa: F401 - Snakemake's modules import each other in circles; this one may be the first
    from snakemake.workflow import Workflow

    assert isinstance(Workflow.executor_plugin, property)
    assert isinstance(Workflow.dryrun, property)
    assert private.planned_for(SimpleNamespace(executor_plugin=None)) is None
    assert private.planned_for(SimpleNamespace(executor_plugin=1, dryrun=True)) == "dry run"
    assert private.planned_for(SimpleNamespace(executor_plugin=1, dryrun=False)) == "run"
    assert private.planned_for(SimpleNamespace()) is None


def test_the_outputs_of_the_jobs_to_come():
    from snakemake.dag import DAG

    assert callable(DAG.needrun_jobs)
    dag = SimpleNamespace(needrun_jobs=lambda: [SimpleNamespace(output=["a", "b"]), SimpleNamespace(output=[])])
    assert private.outputs_to_make(SimpleNamespace(dag=dag)) == [["a", "b"], []]
    assert private.outputs_to_make(SimpleNamespace()) == []


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, True),
        ({"targets": {"report"}}, True),
        ({"targets": {"results/s/environment.json"}}, False),
        ({"until": {"build"}}, False),
        ({"omit_from": {"html"}}, False),
    ],
)
def test_whether_the_report_is_asked_for_is_known(settings, asked):
    import snakemake.api  # noqa: F401 - see above
    from snakemake.settings.types import DAGSettings

    workflow = SimpleNamespace(dag_settings=DAGSettings(**settings))
    assert private.asked_for(workflow, "report") is asked
    assert private.asked_for(SimpleNamespace(), "report")
