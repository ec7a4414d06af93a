"""A study's configuration: its typed schema and how it is read and refused."""

from bakeoff.config.load import load_study, parse_study
from bakeoff.config.study import Study

__all__ = ["Study", "load_study", "parse_study"]
