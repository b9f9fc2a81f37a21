"""Metadata keeps its meaning: null, NaN, numbers and mixed columns, in every segment alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from zoo.index import Index, ModelIdentity, Record

Make = Callable[..., Index]
WHO = ModelIdentity("m", "0" * 64, {})


def records(values: list[Any], start: int = 0, column: str = "year") -> list[Record]:
    return [
        Record(f"{start + i}.png", f"s{start + i}", extra={column: value})
        for i, value in enumerate(values)
    ]


def unit(count: int) -> Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 8), dim=1)


def found(index: Index, where: str) -> list[str]:
    return sorted(hit.record.path for hit in index.search(torch.ones(1, 8), 99, where=where)[0])


def make(folder: Path, *segments: list[Any], column: str = "year") -> Index:
    first = records(segments[0], column=column)
    index = Index.from_vectors(folder, unit(len(first)), first, WHO)
    start = len(segments[0])
    for values in segments[1:]:
        index.add_vectors(unit(len(values)), records(values, start, column))
        start += len(values)
    return index


@pytest.mark.parametrize("nothing", ["nan", "NaN", float("nan"), "", None])
def test_what_is_not_a_number_fulfils_no_comparison(tmp_path: Path, nothing: Any) -> None:
    index = make(tmp_path / "idx", ["2012", nothing, "999"])
    assert found(index, "year > 2010") == ["0.png"]
    assert found(index, "year < 2010") == ["2.png"]
    assert found(index, "year = '2012'") == ["0.png"]
    assert found(index, "year is null") == ["1.png"]


def test_a_column_is_of_one_kind_in_all_segments_and_after_compacting(tmp_path: Path) -> None:
    index = make(tmp_path / "idx", ["2012", "999"], ["unknown", "3"])
    before = {where: found(index, where) for where in ("year > '2'", "year = '999'", "year = 3")}
    assert before == {
        "year > '2'": ["0.png", "1.png", "2.png", "3.png"],
        "year = '999'": ["1.png"],
        "year = 3": ["3.png"],
    }
    extras = [hit.record.extra for hit in index.items(index.ids())]
    assert extras == [{"year": text} for text in ("2012", "999", "unknown", "3")]
    index.compact()
    assert {where: found(index, where) for where in before} == before
    assert [hit.record.extra for hit in index.items(index.ids())] == extras
    index.remove(where="year = 'unknown'")
    index.compact()
    assert found(index, "year > 5") == ["0.png", "1.png"]  # nothing but numbers is left


@pytest.mark.parametrize(
    "words", [("True", "False"), ("true", "FALSE"), (True, False)], ids=["pandas", "json", "python"]
)
@pytest.mark.parametrize(
    ("where", "paths"),
    [
        ("published", ["0.png", "3.png"]),
        ("not published", ["1.png"]),
        ("published = 1", ["0.png", "3.png"]),
        ("published = true", ["0.png", "3.png"]),
        ("published is not true", ["1.png", "2.png", "4.png"]),
        ("published = 'True'", ["0.png", "3.png"]),
        ("published in ('false', 'no')", ["1.png"]),
        ("published is null", ["2.png", "4.png"]),
    ],
)
def test_true_and_false_are_truths_and_their_own_words(
    words: tuple[Any, Any], where: str, paths: list[str], tmp_path: Path
) -> None:
    yes, no = words
    index = make(tmp_path / "idx", [yes, no, ""], [yes], [None], column="published")
    assert found(index, where) == paths
    index.compact()
    assert found(index, where) == paths


def test_a_column_of_words_beside_true_and_false_stays_text(tmp_path: Path) -> None:
    index = make(tmp_path / "idx", ["True", "False"], ["unknown"], column="published")
    assert found(index, "published = 'True'") == ["0.png"]
    assert found(index, "published = 'true'") == []


@pytest.mark.parametrize("price", ["19.90", "2e1", "+20", "20.0"])
def test_a_number_is_one_however_it_is_written(price: str, tmp_path: Path) -> None:
    index = make(tmp_path / "idx", [price, "3", ".5"])
    assert found(index, "year > 10") == ["0.png"]
    assert found(index, "year < 1") == ["2.png"]
    assert [hit.record.extra["year"] for hit in index.items(index.ids())] == [
        float(price) if price == "20.0" else price,
        3,
        ".5",
    ]


VALUES = st.one_of(
    st.integers(-(10**18), 10**18).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(
        [
            "",
            "007",
            "1.0",
            "1e5",
            "inf",
            "NaN",
            "None",
            "x",
            "True",
            "false",
            "1.50",
            "0.30000000000000004",
        ]
    ),
)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=3))
def test_compact_changes_no_value(
    tmp_path_factory: pytest.TempPathFactory, segments: list[list[str]]
) -> None:
    index = make(tmp_path_factory.mktemp("idx") / "idx", *segments)
    before = [hit.record.extra for hit in index.items(index.ids())]
    said = [str(extra.get("year", "")) for extra in before]
    assert said == [value for values in segments for value in values]
    answers = [found(index, f"year {how}") for how in ("> 0", "< 5", "is null", "= '1.0'")]
    index.compact()
    assert [hit.record.extra for hit in index.items(index.ids())] == before
    assert [found(index, f"year {how}") for how in ("> 0", "< 5", "is null", "= '1.0'")] == answers
