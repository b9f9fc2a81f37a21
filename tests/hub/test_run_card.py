"""The command on a run's card trains the run again: as typed, or as its recipe differs."""

import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from zoo.hub.run_card import run_card, run_results
from zoo.recipes.find import Choice, find_recipe
from zoo.recipes.values import to_json
from zoo.runs.reading import Run

CONFIG = {"architecture": "resnet18"}


def command_of(tmp_path: Path, recipe: Any, results: dict[str, Any]) -> str:
    """The line of the training section of a card."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes(b"x")
    run = Run(tmp_path, CONFIG, to_json(recipe), results, "2026-11-25")
    card = run_card(run, "mine", licence="mit", repo="me/mine")
    assert 'zoo.load("me/mine")' in card
    return card.partition("## Training\n\n```bash\n")[2].partition("\n")[0]


def test_what_was_typed_is_on_the_card(tmp_path: Path) -> None:
    told = "rankzoo train --model resnet18 --data photos/ --set schedule.steps=60 --out runs/a"
    recipe = find_recipe(Choice(model="resnet18"))
    assert command_of(tmp_path, recipe, {"training_command": told}) == told


@pytest.mark.parametrize(
    ("start", "changes"),
    [
        ({"name": "emoji-recall_at_k"}, ["network.size=64", "schedule.steps=60"]),
        ({"model": "resnet18"}, ["network.size=64"]),
        ({"model": "resnet18", "loss": "smooth_ap"}, ["loss.tau=0.02", "batch.size=32"]),
    ],
)
def test_a_run_without_its_line_names_every_change_of_its_recipe(
    tmp_path: Path, start: Any, changes: list[str]
) -> None:
    recipe = find_recipe(Choice(**start, changes=changes))
    line = command_of(tmp_path, recipe, {"seed": 3})
    words = shlex.split(line)
    again = [word for before, word in pairwise(words) if before == "--set"]
    assert to_json(find_recipe(Choice(**start, changes=again))) == to_json(recipe)
    for option, value in start.items():
        assert value in words if option == "name" else f"--{option} {value}" in line
    assert line.endswith("--seed 3")
    assert ("--loss" in line) == ("loss" in start)


@pytest.mark.parametrize(("told", "seed"), [({}, 0), ({"seed": 3}, 3)])
def test_a_number_on_a_card_has_its_runs_seed(
    tmp_path: Path, told: dict[str, int], seed: int
) -> None:
    results = {"metrics": {"recall_at_1": 0.5}, **told}
    (result,) = run_results(Run(tmp_path, CONFIG, {}, results, "2026-11-25"))
    assert (result.metric, result.value, result.args["seed"]) == ("recall_at_1", 0.5, seed)
