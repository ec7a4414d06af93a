"""The path scheme: every file that a study leaves, named in one place.

All paths are relative to the working directory and strings, since Snakemake's patterns are made from them.
Study-level helper folders start with a dot; labels in the config cannot, so nothing collides.
"""

from dataclasses import dataclass

RESERVED_MODEL_LABELS = frozenset({"environment.json", "plan.json", "collected.json"})
RESERVED_BACKEND_LABELS = frozenset({"calibration", "exports", "reference"})
RESERVED_STUDY_NAMES = frozenset({"index.html"})


@dataclass(frozen=True)
class StudyPaths:
    """Paths of one study; arguments may be labels or Snakemake wildcards such as '{model}'."""

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
    def collected(self) -> str:
        """Everything the report shows, in one file."""
        return f"{self.results}/collected.json"

    @property
    def ledger(self) -> str:
        """Folder of the attempt ledger."""
        return f"{self.results}/.ledger"

    def log(self, *parts: str) -> str:
        """Log of one job, by the parts of its name."""
        return f"{self.results}/.logs/{'/'.join(filter(None, parts))}.log"

    def reference(self, model: str) -> str:
        """Folder with a model's weights, check inputs and reference outputs; its record is reference.json."""
        return f"{self.results}/{model}/reference"

    def calibration(self, model: str) -> str:
        """Folder with the inputs that a model's quantizers look at; its record is calibration.json."""
        return f"{self.results}/{model}/calibration"

    def export(self, model: str, format: str, precision: str, batch: str = "") -> str:
        """Folder of one export; `batch` is '' or 'b<batch>/' (an export of fixed batch size)."""
        return f"{self.results}/{model}/exports/{format}-{precision}/{batch}".rstrip("/")

    def engine(self, model: str, backend: str, precision: str, batch: str = "") -> str:
        """Folder of one engine; `batch` is '' or 'b<batch>/' (an engine of fixed batch size)."""
        return f"{self.results}/{model}/{backend}/{precision}/{batch}".rstrip("/")

    def target(self, model: str, backend: str, precision: str, batch_size: int | str) -> str:
        """Folder of one target."""
        return f"{self.results}/{model}/{backend}/{precision}/b{batch_size}"

    def timing(self, model: str, backend: str, precision: str, batch_size: int | str, round: int | str) -> str:
        """Timing record of one round."""
        return f"{self.target(model, backend, precision, batch_size)}/round{round}/timing.json"
