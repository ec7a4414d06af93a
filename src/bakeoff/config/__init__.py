"""A study's configuration: its typed schema (study.py) and how it is read and refused (load.py)."""
