"""What a run prints: Snakemake's logger plugin `bakeoff`, which a package of this name makes known to Snakemake.

It prints what Snakemake's own handler would print. Only with `--quiet progress` it leaves out more: Snakemake's remarks
on each selection and start of jobs and on each file that it touches, which that option does not cover. Remarks bear no
event, so with `--quiet progress` no message without one is printed, nor the event that jobs start; warnings and errors
are.

It imports nothing of Bakeoff: Snakemake imports it before the Snakefile says which checkout's library is to be used.
"""

from __future__ import annotations

import logging
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """The plugin."""

    def __post_init__(self) -> None:
        """Make the handler that writes."""
        self._written = _stream_handler(self.common_settings.nocolor, self.common_settings.stdout)
        quiet = {str(getattr(kind, "name", kind)).lower() for kind in self.common_settings.quiet or ()}
        self._quiet = bool(quiet & {"progress", "all"}) and not self.common_settings.dryrun

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record, unless it is a remark on progress that nobody wants."""
        event = getattr(record, "event", None)
        if self._quiet and record.levelno < logging.WARNING and event in (None, LogEvent.JOB_STARTED):
            return
        self._written.setFormatter(self.formatter)
        self._written.emit(record)

    @property
    def writes_to_stream(self) -> bool:
        """Whether it takes the place of Snakemake's own handler: yes."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Whether it writes to a file: no."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether it has a filter of its own: no, Snakemake gives it its own."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Whether it has a format of its own: no, Snakemake gives it its own."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """Whether it needs the graph of rules: no."""
        return False


def _stream_handler(nocolor: bool, stdout: bool) -> logging.Handler:
    """Snakemake's handler with its colors, else a plain one."""
    stream = sys.stdout if stdout else sys.stderr
    try:
        from snakemake.logging import ColorizingTextHandler
    except ImportError:
        return logging.StreamHandler(stream)
    handler: logging.Handler = ColorizingTextHandler(nocolor=nocolor, stream=stream)
    return handler
