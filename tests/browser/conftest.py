"""A headless Chromium, and reports to open in it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from report_fixture import HOSTILE_MODEL, make_collected

from bakeoff.report.html import html_of
from bakeoff.report.plots import make_plots

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def _browser_path():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return os.environ.get("BAKEOFF_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    path = _browser_path()
    if path is None:
        pytest.skip("no Chromium or Chrome on this machine (set BAKEOFF_CHROMIUM to its path)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def _report(folder, drawn, **study):
    """A report with the plots of one model alone: they take longest to make, and those of the others are alike."""
    collected = make_collected(**study)
    of_model = [target for target in collected.targets if target.row.model == drawn]
    plots = make_plots(collected.model_copy(update={"models": {drawn: collected.models[drawn]}, "targets": of_model}),
                       folder / "plots")  # fmt: skip
    page = folder / "index.html"
    page.write_text(html_of(collected, plots, folder / "plots", folder))
    return page.as_uri()


@pytest.fixture(scope="session")
def hostile_url(tmp_path_factory):
    """A report full of hostile strings."""
    return _report(tmp_path_factory.mktemp("hostile"), HOSTILE_MODEL)


@pytest.fixture(scope="session")
def report_url(tmp_path_factory):
    """An ordinary report."""
    return _report(tmp_path_factory.mktemp("ordinary"), "resnet18", hostile=False)


@pytest.fixture(scope="session")
def gpu_url(tmp_path_factory):
    """A report of a GPU study, full of hostile strings."""
    study = {"models": 2, "gpu": True, "precisions": ("fp32", "fp16", "int8")}
    return _report(tmp_path_factory.mktemp("gpu"), "resnet18", **study)


class Watched:
    """A page with what went wrong in it and what it asked for."""

    def __init__(self, page):
        self.page, self.errors, self.requests = page, [], []
        page.on("console", lambda message: self.errors.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: (self.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))


@pytest.fixture
def open_page(browser):
    """Opens an address in a fresh page: `open_page(url, width, height, scheme, **context)`."""
    contexts = []

    def open_it(url, width=1280, height=800, scheme="light", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.goto(url)
        return watched

    yield open_it
    for context in contexts:
        context.close()
