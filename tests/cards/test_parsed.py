"""The kept cards are those of the files: after any change, without a cache, with a damaged one."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from zoo.cards.parsed import Parsed, Shelf, parsed

Read = Callable[[], Shelf]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cards").mkdir()
    for name in "ab":
        card = tmp_path / "cards" / f"{name}.md"
        card.write_text(f"text of {name}")
        os.utime(card, (1, 1))  # a clock of files may tick once a second
    return tmp_path / "cards"


@pytest.fixture
def parses() -> list[str]:
    """The names of the cards that were parsed, in order."""
    return []


@pytest.fixture
def read(folder: Path, parses: list[str]) -> Read:
    def parse(path: Path) -> Parsed:
        parses.append(path.stem)
        return {"name": path.stem, "numbers": [1, 0.5]}, path.read_text()

    return lambda: parsed(sorted(folder.glob("*.md")), parse)


def kept(folder: Path) -> Path:
    return folder.parent / "cache" / "shelf.json"


def test_what_was_parsed_once_is_read_from_the_cache(read: Read, parses: list[str]) -> None:
    first = read()
    assert first == {n: ({"name": n, "numbers": [1, 0.5]}, f"text of {n}") for n in "ab"}
    assert read() == first
    assert parses == ["a", "b"]


def write_as_long(folder: Path) -> None:
    (folder / "a.md").write_text("text of c")


def write_with_the_old_time(folder: Path) -> None:
    path, before = folder / "a.md", (folder / "a.md").stat()
    path.with_suffix(".new").write_text("text of c")
    os.utime(path.with_suffix(".new"), ns=(before.st_atime_ns, before.st_mtime_ns))
    path.with_suffix(".new").replace(path)


def add(folder: Path) -> None:
    (folder / "c.md").write_text("text of c")


def rename(folder: Path) -> None:
    (folder / "b.md").rename(folder / "c.md")


def remove(folder: Path) -> None:
    (folder / "b.md").unlink()


@pytest.mark.parametrize(
    "change",
    [write_as_long, write_with_the_old_time, add, rename, remove],
    ids=lambda f: f.__name__,
)
def test_a_changed_file_is_seen(folder: Path, read: Read, change: Callable[[Path], None]) -> None:
    before = read()
    change(folder)
    after = read()
    assert after != before
    assert {name: text for name, (_, text) in after.items()} == {
        path.stem: path.read_text() for path in folder.glob("*.md")
    }


def test_whatever_byte_of_the_cache_is_damaged_the_cards_are_parsed_again(
    folder: Path, read: Read, parses: list[str]
) -> None:
    right = read()
    whole = kept(folder).read_bytes()
    for place in range(0, len(whole), 7):
        kept(folder).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        parses.clear()
        assert read() == right
        assert parses == ["a", "b"]
    kept(folder).write_bytes(whole[:-40])
    assert read() == right


def test_without_a_cache_that_can_be_written_cards_are_parsed_each_time(
    folder: Path, read: Read, parses: list[str]
) -> None:
    (folder.parent / "cache").write_text("a file in the place of the folder")
    assert read() == read()
    assert parses == ["a", "b"] * 2


@pytest.mark.parametrize("value", [date(2026, 1, 1), {1: "one"}, (1, 2)], ids=str)
def test_values_that_json_would_change_are_not_kept(folder: Path, value: object) -> None:
    found = parsed([folder / "a.md"], lambda path: ({"value": value}, ""))
    assert found["a"][0]["value"] == value
    assert not kept(folder).exists()


def test_the_list_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = "{'torch', 'numpy', 'yaml', 'transformers', 'timm', 'huggingface_hub', 'rich.markdown'}"
    code = (
        "import sys\nfrom cli.main import main\nsys.argv = ['rankzoo', 'list']\n"
        f"try: main()\nfinally: print('found', *({heavy} & set(sys.modules)))"
    )
    environment = {**os.environ, "RANKZOO_CACHE": str(tmp_path)}
    for found in ("found yaml", "found"):  # the first call parses
        said = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.splitlines()[-1] == found
