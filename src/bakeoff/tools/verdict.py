"""Print how a study ended: where its report is, the answer, and what failed.

These are the words that a run ends with: the foremost answers of the report, then each failed target with its reason
and its log. They are read from the study's collected results, so nothing is measured again.

    python -m bakeoff verdict studies/mine.yaml
"""

from __future__ import annotations

from pathlib import Path

import click

from bakeoff.collect.verdict import verdict
from bakeoff.config.load import load_study
from bakeoff.core.errors import BakeoffError
from bakeoff.core.paths import StudyPaths


@click.command()
@click.argument("config")
@click.option("--if-any", is_flag=True, help="Print nothing where the study has no results yet.")
def command(config: str, if_any: bool) -> None:
    """Print the verdict on stderr, where Snakemake's own words went before it."""
    paths = StudyPaths(load_study(config).study)
    if Path(paths.collected).exists():
        words, _status = verdict(paths.collected, paths.html)
        click.echo(f"\n{words}", err=True, nl=False)
    elif not if_any:
        raise BakeoffError(
            f"{paths.collected} is missing: the study of {config} has no results yet; "
            f"make them with `snakemake --cores 1 report --configfile {config}`"
        )
