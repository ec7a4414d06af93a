"""The whole report of one study: plots, index.html and report.md."""

from pathlib import Path

from bakeoff.report.html import write_html
from bakeoff.report.markdown import write_markdown
from bakeoff.report.plots import make_plots


def write_report(collected_path: str | Path, report_folder: str | Path) -> None:
    """Write plots/, index.html and report.md into a folder, each file whole or not at all.

    Raises:
        BakeoffError: collected.json is missing or damaged.
    """
    folder = Path(report_folder)
    make_plots(collected_path, folder / "plots")
    write_html(collected_path, folder / "plots", folder / "index.html")
    write_markdown(collected_path, folder / "plots", folder / "report.md")
