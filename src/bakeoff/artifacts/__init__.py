"""The JSON artifacts: one file a schema, and io.py, which reads and writes them."""
