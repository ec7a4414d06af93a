"""Any config at all is planned, or refused with the path of a key; nothing else happens."""

import copy
import datetime
import re

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.backends import KINDS, options_of
from bakeoff.config.load import parse_study, read_yaml
from bakeoff.config.study import Study
from bakeoff.core.errors import BakeoffError
from bakeoff.core.machine import Machine
from bakeoff.core.precision import PRECISIONS
from bakeoff.study.plan import Plan

BARE = Machine(cpu="any", cpu_flags=frozenset(), cores=2, gpus=(), driver=None, compiler=None)

VALID = {
    "study": "mine",
    "device": "cpu",
    "models": {
        "a": {"source": "torchvision", "name": "resnet18", "seed": 3, "args": {"num_classes": 10}},
        "b": {
            "source": "timm",
            "name": "resnet18",
            "inputs": {"x": {"shape": [4], "dtype": "int64", "low": 0, "high": 9}},
        },
    },
    "backends": {
        "eager": None,
        "torchscript": {"capture": "script", "precisions": ["fp32"], "models": ["a"]},
        "fast": {"kind": "onnxruntime", "threads": 2},
        **{kind: {} for kind in KINDS if kind not in ("eager", "torchscript")},
    },
    "precisions": ["fp32", "bf16"],
    "batch": {"sizes": [1, 8], "dynamic": False},
    "timing": {"rounds": 2, "ci_rel": 0.02, "max_s": 2.0},
    "warmup": {"min_s": 0.1},
    "accuracy": {"n_inputs": 8, "tolerance": {"bf16": {"relative_l2": 0.1}}},
    "baseline": "eager/fp32",
    "report": {"title": "Mine", "speedup_against": ["fast", "torchscript/fp32"]},
}

WORDS = sorted(
    {
        *Study.model_fields,
        *PRECISIONS,
        *KINDS,
        "auto",
        "cpu",
        "cuda:0",
        "..",
        "/etc/passwd",
        "a b",
        "<b>",
        "ä",
        "",
        "\0",
    }
    | {name for field in Study.model_fields.values() for name in getattr(field.annotation, "model_fields", {})}
    | {name for kind in KINDS for name in options_of(kind).model_fields}
    | {"source", "kind", "torchvision", "timm", "file", "torchscript", "random", "weights", "inputs", "shape", "dtype"}
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**4000), st.floats(), st.sampled_from(WORDS),
    st.text(max_size=20), st.dates(), st.binary(max_size=4),
)  # fmt: skip
keys = st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.integers(-2, 2), st.none(), st.booleans())
junk = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=15
)
quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])

PATH = re.compile(r"^  \S.*?: ", re.M)


def check(config):
    """Plan the config, or see that it is refused with a path in a printable message."""
    try:
        plan = Plan(parse_study(config, "x.yaml"), BARE)
        assert isinstance(plan.targets, list)
        assert len(plan.exports) <= len(plan.engines) <= len(plan.targets)
    except BakeoffError as error:
        message = str(error)
        assert message.startswith("x.yaml")
        assert PATH.search(message) or not isinstance(config, dict) or "anchors" in message
        assert message.encode()
        assert all(character.isprintable() or character == "\n" for character in message)


@quick
@given(junk | st.dictionaries(st.sampled_from([*Study.model_fields]), junk, max_size=6))
def test_junk(config):
    check(config)


def places(config):
    """Every place of a config, as a path of keys and indices."""
    items = config.items() if isinstance(config, dict) else enumerate(config) if isinstance(config, list) else ()
    for key, value in list(items):
        yield (key,)
        yield from ((key, *rest) for rest in places(value))


PLACES = list(places(VALID))
changes = st.tuples(st.sampled_from(PLACES), st.sampled_from(["replace", "remove", "add", "rename"]), junk, keys)


@quick
@given(st.lists(changes, min_size=1, max_size=3))
def test_valid_configs_with_mistakes(mistakes):
    config = copy.deepcopy(VALID)
    for path, how, value, key in mistakes:
        inner = config
        for step in path[:-1]:
            inner = inner[step] if isinstance(inner, dict) and step in inner else None
        if not isinstance(inner, dict) or path[-1] not in inner:
            continue
        if how == "replace":
            inner[path[-1]] = value
        elif how == "add":
            inner[key] = value
        else:
            removed = inner.pop(path[-1])
            if how == "rename":
                inner[key] = removed
    check(config)


def test_the_valid_one_is_planned():
    assert len(Plan(parse_study(VALID), BARE).targets) == 2 * (1 + 2 * 2 * len(KINDS))


@quick
@given(st.text() | st.binary() | junk.map(lambda config: yaml.dump(config, allow_unicode=True)))
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
    try:
        read_yaml(file)
    except BakeoffError as error:
        assert str(error).startswith(str(file))  # noqa: PT017


def test_dates_are_what_yaml_makes_of_them():
    assert yaml.safe_load("2026-01-01") == datetime.date(2026, 1, 1)
