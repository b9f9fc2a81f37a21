"""Keys of a recipe that say nothing beside others: refused when a person sets them, never dropped.

A published recipe may hold such values, since every key has one; what counts is what is asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import IntegrityError, UsageError
from zoo.files import parse_json
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.earlier import key_of_today
from zoo.recipes.own_boxes import OWN
from zoo.recipes.recipe import SRU, LossTerm, Recipe
from zoo.recipes.scores import ScoreRecipe
from zoo.recipes.values import AnyRecipe, names_of

BOTH_SHUFFLED = ("shuffled", "pairs")
ONE_STAGE = ("retinanet", "atss")
RANKED = ("ap", "alrp", "rank_sort")


@dataclass(frozen=True)
class Idle:
    """Keys, or sections, that say nothing of a recipe `when` it is so, and why."""

    keys: str
    when: Callable[[Any], object]
    why: str


def _another_sampler(name: str) -> Callable[[Any], object]:
    return lambda r: r.batch.sampler != name


def _learns_nothing(term: str) -> Callable[[Any], object]:
    def idle(recipe: Any) -> bool:
        found = getattr(recipe, term)
        return found is not None and not learns(found)

    return idle


SCHEDULES = (
    Idle("schedule.epochs", lambda r: r.schedule.steps is not None, "schedule.steps counts"),
    Idle(
        "schedule.per schedule.final_lr",
        lambda r: r.schedule.kind != "cosine",
        "schedule.kind is no cosine",
    ),
    Idle(
        "schedule.decay_at",
        lambda r: r.schedule.kind != "step" and r.schedule.decay_at,
        "only schedule.kind=step falls so",
    ),
    Idle(
        "schedule.decay",
        lambda r: r.schedule.kind != "step" or not r.schedule.decay_at,
        "only schedule.kind=step falls so, at the epochs of schedule.decay_at",
    ),
    Idle(
        "schedule.kind",
        lambda r: r.schedule.kind == "constant" and r.schedule.decay_at,
        "the rate falls at schedule.decay_at; set that to []",
    ),
    Idle("schedule.paused", lambda r: not r.schedule.frozen_epochs, "no epoch is frozen"),
    Idle("schedule.paused", lambda r: r.schedule.kind == "constant", "the rate never falls"),
)
CROPS = (
    Idle(
        "augmentation.scale augmentation.ratio augmentation.attempts",
        lambda r: r.augmentation.window is not None,
        "augmentation.window is the crop",
    ),
)
EMBEDDERS = (
    Idle(
        "extra_loss loss.weight memory memory_use batch.simix data.levels",
        lambda r: r.captions is not None,
        "one loss over images and captions is all that is trained on",
    ),
    Idle(
        "captions.layers captions.dropout",
        lambda r: r.captions is not None and r.captions.encoder != SRU,
        f"they are those of captions.encoder={SRU}",
    ),
    Idle(
        "captions.train",
        lambda r: r.captions is not None and r.captions.both and not r.captions.train,
        "this captions.encoder is always trained",
    ),
    Idle(
        "batch.per_class",
        lambda r: r.batch.sampler in BOTH_SHUFFLED,
        "batch.sampler draws no classes",
    ),
    *(
        Idle(keys, _another_sampler(name), f"only batch.sampler={name} reads it")
        for name, keys in {
            "every_image": "batch.groups_per_class batch.in_order",
            "hierarchical": "batch.super_classes batch.batches_per_tuple",
            "fresh": "batch.batches",
        }.items()
    ),
    Idle(
        "loss.final_lr extra_loss.final_lr",
        lambda r: r.schedule.kind != "cosine",
        "schedule.kind is no cosine",
    ),
    Idle("memory_use", lambda r: not r.memory, "there is no memory: set memory too"),
    Idle(
        "memory",
        lambda r: r.memory > 1 and r.memory_use.unique,
        "memory_use.unique keeps each training image once, which memory=1 asks for too",
    ),
    Idle("lora.alpha lora.dropout lora.targets", lambda r: not r.lora.rank, "lora.rank is 0"),
    Idle("network.keep_head", lambda r: not r.network.pretrained, "network.pretrained is false"),
    *(
        Idle(
            " ".join(f"{term}.{key}" for key in ("optimiser", "lr", "final_lr", "weight_decay")),
            _learns_nothing(term),
            "this loss has nothing of its own that is trained",
        )
        for term in ("loss", "extra_loss")
    ),
)
SCORERS = (
    Idle(
        "augmentation network.batch_norm schedule.frozen_epochs schedule.paused --workers",
        lambda r: not r.network.train_backbone,
        "the features are computed once: set network.train_backbone=true",
    ),
    Idle("network.hidden", lambda r: r.network.pooling == "wildcat", "wildcat has no such layer"),
    Idle(
        "loss.rank loss.sorter loss.resolution loss.point_epochs",
        lambda r: r.loss.rank_weight == 0,
        "loss.rank_weight is 0",
    ),
    Idle(
        "loss.sorter loss.resolution",
        lambda r: r.loss.rank == "blackbox",
        "loss.rank=blackbox ranks without a sorter",
    ),
    Idle(
        "loss.resolution",
        lambda r: r.loss.sorter != "gaussian",
        "it is that of loss.sorter=gaussian",
    ),
    Idle(
        "loss.point",
        lambda r: r.loss.point_weight == 0 and r.loss.rank_weight and not r.loss.point_epochs,
        "loss.point_weight is 0",
    ),
    Idle(
        "loss.point_weight loss.rank_weight",
        lambda r: r.loss.point_weight == r.loss.rank_weight == 0,
        "nothing would be trained on; the other weight is 0",
    ),
)
DETECTORS = (
    Idle("network.depth", lambda r: r.network.architecture, "network.architecture counts"),
    Idle(
        "network.proposals network.regions",
        lambda r: r.network.detector in ONE_STAGE,
        "this detector has one stage",
    ),
    Idle("network.regions", lambda r: r.loss.name in RANKED, "this loss ranks every region"),
    Idle(
        "network.box_stds",
        lambda r: (r.network.detector, r.loss.name) == ("retinanet", "ap"),
        "AP-loss brings its own: .1, .1, .2, .2",
    ),
    Idle("optimiser.momentum", lambda r: r.optimiser.name != "sgd", "it is that of SGD"),
    Idle(
        "schedule.decay_at",
        lambda r: r.name == OWN and not r.schedule.decay_at,
        "none is chosen from the data; schedule.decay=1 lets the rate stand",
    ),
    Idle(
        "schedule.warmup_steps",
        lambda r: r.name == OWN and not r.schedule.warmup_steps,
        "0 is chosen from the data; 1 is next to none",
    ),
    Idle(
        "schedule.decay",
        lambda r: r.name != OWN and not r.schedule.decay_at,
        "schedule.decay_at names no epoch",
    ),
)
RULES: dict[type, tuple[Idle, ...]] = {
    Recipe: (*SCHEDULES, *CROPS, *EMBEDDERS),
    ScoreRecipe: (*SCHEDULES, *CROPS, *SCORERS),
    DetectionRecipe: DETECTORS,
}


def refuse_idle(recipe: AnyRecipe, asked: Iterable[str]) -> None:
    """Raise where one of the keys (`schedule.decay`) or flags asked for says nothing.

    Raises:
        UsageError: naming it, and why.
    """
    for key in asked:
        for rule in RULES.get(type(recipe), ()):
            idle = any(f"{key}.".startswith(f"{name}.") for name in rule.keys.split())
            if idle and rule.when(recipe):
                shown = key if key.startswith("--") else f"--set {key}"
                raise UsageError(f"{shown} says nothing here: {rule.why}", "leave it out")


def keys_of(kind: type[AnyRecipe], change: str) -> list[str]:
    """Return the keys of today that a change sets: of a whole section, those it names.

    >>> keys_of(Recipe, 'batch={"size": 8, "per_class": 4}')
    ['batch.size', 'batch.per_class']
    """
    key, _, text = change.partition("=")
    if key not in names_of(kind):
        return [key_of_today(kind.__name__, key)]
    try:
        value = parse_json(text, key)
    except IntegrityError:  # a bare word
        value = None
    return [f"{key}.{name}" for name in value] if isinstance(value, Mapping) else [key]


def learns(term: LossTerm) -> bool:
    """Whether a loss has parameters of its own: class proxies, or a scale."""
    from zoo.losses import LOSSES
    from zoo.losses.pairs import PAIR_LOSSES
    from zoo.recipes.changes import loss_options

    if "classes" in loss_options(term.name):
        return True
    kind: Any = {**LOSSES, **PAIR_LOSSES}[term.name]
    return any(own.requires_grad for own in kind().parameters())
