"""A user's own model: a function in a Python file."""

from bakeoff.models.sources.file.source import FileSource

__all__ = ["FileSource"]
