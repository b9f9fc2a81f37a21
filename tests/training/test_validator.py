"""What is measured during a run, before and after it, and which of its networks is kept as best."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.data.item import Item
from zoo.embedding.options import EmbedOptions
from zoo.metrics.evaluation import Evaluation
from zoo.models import Embedder, load_embedder
from zoo.training import validator
from zoo.training.validator import Validator

Build = Callable[..., Embedder]


def photos(held_out: int, split: str = "test") -> ImageDataset:
    """Four images to train on, and some that are held out; none of them is there."""
    splits = ["train"] * 4 + [split] * held_out
    items = tuple(
        Item(Path(f"{n}.png"), (str(n % 2),), split, captions=("a wall",))
        for n, split in enumerate(splits)
    )
    return ImageDataset("photos", Path(), items, ("label",))


class Measuring:
    """Stands for the evaluation: gives the numbers of its list in turn, and keeps what it saw."""

    def __init__(self, name: str, *numbers: float) -> None:
        self.name, self.numbers = name, list(numbers)
        self.seen: list[tuple[int, bool]] = []

    def __call__(self, model: Embedder, *others: Any) -> Evaluation:
        (dataset,) = (each for each in others if isinstance(each, ImageDataset))
        self.seen.append((len(dataset), model.training))
        torch.rand(3)
        found = {self.name: self.numbers.pop(0), "other": 9.0 - len(self.seen)}
        return Evaluation("labels", "Each searches.", found, 1, 1)


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Measuring]:
    def make(*numbers: float, captions: bool = False) -> Measuring:
        found = Measuring("rsum" if captions else "recall_at_1", *numbers)
        name = "evaluate_images_and_captions" if captions else "evaluate_retrieval"
        monkeypatch.setattr(validator, name, found)
        return found

    return make


def bias_of(model: Embedder) -> Tensor:
    *_, bias = model.head.parameters()
    return bias


@pytest.mark.parametrize("captions", [False, True])
def test_the_first_of_the_best_is_kept(
    captions: bool, measuring: Callable[..., Measuring], network: Build, tmp_path: Path
) -> None:
    found = measuring(0.0, 0.5, 0.5, 0.4, captions=captions)
    side: Any = (lambda model: model) if captions else None
    validates = Validator(photos(3), tmp_path, EmbedOptions(), side)
    model = network(dim=2)
    kept = []
    for step in range(1, 5):
        torch.nn.init.constant_(bias_of(model), step)
        row = validates.periodic(model.train(), step)
        assert row is not None
        assert (row["step"], row["other"]) == (step, 9.0 - step)
        results = json.loads((tmp_path / "best/results.json").read_text())
        best = bias_of(load_embedder(tmp_path / "best"))
        assert best.tolist() == [results["step"]] * 2
        kept.append(results["step"])
    assert kept == [1, 2, 2, 2]
    assert found.seen == [(3, False)] * 4  # nothing that is trained on, in evaluation mode


def test_captions_are_judged_on_the_test_images_alone(
    measuring: Callable[..., Measuring], network: Build, tmp_path: Path
) -> None:
    both = photos(3)
    both = ImageDataset("both", Path(), both.items + photos(2, "val").items[4:], ("label",))
    found = measuring(0.5, captions=True)
    Validator(both, tmp_path, EmbedOptions(), lambda model: model).final(network())  # type: ignore[arg-type,return-value]
    found_by_label = measuring(0.5)
    Validator(both, tmp_path, EmbedOptions()).final(network())
    assert (found.seen[0][0], found_by_label.seen[0][0]) == (3, 5)


def test_where_nothing_is_held_out_nothing_is_measured(network: Build, tmp_path: Path) -> None:
    validates = Validator(photos(0), tmp_path, EmbedOptions())
    assert validates.periodic(network(), 1) is None
    assert validates.final(network()) is None
    assert validates.start(network(), 100) == ({}, "no image is held out: nothing was measured")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("held_out", "trained", "measured"),
    [(1000, 0, True), (1001, 0, False), (1001, 3002, False), (1001, 3003, True)],
)
def test_the_start_is_measured_where_that_costs_little_beside_the_training(
    held_out: int,
    trained: int,
    measured: bool,
    measuring: Callable[..., Measuring],
    network: Build,
    tmp_path: Path,
) -> None:
    """A thousand images at any rate, or one for three that are trained on."""
    measuring(0.25)
    validates, model = Validator(photos(held_out), tmp_path, EmbedOptions()), network()
    torch.manual_seed(5)
    found, why = validates.start(model, trained)
    after = torch.rand(1)
    assert found == ({"recall_at_1": 0.25, "other": 8.0} if measured else {})
    assert ("compare with rankzoo eval" in why) != measured
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)  # the run draws as if nothing was measured
    assert list(tmp_path.iterdir()) == []
