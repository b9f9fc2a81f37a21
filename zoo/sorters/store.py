"""A sorter on disk: a folder with config.json and model.safetensors; some come with the package."""

from pathlib import Path
from typing import Any

import torch

from zoo.errors import DataError, IntegrityError, UnavailableError, UsageError
from zoo.files import (
    MALFORMED,
    check_folder,
    read_object,
    read_tensors,
    sealing,
    write_json,
    write_tensors,
)
from zoo.sorters import SORTERS
from zoo.sorters.sorter import Sorter

WEIGHTS = Path(__file__).parent / "weights"
FILES = ("config.json", "model.safetensors")


def build_sorter(name: str, **options: Any) -> Sorter:
    """Build a sorter of `SORTERS` with fresh weights.

    Raises:
        UsageError: no such sorter, or an option it does not have.
    """
    if name not in SORTERS:
        raise UsageError(f"no sorter is called {name}", f"known: {', '.join(sorted(SORTERS))}")
    try:
        return SORTERS[name](**options)
    except TypeError as error:
        raise UsageError(f"sorter {name}: {error}") from error


def save_sorter(
    sorter: Sorter, folder: Path, name: str, *, half: bool = False, **options: Any
) -> None:
    """Write a sorter's folder; `half` stores float16, which halves the file."""
    state = sorter.state_dict()
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    with sealing(folder) as names:
        write_tensors(folder / "model.safetensors", state)
        write_json(folder / "config.json", {"sorter": name, "options": options})
        names.update(FILES)


def load_sorter(source: str | Path) -> Sorter:
    """Load a sorter, frozen: a folder, or the name of one whose weights come with the package.

    The module stays differentiable in its scores. Its parameters are float32.

    Raises:
        UnavailableError: no such folder, and no weights of that name are shipped.
        DataError: config.json is not one of a sorter.
        IntegrityError: the weights do not fit the architecture.
    """
    folder = _folder(source)
    check_folder(folder)
    sorter = _build(folder / "config.json")
    try:
        state = read_tensors(folder / "model.safetensors")
        sorter.load_state_dict(
            {k: v.float() if v.dtype == torch.float16 else v for k, v in state.items()}
        )
    except (OSError, RuntimeError) as error:
        raise IntegrityError(f"{folder / 'model.safetensors'}: {error}") from error
    return sorter.eval().requires_grad_(False)


def ready_sorter(source: Sorter | str | Path) -> Sorter:
    """Return a sorter that ranks as it is: given, in closed form, shipped, or in a folder.

    Raises:
        UnavailableError: the name is of a learned sorter whose weights are not shipped.
    """
    if isinstance(source, Sorter):
        return source
    if str(source) in SORTERS:
        sorter = build_sorter(str(source))
        if not any(True for _ in sorter.parameters()):
            return sorter
    return load_sorter(source)


def shipped_sorters() -> list[str]:
    """Return the names of the sorters whose weights come with the package."""
    return sorted(config.parent.name for config in WEIGHTS.glob("*/config.json"))


def _folder(source: str | Path) -> Path:
    for folder in (Path(source), WEIGHTS / str(source)):
        if (folder / "config.json").is_file():
            return folder
    raise UnavailableError(
        f"{source} is not a sorter's folder, and no sorter of that name is shipped",
        f"shipped: {', '.join(shipped_sorters())}; train one with `rankzoo train sorter-NAME`",
    )


def _build(path: Path) -> Sorter:
    try:
        config = read_object(path, MALFORMED)
        return build_sorter(str(config["sorter"]), **config["options"])
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(
            f"{path}: not a sorter's configuration ({error!r})",
            'it needs "sorter" and "options", as `rankzoo train sorter-NAME` writes them',
        ) from error
