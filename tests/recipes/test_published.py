"""Recipes hold what the authors' code configures, field by field (`published.toml`)."""

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import timm

from tests.recipes.published import (
    NOT_A_FIELD,
    TABLE,
    Row,
    row_of,
    schedule_of,
    stated,
    train_of,
)
from zoo.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from zoo.losses import LOSSES
from zoo.losses.pairs import PAIR_LOSSES
from zoo.models import EmbedderConfig
from zoo.recipes import Recipe, captions, emoji, installed, recipes_of
from zoo.recipes.recipe import LossTerm, Network
from zoo.training.setup import configured

RECIPES = recipes_of(Recipe)
OURS = {
    recipe.name
    for recipe in (*emoji.RECIPES, *installed.RECIPES, *captions.RECIPES)
    if recipe.data.reader != "captions"
}


ROWS = {name: row_of(name) for name in TABLE["row"]}
CLAIMED = {row["recipe"]: row for row in ROWS.values()}
each_row = pytest.mark.parametrize("name", ROWS)


def expected(row: Row) -> Row:
    """Return the fields of a row that a source states."""
    fields = stated(row)
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
        "train": train_of(recipe.augmentation, config.preprocessing.size),
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
        "schedule": schedule_of(schedule),
        "epochs": schedule.epochs if schedule.steps is None else f"{schedule.steps} steps",
        "memory": _memory(recipe),
        "precision": recipe.engine.precision,
        "loss_precision": "float32",  # the losses leave half precision by themselves
        "selection": "last",  # the run keeps its last weights
        "published": dict(recipe.published.metrics) if recipe.published else {},
        "frozen": " ".join(network.frozen),
        "projection": "random",
        "text": _text(recipe),
        "words": "tokens by rule of all sentences, or in small letters",
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
    stale = recipe.deviates.keys() - found.keys() - {"data", "rate"}
    assert not stale, f"{recipe.name} claims to deviate in {stale}, and does not"


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - OURS))
def test_every_recipe_of_the_literature_has_a_row_or_says_that_no_source_states_it(
    name: str,
) -> None:
    assert name in CLAIMED or "source" in RECIPES[name].deviates


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
        "maps": config.maps,
        "dropout": config.dropout,
        "norm": config.layer_norm,
        "dim": config.dim or 0,
        "batch_norm": network.batch_norm,
        "colours": "imagenet" if imagenet else "other",
        "interpolation": inputs.interpolation,
    }


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


def _text(recipe: Recipe) -> str | None:
    own = recipe.captions
    if own is None or own.encoder != "sru":
        return own.encoder if own else None
    trained = f"trained from epoch {own.frozen_epochs}"
    return f"SRU of {own.layers} layers, dropout {own.dropout:g}, {trained}"


def _optimiser(recipe: Recipe) -> str:
    own = recipe.optimiser
    return f"{own.name} {own.lr:g} head x{own.head_lr:g} wd {own.weight_decay:g}"


def _proxies(term: LossTerm) -> str:
    decay = f" wd {term.weight_decay:g}" if term.weight_decay else ""
    return f"{term.optimiser} {term.lr:g}{decay} to {term.final_lr:g}"


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
