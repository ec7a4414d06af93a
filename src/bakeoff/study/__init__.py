"""A study planned: its cells, and what each of their jobs is told."""
