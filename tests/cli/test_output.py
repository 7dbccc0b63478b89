"""What verbs print, and the progress that other processes read."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from edgeacc.cli.output import PROGRESS_FILE, progress, show, table


class Inner(BaseModel):
    snr_db: float


def printed(capsys):
    return capsys.readouterr().out


def test_json_is_alone_and_holds_models_and_nulls(capsys):
    result = {"first": Inner(snr_db=1.5), "many": [Inner(snr_db=math.nan)]}
    show(result, [table("T", ("a",), [(1,)])], as_json=True, next_command="edgeacc ls")
    assert json.loads(printed(capsys)) == {"first": {"snr_db": 1.5}, "many": [{"snr_db": None}]}


def test_tables_and_the_next_command_are_for_people(capsys):
    show({}, [table("Sizes [B]", ("name", "MACs"), [("conv", 5), ("xl", None)])], as_json=False, next_command="go on")
    lines = printed(capsys).splitlines()
    assert lines[0] == "Sizes [B]"
    assert lines[-1] == "next: go on"
    assert [line for line in lines if line != line.rstrip()] == []


def test_square_brackets_are_text_not_markup(capsys):
    show({}, [table("[bold]", ("[red]unit [Hz]",), [("[/]",)])], as_json=False)
    out = printed(capsys)
    assert "[bold]" in out
    assert "[red]unit [Hz]" in out
    assert "[/]" in out


def test_columns_of_numbers_are_aligned_right(capsys):
    show({}, [table("", ("n", "word"), [("1,000", "a"), ("7", "b"), (None, "c")])], as_json=False)
    rows = [line for line in printed(capsys).splitlines() if line.endswith(("a", "b", "c"))]
    assert [row.split()[0] for row in rows] == ["1,000", "7", "-"]
    assert len({row.index(word) - 1 for row, word in zip(rows, "abc", strict=True)}) == 1
    assert rows[1].index("7") == rows[0].index("1,000") + 4


@given(cells=st.lists(st.lists(st.one_of(st.text(), st.integers(), st.none()), min_size=2, max_size=2), max_size=5))
def test_any_cells_can_be_drawn(cells):
    assert table("t", ("a", "b"), cells).row_count == len(cells)


def test_without_a_terminal_progress_is_a_line_at_the_end(capsys, monkeypatch):
    monkeypatch.delenv(PROGRESS_FILE, raising=False)
    with progress("train") as report:
        for step in range(1, 4):
            report(step, 3, f"loss {step}")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "train: 3 of 3 after 0 s (loss 3)\n")


def test_a_slow_work_says_so_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr("edgeacc.cli.output.LINE_EVERY_S", 0.0)
    with progress("train") as report:
        report(1, 3)
        report(2, 3)
    assert capsys.readouterr().err == "train: 1 of 3 after 0 s\ntrain: 2 of 3 after 0 s\n"


def test_a_file_holds_the_newest_state(tmp_path, monkeypatch):
    path = tmp_path / "state"
    monkeypatch.setenv(PROGRESS_FILE, str(path))
    with progress("train") as report:
        report(1, 3, "loss 2")
        assert json.loads(path.read_text()) == {"title": "train", "done": 1, "total": 3, "note": "loss 2"}
        report(2, 3)
        report(3, 3, "loss 1")
    assert json.loads(path.read_text()) == {"title": "train", "done": 3, "total": 3, "note": "loss 1"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]


def test_a_terminal_gets_a_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with progress("train") as report:
        report(2, 3, "loss [x]")
    err = capsys.readouterr().err
    assert "2/3" in err
    assert "loss [x]" in err


NAMES = ("executorch-w8a8-of-my-own", "coreml-fp16-another-one")


def test_where_a_table_is_too_wide_each_cell_has_its_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    rows = [(name, 12.5, f"/some/folder/{name}", None) for name in NAMES]
    show({}, [table("Bundles", ("recipe", "SNR [dB]", "bundle", "fix"), rows)], as_json=False)
    words = printed(capsys).split()
    assert words[0] == "Bundles"
    assert words.count("recipe") == words.count("[dB]") == words.count("12.5") == words.count("-") == 2
    assert [word for word in words if word.startswith("/")] == [f"/some/folder/{name}" for name in NAMES]


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_no_word_is_broken_however_narrow_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    cell = "pip install 'edgeacc[coreml]' -c constraints.txt"
    show({}, [table("", ("path", "state", "fix"), [("x" * 100, "ok", cell)])], as_json=False)
    words = printed(capsys).split()
    assert "x" * 100 in words
    assert set(cell.split()) <= set(words)


@pytest.mark.parametrize("columns", ["60", "200"])
def test_the_width_can_be_asked_for(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    show({}, [table("", ("text",), [("word " * 100,)])], as_json=False)
    assert max(map(len, printed(capsys).splitlines())) in range(int(columns) - 12, int(columns) + 1)
