"""Models: how one is made from its config section, its weights, its seeded inputs and its flat outputs."""
