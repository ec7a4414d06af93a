"""Post-training quantization: the calibration set, and the tools that quantize a model with it.

Importing this package imports no inference library; planning asks it about the calibration images.
"""
