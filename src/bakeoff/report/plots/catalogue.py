"""plots.json: which plots a folder holds, so that pages show them without drawing them again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bakeoff.artifacts.io import write_text
from bakeoff.core.errors import BakeoffError

CATALOGUE = "plots.json"


@dataclass(frozen=True)
class Plot:
    """One plot and its two files, named relative to the folder they lie in."""

    name: str
    kind: str
    """`latency`, `throughput`, `speedup`, `build`, `layers` or `roofline`."""
    model: str
    """Empty for a plot of all models."""
    title: str
    caption: str
    svg: str
    png: str


def write_plots(folder: str | Path, plots: list[Plot]) -> None:
    """Write the catalogue, and remove the files of an earlier one that no plot needs any more."""
    folder = Path(folder)
    keep = {file for plot in plots for file in (plot.svg, plot.png)}
    if (folder / CATALOGUE).exists():
        for old in read_plots(folder):
            for file in {old.svg, old.png} - keep:
                (folder / Path(file).name).unlink(missing_ok=True)
    write_text(folder / CATALOGUE, json.dumps([asdict(plot) for plot in plots], indent=1, ensure_ascii=False) + "\n")


def read_plots(folder: str | Path) -> list[Plot]:
    """The plots of a folder. Raises BakeoffError where the catalogue is missing or damaged."""
    path = Path(folder) / CATALOGUE
    try:
        return [Plot(**entry) for entry in json.loads(path.read_text())]
    except FileNotFoundError:
        raise BakeoffError(f"{path} is missing; make the plots first (they are a step of the report)") from None
    except (ValueError, TypeError) as error:
        raise BakeoffError(f"{path} is damaged ({error}); delete the folder and make the plots again") from None
