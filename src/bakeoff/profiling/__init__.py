"""Layer times in one schema for all backends, and Perfetto traces."""
