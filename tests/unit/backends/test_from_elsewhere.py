"""Backends that are not part of Bakeoff: found in the folders of BAKEOFF_BACKENDS, and nowhere else."""

import os
import subprocess
import sys

from bakeoff.backends import KINDS

SHOW = """
from bakeoff.backends import KINDS, make_backend
from bakeoff.config.load import parse_study
backends = {"null": {"duration_ms": 3.0}}
study = parse_study({"models": {"m": {"source": "timm"}}, "backends": backends, "baseline": "null"})
print(*KINDS, make_backend(study.backends["null"]).options.duration_ms)
"""


def test_a_folder_of_backends(root):
    folders = os.pathsep.join([str(root / "tests" / "scale" / "backends"), "/no/such/folder"])
    env = {**os.environ, "PYTHONPATH": str(root / "src"), "BAKEOFF_BACKENDS": folders}
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted([*KINDS, "null", "3.0"])


def test_none_of_them_is_shipped():
    assert "null" not in KINDS
