"""Names of a library's models, as its files have them: the same as the library says, without importing it."""

import json
import os
import subprocess
import sys

import pytest
import timm
import torchvision

from bakeoff.config.load import parse_study
from bakeoff.core.errors import ConfigError, ModelError
from bakeoff.models.registered_names import RegisteredNames, Unclear, registered_names
from bakeoff.models.sources import source_of, weighted


def mistakes(label, **section):
    """What planning says of a model."""
    return list(source_of(label, section).mistakes())


def test_the_names_are_those_that_torchvision_lists():
    assert registered_names("torchvision").all() == (frozenset(torchvision.models.list_models()), frozenset())


def test_the_names_are_those_that_timm_lists_and_the_old_ones_that_it_takes():
    names = registered_names("timm").all()
    assert names.current == set(timm.list_models())
    assert names.deprecated == set(timm.models.get_deprecated_models())
    assert all(map(timm.is_model, names.current | names.deprecated))


def test_no_valid_name_is_refused():
    assert [name for name in torchvision.models.list_models() if mistakes("m", source="torchvision", name=name)] == []
    deprecated = timm.models.get_deprecated_models()
    assert len(deprecated) > 100
    tagged = timm.list_models(include_tags=True)
    assert len(tagged) > 1000
    refused = [name for name in [*tagged, *deprecated] if mistakes("m", source="timm", name=name)]
    assert refused == []


def test_unknown_names_are_refused_with_the_nearest_match():
    assert mistakes("a", source="torchvision", name="resnet81") == [
        "models.a.name: torchvision knows no model 'resnet81'; did you mean 'resnet18'?"
    ]
    assert mistakes("a", source="timm", name="resnet81.a1_in1k") == [
        "models.a.name: timm knows no model 'resnet81'; did you mean 'resnet18'?"
    ]
    assert mistakes("resnet81", source="timm") == [
        "models.resnet81: timm knows no model 'resnet81' (the label, since models.resnet81.name is left out); "
        "did you mean 'resnet18'?"
    ]
    assert mistakes("resnet18", source="timm") == mistakes("resnet18", source="torchvision") == []
    # a function of the library's that registers nothing, and the name of another library's model
    assert len(mistakes("m", source="torchvision", name="_resnet")) == 1
    assert len(mistakes("m", source="torchvision", name="resnet50d")) == 1


@pytest.mark.parametrize("name", ["hf-hub:timm/resnet81", "hf_hub:timm/resnet81", "local-dir:models/resnet81"])
def test_models_from_a_hub_or_a_folder_are_not_looked_up(name):
    assert mistakes("m", source="timm", name=name) == []
    assert len(mistakes("m", source="torchvision", name=name)) == 1


@pytest.mark.parametrize("source", ["torchvision", "timm"])
@pytest.mark.parametrize(("label", "section"), [("a", {"name": "resnet81"}), ("resnet81", {})])
def test_planning_and_the_job_say_the_same(source, label, section):
    model = source_of(label, {"source": source, **section})
    with pytest.raises(ModelError) as caught:
        model.make_architecture()
    assert list(model.mistakes()) == [str(caught.value)]


def test_a_study_is_refused_with_all_its_wrong_names_and_no_library_is_imported():
    code = """
        import json, sys
        from bakeoff.config.load import parse_study
        from bakeoff.core.errors import ConfigError
        models = {"a": {"source": "torchvision", "name": "resnet81"}, "b": {"source": "timm", "name": "resnet81"},
                  "resnet18": {"source": "timm"}, "resnet34": {"source": "torchvision"}}
        try:
            parse_study({"models": models, "backends": {"eager": None}})
        except ConfigError as error:
            heavy = ("torch", "torchvision", "timm", "numpy", "safetensors")
            print(json.dumps([str(error), [name for name in heavy if name in sys.modules]]))
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(line[8:] for line in code.splitlines())],
        capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    message, imported = json.loads(done.stdout)
    assert message.splitlines()[1:] == [
        "  models.a.name: torchvision knows no model 'resnet81'; did you mean 'resnet18'?",
        "  models.b.name: timm knows no model 'resnet81'; did you mean 'resnet18'?",
    ]
    assert imported == []


def names_of(folder, **files):
    """What files of these texts register."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return RegisteredNames(sorted(folder.glob("*.py")))


GOOD = "@register_model\ndef one(): pass\n"


def test_every_way_to_register_a_name(tmp_path):
    names = names_of(
        tmp_path,
        a=GOOD + "@api.register_model()\ndef two(): pass\n@other\n@register_model(name='three')\ndef _three(): pass\n",
        b="@register_model('four')\ndef _four(): pass\n"
        "register_model_deprecations(__name__, {'five': 'one', 'one': 'two'})\n",
        c="def register_model(fn): return fn\ndef six(): pass\nregister_model_of_mine('seven')\n'\\d'\n",
    )
    assert names.all() == ({"one", "two", "three", "four"}, {"five"})
    assert [name for name in ("one", "three", "five", "_three", "six", "seven") if name in names] == [
        "one", "three", "five",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "@register_model(name='a' + 'b')\ndef f(): pass\n",
        "for name in names:\n    register_model(make(name))\n",
        "register_model_deprecations(__name__, old)  # of @register_model\n",
        "register_model_deprecations(__name__, {**old})  # of @register_model\n",
        "@register_model\ndef f(:\n",
        "@register_model\ndef f(): '\0'\n",
    ],
)
def test_where_names_cannot_be_told_none_is_refused(tmp_path, monkeypatch, text):
    names = names_of(tmp_path, a=GOOD, z=text)
    with pytest.raises(Unclear):
        names.all()
    assert "one" in names
    monkeypatch.setattr(weighted, "registered_names", lambda _: names)
    assert mistakes("m", source="timm", name="resnet81") == []


def test_a_library_that_is_not_installed_or_has_another_way_is_left_to_the_job(tmp_path, monkeypatch):
    for names in (registered_names("no_such_library"), names_of(tmp_path, a="def one(): pass\n")):
        with pytest.raises(Unclear):
            names.all()
        monkeypatch.setattr(weighted, "registered_names", lambda _, names=names: names)
        assert mistakes("m", source="torchvision", name="resnet81") == []


def test_a_known_name_parses_few_files(monkeypatch):
    from bakeoff.models import registered_names as module

    parsed = []
    parse = module.ast.parse
    monkeypatch.setattr(module.ast, "parse", lambda text: parsed.append(1) or parse(text))
    registered_names.cache_clear()
    assert "resnet50" in registered_names("timm")
    assert 1 <= len(parsed) <= 5
    assert "resnet81" not in registered_names("timm")
    assert len(parsed) > 50
    before = len(parsed)
    assert "vit_base_patch16_224" in registered_names("timm")
    assert len(parsed) == before


def test_the_message_is_one_of_a_study():
    with pytest.raises(ConfigError, match=r"is not a valid study:\n  models\.a\.name: timm knows no model 'resnet81'"):
        parse_study({"models": {"a": {"source": "timm", "name": "resnet81"}}, "backends": {"eager": None}})
