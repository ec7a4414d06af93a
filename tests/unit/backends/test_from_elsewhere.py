"""Backends that are not part of Bakeoff: found in the folders of BAKEOFF_BACKENDS, and nowhere else."""

import os
import subprocess
import sys

from bakeoff.backends import KINDS

SHOW = """
from bakeoff.backends import KINDS, make_backend
from bakeoff.config.load import parse_study
backends = {"null": {"duration_ms": 3.0}}
study = parse_study({"models": {"m": {"source": "timm", "name": "resnet18"}}, "backends": backends, "baseline": "null"})
print(*KINDS, make_backend(study.backends["null"]).options.duration_ms)
"""


def test_a_folder_of_backends(root):
    folders = os.pathsep.join([str(root / "tests" / "scale" / "backends"), "/no/such/folder"])
    env = {**os.environ, "PYTHONPATH": str(root / "src"), "BAKEOFF_BACKENDS": folders}
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted([*KINDS, "null", "3.0"])


FOLDER_KIND = """
from bakeoff.backends.base import Backend, ExportKey
from bakeoff.backends.folder_kind.helper import OPTIONS
from bakeoff.backends.options import BackendOptions

class FolderKind(Backend):
    kind = "folder_kind"
    summary = "a backend that is a folder"
    Options = OPTIONS
    def export_key(self, precision): return ExportKey("onnx", "fp32")
    def distributions(self): return ()
    def cannot_build(self, request): return None
    def build(self, export, spec, out): raise NotImplementedError
    def load(self, folder, files, spec, batch_size): raise NotImplementedError
"""
FOLDER_HELPER = """
from typing import Literal
from bakeoff.backends.options import BackendOptions

class OPTIONS(BackendOptions):
    kind: Literal["folder_kind"] = "folder_kind"
    depth: int = 3
"""
SHOW_FOLDER = """
from bakeoff.backends import KINDS, make_backend
from bakeoff.freshness.code_digest import code_digest
print(*KINDS, make_backend({"kind": "folder_kind", "depth": 7}).options.depth, code_digest("build", "folder_kind"))
"""


def test_a_folder_of_backends_may_hold_one_that_is_a_folder_itself(root, tmp_path):
    """Its class lies in a file of that folder, beside helpers; both count as its code."""
    kind = tmp_path / "folder_kind"
    kind.mkdir()
    (kind / "__init__.py").write_text("from bakeoff.backends.folder_kind.backend import FolderKind\n")
    (kind / "backend.py").write_text(FOLDER_KIND)
    (kind / "helper.py").write_text(FOLDER_HELPER)
    env = {**os.environ, "PYTHONPATH": str(root / "src"), "BAKEOFF_BACKENDS": str(tmp_path)}

    def shown():
        command = [sys.executable, "-c", SHOW_FOLDER]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()

    *kinds, depth, digest = shown()
    assert sorted(kinds) == sorted([*KINDS, "folder_kind"])
    assert depth == "7"
    (kind / "helper.py").write_text(FOLDER_HELPER + "# another\n")
    assert shown()[-1] != digest


def test_what_backends_share_is_no_kind():
    assert not {"base", "options", "shared"} & set(KINDS)


def test_none_of_them_is_shipped():
    assert "null" not in KINDS
