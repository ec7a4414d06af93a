"""axe-core finds nothing to complain of, and the keyboard reaches everything.

https://github.com/dequelabs/axe-core
"""

from importlib import resources

import pytest
from report_fixture import make_collected, make_empty

from bakeoff.artifacts.io import write_record
from bakeoff.report.build import write_report
from bakeoff.report.index import write_index

WIDTHS = [1280, 390]
SCHEMES = ["light", "dark"]
PAGES = {
    "cpu": ("cpu/index.html", 12),
    "gpu": ("gpu/index.html", 6),
    "nothing ran": ("nothing/index.html", 1),
    "all studies": ("index.html", 0),
}
"""Address, and the number of targets in the comparison."""

NEXT_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small reports that have every kind of section and row between them, and the page of all studies."""
    folder = tmp_path_factory.mktemp("accessible")
    cpu = make_collected(models=2, backends=5, batch_sizes=(1,), hostile=False)
    cpu.targets = [t for t in cpu.targets if t.row.model == "mobilenet_v2" or t.row.backend == "eager"]
    gpu = make_collected(models=1, batch_sizes=(1,), precisions=("fp16",), gpu=True)
    studies = {"cpu": cpu, "gpu": gpu, "nothing": make_empty()}
    for study in (cpu, gpu):  # two tables of layers are as good as ten
        for target in [target for target in study.targets if target.profile is not None][2:]:
            target.profile = None
    for name, collected in studies.items():
        write_record(folder / name / "collected.json", collected)
        write_report(folder / name / "collected.json", folder / name)
    write_index([folder / name / "collected.json" for name in studies], folder / "index.html")
    return folder


@pytest.fixture(scope="module")
def axe():
    """The source of axe-core."""
    package = pytest.importorskip("axe_playwright_python", reason="the Python package axe-playwright-python is missing")
    return resources.files(package).joinpath("axe.min.js").read_text()


def violations(page, axe, contrast=True):
    """What axe-core finds: rule, how bad, and the elements.

    It comes into the page by evaluation, which the page's policy for scripts does not concern.
    """
    page.evaluate(NEXT_FRAMES)
    page.evaluate(axe)
    rules = {"color-contrast": {"enabled": contrast}}
    found = page.evaluate("rules => axe.run(document, {resultTypes: ['violations'], rules})", rules)
    assert found["passes"], "it looked"
    return [(v["id"], v["impact"], [node["html"][:120] for node in v["nodes"]]) for v in found["violations"]]


def open_all(page):
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(open_page, folder, axe, name, width, scheme):
    address, targets = PAGES[name]
    page = open_page((folder / address).as_uri(), width, 844, scheme).page
    assert page.locator("#comparison-table tbody tr").count() == targets
    if targets:
        # Contrast takes longest by far: once, with all text in sight.
        assert violations(page, axe, contrast=False) == []
        open_all(page)
        assert page.locator("details:not([open])").count() == 0
    assert violations(page, axe) == []


def test_axe_would_find_pale_text(open_page, folder, axe):
    page = open_page((folder / "nothing/index.html").as_uri(), scheme="dark").page
    page.evaluate("document.querySelector('.lead').style.color = '#444'")
    assert "color-contrast" in [rule for rule, _, _ in violations(page, axe)]


def test_axe_would_find_a_plot_that_the_keyboard_cannot_reach(open_page, folder, axe):
    page = open_page((folder / "nothing/index.html").as_uri(), 390, 844).page
    page.evaluate(NEXT_FRAMES)
    page.evaluate("document.querySelectorAll('.plot').forEach(plot => plot.removeAttribute('tabindex'))")
    assert "scrollable-region-focusable" in [rule for rule, _, _ in violations(page, axe)]


def scrolled_with_the_keyboard(page, selector):
    """How far the arrow keys move the first such element."""
    element = page.locator(selector).first
    element.focus()
    page.keyboard.press("End")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("selector => document.querySelector(selector).scrollLeft > 20", arg=selector)
    return element.evaluate("e => e.scrollLeft")


def test_a_plot_on_a_phone_scrolls_by_keyboard(open_page, folder):
    page = open_page((folder / "cpu/index.html").as_uri(), 390, 844).page
    page.evaluate(NEXT_FRAMES)
    assert page.locator(".plot").first.get_attribute("tabindex") == "0"
    assert page.get_by_role("group", name="resnet18 · batch 1 · latency (ms)").count() == 1
    assert scrolled_with_the_keyboard(page, ".plot") > 20


def test_only_what_scrolls_is_a_stop_for_the_keyboard(open_page, folder):
    page = open_page((folder / "cpu/index.html").as_uri(), 1280, 844).page
    page.evaluate(NEXT_FRAMES)
    assert page.locator(".plot").count() > 10
    assert page.locator(".plot[tabindex]").count() == 0
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(NEXT_FRAMES)
    assert page.locator(".plot[tabindex='0']").count() == page.locator(".plot").count()
    page.set_viewport_size({"width": 1280, "height": 844})
    page.evaluate(NEXT_FRAMES)
    assert page.locator(".plot[tabindex]").count() == 0


def test_without_scripts_plots_can_be_reached(open_page, folder):
    page = open_page((folder / "cpu/index.html").as_uri(), 390, 844, java_script_enabled=False).page
    assert page.locator(".plot[tabindex='0']").count() == page.locator(".plot").count()
