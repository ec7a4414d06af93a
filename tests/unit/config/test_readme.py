"""What the README shows is what the tool takes."""

import re
import shutil

import yaml

from bakeoff.config.load import parse_study


def test_the_readme_s_own_model_is_a_valid_study(root, tmp_path, monkeypatch):
    block = re.search(r"```yaml\n(.*?)```", (root / "README.md").read_text(), re.S).group(1)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(root / "models", tmp_path / "models")
    (tmp_path / "my_net.safetensors").touch()
    study = parse_study(yaml.safe_load(block))
    assert set(study.backends) >= {"eager", "torchscript", "onnxruntime", "openvino", "tensorrt"}
    assert study.models["my_net"].function == "build"


def test_the_readme_names_commands_that_exist(root):
    makefile = (root / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", (root / "README.md").read_text(), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"
