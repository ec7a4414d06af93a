"""Timing: one loop for all backends, its statistics, and the evidence of the machine's state beside each number."""
