"""The HTML page and its figures."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from edgeacc.benchmarks.report import plots
from edgeacc.benchmarks.report.page import Cell, Figure, Page, Section, Table, render, write
from edgeacc.benchmarks.report.svg import COLOUR


def all_figures():
    curve = plots.Curve("student", [10, 100, 1000], [1.0, 0.98, 0.96], "s1")
    method = plots.Method(
        "distilled <student>", {"ridge, 10 %": plots.Estimate(3.6, 3.2, 4.0), "no labels": plots.Estimate(2.8)}
    )
    samples = np.zeros((3, 3840), np.float32)
    return {
        "retrieval": plots.retrieval([curve]),
        "probes": plots.probes("Heart rate", "bpm", [method], "hr"),
        "latency": plots.latency([plots.Latency("tflite-w8a8", 1.0, 1.5), plots.Latency("onnx-fp32", 2.0, 2.5)]),
        "window": plots.window(samples, samples, np.array([0.5, 1.5, np.nan], np.float32), 64.0),
        "pareto": plots.pareto(
            [plots.Point("tflite <w8>", 145, 0.6, 25.0, "a test"), plots.Point("coreml-fp16", 264, None, 60, "a test")]
        ),
        "power": plots.power([plots.PowerLine("a watch", [10.0, 20.0] * 720, 180.0)], hours=24),
        "layers": plots.layers([("0 CONV_2D", 3_000_000), ("1 ADD", 1_000_000)], "layers"),
        "times": plots.layer_times([("conv Conv", 0.03), ("add Add", 0.01)], "times"),
    }


@pytest.fixture(scope="module")
def figures():
    return all_figures()


@pytest.fixture(scope="module")
def page(figures):
    return Page(
        title="A <title>",
        subtitle="a subtitle",
        summary=["one sentence"],
        sections=[
            Section("Table", table=Table(["recipe", "p50 (ms)"], [["tflite-w8a8", "1.0"]]), note="a note"),
            Section("Figures", figures=[Figure(svg, name) for name, svg in figures.items()]),
            Section("Lists", paragraphs=["text"], items=["no watch"], commands=["edgeacc demo -o 'a & b'"]),
        ],
    )


@pytest.mark.parametrize("name", ["retrieval", "probes", "latency", "window", "pareto", "power", "layers", "times"])
def test_a_figure_is_well_formed_and_holds_no_colour_but_the_pages(figures, name):
    svg = figures[name]
    ElementTree.fromstring(svg.replace("<svg", '<svg xmlns:xlink="x"', 1))
    assert set(re.findall(r"var\(--(\w+)\)", svg)) <= set(COLOUR)
    assert not re.findall(r"#[0-9a-f]{6}\b", svg)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("retrieval", "candidates in the pool"),
        ("probes", "mean absolute error (bpm)"),
        ("latency", "time for one window (ms)<"),
        ("window", "time (s)"),
        ("pareto", "SNR (dB)"),
        ("power", "(uW)"),
        ("layers", "instructions (thousands)"),
        ("times", "time (ms)"),
    ],
)
def test_axes_are_labelled_with_their_units(figures, name, said):
    assert said in figures[name]


def test_a_mark_tells_its_numbers_with_their_units_where_a_pointer_rests(figures):
    assert "<title>tflite &lt;w8&gt;: 0.6 ms, 25.0 dB (a test)</title>" in figures["pareto"]
    assert "<title>tflite &lt;w8&gt;: 145 KiB, 25.0 dB (a test)</title>" in figures["pareto"]
    assert "<title>a watch: 15 uW in the mean</title>" in figures["power"]
    assert "<title>conv Conv: 0.0300 ms, 75.0%</title>" in figures["times"]
    assert "<title>0 CONV_2D: 3,000,000 instructions, 75.0%</title>" in figures["layers"]


def test_what_is_beaten_in_both_is_not_on_the_front():
    points = [
        plots.Point("good", 100, 1.0, 60, "a"),
        plots.Point("dear", 200, 2.0, 50, "a"),
        plots.Point("exact", 400, 3.0, 120, "a"),
    ]
    drawn = plots.pareto(points)
    named = re.findall(r">\s*(\w+)</text>", drawn)
    assert {"good", "exact"} <= set(named)
    assert "dear" not in named


def test_a_number_tells_its_column_and_where_it_comes_from():
    table = Table(["recipe", "p50 (ms)", "days"], [["a", "1.0", Cell("–", "not simulated")]], source="bench of today")
    html = render(Page("t", "s", [], [Section("Table", table=table)]))
    assert '<td title="p50 (ms): bench of today">1.0</td>' in html
    assert '<td title="days: not simulated">–</td>' in html


def test_methods_that_fit_nothing_are_drawn_aside():
    fitted = plots.Method("student", {f"series {n}": plots.Estimate(1.0) for n in range(5)})
    drawn = plots.probes("HR", "bpm", [fitted, plots.Method("mean", {plots.NO_PROBE: plots.Estimate(2.0)})], "x")
    without = plots.probes("HR", "bpm", [fitted, plots.Method("mean", {"series 0": plots.Estimate(2.0)})], "x")
    mark = 'style="fill: var(--muted); stroke: var(--muted)"'
    assert mark in drawn
    assert mark not in without


@pytest.mark.integration
def test_a_figure_is_the_same_in_every_run(figures):
    assert all_figures() == figures


def test_ids_on_the_page_are_unique(page):
    ids = re.findall(r'\bid="([^"]+)"', render(page))
    assert len(ids) == len(set(ids))


def test_every_reference_on_the_page_is_inside_it(page):
    html = render(page)
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    assert set(re.findall(r'url\(#([^)]+)\)|xlink:href="#([^"]+)"', html)) != set()
    assert {a or b for a, b in re.findall(r'url\(#([^)]+)\)|xlink:href="#([^"]+)"', html)} <= ids


def test_the_page_asks_nothing_of_any_host(page):
    html = render(page)
    assert "://" not in html
    assert not re.search(r"<(link|img|iframe)|@import|\bsrc=", html)


def test_texts_are_escaped_and_tags_balanced(page):
    html = render(page)
    assert "A &lt;title&gt;" in html
    assert "distilled &lt;student&gt;" in html
    assert "a &amp; b" in html
    balance = Balance()
    balance.feed(html)
    assert balance.open == []


class Balance(HTMLParser):
    VOID = ("meta", "path", "use", "br")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_empty_parts_leave_nothing_behind():
    html = render(Page("t", "s", [], [Section("only a heading")]))
    assert "<table" not in html
    assert "<ul" not in html
    assert "<figure" not in html


def test_writing_replaces_an_older_page(tmp_path, page):
    path = tmp_path / "index.html"
    path.write_text("old")
    write(page, path)
    assert path.read_text() == render(page)
    assert list(tmp_path.iterdir()) == [path]


def test_every_stand_in_colour_is_in_the_style_sheet_for_light_and_dark():
    html = render(Page("t", "s", []))
    for role in COLOUR:
        assert html.count(f"--{role}:") >= 2
