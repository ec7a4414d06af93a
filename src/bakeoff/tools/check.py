"""Say whether a config file is a valid study.

A valid one is met with silence and exit status 0. Otherwise every mistake found is listed, each with its key, the value
and what is allowed, and the exit status is 1. Nothing is built, run or written.

    python -m bakeoff check studies/mine.yaml

`make report` asks this before it starts Snakemake. Snakemake reads the config file before any of Bakeoff's code runs,
and answers a file that is missing, no text, or full of multiplying anchors with a traceback of its own.
"""

from __future__ import annotations

import click

from bakeoff.config.load import load_study


@click.command()
@click.argument("config")
def command(config: str) -> None:
    """Read the config; a mistake is raised as ConfigError."""
    load_study(config)
