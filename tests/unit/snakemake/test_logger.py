"""What the logger plugin leaves out with `--quiet progress`."""

import subprocess
import sys

import pytest

SAID = """
import logging, sys
from snakemake.logging import LoggerManager
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

logger = logging.getLogger("test")
quiet = {getattr(Quietness, name) for name in sys.argv[1:]}
manager = LoggerManager(logger, OutputSettings(quiet=quiet, stdout=True, log_handler_settings={"bakeoff": LogHandlerSettingsBase()}))
logger.info("Select jobs to execute...")
logger.info("Execute 12 jobs...", extra={"event": LogEvent.JOB_STARTED, "jobs": [1]})
logger.info("Touching output file results/a b/.index.done.")
logger.info("job stats", extra={"event": LogEvent.RUN_INFO})
logger.info("an event", extra={"event": LogEvent.RULEGRAPH})
logger.warning("a warning")
logger.error("an error")
manager.queue_listener.stop()
"""
REMARKS = ["Select jobs to execute...", "Execute 12 jobs...", "Touching output file results/a b/.index.done."]
OTHERS = ["an event", "a warning", "an error"]


@pytest.mark.parametrize(
    ("quiet", "said"),
    [
        (["PROGRESS", "RULES"], OTHERS),
        (["RULES"], [*REMARKS, "job stats", *OTHERS]),
        ([], [*REMARKS, "job stats", *OTHERS]),
    ],
)
def test_remarks_on_progress_are_left_out_where_that_is_asked_for(quiet, said):
    run = subprocess.run([sys.executable, "-c", SAID, *quiet], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == said


def test_finding_the_plugins_imports_nothing_of_bakeoff():
    """The Snakefile decides which checkout's library is used, and Snakemake looks for plugins before it reads one."""
    code = """
import sys
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_interface_scheduler_plugins.registry import SchedulerPluginRegistry
assert LoggerPluginRegistry().is_installed("bakeoff") and SchedulerPluginRegistry().is_installed("bakeoff")
print([name for name in sys.modules if name.partition(".")[0] == "bakeoff"])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
