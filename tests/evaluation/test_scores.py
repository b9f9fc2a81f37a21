"""Measuring scorers on VOC labels and on attributes."""

from pathlib import Path

import PIL.Image
import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.data.scored import ScoredSet
from zoo.errors import DataError
from zoo.evaluation.classes import evaluate_classes
from zoo.evaluation.scores import definition, evaluate_scores, score_metrics
from zoo.models.scorer import Scorer, ScorerConfig


def scorer(*outputs: str) -> Scorer:
    shape = Preprocessing(size=32, resize=32)
    return Scorer(ScorerConfig("test_resnet", shape, outputs)).eval()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = ["path,split,light"]
    for i in range(6):
        PIL.Image.new("RGB", (8, 8), (40 * i, 40 * i, 40 * i)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,test,{i}")
    path = tmp_path / "attributes.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_perfect_scores_measure_one() -> None:
    targets = torch.tensor([[1.0, 0], [0, 1], [0, 1]])
    data = ScoredSet((), ("a", "b"), targets, torch.zeros_like(targets, dtype=torch.bool))
    assert score_metrics(targets, data, "labels") == {"voc_map_11_point": 1, "voc_map_area": 1}
    perfect = {"spearman": 1, "kendall": 1, "mean_absolute_error": 0}
    assert score_metrics(targets[:, :1], data, "attribute") == perfect


def test_an_image_without_a_class_lowers_the_class_it_is_ranked_in() -> None:
    """The positives of `a` are ranked first and third, the one of `b` second, `c` has none."""
    targets = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 0]])
    scores = torch.tensor([[0.9, 0.8, 0.1], [0.8, 0.3, 0.2], [0.1, 0.1, 0.3]])
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    found = evaluate_classes(scores, ScoredSet((), ("a", "b", "c"), targets, ignored))
    a, b = (1 + 2 / 3) / 2, 1 / 2
    points = ((6 + 5 * 2 / 3) / 11 + b) / 2
    assert found.metrics == pytest.approx(
        {"voc_map_11_point": points, "voc_map_area": (a + b) / 2, "ap_a": a, "ap_b": b}
    )
    assert (found.queries, found.skipped, found.gallery) == (3, 1, 0)


def test_only_classes_that_an_image_has_are_counted_as_measured() -> None:
    """`b` is there, but difficult; `c` is nowhere."""
    targets = torch.tensor([[1.0, 1, 0], [0, 0, 0]])
    ignored = torch.tensor([[False, True, False], [False] * 3])
    data = ScoredSet((), ("a", "b", "c"), targets, ignored)
    assert "and 1 class (2 more are on none of them)" in definition(data, "labels")
    found = evaluate_classes(torch.rand(2, 3), data)
    assert found.counted == "1 of 3 queries"
    whole = ScoredSet((), ("a",), targets[:, :1], ignored[:, :1])
    assert "1 class; difficult" in definition(whole, "labels")


def test_a_difficult_image_leaves_its_class() -> None:
    targets = torch.tensor([[1.0], [0.0], [0.0]])
    ignored = torch.tensor([[False], [True], [False]])
    data = ScoredSet((), ("a",), targets, ignored)
    scores = torch.tensor([[0.5], [0.9], [0.1]])  # the difficult one is ranked first
    assert score_metrics(scores, data, "labels")["voc_map_area"] == 1


def test_one_output_is_measured_against_its_column(table: Path) -> None:
    model = scorer("light")
    found = evaluate_scores(model, table)
    assert found == evaluate_scores(model, table.parent)
    assert set(found.metrics) == {"spearman", "kendall", "mean_absolute_error"}
    assert (found.protocol, found.queries, found.gallery) == ("attribute", 1, 6)
    assert "light over 6 images" in found.definition


def test_other_classes_than_the_models_are_an_error(tmp_path: Path) -> None:
    sets = tmp_path / "VOC2007" / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (tmp_path / "VOC2007/JPEGImages").mkdir()
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "VOC2007/JPEGImages/a.jpg")
    (sets / "test.txt").write_text("a\n")
    (sets / "kitten_test.txt").write_text("a 1\n")
    with pytest.raises(DataError, match="classes kitten"):
        evaluate_scores(scorer("dog", "cat"), tmp_path)
