"""The page of an evaluation: the answer first, then its numbers, curves, classes and failures."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.extract import Extractor
from zoo.evaluation.images import Measured, evaluate_images
from zoo.evaluation.measure import Outcome
from zoo.evaluation.paired import Row, intervals
from zoo.evaluation.queries import task_of
from zoo.evaluation.report import answer, evaluation_page, short
from zoo.metrics.evaluation import Evaluation

FOUND = {"recall_at_1": 0.5, "median_rank": 3.0, "recall_at_5": 0.75}
ONE = Evaluation("labels", "Each searches the others.", FOUND, 1234, 99, 7, {"scales": "1, 0.5"})
BETTER = Row("recall_at_1", 0.5, 0.625, 0.125, 0.1, 0.15, 0.0004)
SAME = Row("recall_at_5", 0.75, 0.7, -0.05, -0.1, 0.01, 0.25)


def text_of(page: str) -> str:
    """What a person reads on a page: each run of white space and tags is one blank."""
    body = re.sub(r"<(style|script|svg).*?</\1>", " ", page.replace("<wbr>", ""), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_one_result_is_said_by_the_metrics_its_protocol_is_quoted_by() -> None:
    assert answer(ONE, []).startswith("recall_at_1 0.5000")
    assert answer(ONE, []).endswith("; 1,227 of 1,234 queries.")
    assert "median_rank" not in answer(ONE, [])
    own = replace(ONE, protocol="my own", metrics={"luck": 0.1, "skill": 0.2})
    assert answer(own, []) == "luck 0.1000; 1,227 of 1,234 queries."


def test_of_two_results_it_is_said_which_is_better_by_what() -> None:
    assert answer(ONE, [BETTER, replace(BETTER, metric="median_rank")]) == (
        "B is better by recall_at_1 (0.5000 to 0.6250, p <0.001)."
    )
    other = replace(SAME, metric="luck")
    assert answer(ONE, [other]) == "No clear difference by luck (0.7500 to 0.7000, p 0.250)."


def test_models_are_called_by_their_last_names_where_these_differ() -> None:
    def called(*names: str) -> list[str]:
        return short([Outcome(name, [ONE]) for name in names])

    assert called("runs/first", "runs/second") == ["first", "second"]
    assert called("a/run", "b/run") == ["a/run", "b/run"]
    assert called("a/run", "a/run") == ["run", "run"]


def test_a_page_tells_every_number_with_its_rule_and_setting() -> None:
    page = text_of(evaluation_page([Outcome("runs/first", [ONE])], ["runs/first"], [], []))
    for part in (
        *(
            "Result",
            "recall_at_1",
            "median_rank",
            "Each searches the others.",
            "queries 1234",
            "gallery 99",
        ),
        *("queries without a relevant item 7", "scales 1, 0.5"),
    ):
        assert part in page
    for part in ("Comparison", "95 %", "Curves", "classes", "fail"):
        assert part not in page


@pytest.fixture
def measured(colour_model: nn.Module, squares: Callable[..., ImageDataset]) -> Measured:
    """Squares of two levels; a red one is called blue."""
    warm = {"red": "warm", "green": "cold", "blue": "cold"}
    dataset = squares(4)
    items = [replace(i, labels=(*i.labels, warm[i.labels[0]])) for i in dataset.items]
    items[0] = replace(items[0], labels=("blue", "cold"))
    levels = ImageDataset("squares", dataset.root, tuple(items), ("colour", "label_level_2"))
    return evaluate_images(Extractor(colour_model), levels, [task_of(levels)])


def test_a_page_shows_curves_classes_and_failures_of_what_was_looked_at(
    measured: Measured,
) -> None:
    found = measured.evaluations[0]
    page = evaluation_page(
        [Outcome("runs/first", measured.evaluations, measured)],
        ["runs/first"],
        [],
        [intervals(found)],
    )
    read = text_of(page)
    for part in (
        "95 % interval",
        "Mean interpolated precision over 12 queries.",
        "first: rank of the first relevant item.",
        "first: finest level that the first answer shares with the query.",
        "first: classes Worst classes.",
        "Confused most, by colour. query first answer times blue red 1",
        "Confused most, by label level 2.",
        "first: queries that fail most",
    ):
        assert part in read
    assert "data:image/webp" in page
    bound = intervals(found)["mean_average_precision"]
    assert f"{bound.low:.4f} to {bound.high:.4f}" in read


def test_classes_that_are_never_confused_and_a_lone_level_take_no_room(
    colour_model: nn.Module, squares: Callable[..., ImageDataset]
) -> None:
    dataset = squares(4)
    found = evaluate_images(Extractor(colour_model), dataset, [task_of(dataset)])
    page = evaluation_page([Outcome("first", found.evaluations, found)], ["first"], [], [])
    read = text_of(page)
    assert "Worst classes." in read
    assert "Confused most" not in read
    assert "finest level" not in read


def test_two_results_stand_side_by_side_each_with_its_interval() -> None:
    generator = torch.Generator().manual_seed(0)
    values = {"recall_at_1": torch.rand(20, generator=generator, dtype=torch.float64)}
    a = replace(ONE, per_query=values, metrics={"recall_at_1": float(values["recall_at_1"].mean())})
    b = replace(a, per_query={"recall_at_1": values["recall_at_1"] + 1})
    bounds = [intervals(a), intervals(b)]
    outcomes = [Outcome("runs/first", [a]), Outcome("runs/second", [b])]
    page = text_of(evaluation_page(outcomes, ["runs/first", "runs/second"], [BETTER], bounds))
    one, two = (bound["recall_at_1"] for bound in bounds)
    for part in (
        "first against second",
        "B is better by recall_at_1",
        "A = runs/first, B = runs/second.",
        f"recall_at_1 0.5000 ({one.low:.4f} to {one.high:.4f})",
        f"0.6250 ({two.low:.4f} to {two.high:.4f})",
        "+0.1250 (+0.1000 to +0.1500)",
    ):
        assert part in page
    assert "Result" not in page
