"""References of the tiny models, made once."""

import pytest

from bakeoff.artifacts.io import write_record
from bakeoff.jobs import reference

INPUTS = {
    "convnet": {"image": {"shape": [3, 16, 16]}},
    "two_inputs": {"left": {"shape": [12]}, "right": {"shape": [8]}},
    "tokens": {"tokens": {"shape": [6], "dtype": "int64", "high": 100}},
    "pair": {"x": {"shape": [12]}},
    "named": {"x": {"shape": [12]}},
}


@pytest.fixture(scope="session")
def make_reference(tmp_path_factory, quick_onnx_export):
    """Make the reference of a model section, as the reference job and its caller do; returns its folder."""

    def make(label, section, n_inputs=6):
        folder = tmp_path_factory.mktemp(label)
        record = reference.run(
            {
                "target": {"study": "s", "model": label},
                "label": label,
                "model": section,
                "data": {"n_inputs": n_inputs},
                "threads": 1,
                "device": "cpu",
                "out": str(folder),
            }
        )
        write_record(folder / "reference.json", record)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny(root, make_reference):
    """(label, section, reference folder) of a model of tests/models/tiny.py."""
    made = {}

    def get(function):
        if function not in made:
            factory = f"{root / 'tests' / 'models' / 'tiny.py'}:{function}"
            section = {"source": "file", "factory": factory, "inputs": INPUTS[function]}
            made[function] = function, section, make_reference(function, section)
        return made[function]

    return get
