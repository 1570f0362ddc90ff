"""From a hospital's file to [0, 1]^D and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grandrounds_client.encoding import Encoded, decode, encode
from grandrounds_client.settings import SiteSettings
from grandrounds_client.table import read_table
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Federation

Make = Callable[..., SiteSettings]
Write = Callable[[str], Path]

GOOD = "age,sex,stage,outcome\n50,f,I,0\n25,m,III,2\n"
PLANTED = "74.813"


def encoded(path: Path, federation: Federation, site: SiteSettings) -> Encoded:
    return encode(read_table(path, site.separator), federation, site)


def test_each_kind_is_encoded_as_agreed(
    federation: Federation, settings: Make, write: Write
) -> None:
    rows = encoded(write(GOOD), federation, settings())
    assert rows.x.tolist() == [[0.5, 1, 0, 0], [0.25, 0, 1, 1]]
    assert rows.y.tolist() == [0, 1]
    assert rows.x.dtype == np.float32


def test_a_feature_the_site_lacks_is_zero_and_not_among_its_columns(
    federation: Federation, settings: Make, write: Write
) -> None:
    site = settings(features=["age", "stage"])
    rows = encoded(write("age,stage,outcome\n50,II,0\n"), federation, site)
    assert rows.x.tolist() == [[0.5, 0, 0, 0.5]]
    assert rows.columns.tolist() == [0, 3]


def test_missing_is_zero_and_counted(federation: Federation, settings: Make, write: Write) -> None:
    site = settings(missing=["", "?"], columns={"age": {"missing": ["-9"]}})
    text = "age,sex,stage,outcome\n-9,?,,0\n50,f,II,1\n"
    rows = encoded(write(text), federation, site)
    assert rows.x[0].tolist() == [0, 0, 0, 0]
    assert rows.missing == {"age": 1, "sex": 1, "stage": 1}


def test_a_value_out_of_bounds_is_clipped_and_counted(
    federation: Federation, settings: Make, write: Write
) -> None:
    text = "age,sex,stage,outcome\n150,f,I,0\n-5,f,I,0\n100,f,I,1\n"
    rows = encoded(write(text), federation, settings())
    assert rows.x[:, 0].tolist() == [1, 0, 1]
    assert rows.clipped["age"] == 2


def test_columns_and_spellings_are_mapped(
    federation: Federation, settings: Make, write: Write
) -> None:
    site = settings(
        separator=";",
        columns={
            "sex": {"column": "GESCHLECHT", "values": {"w": "f", "1": "m"}},
            "age": {"column": "months", "scale": 1 / 12},
        },
        label={"column": "dx", "values": {"no": "0", "yes": "1"}},
    )
    text = "months;GESCHLECHT;stage;dx\n600;w;I;no\n600;1.0;I;yes\n"
    rows = encoded(write(text), federation, site)
    assert rows.x[:, :3].tolist() == [[0.5, 1, 0], [0.5, 0, 1]]
    assert rows.y.tolist() == [0, 1]


def test_parquet_reads_like_csv(
    federation: Federation, settings: Make, tmp_path: Path, write: Write
) -> None:
    table = pa.table(
        {"age": [50.0, None], "sex": ["f", "m"], "stage": ["I", "III"], "outcome": [0, 2]}
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = encoded(tmp_path / "rows.parquet", federation, settings())
    same = encoded(write(GOOD.replace("25", "")), federation, settings())
    assert rows.x.tolist() == same.x.tolist()
    assert rows.y.tolist() == same.y.tolist()


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("age,sex,stage,outcome\n50,f,I,0\n74.813,x,I,0\n", {}, ["line 3", "'sex'", "f, m"]),
        ("age,sex,stage,outcome\n74.813y,f,I,0\n", {}, ["line 2", "'age'", "number"]),
        ("age,sex,stage,outcome\nnan,f,I,0\n", {}, ["line 2", "'age'", "number"]),
        ("age,sex,stage,outcome\n1e999,f,I,0\n", {}, ["line 2", "'age'", "number"]),
        ("age,sex,stage,outcome\n50,f,74.813,0\n", {}, ["line 2", "'stage'", "I, II, III"]),
        ("age,sex,stage,outcome\n50,f,I,74.813\n", {}, ["line 2", "'outcome'", "label"]),
        ("age,sex,stage,outcome\n50,f,I,\n", {}, ["line 2", "'outcome'", "label is missing"]),
        ("age,stage,outcome\n50,I,0\n", {}, ["'sex'", "missing from the data file"]),
        ("age,sex,stage\n50,f,I\n", {}, ["'outcome'", "missing from the data file"]),
        ("", {}, ["empty"]),
        ("age,sex,stage,outcome\n", {}, ["no rows"]),
        ("74.813,f,74.813,0\n25,m,I,1\n", {}, ["columns 1 and 3", "header line"]),
        ("age,sex,stage,outcome\n50,f,I\n", {}, ["line 2", "3 fields where the header has 4"]),
        (GOOD, {"features": ["age", "colour"]}, ["'colour'", "not a feature", "features"]),
        (GOOD, {"columns": {"colour": {}}}, ["'colour'", "not a feature", "columns"]),
    ],
)
def test_each_mistake_names_file_row_column_and_remedy_but_never_the_value(
    federation: Federation,
    settings: Make,
    write: Write,
    text: str,
    changes: dict[str, object],
    said: list[str],
) -> None:
    site = settings(**changes)
    with pytest.raises(BadInput) as caught:
        encoded(write(text), federation, site)
    message = str(caught.value)
    assert all(part in message.replace("row ", "line ") for part in said), message
    assert "remedy" in message
    assert PLANTED not in message
    assert len(message.splitlines()) <= 6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("absent.csv", None),
        ("rows.xlsx", b"PK"),
        ("rows.parquet", b"not parquet"),
        ("rows.csv", b"age\xff\xfe,sex\n"),
        ("rows.csv", b'age,sex\n"50,f\n'),
    ],
)
def test_a_file_that_cannot_be_read_says_so(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=r"read|neither|not a"):
        read_table(path)


def test_a_folder_in_place_of_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(BadInput, match="cannot read"):
        read_table(tmp_path / "rows.csv")


def test_a_byte_order_mark_and_blank_lines_do_no_harm(
    federation: Federation, settings: Make, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n\r\n").encode())
    assert len(encoded(path, federation, settings()).y) == 2


valid = st.tuples(
    st.floats(0, 100, width=32), st.sampled_from(["f", "m"]), st.sampled_from(["I", "II", "III"])
)


@given(st.lists(valid, min_size=1, max_size=20))
def test_decoding_gives_back_what_was_encoded(
    rows: list[tuple[float, str, str]],
) -> None:
    federation = Federation.model_validate(
        {
            "name": "demo",
            "label": "y",
            "classes": ["0", "1"],
            "features": [
                {"kind": "continuous", "name": "age", "low": 0, "high": 100},
                {"kind": "categorical", "name": "sex", "categories": ["f", "m"]},
                {"kind": "ordinal", "name": "stage", "levels": ["I", "II", "III"]},
            ],
        }
    )
    from grandrounds_client.table import Table

    columns = {
        "age": [repr(age) for age, _, _ in rows],
        "sex": [sex for _, sex, _ in rows],
        "stage": [stage for _, _, stage in rows],
        "y": ["0" for _ in rows],
    }
    site = SiteSettings.model_validate({"name": "n", "data": "d.csv", "learner": "tree"})
    table = Table("memory", columns, list(range(len(rows))))
    back = decode(encode(table, federation, site).x, Layout.of(federation))
    assert back["sex"] == columns["sex"]
    assert back["stage"] == columns["stage"]
    assert np.allclose(back["age"], [age for age, _, _ in rows], atol=1e-4)  # type: ignore[arg-type]


def test_a_missing_category_decodes_to_none(federation: Federation) -> None:
    values = decode(np.zeros((1, 4), np.float32), Layout.of(federation))
    assert values == {"age": [0.0], "sex": [None], "stage": ["I"]}
