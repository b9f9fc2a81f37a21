"""Conditions filter, and can do nothing else."""

import sqlite3
from pathlib import Path

import pytest

from zoo.embedding.rows import Record, Rows, write_rows
from zoo.errors import DataError, IntegrityError, UnavailableError, UsageError
from zoo.index import where
from zoo.index.where import Filter

COLUMNS = ("id", "path", "label", "year", "sku", "price")
ROWS = [
    Record("a.png", "1", "a cat", {"label": "cat"}, {"year": "2011", "sku": "007"}, 0),
    Record("b.png", "2", "", {"label": "it's a dog"}, {"year": "2009", "sku": "8"}, 1),
    Record("ü c.png", "2", "", {}, {"year": "", "sku": "9"}, 2),
]


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "é %20?#.sqlite"
    write_rows(path, ROWS)
    return path


@pytest.mark.parametrize(
    ("clause", "rows"),
    [
        ("label = 'cat'", [0]),
        ("label = 'it''s a dog'", [1]),
        ("LABEL like '%DOG'", [1]),
        ("year > 2009", [0]),
        ("year = '2009'", [1]),
        ("year is null", [2]),
        ("sku = '007'", [0]),
        ("sku = 7", []),
        ("label = 'cat' or year < 2010", [0, 1]),
        ("not (label = 'cat')", [1]),
        ("lower(path) like 'ü%' -- a remark", [2]),
        ("price is null", [0, 1, 2]),  # a column that only other segments have
        ("\"label\" = 'cat'", [0]),
        ("0", []),
    ],
)
def test_a_condition_selects_as_sql_does(clause: str, rows: list[int], items: Path) -> None:
    assert Filter(items, COLUMNS).rows(clause).tolist() == rows


@pytest.mark.parametrize(
    "clause",
    [
        "rowid < 3",  # SQLite's hidden names: null here, for every row
        "items._rowid_ is null or OID = 1",
        '"rowid" < 3',
        "row < 3",  # the place in a segment: another item in each of them
        '"""row""" < 3',
        "1; drop table items",
        "1) union select row from items --",
        "1) ; delete from items --",
        "exists (select 1 from sqlite_master)",
        "exists (select 1 from pragma_table_info('items'))",
        "label = readfile('/etc/passwd')",
        "load_extension('x') is null",
        "length(randomblob(1000000000)) > 0",
        "length(printf('%.*c', 1000000000, 'x')) > 0",
        "(with recursive c(x) as (select 1 union all select x from c) select max(x) from c) > 0",
        "attach database '/tmp/x' as y",
        "colour = 'red'",
        "\"colour\" = 'red'",
        "label = 'cat",
        "label = ?",
        "",
        "  ",
        "label = 'a\0b'",
        "(" * 200 + "1" + ")" * 200,
        "1 " + "or 1 " * 5000,
    ],
)
def test_anything_but_a_condition_is_refused(clause: str, items: Path) -> None:
    before = items.read_bytes()
    with pytest.raises(UsageError, match="--where"):
        Filter(items, COLUMNS).rows(clause)
    assert items.read_bytes() == before


def test_a_column_may_be_called_as_a_hidden_one_is(tmp_path: Path) -> None:
    path = tmp_path / "items.sqlite"
    write_rows(path, [Record(f"{i}", extra={"rowid": str(9 - i)}, id=i) for i in range(3)])
    assert Filter(path, ("id", "path", "rowid")).rows("rowid < 9").tolist() == [1, 2]


def test_a_condition_that_would_run_for_ever_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "BUDGET", 20)
    path = tmp_path / "items.sqlite"
    write_rows(path, [Record(f"{i}", id=i) for i in range(1000)])
    tables = ", ".join(f"items t{i}" for i in range(9))
    with pytest.raises(UsageError, match="interrupted"):
        Filter(path, ("id", "path")).rows(f"(select max(t1.id + t8.id) from {tables}) > 5")


def test_the_rows_come_back_as_they_went_in(items: Path) -> None:
    found = Rows(items, ["label"]).records([2, 0])
    assert found[0].labels == {"label": "cat"}
    assert found[0].extra == {"year": 2011, "sku": "007"}
    assert found[2] == Record("ü c.png", "2", "", {}, {"sku": "9"}, 2)


def test_rows_are_found_by_path_and_content(items: Path) -> None:
    rows = Rows(items, ["label"])
    assert rows.rows_of("sha256", ["2", "none"]) == {"2": [1, 2]}
    assert len(rows) == 3


def test_rows_cannot_be_written_through_an_open_index(items: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        Rows(items, [])._connection.execute("DELETE FROM items")


@pytest.mark.parametrize("name", ["path", "ID", 'a"b', ""])
def test_columns_that_cannot_be_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column"):
        write_rows(tmp_path / "items.sqlite", [Record("a", extra={name: "1"})])


def test_a_path_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be stored"):
        write_rows(tmp_path / "items.sqlite", [Record("a\udcff.png")])


def test_metadata_swept_away_still_answers_and_what_never_was_there_is_an_error(
    items: Path,
) -> None:
    opened = Filter(items, COLUMNS)
    items.unlink()
    assert opened.rows("label = 'cat'").tolist() == [0]
    with pytest.raises(IntegrityError, match="unable to open"):
        Filter(items, COLUMNS)


def test_a_condition_that_was_closed_says_so_whoever_asks(items: Path) -> None:
    opened = Filter(items, COLUMNS)
    opened.close()
    for _ in range(2):
        with pytest.raises(UnavailableError, match="was closed") as caught:
            opened.rows("label = 'cat'")
        assert caught.value.hint == "ask again"
    opened.close()
