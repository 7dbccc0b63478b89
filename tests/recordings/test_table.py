import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edgeacc.errors import BadInput
from edgeacc.files import parse_model, read_model
from edgeacc.recordings import table
from edgeacc.recordings.table import TableMapping

PLAIN = {"acc_columns": ("ax", "ay", "az"), "acc_unit": "mg", "ppg_columns": ("green",), "ppg_upstroke": "positive"}
AT_RATE = TableMapping(**PLAIN, rate_hz=50)
AT_TIMES = TableMapping(**PLAIN, time_column="t", time_unit="ms")
HEAD = "t,who,ax,ay,az,green\n"
ROWS = "".join(f"{at},p,1,1,999,1\n" for at in (0, 20, 40))


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_csv_at_a_rate(write):
    (recording,) = table.read(write(HEAD + "0,p,10,20,1000,5\n20,p,11,21,1001,6\n"), "p", AT_RATE)
    np.testing.assert_allclose(recording.acc.samples_CN, [[0.010, 0.011], [0.020, 0.021], [1.0, 1.001]], rtol=1e-6)
    assert (recording.acc.rate_hz, recording.acc.times_s) == (50, None)
    assert recording.ppg.samples_CN.tolist() == [[5, 6]]


def test_csv_with_times_units_and_a_turned_sign(write):
    mapping = TableMapping(**{**PLAIN, "acc_unit": "m/s2", "ppg_upstroke": "negative"}, time_column="t", time_unit="ms")
    (recording,) = table.read(write(HEAD + "0,p,0,0,9.80665,5\n25,p,0,0,9.80665,6\n"), "p", mapping)
    assert recording.acc.samples_CN[2].tolist() == [1, 1]
    assert recording.acc.times_s.tolist() == [0, 0.025]
    assert recording.acc.rate_hz == pytest.approx(40)
    assert recording.ppg.samples_CN.tolist() == [[-5, -6]]
    assert recording.notes == ("sign turned",)


@pytest.mark.parametrize(
    "header", ["\ufefft,who,ax,ay,az,green", '"t","who","ax","ay","az","green"', "t, who, ax, ay, az, green"]
)
def test_headers_as_spreadsheets_and_r_write_them(write, header):
    (recording,) = table.read(write(f"{header}\n0,p,1,1,999,1\n20,p,1,1,999,2\n"), "p", AT_RATE)
    assert recording.ppg.samples_CN.tolist() == [[1, 2]]


def test_several_participants_and_another_delimiter(write):
    mapping = TableMapping(**PLAIN, rate_hz=50, participant_column="who", delimiter=";")
    text = HEAD + "0,b,1,1,999,1\n0,a,2,2,999,2\n20,b,3,3,999,3\n"
    recordings = table.read(write(text.replace(",", ";")), "file", mapping)
    assert [recording.participant for recording in recordings] == ["a", "b"]
    assert recordings[1].ppg.samples_CN.tolist() == [[1, 3]]


def test_an_empty_cell_is_a_missing_sample(write):
    (recording,) = table.read(write(HEAD + "0,p,1,,999,1\n20,p,1,1,999,nan\n"), "p", AT_RATE)
    assert np.isnan(recording.acc.samples_CN).tolist() == [[False, False], [True, False], [False, False]]
    assert np.isnan(recording.ppg.samples_CN).tolist() == [[False, True]]


def test_parquet_gives_the_same_as_csv(write, tmp_path):
    columns = {"t": [0, 20, 40], "ax": [1.0, 2, 3], "ay": [4, None, 6], "az": [997, 998, 999], "green": [1.5, 2.5, 3.5]}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet")
    (one,) = table.read(tmp_path / "table.parquet", "p", AT_TIMES)
    rows = zip(*([("" if cell is None else str(cell)) for cell in column] for column in columns.values()), strict=True)
    (two,) = table.read(write(",".join(columns) + "\n" + "\n".join(map(",".join, rows)) + "\n"), "p", AT_TIMES)
    np.testing.assert_array_equal(one.acc.samples_CN, two.acc.samples_CN)
    np.testing.assert_array_equal(one.acc.times_s, two.acc.times_s)


MALFORMED = [
    ("", r"lacks the column\(s\) ax, ay, az, green", ""),
    ("t,ax,ay,green\n0,1,1,1\n", r"lacks the column\(s\) az", "t, ax, ay, green"),
    (HEAD, "has no samples", "rows of t, who"),
    (HEAD + "0,p,1,1,1\n", r"line 2: 5 cell\(s\), expected 6", ""),
    (HEAD + "0,p,1,1,1,1\n20,p,1,1,high,1\n", "line 3: az is 'high', expected a finite number", ""),
    (HEAD + "0,p,1,1,1,1\n,p,1,1,1,1\n", "line 3: t is '', expected a finite number", ""),
    (HEAD + "0,p,1,1,1,1\n40,p,1,1,1,1\n20,p,1,1,1,1\n", "line 4: time does not go forward", "ascending"),
    (HEAD + "0,p,1,1,inf,1\n20,p,1,1,1,1\n", "line 2: az is 'inf', expected a finite number", ""),
    (HEAD + "0,p,1,1,1,1\n20000,p,1,1,1,1\n", r"line 2: 0\.05 samples per second", "16 to 10000"),
    (HEAD + ROWS + "9e9,p,1,1,1,1\n", r"line 5: time leaps by 9e\+06 s", "10%"),
]
OF_PEOPLE = TableMapping(**{**PLAIN, "acc_unit": "mg"}, time_column="t", time_unit="ms", participant_column="who")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("0,a,1,1,999,1\n20,a,1,1,999,1\n60,b,1,1,999,1\n40,b,1,1,999,1\n", "line 5: time does not go forward"),
        ("0,a,1,1,999,1\n20,,1,1,999,1\n", r"line 3: who is empty \(1 such row"),
    ],
)
def test_the_line_is_the_files_not_the_participants(write, rows, told):
    with pytest.raises(BadInput, match=told):
        table.read(write(HEAD + rows), "p", OF_PEOPLE)


@pytest.mark.parametrize(("unit", "told"), [("g", "1e\\+03 g if its unit is g"), ("m/s2", "102 g if its unit is m/s2")])
def test_a_wrong_unit_is_noticed_by_gravity(write, unit, told):
    text = HEAD + "0,p,0,0,1000,5\n20,p,0,0,1000,6\n"
    with pytest.raises(BadInput, match=told) as caught:
        table.read(write(text), "p", TableMapping(**{**PLAIN, "acc_unit": unit}, rate_hz=50))
    assert "with gravity in them" in caught.value.valid


@pytest.mark.parametrize(("text", "told", "valid"), MALFORMED)
def test_malformed_tables_are_told_by_line(write, text, told, valid):
    with pytest.raises(BadInput, match=told) as caught:
        table.read(write(text), "p", AT_TIMES)
    assert valid in caught.value.valid


def test_malformed_parquet(tmp_path):
    broken = tmp_path / "broken.parquet"
    pq.write_table(pa.table({name: [1.0, 2.0] for name in AT_TIMES.numbers}), broken)
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"broken\.parquet"):
        table.read(broken, "p", AT_TIMES)
    broken.write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"broken\.parquet"):
        table.read(broken, "p", AT_TIMES)
    words = tmp_path / "words.parquet"
    pq.write_table(pa.table({name: ["a", "b"] for name in AT_TIMES.numbers}), words)
    with pytest.raises(BadInput, match=r"words\.parquet: column ax holds string"):
        table.read(words, "p", AT_TIMES)
    numbers = {name: [1.0, 2.0] for name in AT_TIMES.numbers}
    pq.write_table(pa.table(numbers | {"green": [1.0, np.inf]}), words)
    with pytest.raises(BadInput, match=r"words\.parquet, row 2: green is inf"):
        table.read(words, "p", AT_TIMES)
    pq.write_table(pa.table(numbers | {"t": [2.0, None]}), words)
    with pytest.raises(BadInput, match=r"words\.parquet, row 2: no finite time"):
        table.read(words, "p", AT_TIMES)
    pq.write_table(pa.table({"t": [1.0]}), words)
    with pytest.raises(BadInput, match=r"lacks the column\(s\) ax, ay, az, green"):
        table.read(words, "p", AT_TIMES)


def test_a_column_that_is_there_twice_is_not_guessed(write, tmp_path):
    with pytest.raises(BadInput, match=r"table\.csv has several columns ax"):
        table.read(write("t,ax,ax,ay,az,green\n0,1,7,1,999,1\n20,1,7,1,999,1\n"), "p", AT_TIMES)
    names = ["ax", *AT_TIMES.numbers]
    pq.write_table(pa.table([pa.array([1.0, 2.0])] * len(names), names=names), tmp_path / "twice.parquet")
    with pytest.raises(BadInput, match=r"twice\.parquet has several columns ax"):
        table.read(tmp_path / "twice.parquet", "p", AT_TIMES)


def test_participants_that_are_no_names(tmp_path):
    columns = {name: [1.0, 2.0] for name in OF_PEOPLE.numbers} | {"who": [[1], [2]]}
    pq.write_table(pa.table(columns), tmp_path / "lists.parquet")
    with pytest.raises(BadInput, match=r"lists\.parquet: column who holds list"):
        table.read(tmp_path / "lists.parquet", "p", OF_PEOPLE)


@pytest.mark.parametrize(
    ("text", "told"), [(None, "does not exist"), ("acc_unit = ", "is not valid TOML"), ("\0", "is not valid TOML")]
)
def test_a_mapping_that_is_not_there_or_no_toml_tells_what_one_is(tmp_path, text, told):
    path = tmp_path / "nothere.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=rf"nothere\.toml {told}") as caught:
        read_model(path, TableMapping, next_command="edgeacc ls formats")
    for field in TableMapping.model_fields:
        assert field in caught.value.valid
    assert caught.value.next_command == "edgeacc ls formats"


def test_all_mistakes_of_a_mapping_at_once():
    with pytest.raises(BadInput) as caught:
        parse_model({"acc_columns": ["x", "y"], "acc_unit": "lbs", "colour": 1}, TableMapping, where="map.toml")
    told = caught.value.problem
    for part in ("map.toml", "acc_columns", "acc_unit", "ppg_columns", "ppg_upstroke", "colour"):
        assert part in told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "either rate_hz or time_column"),
        ({"rate_hz": 50, "time_column": "t"}, "either rate_hz or time_column"),
        ({"rate_hz": 50, "ppg_columns": ("ax",)}, "named twice"),
        ({"rate_hz": 0.001}, "greater than or equal to 16"),
    ],
)
def test_mappings_that_make_no_sense(more, told):
    with pytest.raises(ValidationError, match=told):
        TableMapping(**{**PLAIN, **more})


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet='0123456789.,-+e \nnai";\tx', max_size=80))
def test_no_text_makes_it_fall_over(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("t,ax,ay,az,green\n0,1,1,999,1\n" + text)
    told = None
    try:
        (recording,) = table.read(path, "p", AT_TIMES)
        assert (np.diff(recording.acc.times_s) > 0).all()
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "table.csv" in told
