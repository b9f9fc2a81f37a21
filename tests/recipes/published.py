"""The table of what the authors' code configures, and the words it is held against."""

import tomllib
from pathlib import Path
from typing import Any

from zoo.recipes.recipe import Augmentation, Schedule

Row = dict[str, Any]
TABLE: dict[str, dict[str, Row]] = tomllib.loads(
    (Path(__file__).parent / "published.toml").read_text(encoding="utf-8")
)
NOT_A_FIELD = {"like", "source", "recipe"}
NOT_STATED = "not stated"


def row_of(name: str) -> Row:
    """Return a row with everything it takes over."""
    own = next(part[name] for part in TABLE.values() if name in part)
    found: Row = {}
    for other in own.get("like", ()):
        found |= row_of(other)
    return found | own


def stated(row: Row) -> Row:
    """Return the fields of a row that a source states."""
    fields = {key: value for key, value in row.items() if key not in NOT_A_FIELD}
    return {key: value for key, value in fields.items() if value != NOT_STATED}


def train_of(crop: Augmentation, size: int) -> str:
    """Return how a training image is cut out."""
    size = crop.size or size
    if crop.window is not None:
        inner = round(size / crop.window)
        return f"square {inner}" + (f", crop {size}" if inner != size else "")
    area, ratio = (f"{low:g}-{high:.5g}" for low, high in (crop.scale, crop.ratio))
    before = f"short {crop.resize}, " if crop.resize else ""
    kind = "RRC" if crop.attempts == 10 else f"crop of {crop.attempts} attempts"
    return f"{before}{kind} {size} {area} {ratio}"


def schedule_of(own: Schedule) -> str:
    """Return how the rate falls."""
    frozen = f", {'paused' if own.paused else 'backbone frozen'} for {own.frozen_epochs}"
    after = frozen if own.frozen_epochs else ""
    match own.kind:
        case "constant":
            return "constant" + after
        case "step":
            return f"x{own.decay:g} at {' '.join(map(str, own.decay_at))}{after}"
        case "cosine":
            return f"cosine{' per step' if own.per == 'step' else ''} to {own.final_lr:g}{after}"
