"""What all runs of a comparison share, kept in its folder: another call may add runs, no more."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.files import plain, read_sealed, write_sealed
from zoo.recipes.values import from_json, to_json

SETTINGS = "comparison.json"


def open_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Create the folder, or check that it holds a comparison under the same settings.

    What only adds runs may grow: learning rates behind those of a grid, and trials.

    Raises:
        UsageError: the folder holds something else, or a comparison that differs; says in what.
    """
    path = folder / SETTINGS
    now: dict[str, Any] = plain(settings)
    before = read_settings(folder)
    if before is None:
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} holds something else", "choose another --out")
        write_sealed(path, now)
        return
    for key, value in now.items():
        if before.get(key) != value and not _grows(key, before, value):
            raise UsageError(
                f"{folder} was begun with another {key}: {_changes(before.get(key), value)}",
                "go on with the same command, or choose another --out",
            )
    if before != now:
        write_sealed(path, now)


def read_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings that a folder's comparison was begun with, if it holds one.

    One from before there was a search is a grid.
    """
    path = folder / SETTINGS
    if not path.exists():
        return None
    found = read_sealed(path)
    recipe = to_json(from_json(found["recipe"])) if "recipe" in found else None
    return {"method": "grid", "trials": 1, **found, "recipe": recipe}


def _grows(key: str, before: Mapping[str, Any], now: object) -> bool:
    """Return whether a setting keeps all runs in place and adds others behind them."""
    if key == "rates" and before["method"] == "grid":
        rates = list(now) if isinstance(now, Sequence) else []
        return bool(rates[: len(before["rates"])] == before["rates"])
    return key == "trials" and isinstance(now, int) and bool(now >= before["trials"])


def _changes(before: Any, now: Any) -> str:
    """Return what differs: `schedule.steps 40 → 60`."""
    a, b = dict(_leaves(before)), dict(_leaves(now))
    different = [name for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {a.get(name)} → {b.get(name)}".strip() for name in different)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, part in value.items():
        yield from _leaves(part, f"{name}.{key}" if name else key)
