"""The reader of every plain file: whatever is wrong is one line that names the file."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError, IntegrityError, RankzooError
from zoo.files.reading import (
    DEEPEST,
    MALFORMED,
    parse_json,
    parse_yaml,
    read_json,
    read_object,
    typed,
)


@dataclass(frozen=True)
class Inner:
    size: int
    ratio: float = 1.0


@dataclass(frozen=True)
class Outer:
    name: str
    parts: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] | None = None


BAD_JSON = {
    "cut short": '{"a": 1',
    "nested too deep": "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
    "nested beyond the parser": "[" * 200_000,
    "objects nested too deep": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "a key twice": '{"a": 1, "a": 2}',
    "a number of 400 digits": '{"a": %s}' % ("9" * 400),
    "a number beyond the interpreter": '{"a": %s}' % ("9" * 10_000),
    "half a surrogate pair": r'{"a": "\ud800"}',
    "a null character": r'{"a": "\u0000"}',
    "nothing": "",
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_bad_json_is_one_line_that_names_the_file(what: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(BAD_JSON[what])
    with pytest.raises(IntegrityError, match="config.json: not JSON") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


def test_brackets_inside_texts_are_not_nesting() -> None:
    text = '{"a": "%s", "b": "\\"[[["}' % ("[{" * 1_000)
    assert parse_json(text, "here")["b"] == '"[[['


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(IntegrityError, match="x.json"):
        read_json(tmp_path / "x.json")


def test_a_file_larger_than_its_bound_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("1" * 100)
    with pytest.raises(IntegrityError, match="more than"):
        read_json(tmp_path / "x.json", largest=50)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(IntegrityError, match="not a regular file"):
        read_json(tmp_path / "config.json")


def test_a_list_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(DataError, match="not an object"):
        read_object(tmp_path / "x.json", MALFORMED)


def test_values_become_nested_dataclasses() -> None:
    value = {"name": "a", "parts": [{"size": 1, "ratio": 2}], "named": {"x": {"size": 3}}}
    assert typed(Outer, value, "here") == Outer("a", (Inner(1, 2.0),), {"x": Inner(3)})


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"name": 3}, r"\$\.name"),
        ({}, "name"),
        ([], "here"),
        ({"name": "a", "parts": [{"size": "1"}]}, r"\$\.parts\[0\]\.size"),
        ({"name": "a", "parts": [{"size": True}]}, r"\$\.parts\[0\]\.size"),
        ({"name": "a", "extra": 1}, r"unknown key \$\.extra"),
        ({"name": "a", "parts": [{"size": 1, "extra": 1}]}, r"unknown key \$\.parts\.0\.extra"),
        ({"name": "a", "named": {"x": {"size": 1, "y": 2}}}, r"unknown key \$\.named\.x\.y"),
    ],
)
def test_a_wrong_type_or_an_unknown_key_is_named_with_its_place(value: object, place: str) -> None:
    with pytest.raises(IntegrityError, match=f"here: .*{place}|{place}"):
        typed(Outer, value, "here")


BAD_YAML = {
    "cut short": "a: [1",
    "an alias": "a: &x [1]\nb: *x",
    "flow nested too deep": "[" * 100_000,
    "blocks nested too deep": "- " * 5_000 + "1",
    "an object of Python": "!!python/object/apply:os.system ['true']",
    "a date that is none": "a: 2001-99-99",
    "a tab": "a:\n\t- b",
}


@pytest.mark.parametrize("what", BAD_YAML)
def test_bad_yaml_is_one_line_that_names_the_file(what: str) -> None:
    with pytest.raises(DataError, match="card.md: not YAML") as caught:
        parse_yaml(BAD_YAML[what], "card.md")
    assert "\n" not in str(caught.value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_of_any_kind_become_the_dataclass_or_a_known_error(value: object) -> None:
    try:
        typed(Outer, value, "here")
    except RankzooError:
        return
    assert isinstance(value, dict)


@given(st.binary(max_size=200))
def test_any_bytes_are_values_or_a_known_error(content: bytes) -> None:
    with suppress(RankzooError):
        parse_json(content, "here")
    with suppress(RankzooError):
        parse_yaml(content.decode("latin-1"), "here")
