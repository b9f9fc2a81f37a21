"""Results on a terminal of 80 columns: nothing is cut off, and both sides have their interval."""

import io

import torch
from rich.console import Console, RenderableType

from zoo.evaluation.paired import compare, intervals
from zoo.evaluation.tables import comparison_table, result_table
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.summary import summarise

LONG = "mean_average_precision_label_level_2"


def evaluation(seed: int) -> Evaluation:
    drawn = torch.rand(40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    values = {"recall_at_1": drawn.round(), "mean_average_precision": drawn, LONG: drawn**2}
    values["mean_reciprocal_rank"] = (drawn + seed) / 2  # clearly better with seed 1: p < 0.001
    return Evaluation(
        protocol="labels",
        definition="A gallery image is right when it has the query's finest label. " * 3,
        metrics=summarise(values),
        queries=40,
        gallery=40,
        per_query=values,
        query_items=tuple(range(40)),
    )


def lines(shown: RenderableType) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_two_models_stand_side_by_side_with_both_intervals_in_80_columns() -> None:
    a, b = evaluation(0), evaluation(1)
    sides = [intervals(a), intervals(b)]
    found = lines(comparison_table(a, ["runs/first", "runs/second"], compare(a, b), sides))
    assert found[0].startswith("A = runs/first, B = runs/second · labels · 40 queries")
    text = "\n".join(found)
    assert "…" not in text
    for side, result in zip(sides, (a, b), strict=True):
        assert f"{result.metrics['recall_at_1']:.4f}" in text
        bound = side["mean_average_precision"]
        assert f"{bound.low:.4f} {bound.high:.4f}" in text
    names = "\n".join(line[:15].strip() for line in found)  # a long name goes on below
    assert "mean_average_\nprecision_\nlabel_level_2" in names
    assert "mean_\nreciprocal_rank" in "\n".join(line[:17].strip() for line in found)
    assert "<0.001" in text


def test_one_model_fits_too_and_numbers_have_four_digits() -> None:
    a = evaluation(0)
    found = "\n".join(lines(result_table(a, "runs/first", intervals(a))))
    assert "…" not in found
    assert f"{a.metrics[LONG]:.4f}" in found
