"""Each mistake ends in a message that names the key, the value and the remedy."""

import datetime

import pytest

from bakeoff.config.load import load_study, parse_study
from bakeoff.core.errors import ConfigError

NET = {"source": "timm", "name": "resnet18"}


def study(**changes):
    return {"models": {"m": NET}, "backends": {"eager": None}, **changes}


def model(**keys):
    return study(models={"m": keys})


def args(value):
    return model(**NET, args={"a": value})


def inputs(**keys):
    return model(**NET, inputs={"x": {"shape": [3], **keys}})


LONG = "x" * 5000
NAN = float("nan")

REFUSED = {
    "no mapping": ([1], ["mapping", "models"]),
    "no models": ({"backends": {"eager": None}}, ["models", "missing"]),
    "no backends": ({"models": {"m": NET}}, ["backends", "missing"]),
    "empty models": (study(models={}), ["models", "empty"]),
    "empty backends": (study(backends={}), ["backends", "empty"]),
    "models is a list": (study(models=[NET]), ["models", "mapping"]),
    "unknown key": (study(modles={}), ["modles", "unknown key", "did you mean 'models'"]),
    "unknown key deep": (study(timing={"ci_real": 0.1}), ["timing.ci_real", "did you mean 'ci_rel'"]),
    "unknown kind": (study(backends={"tensort": None}), ["backends.tensort", "did you mean 'tensorrt'"]),
    "unknown kind by key": (
        study(backends={"x": {"kind": "egaer"}}),
        ["backends.x", "'egaer'", "did you mean 'eager'"],
    ),
    "unknown option": (
        study(backends={"eager": {"chanels_last": True}}),
        ["backends.eager.chanels_last", "did you mean 'channels_last'"],
    ),
    "option of another kind": (study(backends={"eager": {"capture": "trace"}}), ["backends.eager.capture"]),
    "wrong option value": (
        study(backends={"eager": None, "torchscript": {"capture": "tracing"}}),
        ["backends.torchscript.capture", "'tracing'", "did you mean 'trace'"],
    ),
    "label is another kind": (
        study(backends={"eager": None, "openvino": {"kind": "eager"}}),
        ["backends.openvino", "'eager'"],
    ),
    "unknown precision": (study(precisions=["fp33"]), ["precisions.0", "'fp33'", "did you mean 'fp32'"]),
    "precision twice": (study(precisions=["fp32", "fp32"]), ["precisions", "twice"]),
    "no precisions": (study(precisions=[]), ["precisions", "empty"]),
    "backend precision unknown": (
        study(backends={"eager": {"precisions": ["half"]}}),
        ["backends.eager.precisions.0", "'half'"],
    ),
    "backend of an unknown model": (
        study(backends={"eager": None, "torchscript": {"models": ["mm"]}}),
        ["backends.torchscript.models.0", "'mm'", "did you mean 'm'"],
    ),
    "backend of no model": (study(backends={"eager": {"models": []}}), ["backends.eager.models", "empty"]),
    "backend of a model twice": (
        study(backends={"eager": None, "torchscript": {"models": ["m", "m"]}}),
        ["backends.torchscript.models", "twice"],
    ),
    "baseline of some models only": (
        study(backends={"eager": {"models": ["m"]}}),
        ["baseline", "backends.eager.models"],
    ),
    "model leaves the folder": (study(models={"../m": NET}), ["'../m'", "folder name"]),
    "model with slash": (study(models={"a/b": NET}), ["'a/b'", "folder name"]),
    "model with space": (study(models={"a b": NET}), ["'a b'", "folder name"]),
    "model with markup": (study(models={"<b>": NET}), ["'<b>'", "folder name"]),
    "model not ascii": (study(models={"mödel": NET}), ["mödel", "folder name"]),
    "model hidden": (study(models={".m": NET}), ["'.m'", "folder name"]),
    "model dots": (study(models={"..": NET}), ["'..'", "folder name"]),
    "model is a results file": (
        study(models={"environment.json": NET}),
        ["models.environment.json", "another one"],
    ),
    "backend is a results folder": (
        study(backends={"exports": {"kind": "eager"}}, baseline="exports"),
        ["backends.exports", "another one"],
    ),
    "labels that differ in case": (
        study(models={"m": NET, "M": NET}),
        ["models.M", "case"],
    ),
    "label is a number": (study(models={5: NET}), ["models.5"]),
    "label too long": (study(models={"m" * 200: NET}), ["models.mmm"]),
    "study leaves the folder": (study(study="../../etc"), ["study", "'../../etc'", "folder name"]),
    "study is empty": (study(study=""), ["study"]),
    "no source": (model(name="resnet18"), ["models.m", "source"]),
    "unknown source": (model(source="torchvison"), ["models.m", "did you mean 'torchvision'"]),
    "source is null": (model(source=None), ["models.m", "source"]),
    "model is a string": (study(models={"m": "resnet18"}), ["models.m", "mapping", "'resnet18'"]),
    "shape is text": (model(**NET, inputs={"x": {"shape": "3x224"}}), ["models.m.inputs.x.shape", "'3x224'"]),
    "shape is zero": (model(**NET, inputs={"x": {"shape": [0]}}), ["inputs.x.shape.0", "0"]),
    "shape is negative": (model(**NET, inputs={"x": {"shape": [-3]}}), ["inputs.x.shape.0", "-3"]),
    "shape is huge": (model(**NET, inputs={"x": {"shape": [10**9]}}), ["inputs.x.shape.0"]),
    "shape is a fraction": (model(**NET, inputs={"x": {"shape": [1.5]}}), ["inputs.x.shape.0", "1.5"]),
    "no inputs": (model(**NET, inputs={}), ["models.m.inputs", "empty"]),
    "unknown dtype": (model(**NET, inputs={"x": {"shape": [3], "dtype": "float16"}}), ["dtype", "'float16'"]),
    "empty integer range": (
        model(**NET, inputs={"x": {"shape": [3], "dtype": "int64", "low": 5, "high": 5}}),
        ["inputs.x", "high"],
    ),
    "checkpoint missing": (model(**NET, weights="nowhere.safetensors"), ["weights", "nowhere.safetensors"]),
    "factory missing": (
        model(source="file", factory="nowhere.py:make", inputs={"x": {"shape": [3]}}),
        ["models.m.factory", "nowhere.py"],
    ),
    "factory malformed": (
        model(source="file", factory="nowhere.py", inputs={"x": {"shape": [3]}}),
        ["models.m.factory", "path/to/file.py:function"],
    ),
    "torchscript missing": (
        model(source="torchscript", path="nowhere.ts", inputs={"x": {"shape": [3]}}),
        ["models.m.path", "nowhere.ts"],
    ),
    "file without inputs": (model(source="file", factory="a.py:b"), ["models.m.inputs", "missing"]),
    "pretrained file": (
        model(source="file", factory="a.py:b", weights="pretrained", inputs={"x": {"shape": [3]}}),
        ["pretrained", "factory"],
    ),
    "seed negative": (model(**NET, seed=-1), ["models.m.seed", "-1"]),
    "batch empty": (study(batch={"sizes": []}), ["batch.sizes", "empty"]),
    "batch zero": (study(batch={"sizes": [0]}), ["batch.sizes.0", "0"]),
    "batch huge": (study(batch={"sizes": [10**9]}), ["batch.sizes.0"]),
    "batch twice": (study(batch={"sizes": [1, 1]}), ["batch", "twice"]),
    "batch a number": (study(batch={"sizes": 8}), ["batch.sizes", "8"]),
    "batch is text": (study(batch={"sizes": ["8"]}), ["batch.sizes.0", "'8'"]),
    "batch is true": (study(batch={"sizes": [True]}), ["batch.sizes.0", "True"]),
    "ci not a number": (study(timing={"ci_rel": float("nan")}), ["timing.ci_rel", "NaN"]),
    "ci infinite": (study(timing={"ci_rel": float("inf")}), ["timing.ci_rel"]),
    "ci too wide": (study(timing={"ci_rel": 2}), ["timing.ci_rel", "2"]),
    "time negative": (study(timing={"max_s": -1}), ["timing.max_s", "-1"]),
    "rounds zero": (study(timing={"rounds": 0}), ["timing.rounds", "0"]),
    "rounds a fraction": (study(timing={"rounds": 2.5}), ["timing.rounds", "2.5"]),
    "device unknown": (study(device="gpu"), ["device", "'gpu'", "cuda"]),
    "threads zero": (study(threads=0), ["threads", "0"]),
    "limit is text": (study(limits={"build_s": "1h"}), ["limits.build_s", "'1h'"]),
    "tolerance of unknown precision": (study(accuracy={"tolerance": {"fp31": {}}}), ["accuracy.tolerance", "fp31"]),
    "tolerance of unknown metric": (
        study(accuracy={"tolerance": {"fp32": {"relative_l1": 1}}}),
        ["accuracy.tolerance.fp32.relative_l1", "did you mean 'relative_l2'"],
    ),
    "baseline unknown": (study(baseline="eagr"), ["baseline", "'eagr'", "did you mean 'eager'"]),
    "baseline of a precision not asked for": (study(baseline="eager/bf16"), ["baseline", "bf16"]),
    "baseline of no precision": (study(baseline="eager/half"), ["baseline", "'half'"]),
    "speedup column unknown": (
        study(report={"speedup_against": ["torchscrip"]}),
        ["report.speedup_against.0", "torchscrip"],
    ),
    "title too long": (study(report={"title": "x" * 300}), ["report.title"]),
    "no config": (None, ["mapping", "models"]),
    "config is text": ("models", ["mapping", "'models'"]),
    "models is null": (study(models=None), ["models", "mapping", "None"]),
    "backends is a list": (study(backends=["eager"]), ["backends", "mapping", "['eager']"]),
    "backend is text": (study(backends={"eager": "fast"}), ["backends.eager", "mapping", "'fast'"]),
    "kind is a list": (study(backends={"x": {"kind": ["eager"]}}), ["backends.x", "kind", "did you mean 'eager'"]),
    "kind is null": (study(backends={"x": {"kind": None}}), ["backends.x", "unknown kind", "known: eager"]),
    "source is a list": (model(source=["timm"]), ["models.m", "source", "did you mean 'timm'"]),
    "backend label is a number": (study(backends={5: None}), ["backends.5", "text", "quotes"]),
    "backend label is null": (study(backends={None: {"kind": "eager"}}), ["backends.None", "text", "quotes"]),
    "model label is yes": (study(models={True: NET}), ["models", "True", "quotes"]),
    "keys are numbers": ({1: 2, **study()}, ["1: a key must be text", "quotes"]),
    "key of several lines": (study(**{"a\nb": 1}), ["'a\\nb'", "unknown key"]),
    "key of markup": (study(**{"<script>": 1}), ["<script>", "unknown key"]),
    "key without end": (study(**{LONG: 1}), ["xxx...", "unknown key"]),
    "label ends the line": (study(models={"m\n": NET}), ["'m\\n'", "folder name"]),
    "study ends the line": (study(study="x\n"), ["study", "'x\\n'", "folder name"]),
    "study is a date": (study(study=datetime.date(2026, 1, 1)), ["study", "date"]),
    "study is a number without end": (study(study=10**5000), ["study", "5000 digits"]),
    "study not ascii": (study(study="\u202egpj"), ["study", "folder name"]),
    "study too long": (study(study=LONG), ["study", "80", "xxx..."]),
    "seed without end": (model(**NET, seed=10**5000), ["models.m.seed", "5000 digits"]),
    "threads huge": (study(threads=10**30), ["threads", "1024"]),
    "seconds without end": (study(timing={"max_s": 10**400}), ["timing.max_s", "400 digits"]),
    "seconds huge": (study(timing={"max_s": 1e300}), ["timing.max_s", "1e+300"]),
    "timing ends before it may": (study(timing={"min_s": 10.0, "max_s": 1.0}), ["timing", "min_s (10)", "max_s (1)"]),
    "warm-up ends before it may": (
        study(warmup={"min_s": 0.3, "max_s": 0.1}),
        ["warmup", "min_s (0.3)", "max_s (0.1)"],
    ),
    "batch is text alone": (study(batch="8"), ["batch", "mapping", "'8'"]),
    "too many batch sizes": (study(batch={"sizes": list(range(1, 100))}), ["batch.sizes", "64"]),
    "dynamic is text": (study(batch={"dynamic": "yes"}), ["batch.dynamic", "'yes'"]),
    "precisions is text": (study(precisions="fp32"), ["precisions", "list", "'fp32'"]),
    "precision is null": (study(precisions=[None]), ["precisions.0", "None"]),
    "tolerance is null": (study(accuracy={"tolerance": {"fp32": None}}), ["accuracy.tolerance.fp32", "mapping"]),
    "tolerance negative": (study(accuracy={"tolerance": {"fp32": {"max_abs": -1.0}}}), ["fp32.max_abs", "-1.0"]),
    "cosine of two": (study(accuracy={"tolerance": {"fp32": {"cosine": 2}}}), ["fp32.cosine", "2"]),
    "check inputs without end": (study(accuracy={"n_inputs": 10**9}), ["accuracy.n_inputs", "4096"]),
    "baseline is a list": (study(baseline=["eager"]), ["baseline", "['eager']"]),
    "baseline without end": (study(baseline=LONG), ["baseline", "xxx...", "known: eager"]),
    "weights empty": (model(**NET, weights=""), ["models.m.weights", "''"]),
    "weights without end": (model(**NET, weights=LONG), ["models.m.weights", "no file 'xxx"]),
    "weights with a null byte": (model(**NET, weights="a\0"), ["models.m.weights", "'a\\x00'"]),
    "weights is a folder": (model(**NET, weights="/"), ["models.m.weights", "no file '/'"]),
    "argument is NaN": (args(NAN), ["models.m.args.a", "nan", "finite"]),
    "argument is a date": (args(datetime.date(2026, 1, 1)), ["models.m.args.a", "date", "quotes"]),
    "argument is a set": (args([{1, 2}]), ["models.m.args.a.0", "set", "quotes"]),
    "argument is bytes": (args(b"x"), ["models.m.args.a", "bytes", "quotes"]),
    "argument without end": (args(10**30), ["models.m.args.a", "64 bits"]),
    "argument key is a number": (args({1: 2}), ["models.m.args.a.1", "text", "quotes"]),
    "arguments are a list": (model(**NET, args=[1]), ["models.m.args", "mapping"]),
    "inputs are a list": (model(**NET, inputs=[[3]]), ["models.m.inputs", "mapping"]),
    "input leaves the folder": (model(**NET, inputs={"../x": {"shape": [3]}}), ["'../x'", "names an input"]),
    "shape of NaN": (inputs(shape=[NAN]), ["inputs.x.shape.0", "nan"]),
    "shape without end": (inputs(shape=[10**6] * 3), ["inputs.x", "shape", "1,000,000,000,000,000,000", "at most"]),
    "integers beyond their type": (inputs(dtype="int32", high=10**10), ["inputs.x", "int32", "2147483648"]),
    "no dtype": (inputs(dtype=None), ["inputs.x.dtype", "None", "float32"]),
    "factory without end": (
        model(source="file", factory=f"{LONG}.py:make", inputs={"x": {"shape": [3]}}),
        ["models.m.factory", "no file 'xxx"],
    ),
    "images without end": (study(calibration={"images": LONG}), ["calibration.images", "no folder 'xxx"]),
    "images normalised by NaN": (study(calibration={"mean": [NAN], "std": [1.0]}), ["calibration.mean.0", "NaN"]),
    "more targets than anybody waits for": (
        study(models={f"m{i}": NET for i in range(1000)}, batch={"sizes": list(range(1, 65))}),
        ["models", "batch.sizes", "192,000", "split"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_key_value_and_remedy(case):
    data, words = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        parse_study(data)
    message = str(caught.value)
    for word in words:
        assert word in message, message
    assert message.isprintable() or message.replace("\n", "").isprintable()
    assert len(message) < 2000
    assert "pydantic" not in message
    assert "http" not in message


def test_every_mistake_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        parse_study(study(device="gpu", threads=0, batch={"sizes": []}))
    assert all(key in str(caught.value) for key in ("device", "threads", "batch.sizes"))


BAD_FILES = {
    "key twice": (
        "models:\n  m: {source: timm}\n  m: {source: timm}\nbackends: {eager: }\n",
        ["line 3", "'m'", "twice"],
    ),
    "no yaml": ("models: [\n", ["not valid YAML", "line"]),
    "tab": ("models:\n\tm: 1\n", ["not valid YAML"]),
    "python object": ("models: !!python/object/apply:os.system ['true']\n", ["not valid YAML"]),
    "empty": ("", ["mapping"]),
    "anchors that explode": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [" + ", ".join([f"*{chr(97 + i)}"] * 10) + "]\n" for i in range(9)),
        ["anchors"],
    ),
    "an anchor that holds itself": ("models: &m {m: *m}\nbackends: {eager: }\n", ["anchors"]),
    "a key that is a list": ("models: {[1, 2]: 3}\n", ["line 1", "key"]),
    "brackets without end": ("[" * 3000, ["not valid YAML"]),
    "larger than any study": ("# " + "x" * 10_000_001, ["larger than 10 MB"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused(case, tmp_path):
    text, words = BAD_FILES[case]
    file = tmp_path / "study.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_study(file)
    assert "study.yaml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_what_is_no_config_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: there is no such config file"):
        load_study(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        load_study(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_study(tmp_path / "binary.yaml")
