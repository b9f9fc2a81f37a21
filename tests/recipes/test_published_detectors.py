"""Detectors hold what the authors' code configures (`published.toml`)."""

import pytest

from tests.recipes.published import TABLE, Row, row_of, stated
from zoo.recipes import DetectionRecipe, recipes_of
from zoo.recipes.detector import DetectorData

DETECTORS = {name: row_of(name) for name in TABLE["detector"]}
OUR_DETECTORS = {"coco-retinanet-r50-focal"}  # mmdetection's own file


def observed(recipe: DetectionRecipe) -> Row:
    """Return the fields of a detector's recipe in the words of the table."""
    network, optimiser = recipe.network, recipe.optimiser
    options = [f" {name} {value:g}" for name, value in recipe.loss.options.items()]
    return {
        "network": f"{network.detector} {network.depth}"
        + (" {}x{}d".format(*network.groups) if network.groups else "")
        + " dcn" * network.deformable,
        "octave": list(network.octave or ()),
        "box_stds": list(network.box_stds or ()),
        "threshold": network.score_threshold,
        "loss": recipe.loss.name + "".join(options),
        "margin": "fixed",
        "scale": list(recipe.data.scale),
        "train": _augmented(recipe.data),
        "batch": recipe.batch.size,
        "list": "all images of an update",
        "optimiser": f"{optimiser.name} {optimiser.lr:g}",
        "weight_decay": optimiser.weight_decay,
        "weights": network.backbone,
        "warmup": recipe.schedule.warmup_steps,
        "warmup_from": 0.001,
        "epochs": recipe.schedule.epochs,
        "decay_at": list(recipe.schedule.decay_at),
        "published": dict(recipe.published.metrics) if recipe.published else {},
    }


def _augmented(data: DetectorData) -> str:
    if data.augmentation == "ssd":
        return f"photometric, expand, crop by IoU, square {data.squash}, flip"
    short = data.shorter
    steps = f"short {short[0]}-{short[-1]} by {short[1] - short[0]}, " if short else ""
    return f"{steps}flip"


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_is_what_its_source_states_but_for_what_it_says_itself(name: str) -> None:
    row, recipe = DETECTORS[name], recipes_of(DetectionRecipe)[DETECTORS[name]["recipe"]]
    ours = observed(recipe)
    found = {k: (v, ours[k]) for k, v in stated(row).items() if ours[k] != v}
    assert found.keys() == recipe.deviates.keys(), f"{recipe.name}: (published, ours) {found}"


def test_every_detector_of_the_literature_has_a_row() -> None:
    named = {name for name in recipes_of(DetectionRecipe) if not name.startswith("scenes")}
    assert {row["recipe"] for row in DETECTORS.values()} == named - OUR_DETECTORS
