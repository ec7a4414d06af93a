"""Bakeoff: which inference backend, at which precision, should this model ship on, on this machine?"""

__version__ = "0.1.0"
