"""How an engine's outputs are compared with the reference, and judged."""
