"""The verbs of `python -m bakeoff`, one file each.

A verb is a module of this package whose name has no leading underscore: `wall_time.py` is the verb `wall-time`. It
defines `command`, a click command. Its docstring is its help: the first line is what `python -m bakeoff --help` shows
beside the verb, and an indented paragraph gives an example. Nothing else has to be registered.
"""
