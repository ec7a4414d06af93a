"""Checkpoints as people have them: read safely, the state dict found in them, and fitted to a model.

`reading` opens the file, `state_dicts` finds what may be meant in it, `fit` compares that with a model, and `choice`
decides. `bakeoff.models.weights` puts these together.
"""
