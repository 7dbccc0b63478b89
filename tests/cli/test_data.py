"""`edgeacc data report`: a page that stands alone, whose charts a browser draws."""

import json
import re
import shutil
import subprocess

import pytest

from edgeacc.cohort.config import CohortConfig
from edgeacc.windows.from_cohort import from_cohort

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
COUNT = """<script>addEventListener("load", () => {
  const boxes = [...document.querySelectorAll("figure svg")].map(svg => svg.getBoundingClientRect());
  document.title = "drawn " + boxes.filter(box => box.width > 200 && box.height > 100).length;
});</script>"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "store"
    from_cohort(CohortConfig(participants=4, windows_per_participant=4), path)
    return path


@pytest.mark.integration
def test_the_page_is_written_and_told(edgeacc, store, tmp_path):
    page = tmp_path / "report.html"
    done = edgeacc("data", "report", store, "-o", page)
    assert done.code == 0
    assert "16 still, whole and paired minutes" in done.out
    text = page.read_text()
    assert text.count("<svg") >= 4
    assert not re.search(r"(src|href)=.?(https?:)?//", text)
    again = edgeacc("data", "report", store, "-o", page)
    assert again.code == 2
    assert "--force" in again.err
    told = json.loads(edgeacc("data", "report", store, "-o", page, "--force", "--json").out)
    assert told["store"]["windows"] == 16
    assert told["heartbeats"] == []  # a cohort has no recordings


@pytest.mark.parametrize("missing", ["nowhere", "file"])
def test_what_is_no_store_is_refused(edgeacc, tmp_path, missing):
    (tmp_path / "file").write_text("")
    done = edgeacc("data", "report", tmp_path / missing, "-o", tmp_path / "page.html")
    assert done.code == 2
    assert "store" in done.err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.integration
@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_draws_every_chart(edgeacc, store, tmp_path):
    page = tmp_path / "report.html"
    edgeacc("data", "report", store, "-o", page)
    charts = page.read_text().count("<svg")
    page.write_text(page.read_text().replace("</head>", COUNT + "</head>"))
    browser = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    drawn = subprocess.run(
        [*browser, "--virtual-time-budget=5000", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"<title>drawn {charts}</title>" in drawn.stdout
