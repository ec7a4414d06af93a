"""Errors that are shown to a user as one message, never as a traceback."""


class BakeoffError(Exception):
    """Something a user can mend: the message says what was wrong, where, and what to do."""


class ConfigError(BakeoffError):
    """The study's configuration is wrong; the message names the key's path, the value and the remedy."""


class DataError(BakeoffError):
    """Inputs or labels could not be read; the message names the file or the config key."""


class ModelError(BakeoffError):
    """A model could not be made, or its weights could not be loaded."""


class ExportError(BakeoffError):
    """A model could not be written in an exchange format; the message quotes the exporter."""


class BuildError(BakeoffError):
    """A backend refused to build an engine; the message quotes the backend."""


class CalibrationError(BakeoffError):
    """A calibration set could not be made; the message names the file or the config key."""


class EngineError(BakeoffError):
    """An engine file is missing, damaged, or refused by its backend."""


class UselessReferenceError(BakeoffError):
    """The reference outputs cannot judge anything (no spread, NaN or infinite)."""


class DamagedError(BakeoffError):
    """An artifact is not as the job that made it left it; the message names the file."""
