"""The shelf in a terminal and in a pipe."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from zoo.cards.shelf import all_cards, find_card
from zoo.cards.sources import HubSource
from zoo.hub.availability import availability
from zoo.hub.cache import Pin, pin_path, write_pin

Run = Callable[..., str]


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `rankzoo list` and return what it prints."""

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["rankzoo", "list", *words])
        with pytest.raises(SystemExit) as ending:
            main()
        assert not ending.value.code
        return capsys.readouterr().out

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, shelf: Run) -> Run:
    """Run `rankzoo list` on a terminal of 80 columns."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    return shelf


def test_a_pipe_gets_every_name_whole_and_alone_on_its_line(shelf: Run) -> None:
    assert shelf().splitlines() == sorted(all_cards())


def test_a_terminal_of_80_columns_cuts_no_name(terminal: Run) -> None:
    lines = terminal().splitlines()
    shown = {line.split()[0] for line in lines if line.startswith("  ")}
    assert shown == set(all_cards())
    assert max(map(len, lines)) <= 80


def test_a_terminal_sees_groups_sizes_and_headline_numbers(terminal: Run) -> None:
    text = terminal()
    assert text.index("Ready: ") < text.index("Needs the Hub") < text.index("Recipes: ")
    (line,) = (line for line in text.splitlines() if "emoji-sup_hap" in line)
    assert "5.7 MB" in line
    assert "recall_at_1 0.45" in line
    (line,) = (line for line in text.splitlines() if "sorter-gaussian" in line)
    assert " B  rank_l1 0" in line


def test_what_is_ready_loads_without_a_network(shelf: Run) -> None:
    names = shelf("--ready").split()
    assert "emoji-sup_hap" in names
    assert all(not isinstance(find_card(name).source, HubSource) for name in names)


def test_a_repository_is_here_once_its_download_was_pinned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RANKZOO_CACHE", str(tmp_path))
    card = find_card("resnet50.tv_in1k")
    assert availability(card) == "hub"
    assert isinstance(card.source, HubSource)
    path = pin_path(card.source.repo, card.source.revision)
    write_pin(path, Pin(card.source.repo, "f" * 40, ()))
    assert availability(card) == "here"


def test_text_and_filters_narrow_the_shelf(shelf: Run) -> None:
    assert set(shelf("vgg").split()) == {name for name in all_cards() if "vgg" in name}
    rows = json.loads(shelf("--loss", "sup_ap", "--data", "sop", "--json"))["cards"]
    assert {row["name"] for row in rows} == {
        card.name
        for card in all_cards().values()
        if "sup_ap" in str(card.block.get("loss")) and "sop" in " ".join(card.datasets)
    }
    assert all(row["available"] == "recipe" for row in rows)
    assert shelf("--loss", "SUP_ap", "--data", "Sop").split() == [row["name"] for row in rows]
    assert not shelf("no such word").strip()
