import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoo.experiments.candidate import Candidate
from zoo.experiments.outcome import Outcome, write_outcome, write_values
from zoo.experiments.plan import Plan, at_edge
from zoo.experiments.run_store import RunStore
from zoo.experiments.standings import paired, standings
from zoo.experiments.tables import markdown
from zoo.recipes.recipe import LossTerm
from zoo.recipes.values import to_json

QUERIES = 60


def untuned(*names: str) -> list[Candidate]:
    """One point each: no run is needed to choose it."""
    return [Candidate(name, LossTerm(name)) for name in names]


METRICS = ("recall_at_1", "map_at_r", "h_ap", "ndcg")


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., None]:
    """Write a finished run with the given value of every query and metric."""

    def write(plan: Plan, candidate: str, seed: int, values: torch.Tensor) -> None:
        store = RunStore(plan, tmp_path)
        trial = next(t for t in store.finals(plan.candidate(candidate)) if t.seed == seed)
        run = store.run(trial)
        write_values(run, dict.fromkeys(METRICS, values.double()))
        metrics = dict.fromkeys(METRICS, float(values.mean()))
        outcome = Outcome("ok", "", metrics, 10.0, 0.5, 2_000_000)
        write_outcome(run, to_json(plan.recipe(trial)), outcome)

    return write


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    return plan_of("", *untuned("triplet", "smooth_ap", "sup_ap"), seeds=3)


def test_the_best_comes_first_and_what_is_clearly_behind_is_told(
    plan: Plan, record: Callable[..., None], tmp_path: Path
) -> None:
    for seed in range(3):
        noise = torch.rand(QUERIES) * 0.1
        record(plan, "smooth_ap", seed, 0.8 + noise)
        record(plan, "triplet", seed, 0.5 + noise)
        record(plan, "sup_ap", seed, 0.8 + noise.roll(1))
    rows = standings(RunStore(plan, tmp_path))
    assert {row.name for row in rows[:2]} == {"smooth_ap", "sup_ap"}
    assert rows[2].name == "triplet"
    behind = rows[2].behind["recall_at_1"]
    assert behind.clear
    assert behind.difference == pytest.approx(-0.3, abs=0.02)
    assert not rows[1].behind["recall_at_1"].clear
    assert all(row.settled for row in rows)
    assert rows[0].metrics["recall_at_1"].low < rows[0].metrics["recall_at_1"].mean
    block = markdown(rows, METRICS)
    assert block.count("★ |") == len(METRICS)
    assert block.count("≈ |") == len(METRICS)


def test_a_difference_that_one_seed_contradicts_is_not_clear() -> None:
    torch.manual_seed(0)
    ahead = {seed: {"m": torch.full((50,), 0.6, dtype=torch.float64)} for seed in range(3)}
    behind = {0: 0.2, 1: 0.3, 2: 0.61}
    runs = {s: {"m": torch.full((50,), v, dtype=torch.float64)} for s, v in behind.items()}
    difference, agree = paired("m", ahead, runs)
    assert difference.mean < 0
    assert difference.p_value < 0.01
    assert not agree


def test_one_seed_has_an_interval_over_queries(
    plan_of: Callable[..., Plan], record: Callable[..., None], tmp_path: Path
) -> None:
    plan = plan_of("", *untuned("triplet"))
    record(plan, "triplet", 0, torch.rand(QUERIES))
    found = standings(RunStore(plan, tmp_path))[0].metrics["recall_at_1"]
    assert found.low < found.mean < found.high


def test_failures_and_missing_runs_are_told_in_the_table(
    plan: Plan, record: Callable[..., None], tmp_path: Path
) -> None:
    record(plan, "smooth_ap", 0, torch.rand(QUERIES))
    store = RunStore(plan, tmp_path)
    for trial in store.finals(plan.candidate("triplet")):
        outcome = Outcome("diverged", "the loss is nan near step 10")
        write_outcome(store.run(trial), to_json(plan.recipe(trial)), outcome)
    rows = {row.name: row for row in standings(RunStore(plan, tmp_path))}
    assert rows["triplet"].note == "diverged: the loss is nan near step 10 (3 of 3 runs)"
    assert rows["triplet"].settled
    assert rows["smooth_ap"].note == "not finished: 0 of 0 tuning runs, 1 of 3 seeds"
    assert not rows["sup_ap"].metrics
    block = markdown(list(rows.values()), METRICS)
    assert "diverged: the loss is nan" in block
    assert next(iter(standings(RunStore(plan, tmp_path)))).name == "smooth_ap"


def test_a_value_that_is_not_there_is_no_number(
    plan: Plan, record: Callable[..., None], tmp_path: Path
) -> None:
    values = torch.rand(QUERIES)
    values[:5] = math.nan  # queries without a relevant item
    store = RunStore(plan, tmp_path)
    trial = store.finals(plan.candidate("triplet"))[0]
    run = store.run(trial)
    write_values(run, dict.fromkeys(METRICS, values.double()))
    metrics = dict.fromkeys(METRICS, float(values.nanmean()))
    write_outcome(run, to_json(plan.recipe(trial)), Outcome("ok", "", metrics))
    found = standings(RunStore(plan, tmp_path))[0]
    assert found.metrics["recall_at_1"].mean == pytest.approx(float(values.nanmean()))


def test_a_rate_at_the_end_of_the_grid_is_marked(
    plan_of: Callable[..., Plan], record: Callable[..., None], tmp_path: Path
) -> None:
    rates = (1e-4, 1e-3, 1e-2)
    plan = plan_of("", *untuned("triplet", "smooth_ap", "sup_ap"), seeds=1, rates=rates)
    best = {"triplet": 0, "smooth_ap": 1, "sup_ap": 2}
    store = RunStore(plan, tmp_path)
    for name, point in best.items():
        while (trial := store.search.ask(plan.candidate(name), store.score)) is not None:
            outcome = Outcome("ok", "", {"map_at_r": 0.5 + 0.1 * (trial.point == point)})
            write_outcome(store.run(trial), to_json(plan.recipe(trial)), outcome)
    rows = {row.name: row for row in standings(RunStore(plan, tmp_path))}
    edges = {name: row.edge for name, row in rows.items()}
    assert edges == {"triplet": "lowest", "smooth_ap": "", "sup_ap": "highest"}
    record(plan, "triplet", 0, torch.rand(QUERIES))
    assert "lr 0.0001 ↓ |" in markdown(standings(RunStore(plan, tmp_path)), METRICS)


def test_the_outer_tenth_of_a_range_that_was_searched_is_its_edge() -> None:
    rates = (1e-4, 1e-2)
    assert at_edge({"optimiser.lr": 7e-3}, rates, "tpe") == "highest"
    assert at_edge({"optimiser.lr": 1.5e-4}, rates, "tpe") == "lowest"
    assert at_edge({"optimiser.lr": 1e-3}, rates, "tpe") == ""
    assert at_edge({}, rates, "tpe") == ""
    assert at_edge({"optimiser.lr": 1e-3}, (1e-3,), "grid") == ""
