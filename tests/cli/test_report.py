"""`edgeacc report`: the files that it writes, and what stops it."""

import json

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture
def verified(edgeacc, onnx_bundle, tmp_path):
    path = tmp_path / "verify.json"
    path.write_text(edgeacc("verify", onnx_bundle, "--json").out)
    return path


def test_writes_a_page_json_and_csv_and_prints_a_table(edgeacc, verified, tmp_path):
    out = [tmp_path / f"report.{suffix}" for suffix in ("html", "json", "csv")]
    ran = edgeacc("report", verified, *(word for path in out for word in ("-o", path)))
    assert ran.code == 0
    assert "SNR (dB)" in ran.out
    assert f"next: python3 -m webbrowser {out[0]}" in ran.out
    page, data, lines = (path.read_text() for path in out)
    assert "<title>edgeacc report</title>" in page
    assert json.loads(data)["targets"][0]["recipe"] == "onnx-fp32"
    assert len(lines.splitlines()) == 2
    assert edgeacc("report", verified, "-o", out[0]).code == 2
    assert edgeacc("report", verified, "-o", out[0], "--force").code == 0


def test_a_rejected_bundle_is_a_warning_and_a_row(edgeacc, tampered_bundle, tmp_path):
    ran = edgeacc("report", tampered_bundle, "-o", tmp_path / "report.html", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["targets"][0]["rejected"]
    assert "is rejected" in ran.err


def test_an_unknown_suffix_and_a_corrupt_result_are_refused(edgeacc, tmp_path):
    corrupt = tmp_path / "bench.json"
    corrupt.write_text('{"rows": [')
    ran = edgeacc("report", corrupt, "-o", tmp_path / "report.pdf")
    assert (ran.code, "no report ends in '.pdf'" in ran.err) == (2, True)
    ran = edgeacc("report", corrupt, "-o", tmp_path / "report.html")
    assert (ran.code, "not valid JSON" in ran.err) == (2, True)
    assert not (tmp_path / "report.html").exists()
