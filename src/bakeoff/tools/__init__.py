"""The verbs of `python -m bakeoff`, one file each."""
