"""Recipe files of earlier versions, whose scorers, sorters and detectors had flat keys."""

from collections.abc import Mapping
from typing import Any

from zoo.errors import UsageError

Flat = dict[str, Any]

# flat key -> place in the sections of today
_SCORER = {
    "backbone": "network.backbone",
    "size": "network.size",
    "hidden": "network.hidden",
    "train_backbone": "network.train_backbone",
    "column": "data.column",
    "scenes": "data.scenes",
    "point": "loss.point",
    "point_weight": "loss.point_weight",
    "point_epochs": "loss.point_epochs",
    "rank_weight": "loss.rank_weight",
    "sorter": "loss.sorter",
    "resolution": "loss.resolution",
    "batch": "batch.size",
    "optimiser": "optimiser.name",
    "weight_decay": "optimiser.weight_decay",
    "epochs": "schedule.epochs",
    "checkpoint_every": "engine.checkpoint_every",
}
_SORTER = {
    "sorter": "network.sorter",
    "length": "network.length",
    "half": "network.half",
    "batch": "batch.size",
    "learning_rate": "optimiser.lr",
    "clip": "optimiser.clip_norm",
    "steps": "schedule.steps",
    "warmup": "schedule.warmup_steps",
    "checkpoint_every": "engine.checkpoint_every",
}
_DETECTOR = {
    **{
        key: f"network.{key}"
        for key in ("detector", "depth", "backbone", "channels", "proposals", "regions")
    },
    "score_threshold": "network.score_threshold",
    **{key: f"data.{key}" for key in ("layout", "train", "test", "scale", "bad_boxes")},
    "loss": "loss.name",
    "loss_options": "loss.options",
    "batch": "batch.size",
    "optimiser": "optimiser.name",
    **{key: f"optimiser.{key}" for key in ("lr", "momentum", "weight_decay", "clip_norm")},
    **{key: f"schedule.{key}" for key in ("epochs", "decay_at", "warmup_steps")},
}


def key_of_today(kind: str, key: str) -> str:
    """Return where a flat key of a `ScoreRecipe`, `SorterRecipe` or `DetectionRecipe` is today."""
    places = {"ScoreRecipe": _SCORER, "SorterRecipe": _SORTER, "DetectionRecipe": _DETECTOR}
    return places.get(kind, {}).get(key, key)


def translated(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content of a recipe file with the keys of today; today's come back unchanged."""
    if "network" in value:
        return value
    if "detector" in value:
        return _moved(value, _DETECTOR)
    if "task" in value and "backbone" in value:
        return _scorer(value)
    if "sorter" in value:
        about = {"about": f"the sorter {value['sorter']} on synthetic vectors"}
        return about | _moved({k: v for k, v in value.items() if k != "seed"}, _SORTER)
    return value


def _scorer(value: Mapping[str, Any]) -> Flat:
    """The head's rate was named and the backbone's a share of it; a rate was halved every so often.

    Defaults are those of the flat recipe: files written by hand may leave keys out.
    """
    flat = dict(value)
    rate, share = flat.pop("learning_rate", 0.01), flat.pop("backbone_rate", 0.1)
    every, epochs = flat.pop("halve_every", 0), flat.get("epochs", 20)
    found = _moved({"epochs": epochs, **flat}, _SCORER)
    if not flat.get("train_backbone", True):
        rates = {"lr": rate, "head_lr": 1.0}
    elif share:
        rates = {"lr": rate * share, "head_lr": 1 / share}
    else:
        raise UsageError("backbone_rate=0: no longer a value", "use network.train_backbone=false")
    found["optimiser"] = found.get("optimiser", {}) | rates
    if every:
        falls = {"kind": "step", "decay_at": list(range(every, epochs, every)), "decay": 0.5}
        found["schedule"] |= falls
    return found


def _moved(value: Mapping[str, Any], places: Mapping[str, str]) -> Flat:
    """Return the values at their places; unknown keys stay, for the reader to refuse."""
    found: Flat = {}
    for key, entry in value.items():
        section, _, name = places.get(key, key).partition(".")
        if name:
            found.setdefault(section, {})[name] = entry
        elif key not in ("published", "source"):
            found[section] = entry
    if metrics := value.get("published"):
        source = str(value.get("source", ""))
        tag = "C" if source.startswith("repository") else "P"  # those that were shipped
        found["published"] = {"metrics": metrics, "source": source, "tag": tag}
    return found
