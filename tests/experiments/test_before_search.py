"""A comparison made before settings were searched by Optuna: a grid, and no journal.

`before_search.zip` holds the small files of a folder that this made at the commit 61a466a, with
the images and the network of `conftest.py`:

    rankzoo compare --losses untrained,triplet,smooth_ap,recall_at_k --claims sup_ap_over_smooth_ap
      --data photos --backbone backbone --seeds 2 --batch-size 8 --tuning-steps 4
      --set schedule.steps=8
"""

import json
import shutil
from pathlib import Path
from typing import cast

import pytest

from zoo.errors import UsageError
from zoo.experiments.candidate import choose
from zoo.experiments.claims import CLAIMS
from zoo.experiments.plan import Plan, Trial
from zoo.experiments.report import write_result
from zoo.experiments.result import result_of
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import Process, carry_out
from zoo.experiments.settings import open_settings, read_settings
from zoo.experiments.tables import LEGEND
from zoo.recipes import Recipe
from zoo.recipes.values import from_json

CLAIM = CLAIMS["sup_ap_over_smooth_ap"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.unpack_archive(Path(__file__).with_name("before_search.zip"), tmp_path)
    return tmp_path


@pytest.fixture
def plan(folder: Path) -> Plan:
    found = read_settings(folder)
    assert found is not None
    losses = choose("untrained,triplet,smooth_ap,recall_at_k", captions=False)
    return Plan(
        cast(Recipe, from_json(found["recipe"])),
        (*losses, CLAIM.b),
        seeds=2,
        rates=tuple(found["rates"]),
        steps=found["steps"],
        tuning_steps=found["tuning_steps"],
        method=found["method"],
    )


def nothing_to_launch(trial: Trial) -> Process:
    raise AssertionError(f"{trial.name} is over")


def test_nothing_is_run_again(plan: Plan, folder: Path) -> None:
    carry_out(RunStore(plan, folder), nothing_to_launch)


def test_the_table_is_the_one_that_was_written_then(plan: Plan, folder: Path) -> None:
    before = (folder / "table.md").read_text(encoding="utf-8")
    store = RunStore(plan, folder)
    carry_out(store, nothing_to_launch)
    result = result_of(store, [CLAIM], "rankzoo compare")
    write_result(result, folder)
    now = (folder / "table.md").read_text(encoding="utf-8")
    assert [line for line in now.splitlines() if line != LEGEND] == [
        line for line in before.splitlines() if not line.startswith("Mean over seeds")
    ]
    page = (folder / "index.html").read_text(encoding="utf-8")
    for text in ("untrained", "unfit: ks is", "Learning curves", "SupAP is at least as good"):
        assert text in page


def test_the_keys_of_its_results_are_still_written(plan: Plan, folder: Path) -> None:
    before = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    store = RunStore(plan, folder)
    carry_out(store, nothing_to_launch)
    write_result(result_of(store, [CLAIM], "rankzoo compare"), folder)
    now = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert now.keys() == before.keys()
    rows = {row["name"]: row for row in now["standings"]}
    for row in before["standings"]:
        assert rows[row["name"]].keys() == row.keys()
        assert rows[row["name"]]["point"] == row["point"]
    assert now["curves"].keys() >= before["curves"].keys()
    for claim, earlier in zip(now["claims"], before["claims"], strict=True):
        assert {**claim, "findings": earlier["findings"]} == earlier
        for found, known in zip(claim["findings"], earlier["findings"], strict=True):
            assert found.items() >= known.items()


def test_it_goes_on_as_the_grid_it_is(plan: Plan, folder: Path) -> None:
    found = read_settings(folder) or {}
    open_settings(folder, {**found, "rates": [*plan.rates, 2e-4]})
    assert (read_settings(folder) or {})["method"] == "grid"
    longer = {**found["recipe"], "schedule": {**found["recipe"]["schedule"], "steps": 9}}
    with pytest.raises(UsageError, match=r"another recipe: schedule\.steps 8 → 9"):
        open_settings(folder, {"recipe": longer})
