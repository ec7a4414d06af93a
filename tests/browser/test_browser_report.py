"""The report as a reader meets it: in a browser, offline, by mouse and by keyboard, wide and narrow, light and dark."""

import re

import pytest
from report_fixture import HOSTILE_LAYER, HOSTILE_MODEL, SCRIPT, make_collected, make_empty

from bakeoff.artifacts.io import write_record
from bakeoff.report.build import write_report
from bakeoff.report.html import html_of
from bakeoff.report.index import write_index

SIZES = [(1280, 800), (390, 844)]
TABLE = "#comparison-table"

CONTRAST = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  // Reading a pixel is slow: once for each color, and once for each element that something stands on.
  const once = (measure, known = new Map()) => (key) => {
    if (!known.has(key)) known.set(key, measure(key));
    return known.get(key);
  };
  const rgba = once((color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  });
  const luminance = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = once((element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] === 1) return c;
    }
    throw new Error('no background');
  });
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('script, style, .sr, .skip, option, [hidden]')) continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = element.closest('svg') ? style.fill : style.color;
    const [a, b] = [luminance(rgba(ink)), luminance(behind(element.closest('svg') ?? element))].sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), walker.currentNode.data.trim().slice(0, 40), ink]);
  }
  return found;
}
"""


def column(page, number):
    """Values of one column of the comparison as shown, as numbers where they sort as such."""
    script = f"""() => [...document.querySelectorAll('{TABLE} tbody tr')].filter(r => r.children.length > 2).map(r => {{
        const c = r.children[{number}]; return c.dataset.order ?? c.textContent.trim(); }})"""
    return page.evaluate(script)


def heading(page, text):
    return page.locator(f"{TABLE} thead th", has=page.get_by_role("button", name=re.compile(f"^{text}")))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_opens_offline_without_errors_or_requests(open_page, hostile_url, width, height, scheme):
    watched = open_page(hostile_url, width, height, scheme, offline=True)
    watched.page.mouse.wheel(0, 20000)
    watched.page.wait_for_timeout(200)
    assert watched.errors == []
    assert [url for url in watched.requests if url not in (hostile_url, "data:,")] == []


def test_hostile_strings_show_as_text(open_page, hostile_url):
    watched = open_page(hostile_url)
    page = watched.page
    assert SCRIPT in page.locator("h1").inner_text()
    assert page.locator(f"{TABLE} tbody td.col-model").last.inner_text() == HOSTILE_MODEL
    profiled = page.locator("details.one", has=page.locator(".layer-table")).last
    profiled.locator("summary").click()
    assert any(HOSTILE_LAYER in text for text in profiled.locator("th").all_inner_texts())
    heading(page, "Model").get_by_role("button").click()
    page.locator("select[data-filter=model]").select_option(HOSTILE_MODEL)
    assert len(column(page, 0)) == 24
    page.fill("#search", SCRIPT)
    page.wait_for_timeout(300)
    assert len(column(page, 0)) == 24
    assert watched.errors == []


@pytest.mark.parametrize("text", ["Median latency", "Throughput"])
def test_a_click_sorts_and_says_so(open_page, report_url, text):
    page = open_page(report_url).page
    before = column(page, 0)
    head = heading(page, text)
    number = head.evaluate("th => th.cellIndex")
    assert head.get_attribute("aria-sort") is None
    states = []
    for _ in range(2):
        head.get_by_role("button").click()
        values = column(page, number)
        numbers = [float(value) for value in values if value]
        assert len(numbers) == 54
        assert all(values[: len(numbers)]), "targets without a value come last"
        states.append(head.get_attribute("aria-sort"))
        assert numbers == sorted(numbers, reverse=states[-1] == "descending")
    first = "descending" if text == "Throughput" else "ascending"
    assert states == [first, ({"ascending", "descending"} - {first}).pop()]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") is None
    assert column(page, 0) == before


def test_the_keyboard_sorts(open_page, report_url):
    page = open_page(report_url).page
    button = heading(page, "Batch").get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    assert heading(page, "Batch").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert heading(page, "Batch").get_attribute("aria-sort") == "descending"
    assert button.evaluate("b => b === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Enter")
    heads = page.locator(f"{TABLE} thead th[aria-sort]")
    assert heads.count() == 1
    rows = list(zip(map(int, column(page, 3)), column(page, 4), strict=True))
    assert [batch for batch, _ in rows] == sorted((batch for batch, _ in rows), reverse=True)
    eights = [float(time) for batch, time in rows if batch == 8 and time]
    assert eights == sorted(eights), "the second key sorts within the first"


def test_filters_work_together_and_clear(open_page, report_url):
    from playwright.sync_api import expect

    page = open_page(report_url).page
    page.select_option("select[data-filter=model]", "resnet18")
    page.select_option("select[data-filter=batch]", "8")
    assert set(column(page, 0)) == {"resnet18"}
    assert set(column(page, 3)) == {"8"}
    assert page.locator("#shown").inner_text() == "12 of 72 targets"
    page.locator("#search").click()
    page.keyboard.type("openvino")
    expect(page.locator("#shown")).to_have_text("2 of 72 targets")
    assert set(column(page, 2)) == {"fp32", "bf16"}
    page.fill("#search", "no such thing")
    page.wait_for_selector("#nothing:not([hidden])")
    page.locator("#nothing button").click()
    expect(page.locator("#shown")).to_have_text("72 targets")
    assert len(column(page, 0)) == 72


def test_the_status_filter_knows_more_than_the_status(open_page, report_url):
    page = open_page(report_url).page
    counts = {}
    for option in page.locator("select[data-filter=status] option").evaluate_all("os => os.map(o => o.value)"):
        page.select_option("select[data-filter=status]", option)
        counts[option] = len(column(page, 0))
    assert counts == {
        "": 72, "ok": 54, "failed": 4, "blocked": 2, "unsupported": 12, "ranked": 46, "unranked": 8, "warned": 13,
    }  # fmt: skip


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_first_screen_answers_for_the_first_model(open_page, report_url, width, height):
    page = open_page(report_url, width, height).page
    answer = make_collected(hostile=False).answers[0]
    words = page.locator(".answer-words").first
    assert words.inner_text() == answer.words
    for part in (words, page.locator(".card .numbers").first):
        box = part.bounding_box()
        assert box["y"] >= 44
        assert box["y"] + box["height"] <= height
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.locator("h3").first.inner_text().startswith("resnet18")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_backend_in_the_table_leads_to_its_details(open_page, gpu_url, width, height):
    from playwright.sync_api import expect

    page = open_page(gpu_url, width, height).page
    heading(page, "Backend").get_by_role("button").click()  # links still lead to their own target
    row = page.locator(f"{TABLE} tbody tr[data-backend=torch_tensorrt][data-precision=int8][data-batch='8']").first
    row.get_by_role("link", name="torch_tensorrt").click()
    detail = page.locator("details.one[open]")
    assert detail.count() == 1
    assert re.sub(r"\s+", " ", detail.locator("summary").inner_text()).startswith("torch_tensorrt int8 batch 8")
    expect(detail.locator("summary")).to_be_in_viewport()
    for words in ("Graph cut into", "Calibrated on", "Device time", "Dispatch", "Temperature", "Slowed down by"):
        expect(detail.get_by_text(words, exact=True)).to_be_visible()
    page.go_back()
    page.goto(page.url.partition("#")[0] + row.get_by_role("link").first.get_attribute("href"))
    assert page.locator("details.one[open]").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_gpu_report_is_legible_and_asks_for_nothing(open_page, gpu_url, scheme):
    watched = open_page(gpu_url, scheme=scheme, offline=True)
    watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert [entry for entry in watched.page.evaluate(CONTRAST) if entry[0] < 4.5] == []
    assert watched.errors == []
    assert [url for url in watched.requests if url not in (gpu_url, "data:,")] == []


@pytest.mark.parametrize("which", ["report_url", "hostile_url", "gpu_url"])
@pytest.mark.parametrize("width", [390, 320, 1280])
def test_the_page_never_scrolls_sideways(open_page, request, which, width):
    page = open_page(request.getfixturevalue(which), width, 844).page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_table_keeps_the_backend_in_sight_on_a_phone(open_page, report_url):
    page = open_page(report_url, 390, 844).page
    scroll = page.locator("#comparison .scroll")
    assert scroll.evaluate("e => e.scrollWidth > e.clientWidth")
    scroll.evaluate("e => e.scrollLeft = e.scrollWidth")
    cell, box = page.locator(f"{TABLE} tbody th").first.bounding_box(), scroll.bounding_box()
    assert box["x"] - 1 <= cell["x"] <= box["x"] + 2
    assert cell["width"] < 0.5 * box["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_legible(open_page, report_url, scheme):
    page = open_page(report_url, scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = page.evaluate(CONTRAST)
    assert len(found) > 1000
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(251, 250, 248)") == (scheme == "light")
    assert [entry for entry in found if entry[0] < 4.5] == []


def test_the_theme_can_be_chosen_and_is_kept(open_page, report_url):
    page = open_page(report_url, scheme="light").page
    background = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    button = page.locator("#theme")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    dark = page.evaluate(background)
    assert button.get_attribute("aria-pressed") == "true"
    assert dark != light
    page.reload()
    assert page.evaluate(background) == dark
    page.locator("#theme").click()
    assert page.evaluate(background) == light


def test_without_scripts_everything_is_there(open_page, report_url):
    page = open_page(report_url, java_script_enabled=False).page
    assert page.locator(f"{TABLE} tbody tr").count() == 72
    assert not page.locator("#filters").is_visible()
    assert page.locator(".answer-words").first.is_visible()


def test_landmarks_names_and_skip_link(open_page, report_url):
    page = open_page(report_url).page
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("button", name="Batch", exact=True).count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == 1
    assert page.get_by_role("table", name="Comparison of all 72 targets").count() == 1
    assert page.get_by_role("columnheader").count() > 11
    assert page.get_by_role("rowheader", name="openvino").count() >= 12
    assert page.get_by_role("searchbox", name="Search").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answers"
    page.keyboard.press("Enter")
    assert page.url.endswith("#answers")


def test_print_opens_what_is_folded_and_drops_controls(open_page, report_url, tmp_path):
    page = open_page(report_url, scheme="dark").page
    folded = page.locator("details:not([open])").count()
    assert folded > 10
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator("#filters").is_visible()
    assert not page.locator("header.top").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert [entry for entry in page.evaluate(CONTRAST) if entry[0] < 4.5] == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_two_thousand_targets_sort_and_filter(open_page, tmp_path):
    collected = make_collected(models=20, backends=10, batch_sizes=(1, 2, 4, 8, 16), hostile=False, layers=False)
    path = tmp_path / "index.html"
    path.write_text(html_of(collected, [], tmp_path, tmp_path))
    watched = open_page(path.as_uri())
    page = watched.page
    assert len(column(page, 0)) == 200
    heading(page, "Median latency").get_by_role("button").click()
    times = [float(value) for value in column(page, 4)]
    fastest = sorted(t.row.latency_ms for t in collected.targets if t.row.latency_ms is not None)[:200]
    assert times == pytest.approx(fastest, rel=1e-5), "all targets are sorted, not only those shown"
    page.locator("#rest button").click()
    assert len(column(page, 0)) == 2000
    assert not page.locator("#rest").is_visible()
    page.select_option("select[data-filter=backend]", "openvino")
    assert len(column(page, 0)) == 200
    assert watched.errors == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_an_empty_study_and_the_index_open_too(open_page, tmp_path, width, height):
    write_record(tmp_path / "collected.json", make_empty())
    write_report(tmp_path / "collected.json", tmp_path / "quickstart")
    write_index([tmp_path / "collected.json"], tmp_path / "index.html")
    watched = open_page((tmp_path / "index.html").as_uri(), width, height)
    watched.page.get_by_role("link", name="Quickstart").click()
    assert watched.page.url.endswith("quickstart/index.html")
    assert watched.page.locator(".answer-words").first.is_visible()
    assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
    assert watched.errors == []
