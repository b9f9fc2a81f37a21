"""Recipes hold what the authors' code configures, field by field (`published.toml`)."""

import inspect
import math
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import timm

from zoo.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from zoo.losses import LOSSES
from zoo.losses.pairs import PAIR_LOSSES
from zoo.models import EmbedderConfig
from zoo.recipes import DetectionRecipe, Recipe, captions, emoji, installed, recipes_of
from zoo.recipes.detector import DetectorData
from zoo.recipes.recipe import LossTerm, Network
from zoo.training.setup import configured

Row = dict[str, Any]
TABLE: dict[str, dict[str, Row]] = tomllib.loads(
    (Path(__file__).parent / "published.toml").read_text(encoding="utf-8")
)
NOT_A_FIELD = {"like", "source", "recipe", "missing"}
NOT_STATED = "not stated"
RECIPES = recipes_of(Recipe)
OURS = {
    recipe.name
    for recipe in (*emoji.RECIPES, *installed.RECIPES, *captions.RECIPES)
    if recipe.data.reader != "captions"
}


def row_of(name: str) -> Row:
    """Return a row with everything it takes over."""
    own = next(part[name] for part in TABLE.values() if name in part)
    found: Row = {}
    for other in own.get("like", ()):
        found |= row_of(other)
    return found | own


ROWS = {name: row_of(name) for name in TABLE["row"]}
HELD = [name for name, row in ROWS.items() if "missing" not in row]
CLAIMED = {ROWS[name]["recipe"]: ROWS[name] for name in HELD}
each_row = pytest.mark.parametrize("name", HELD)


def expected(row: Row) -> Row:
    """Return the fields of a row that a source states."""
    fields = {key: value for key, value in row.items() if key not in NOT_A_FIELD}
    fields = {key: value for key, value in fields.items() if value != NOT_STATED}
    losses = [line.split() for line in fields.pop("losses")]
    fields["weights of the losses"] = [float(weight) for weight, _ in losses]
    fields["losses"] = [TABLE["loss"][loss] for _, loss in losses]
    if not any(_has_proxies(loss["name"]) for loss in fields["losses"]):
        fields.pop("proxies", None)
    return fields


def observed(recipe: Recipe) -> Row:
    """Return the fields of a recipe in the words of the table."""
    network, batch, schedule = recipe.network, recipe.batch, recipe.schedule
    config = configured(network, _backbone(network.backbone))
    terms = [term for term in (recipe.loss, recipe.extra_loss) if term is not None]
    return {
        **_network(network, config),
        "train": _train(recipe, config.preprocessing.size),
        "test": _test(config.preprocessing),
        "levels": recipe.data.levels,
        "sampler": _sampler(recipe),
        "super_classes": batch.super_classes if batch.sampler == "hierarchical" else None,
        "batch": batch.size,
        "per_class": batch.per_class,
        "chunk": batch.chunk,
        "simix": batch.simix,
        "weights of the losses": [term.weight for term in terms],
        "losses": [_options(term) for term in terms],
        "proxies": next((_proxies(term) for term in terms if _has_proxies(term.name)), None),
        "optimiser": _optimiser(recipe),
        "schedule": _schedule(recipe),
        "epochs": schedule.epochs if schedule.steps is None else f"{schedule.steps} steps",
        "memory": _memory(recipe),
        "precision": recipe.engine.precision,
        "loss_precision": "float32",  # the losses leave half precision by themselves
        "selection": "last",  # the run keeps its last weights
        "published": dict(recipe.published.metrics) if recipe.published else {},
        "frozen": " ".join(network.frozen),
        "projection": "random",
        "text": recipe.captions.encoder if recipe.captions else None,
        "sorter": recipe.loss.options.get("sorter", "gaussian"),
    }


def differences(row: Row, recipe: Recipe) -> Iterator[tuple[str, Any, Any]]:
    """Yield (field, published, ours) wherever a recipe is not what its source states."""
    ours = observed(recipe)
    for field, value in expected(row).items():
        if field == "losses":
            pairs = zip(value, ours[field], strict=False)
            named = [{key: found.get(key) for key in wanted} for wanted, found in pairs]
            if named != value:
                yield field, value, named
        elif ours[field] != value:
            yield field, value, ours[field]


@each_row
def test_a_recipe_is_what_its_source_states_but_for_what_it_says_itself(name: str) -> None:
    recipe = RECIPES[ROWS[name]["recipe"]]
    found = {field: (value, ours) for field, value, ours in differences(ROWS[name], recipe)}
    undeclared = {field: pair for field, pair in found.items() if field not in recipe.deviates}
    assert not undeclared, f"{name}, {recipe.name}: (published, ours) {undeclared}"
    stale = recipe.deviates.keys() - found.keys() - {"data", "rate", "crop"}
    assert not stale, f"{recipe.name} claims to deviate in {stale}, and does not"


DETECTORS = {name: row_of(name) for name in TABLE["detector"]}
OUR_DETECTORS = {"coco-retinanet-r50-focal"}  # mmdetection's own file


def observed_detector(recipe: DetectionRecipe) -> Row:
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
        "warmup": recipe.schedule.warmup_steps,
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
    stated = {k: v for k, v in row.items() if k not in NOT_A_FIELD and v != NOT_STATED}
    ours = observed_detector(recipe)
    found = {k: (v, ours[k]) for k, v in stated.items() if ours[k] != v}
    assert found.keys() == recipe.deviates.keys(), f"{recipe.name}: (published, ours) {found}"


def test_every_detector_of_the_literature_has_a_row() -> None:
    named = {name for name in recipes_of(DetectionRecipe) if not name.startswith("scenes")}
    assert {row["recipe"] for row in DETECTORS.values()} == named - OUR_DETECTORS


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - OURS))
def test_every_recipe_of_the_literature_has_a_row_or_says_that_no_source_states_it(
    name: str,
) -> None:
    assert name in CLAIMED or "source" in RECIPES[name].deviates


@pytest.mark.parametrize("name", ROWS)
def test_a_row_names_its_source_and_a_missing_recipe_its_reason(name: str) -> None:
    assert ROWS[name]["source"]
    assert "recipe" in ROWS[name] or len(ROWS[name]["missing"].split()) > 3


@pytest.mark.parametrize("name", RECIPES)
def test_a_deviation_has_its_reason(name: str) -> None:
    assert all(len(reason.split()) > 3 for reason in RECIPES[name].deviates.values())


def _backbone(name: str) -> EmbedderConfig:
    if "/" not in name:
        return EmbedderConfig(name)
    tagged = name.removeprefix("timm/")
    config = timm.get_pretrained_cfg(tagged)
    assert config is not None
    return EmbedderConfig(
        tagged.split(".")[0], preprocessing=Preprocessing.from_timm(config.to_dict())
    )


def _network(network: Network, config: EmbedderConfig) -> Row:
    inputs, weights = config.preprocessing, network.backbone.rpartition(".")[2]
    imagenet = (inputs.mean, inputs.std) == (IMAGENET_MEAN, IMAGENET_STD)
    if network.undistilled:
        weights += ", distilled"
    return {
        "backbone": config.architecture,
        "weights": weights if network.pretrained else "random",
        "pooling": config.pooling,
        "norm": config.layer_norm,
        "dim": config.dim or 0,
        "batch_norm": network.batch_norm,
        "colours": "imagenet" if imagenet else "other",
        "interpolation": inputs.interpolation,
    }


def _train(recipe: Recipe, size: int) -> str:
    crop = recipe.augmentation
    size = crop.size or size
    if crop.window is not None:
        inner = round(size / crop.window)
        return f"square {inner}" + (f", crop {size}" if inner != size else "")
    area, ratio = (f"{low:g}-{high:.5g}" for low, high in (crop.scale, crop.ratio))
    before = f"short {crop.resize}, " if crop.resize else ""
    return f"{before}RRC {size} {area} {ratio}"


def _test(inputs: Preprocessing) -> str:
    side = "square" if inputs.crop_mode == "squash" else "short"
    cut = f", centre {inputs.size}" if side == "short" or inputs.size != inputs.resize else ""
    return f"{side} {inputs.resize}{cut}"


def _sampler(recipe: Recipe) -> str:
    batch = recipe.batch
    match batch.sampler:
        case "hierarchical":
            return f"all pairs x {batch.batches_per_tuple}"
        case "fresh":
            return f"fresh x {batch.batches}"
        case "every_image":
            limit = batch.groups_per_class
            few = f", {limit * batch.per_class} images a class" if limit else ""
            return "greedy" + (" in order" if batch.in_order else "") + few
        case other:
            return other


def _optimiser(recipe: Recipe) -> str:
    own = recipe.optimiser
    return f"{own.name} {own.lr:g} head x{own.head_lr:g} wd {own.weight_decay:g}"


def _proxies(term: LossTerm) -> str:
    decay = f" wd {term.weight_decay:g}" if term.weight_decay else ""
    return f"{term.optimiser} {term.lr:g}{decay} to {term.final_lr:g}"


def _schedule(recipe: Recipe) -> str:
    own = recipe.schedule
    frozen = f", {'paused' if own.paused else 'backbone frozen'} for {own.frozen_epochs}"
    after = frozen if own.frozen_epochs else ""
    match own.kind:
        case "constant":
            return "constant" + after
        case "step":
            return f"x{own.decay:g} at {' '.join(map(str, own.decay_at))}{after}"
        case "cosine":
            return f"cosine{' per step' if own.per == 'step' else ''} to {own.final_lr:g}{after}"


def _memory(recipe: Recipe) -> str:
    if not recipe.memory:
        return "none"
    use = recipe.memory_use
    keys = " unique" if use.unique else ""
    joined = {"sum": "added", "average": "averaged", "mean": "joint"}[use.join]
    return f"{recipe.memory}{keys} from epoch {use.from_epoch}, {joined}"


def _kind(name: str) -> Any:
    return {**LOSSES, **PAIR_LOSSES}.get(name)


def _has_proxies(name: str) -> bool:
    kind = _kind(name)
    return kind is not None and "classes" in inspect.signature(kind).parameters


def _options(term: LossTerm) -> Row:
    """Return every option of a loss, given or not; an angle in radians too."""
    defaults = {p.name: p.default for p in inspect.signature(_kind(term.name)).parameters.values()}
    found = {"name": term.name, **defaults, **term.options}
    if term.name == "arcface":
        found["radians"] = round(math.radians(found["margin"]), 3)
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value


def test_no_value_of_the_table_is_of_another_field() -> None:
    known = observed(RECIPES["sop-resnet50-happier"]).keys() | NOT_A_FIELD | {"rate"}
    used: set[str] = {key for row in ROWS.values() for key in row}
    assert used <= known


def test_a_changed_value_is_found() -> None:
    row: Mapping[str, Any] = ROWS["RM1"]
    recipe = RECIPES[row["recipe"]]
    before = {field for field, _, _ in differences(dict(row), recipe)}
    changed = {**row, "batch": 127, "optimiser": "adam 1e-05 head x3 wd 0.0001"}
    after = {field for field, _, _ in differences(changed, recipe)}
    assert after - before == {"batch", "optimiser"}
