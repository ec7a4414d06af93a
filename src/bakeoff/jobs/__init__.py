"""The jobs of a study: one file a stage, each with `run(spec) -> record`, run by `child.py` in a fresh process."""
