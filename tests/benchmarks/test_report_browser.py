"""The report in headless Chromium: no error, no request; tables sort, charts have marks; themes, phone, print."""

import shutil

import pytest

from edgeacc.benchmarks.report import plots
from edgeacc.benchmarks.report.page import Cell, Figure, Page, Section, Table, write

pytestmark = pytest.mark.integration
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
CHROMIUM = shutil.which("chromium")
POINTS = 5_000


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page with every kind of figure, and as many windows of a day and rows of a table as the issue asks."""
    rows = [[f"recipe-{n:04}", "tflite", Cell(f"{(n * 7919) % POINTS:,}", "bench"), f"{n / 10:.1f}"] for n in range(60)]
    rows += [["not-timed", "coreml", "–", "–"]]
    points = [plots.Point(f"artifact {n}", 100 + n, 0.5 + n / 10, 20 + n, "a test") for n in range(9)]
    many = [plots.PowerLine(f"watch {n}", [10.0, 20.0] * (POINTS // 2), 180.0) for n in range(2)]
    figures = {
        "pareto": plots.pareto(points),
        "power": plots.power(many, hours=24),
        "latency": plots.latency([plots.Latency("tflite-w8a8", 1.0, 1.5), plots.Latency("onnx-fp32", 2.0, 2.5)]),
        "layers": plots.layers([(f"{n} CONV_2D", 1000 * n) for n in range(1, 30)], "layers"),
    }
    table = Table(["recipe", "target", "calls", "p50 (ms)"], rows, texts=2, source="a test")
    wide = Table([f"column {n}" for n in range(20)], [[f"{n}" for n in range(20)]], texts=0)
    sections = [
        Section("Figures", figures=[Figure(svg, name) for name, svg in figures.items()]),
        Section("Table", table=table),
        Section("Wide", table=wide),
        Section("Folded", table=Table(["x"], [[str(n % 97)] for n in range(POINTS)], texts=0, folded=True)),
    ]
    path = tmp_path_factory.mktemp("report") / "report.html"
    write(Page("edgeacc report", "a subtitle", ["one sentence"], sections), path)
    return path


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, report):
    """Opens the report: opened(width, scheme) -> the page, with what it said and asked for."""
    pages = []

    def open_(width=1280, scheme="light"):
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(report.as_uri())
        pages.append(page)
        return page

    yield open_
    for page in pages:
        page.close()


def column(page, at):
    return page.locator("table").first.locator(f"tbody td:nth-child({at})").all_inner_texts()


def test_opens_without_an_error_or_a_request_to_any_host(opened, report):
    page = opened()
    page.locator("th button").first.click()
    assert page.said == []
    assert page.asked == [report.as_uri()]


def test_tables_sort_by_number_both_ways_with_dashes_last(opened):
    page = opened()
    calls = page.get_by_role("button", name="calls")
    for way, reverse in (("ascending", False), ("descending", True)):
        calls.click()
        numbers = [int(text.replace(",", "")) for text in column(page, 3)[:-1]]
        assert numbers == sorted(numbers, reverse=reverse)
        assert column(page, 3)[-1] == "–"
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == way
    page.get_by_role("button", name="recipe").click()
    assert column(page, 1) == sorted(column(page, 1))


def test_tables_sort_by_keyboard(opened):
    page = opened()
    page.get_by_role("button", name="p50 (ms)").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert column(page, 4)[0] == "5.9"


def test_every_chart_has_marks_of_the_theme_in_view(opened):
    strokes = {}
    for scheme in ("light", "dark"):
        page = opened(scheme=scheme)
        charts = page.locator("figure svg")
        assert charts.count() == 4
        for number in range(4):
            assert charts.nth(number).locator("path").count() > 10
            assert charts.nth(number).bounding_box()["height"] > 100
        mark = "[...document.querySelectorAll('#pareto-0-0 use')].map(use => getComputedStyle(use).fill)[0]"
        strokes[scheme] = page.evaluate(mark), page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert strokes["light"][0] != strokes["dark"][0]
    assert strokes["light"][1] != strokes["dark"][1]


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_the_page_is_never_wider_than_the_screen(opened, width):
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_screenshots_in_both_themes_and_on_a_phone_differ(opened):
    shots = [opened(width, scheme).screenshot() for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"))]
    assert len(set(shots)) == 3
    assert all(shot.startswith(b"\x89PNG") and len(shot) > 10_000 for shot in shots)


def test_prints_to_a_pdf_with_what_was_folded(opened):
    page = opened()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") > 10  # 5,000 rows do not fit on fewer


def test_five_thousand_rows_sort(opened):
    page = opened()
    page.locator("summary").click()
    page.locator("details th button").click()
    shown = [int(row) for row in page.locator("details tbody tr").all_inner_texts()]
    assert len(shown) == POINTS
    assert shown == sorted(shown)
