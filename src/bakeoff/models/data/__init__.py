"""Real inputs: which there are, how they become a model's inputs, and what is known of them (labels, class names).

Planning asks `settings` and `listing`, which import nothing heavy. The jobs that make a reference or a calibration set
read the inputs themselves (`samples`).
"""
