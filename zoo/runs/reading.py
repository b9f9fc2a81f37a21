"""A run or model folder, as far as the Hub needs to know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoo.cards.model_files import CONFIG, WEIGHTS, check_model_folder, read_config, record_of
from zoo.cards.sources import FileRecord
from zoo.files import read_sealed

RECIPE = "recipe.json"
RESULTS = "results.json"
EXTRAS = (RECIPE, RESULTS, "metrics.jsonl", "curves.png")
TEXTS = ("*.json", "*.txt", "1_Pooling/config.json")  # tokenizers and the like


@dataclass(frozen=True)
class Run:
    """A folder with weights: its configuration, and its recipe and results when it was trained.

    `date` is the day the results, or else the weights, were written (UTC).
    """

    folder: Path
    config: Mapping[str, Any]
    recipe: Mapping[str, Any]
    results: Mapping[str, Any]
    date: str

    @property
    def architecture(self) -> str:
        """What the weights are weights of."""
        config = self.config
        return str(
            config.get("architecture") or config.get("sorter") or config.get("model_type", "")
        )

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """The files that load the model, with their hashes."""
        return tuple(record_of(self.folder / name, name) for name in (CONFIG, WEIGHTS))


def read_run(folder: Path) -> Run:
    """Read a run or model folder.

    Raises:
        UsageError, UnavailableError: it has no weights, or only pickled ones.
        IntegrityError: a file of it is damaged.
    """
    check_model_folder(folder)
    results = _read_object(folder / RESULTS)
    dated = folder / (RESULTS if results else WEIGHTS)
    written = datetime.fromtimestamp(dated.stat().st_mtime, UTC)
    return Run(
        folder=folder,
        config=read_config(folder),
        recipe=_read_object(folder / RECIPE),
        results=results,
        date=written.date().isoformat(),
    )


def shared_files(run: Run) -> list[Path]:
    """Return what goes to the Hub: weights, configuration, and the record; no checkpoints."""
    found = {path for pattern in TEXTS for path in run.folder.glob(pattern)}
    found |= {run.folder / name for name in (WEIGHTS, *EXTRAS)}
    return sorted(path for path in found if path.is_file())


def _read_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return read_sealed(path)
