"""Published figures beside ours."""

import pytest
from tests.report_fixture import make_collected

from bakeoff.artifacts.collected import Interval, PublishedRatio
from bakeoff.collect.published import published_ratios
from bakeoff.config.load import load_study, parse_study
from bakeoff.core.cell import Cell
from bakeoff.core.errors import ConfigError
from bakeoff.report.html import html_of
from bakeoff.report.markdown import markdown_of

PUBLISHED = {
    "source": "a post",
    "hardware": "another card",
    "unit": "ms",
    "against": "PyTorch",
    "figures": [
        {"name": "PyTorch", "value": 20.0, "backend": "eager"},
        {"name": "ORT", "value": 10.0, "backend": "onnxruntime"},
        {"name": "never timed", "value": 5.0, "backend": "openvino"},
    ],
    "remarks": ["The card is another one."],
}


def study(published=PUBLISHED, **changes):
    """A study of one model with published figures."""
    backends = {"eager": None, "onnxruntime": None, "openvino": None}
    return parse_study(
        {
            "models": {"net": {"source": "timm", "name": "resnet18"}},
            "backends": backends,
            "published": published,
            **changes,
        }
    )


def cell(backend):
    return Cell(study="quickstart", model="net", backend=backend, precision="fp32", batch_size=1)


def ratio(above, below):
    value = {"eager": 30.0, "onnxruntime": 12.0}
    quotient = value[above.backend] / value[below.backend]
    return Interval(value=quotient, low=0.9 * quotient, high=1.1 * quotient)


def test_times_become_ratios_of_speed():
    base, ort, untimed = published_ratios(study(), [cell("eager"), cell("onnxruntime")], ratio)
    assert (base.is_against, base.ratio, base.published_ratio) == (True, None, 1)
    assert ort.published_ratio == 2
    assert ort.ratio.value == pytest.approx(2.5)
    assert (untimed.published_ratio, untimed.ratio) == (4, None)
    rates = study(PUBLISHED | {"unit": "items/s"})
    assert published_ratios(rates, [], ratio)[1].published_ratio == 0.5
    assert published_ratios(study(None), [cell("eager")], ratio) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"against": "JAX"}, "'JAX' names no figure; there are PyTorch, ORT"),
        ({"figures": [PUBLISHED["figures"][0]] * 2}, "PyTorch stands twice"),
        ({"figures": [*PUBLISHED["figures"], {"name": "x", "value": 1, "backend": "tensorrt"}]},
         r"published.figures.3.backend: 'tensorrt' names no backend"),
        ({"figures": [*PUBLISHED["figures"], {"name": "x", "value": 1, "backend": "eager", "precision": "bf16"}]},
         r"published.figures.3.precision: backend 'eager' is not asked for bf16"),
        ({"figures": [*PUBLISHED["figures"], {"name": "x", "value": 1, "backend": "eager", "batch_size": 7}]},
         r"published.figures.3.batch_size: 7 is none of batch.sizes"),
        ({"figures": [*PUBLISHED["figures"], {"name": "x", "value": 1, "backend": "eager", "model": "other"}]},
         r"published.figures.3.model: 'other' is not measured"),
    ],
)  # fmt: skip
def test_figures_that_nothing_measures_are_told(change, told):
    with pytest.raises(ConfigError, match=told):
        study(PUBLISHED | change)


def test_with_several_models_a_figure_says_which():
    with pytest.raises(ConfigError, match=r"published.figures.0: the study has several; give model"):
        study(models={"net": {"source": "timm", "name": "resnet18"}, "other": {"source": "timm", "name": "resnet18"}})


def collected():
    made = make_collected(models=1, backends=4, batch_sizes=(1,), precisions=("fp32",), hostile=False, layers=False)
    made.settings["published"] = PUBLISHED
    rows = [
        ("PyTorch", "eager", 20.0, 1.0, None),
        ("as there", "torchscript", 15.0, 1.33, Interval(value=1.4, low=1.2, high=1.6)),
        ("more here", "onnxruntime", 10.0, 2.0, Interval(value=4.0, low=3.8, high=4.2)),
        ("not here", "tensorrt", 5.0, 4.0, None),
    ]
    made.published = [
        PublishedRatio(
            model="resnet18", backend=backend, precision="fp32", batch_size=1, name=name, published=value,
            published_ratio=there, ratio=here, is_against=backend == "eager",
        )
        for name, backend, value, there, here in rows
    ]  # fmt: skip
    return made


def test_the_report_compares_ratios_in_words(tmp_path):
    text = markdown_of(collected(), [], "plots").replace("\u202f", " ")
    section = text[text.index("## Beside what was published") :].split("\n## ")[0]
    assert "a post, on another card" in section
    assert "the same ratio, as far as this study can tell" in section
    assert "2.00× more is gained here" in section
    assert "The card is another one." in section
    assert 'id="published"' in html_of(collected(), [], tmp_path, tmp_path)
    plain = make_collected(models=1, backends=2, batch_sizes=(1,), hostile=False, layers=False)
    assert "Beside what was published" not in markdown_of(plain, [], "plots")


@pytest.mark.parametrize("name", ["resnet34-blog", "efficientnet-b0-notes", "torch-trt-bench", "torch2trt-guide"])
def test_the_published_experiments_are_valid_studies(name, root):
    experiment = load_study(root / "studies" / f"{name}.yaml")
    assert experiment.published or name == "torch-trt-bench"
