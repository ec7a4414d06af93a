"""The path scheme: every file that a study leaves, named in one place.

All paths are strings relative to the working directory, since Snakemake's patterns are made from them. Helper folders
of a study start with a dot; a label in the config cannot, so nothing collides.
"""

from dataclasses import dataclass

from bakeoff.core.cell import Cell

RESERVED_MODEL_LABELS = frozenset({"environment.json", "plan.json", "collected.json"})
RESERVED_BACKEND_LABELS = frozenset({"calibration", "exports", "reference"})
RESERVED_STUDY_NAMES = frozenset({"index.html"})


@dataclass(frozen=True)
class StudyPaths:
    """Paths of one study."""

    study: str

    @property
    def results(self) -> str:
        """Folder of all results."""
        return f"results/{self.study}"

    @property
    def report(self) -> str:
        """Folder of the report."""
        return f"reports/{self.study}"

    @property
    def environment(self) -> str:
        """What the study ran on."""
        return f"{self.results}/environment.json"

    @property
    def plan(self) -> str:
        """Every cell of the study, and why some cannot run."""
        return f"{self.results}/plan.json"

    @property
    def collected(self) -> str:
        """Everything the report shows, in one file."""
        return f"{self.results}/collected.json"

    def contest(self, number: int | str) -> str:
        """Which targets are timed in a further round; `number` may be a wildcard."""
        return f"{self.results}/.contest/round{number}.json"

    @property
    def plots(self) -> str:
        """Folder of the plots."""
        return f"{self.report}/plots"

    @property
    def html(self) -> str:
        """The report as a page."""
        return f"{self.report}/index.html"

    @property
    def index(self) -> str:
        """The page that lists all studies, which each of them writes anew."""
        return "reports/index.html"

    @property
    def index_done(self) -> str:
        """Stands in for that page among this study's own files."""
        return f"{self.results}/.index.done"

    @property
    def markdown(self) -> str:
        """The report as text."""
        return f"{self.report}/report.md"

    @property
    def ledger(self) -> str:
        """Folder of the ledger."""
        return f"{self.results}/.ledger"

    def log(self, name: str) -> str:
        """Log of one job, by its name."""
        return f"{self.results}/.logs/{name}.log"

    def cell(self, cell: Cell) -> str:
        """Folder of an engine, a target or a round."""
        return f"{self.results}/{cell.folder}"

    def reference(self, model: str) -> str:
        """Folder with a model's weights, check inputs and reference outputs; its record is reference.json."""
        return f"{self.results}/{model}/reference"

    def calibration(self, model: str) -> str:
        """Folder with the inputs that a model's quantizers look at; its record is calibration.json."""
        return f"{self.results}/{model}/calibration"

    def export(self, model: str, format: str, precision: str, below: str = "") -> str:
        """Folder of one export; `below` is `Cell.below_export`: '', or '/b<batch>' for one of fixed batch size."""
        return f"{self.results}/{model}/exports/{format}-{precision}{below}"
