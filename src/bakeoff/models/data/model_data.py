"""What the jobs are told of the real inputs of a model."""

from __future__ import annotations

from bakeoff.artifacts.base import Part
from bakeoff.core.errors import DataError
from bakeoff.models.data.classes import Classes, read_classes
from bakeoff.models.data.images import OwnPreprocessing
from bakeoff.models.data.listing import state_of_data
from bakeoff.models.data.samples import Wanted, judging_files
from bakeoff.models.data.settings import Data
from bakeoff.models.sources.base import ModelSource


class ModelData(Part):
    """Real inputs of one model, if it has any."""

    section: Data | None = None
    """The section of the config; None: seeded inputs."""
    key: str = "accuracy.data"
    """Its path in the config, for messages."""
    n_inputs: int | None = None
    """Inputs that judge; None where the config does not say."""
    state: str | None = None
    """State of the files when the study was planned; None where there are none."""
    seed: int = 0
    """Draws them."""

    @property
    def is_real(self) -> bool:
        """Whether inputs come from anywhere but a seed."""
        return self.section is not None and self.section.shipped != "seeded"

    def wanted(self, calibrated: int = 0) -> Wanted:
        """How many are wanted."""
        return Wanted(self.n_inputs, calibrated, self.seed)

    def preprocessing(self, source: ModelSource) -> OwnPreprocessing | None:
        """What the model's library does with images; not asked where there are none."""
        return source.preprocessing() if self.is_real else None

    def classes(self, source: ModelSource) -> Classes | None:
        """Names of the model's classes: those of the config's file, else the library's. Raises DataError."""
        if self.section is None or not self.is_real:
            return None
        if self.section.classes is not None:
            return read_classes(self.section.classes, self.key)
        if self.section.shipped == "digits":
            return Classes(tuple("0123456789"), origin="the digits themselves")
        return source.classes()

    def judging_files(self) -> set[str]:
        """Real paths of the images that judge. Raises DataError."""
        return judging_files(self.section, self.wanted(), self.key) if self.section else set()

    def check_unchanged(self) -> None:
        """Raises DataError where files are not as they were when the study was planned."""
        if self.section is not None and state_of_data(self.section, self.key) != self.state:
            raise DataError(f"{self.key}: its files changed while the study ran; run it again")
