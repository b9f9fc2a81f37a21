"""What a person sets in a recipe is used, or refused by name: nothing is dropped."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from zoo.errors import UsageError
from zoo.recipes import RECIPES, AnyRecipe, ScoreRecipe
from zoo.recipes.find import Choice, find_recipe, overridden
from zoo.recipes.idle import RULES, Idle, keys_of
from zoo.recipes.recipe import Captions, Recipe
from zoo.recipes.values import to_json

OWN, PAIRS = {"model": "resnet18"}, {"model": "clip", "loss": "info_nce"}
LABELS, VALUE = {"task": "labels"}, {"task": "value"}
BOXES, RANKED = {"detector": "retinanet"}, {"detector": "faster_rcnn"}
STEPS, FOCAL = {"name": "scenes-sodeep"}, {"name": "coco-retinanet-r50-focal"}
# What is chosen, what is set before, and what then says nothing, with what its error names.
IDLE: tuple[tuple[dict[str, str], Sequence[str], str, str], ...] = (
    (OWN, ["schedule.steps=10"], "schedule.epochs=5", "schedule.steps"),
    ({"name": "emoji-recall_at_k"}, [], "schedule.epochs=1", "schedule.steps"),
    (OWN, ["schedule.kind=step", "schedule.decay_at=[3]"], "schedule.per=epoch", "cosine"),
    (OWN, ["schedule.kind=constant"], "schedule.final_lr=0", "cosine"),
    (OWN, [], "schedule.decay_at=[3]", "schedule.kind=step"),
    (OWN, [], 'schedule={"epochs": 3, "kind": "cosine", "decay": 0.1}', "schedule.kind=step"),
    (OWN, ["schedule.kind=step"], "schedule.decay=0.1", "decay_at"),
    (STEPS, [], "schedule.kind=constant", "decay_at"),
    (OWN, ["schedule.per=epoch"], "schedule.paused=true", "frozen"),
    (
        OWN,
        ["schedule.kind=constant", "schedule.frozen_epochs=2"],
        "schedule.paused=true",
        "never falls",
    ),
    (OWN, ["augmentation.window=0.9"], "augmentation.scale=[0.5,1]", "window"),
    (PAIRS, [], "extra_loss=info_nce", "captions"),
    (PAIRS, [], "extra_loss=null", "captions"),
    (PAIRS, [], "memory=100", "captions"),
    (PAIRS, [], "batch.simix=true", "captions"),
    (PAIRS, [], "loss.weight=2", "captions"),
    (PAIRS, [], "captions.layers=2", "sru"),
    (PAIRS, [], "captions.train=false", "always trained"),
    (PAIRS, [], "batch.per_class=2", "sampler"),
    (OWN, [], "batch.groups_per_class=2", "every_image"),
    (OWN, [], "batch.super_classes=3", "hierarchical"),
    (OWN, [], "batch.batches=10", "fresh"),
    (OWN, [], "memory_use.join=sum", "memory"),
    (OWN, ['memory_use={"unique": true}', "memory=1"], "memory=100", "each training image once"),
    (OWN, [], "lora.alpha=16", "lora.rank"),
    (OWN, ["network.pretrained=false"], "network.keep_head=true", "pretrained"),
    (OWN, [], "loss.lr=0.1", "of its own"),
    (OWN, [], "extra_loss.optimiser=sgd", "of its own"),
    ({**OWN, "loss": "proxy_nca"}, ["schedule.kind=constant"], "loss.final_lr=0", "cosine"),
    (LABELS, [], "augmentation.flip=0", "train_backbone"),
    (LABELS, [], "augmentation=" + '{"flip": 0}', "train_backbone"),
    (LABELS, [], "network.batch_norm=train", "train_backbone"),
    (LABELS, [], "schedule.frozen_epochs=3", "train_backbone"),
    (
        LABELS,
        ["network.train_backbone=true", "network.pooling=wildcat"],
        "network.hidden=9",
        "wildcat",
    ),
    ({**LABELS, "loss": "soft_margin"}, [], "loss.sorter=grus", "rank_weight"),
    ({**LABELS, "loss": "blackbox_ap"}, [], "loss.sorter=grus", "blackbox"),
    (VALUE, ["loss.sorter=grus"], "loss.resolution=0.5", "gaussian"),
    (VALUE, ["loss.point_weight=0"], "loss.point=l1", "point_weight"),
    ({**VALUE, "loss": "l1"}, [], "loss.point_weight=0", "nothing"),
    ({"name": "scenes-retinanet-mobilenet-ap"}, [], "network.depth=18", "architecture"),
    (BOXES, [], "network.proposals=100", "one stage"),
    (RANKED, [], "network.regions=100", "every region"),
    (BOXES, [], "network.box_stds=[1,1,1,1]", "AP-loss"),
    (BOXES, [], "optimiser.momentum=0.5", "SGD"),
    (BOXES, [], "schedule.decay_at=[]", "from the data"),
    (BOXES, [], "schedule.warmup_steps=0", "from the data"),
    (FOCAL, ["schedule.decay_at=[]"], "schedule.decay=0.5", "decay_at"),
)


def names(rule: Idle, keys: Sequence[str]) -> bool:
    """Whether a rule is of one of the keys."""
    of = rule.keys.split()
    return any(f"{key}.".startswith(f"{name}.") for key in keys for name in of)


@pytest.mark.parametrize(("chosen", "before", "idle", "why"), IDLE, ids=[row[2] for row in IDLE])
def test_a_key_that_says_nothing_is_refused_by_name(
    chosen: dict[str, str], before: list[str], idle: str, why: str
) -> None:
    find_recipe(Choice(**chosen, changes=before))
    with pytest.raises(UsageError) as refused:
        find_recipe(Choice(**chosen, changes=[*before, idle]))
    assert f"--set {idle.partition('=')[0]}" in str(refused.value)
    assert why in str(refused.value)


def test_every_rule_is_met_by_one_of_these_cases() -> None:
    met = []
    for chosen, before, idle, _ in IDLE:
        recipe = overridden(find_recipe(Choice(**chosen, changes=before)), [idle])
        keys = keys_of(type(recipe), idle)
        met += [rule for rule in RULES[type(recipe)] if rule.when(recipe) and names(rule, keys)]
    assert [rule.why for rules in RULES.values() for rule in rules if rule not in met] == []


@pytest.mark.parametrize("kind", RULES)
def test_the_rules_name_keys_that_there_are(kind: type[AnyRecipe]) -> None:
    recipe = next(recipe for recipe in RECIPES.values() if isinstance(recipe, kind))
    if isinstance(recipe, Recipe):
        recipe = replace(recipe, extra_loss=recipe.loss, captions=Captions())
    there = {*to_json(recipe)} | {
        f"{section}.{name}"
        for section, values in to_json(recipe).items()
        if isinstance(values, dict)
        for name in values
    }
    named = {key for rule in RULES[kind] for key in rule.keys.split()}
    assert {key for key in named if not key.startswith("--")} <= there


@pytest.mark.parametrize(
    ("chosen", "changes"),
    [
        (OWN, ["batch.super_classes=3", "batch.sampler=hierarchical"]),
        (OWN, ["loss.lr=0.1", "loss=proxy_nca"]),
        (PAIRS, ["loss=siglip", "loss.lr=0.1"]),
        (OWN, ["memory=100", "memory_use.join=sum"]),
        (OWN, ["schedule.kind=step", "schedule.decay_at=[3]", "schedule.decay=0.1"]),
        (STEPS, ["schedule.kind=constant", "schedule.decay_at=[]"]),
        (LABELS, ["network.train_backbone=true", "augmentation.flip=0"]),
        (BOXES, ["schedule.warmup_steps=1", "schedule.decay_at=[3]", "schedule.decay=1"]),
        (RANKED, ["network.proposals=100", "network.box_stds=[1,1,1,1]"]),
        ({"name": "sorter-grus"}, ["batch.size=8", "length=6"]),
    ],
)
def test_beside_what_they_need_keys_are_taken(chosen: dict[str, str], changes: list[str]) -> None:
    find_recipe(Choice(**chosen, changes=changes))


def test_a_change_of_an_earlier_version_is_named_as_today() -> None:
    assert keys_of(ScoreRecipe, "epochs=1") == ["schedule.epochs"]
