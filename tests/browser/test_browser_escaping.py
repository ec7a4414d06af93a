"""Whatever a study's results say, wherever they say it, the report shows it as text."""

import re

import pytest
from pydantic import BaseModel, ValidationError
from report_fixture import make_collected

from bakeoff.artifacts.collected import Collected
from bakeoff.artifacts.io import write_record
from bakeoff.core.cell import Cell
from bakeoff.core.precision import PRECISIONS
from bakeoff.report.build import write_report
from bakeoff.report.index import write_index

TELLTALE = "x-owned"
MARKUP = (
    f"<{TELLTALE}></{TELLTALE}><img src=x onerror=\"window.owned=1\">' onclick='window.owned=1' "
    '" onclick="window.owned=1" </script></style></svg><script>window.owned=1</script>&lt;i&gt;'
)
NAMED = re.compile(rf"(.+)/({'|'.join(PRECISIONS)})")


def marked(value):
    """The same with markup in every string, keys of mappings included; `label/precision` stays such a name."""
    match value:
        case BaseModel():
            fields = (name for name in type(value).model_fields if name != "schema_")
            return {name: marked(getattr(value, name)) for name in fields}
        case Cell():
            return {axis.name: marked(item) for axis, item in value.items()} | {"study": marked(value.study)}
        case dict():
            return {marked(key): marked(item) for key, item in value.items()}
        case list() | tuple():
            return [marked(item) for item in value]
        case str():
            name = NAMED.fullmatch(value)
            return f"{name[1]}{MARKUP}/{name[2]}" if name else value + MARKUP
    return value


def hostile(collected):
    """What a study might have collected, with markup wherever the schema takes any string."""
    data = marked(collected)
    for _ in range(10):
        try:
            return Collected.model_validate(data)
        except ValidationError as error:
            for detail in error.errors():
                unmark(data, [part for part in detail["loc"] if part != "[key]"], detail["loc"][-1] == "[key]")
    raise AssertionError("the schema refuses what is left of the data")


def unmark(data, path, is_key):
    """Take the markup out of a string that the schema refuses: a status, a precision."""
    for part in path[:-1]:
        data = data[part]
    if is_key:
        data[path[-1].replace(MARKUP, "")] = data.pop(path[-1])
    else:
        data[path[-1]] = data[path[-1]].replace(MARKUP, "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Reports of such a study, and the index of all studies."""
    folder = tmp_path_factory.mktemp("marked")
    collected = hostile(make_collected(models=2, backends=4, batch_sizes=(1,)))
    write_record(folder / "collected.json", collected)
    write_report(folder / "collected.json", folder / "study")
    write_index([folder / "collected.json"], folder / "index.html")
    return folder


def test_the_fixture_marks_what_it_should():
    collected = hostile(make_collected(models=2, backends=4, batch_sizes=(1,)))
    assert collected.targets[0].row.status == "ok"
    assert collected.title.endswith(MARKUP)
    assert all(MARKUP in label for label in (*collected.models, *collected.backends))
    assert any(MARKUP in (target.row.reason or "") for target in collected.targets)
    assert MARKUP in collected.environment.os


@pytest.mark.parametrize("page", ["study/index.html", "index.html"])
def test_markup_anywhere_is_text(open_page, folder, page):
    watched = open_page((folder / page).as_uri())
    page = watched.page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.mouse.wheel(0, 20000)
    assert page.evaluate(f"document.querySelectorAll('{TELLTALE}, [onclick], [onerror], img[src=x], i i').length") == 0
    assert page.evaluate("window.owned") is None
    assert MARKUP in page.evaluate("document.body.textContent")
    assert watched.errors == []


def test_it_shows_in_every_part_of_the_report(open_page, folder):
    page = open_page((folder / "study" / "index.html").as_uri()).page
    shown = page.evaluate(
        """tag => Object.fromEntries([...document.querySelectorAll('main section[id]')].map(
            section => [section.id, section.textContent.includes(tag)]))""",
        f"<{TELLTALE}></{TELLTALE}>",
    )
    assert len(shown) > 5
    assert {part for part, found in shown.items() if not found} <= {"method"}


def test_filters_and_sorting_take_it_as_text(open_page, folder):
    watched = open_page((folder / "study" / "index.html").as_uri())
    page = watched.page
    values = page.locator("select[data-filter=model] option").evaluate_all("os => os.map(o => o.value)")
    page.locator("select[data-filter=model]").select_option(next(value for value in values if MARKUP in value))
    page.fill("#search", f"<{TELLTALE}></{TELLTALE}>")
    page.wait_for_timeout(300)
    page.locator("#comparison-table thead button").first.click()
    assert page.locator("#comparison-table tbody tr").count() > 1
    assert page.evaluate(f"document.querySelectorAll('{TELLTALE}, [onclick], [onerror]').length") == 0
    assert page.evaluate("window.owned") is None
    assert watched.errors == []


def test_plots_opened_on_their_own_run_nothing(open_page, folder):
    plots = sorted((folder / "study" / "plots").glob("latency*.svg"))
    assert plots
    for plot in plots:
        assert "&lt;script&gt;" in plot.read_text() or "&lt;x-owned" in plot.read_text()
        watched = open_page(plot.as_uri())
        assert watched.page.evaluate("window.owned") is None
        assert watched.page.evaluate(f"document.querySelectorAll('{TELLTALE}, script').length") == 0
