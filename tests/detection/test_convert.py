import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.detection.convert import convert_detector
from zoo.detection.network import build_network
from zoo.detection.storage import load_detector
from zoo.errors import DataError, IntegrityError
from zoo.recipes.detector import DetectionRecipe

MakeRecipe = Callable[..., DetectionRecipe]
LABELS = ("cat", "dog")


class Runs:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch ran",)


def checkpoint(folder: Path, recipe: DetectionRecipe, **changes: Any) -> Path:
    """A file as mmdetection 2 writes it after data-parallel training."""
    state = build_network(recipe, len(LABELS)).state_dict()
    as_published = {f"module.{name}": t for name, t in state.items() if "ranking" not in name}
    value = {"meta": {"CLASSES": LABELS, "epoch": 12}, "state_dict": as_published, **changes}
    torch.save(value, folder / "epoch_12.pth")
    return folder / "epoch_12.pth"


def test_a_published_checkpoint_becomes_a_model_folder(recipe: MakeRecipe, tmp_path: Path) -> None:
    made = recipe(loss="alrp")
    file = checkpoint(tmp_path, made)
    done = convert_detector(file, made, tmp_path / "model")
    model: Any = load_detector(tmp_path / "model")
    assert model.labels == LABELS
    assert done["labels"] == list(LABELS)
    original = torch.load(file, weights_only=True)["state_dict"]
    kept = model.bbox_head.retina_cls.weight
    torch.testing.assert_close(kept, original["module.bbox_head.retina_cls.weight"])
    assert json.loads((tmp_path / "model" / "config.json").read_text())["labels"] == list(LABELS)


def test_a_checkpoint_that_would_run_code_runs_nothing(
    recipe: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = checkpoint(tmp_path, recipe(), optimizer=Runs())
    with pytest.raises(IntegrityError, match="refused"):
        convert_detector(file, recipe(), tmp_path / "model")
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_of_another_network_is_named(recipe: MakeRecipe, tmp_path: Path) -> None:
    file = checkpoint(tmp_path, recipe("atss"))
    with pytest.raises(IntegrityError, match=r"epoch_12.pth: .*atss"):
        convert_detector(file, recipe(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_checkpoint_without_labels_is_refused(recipe: MakeRecipe, tmp_path: Path) -> None:
    file = checkpoint(tmp_path, recipe(), meta={})
    with pytest.raises(DataError, match="no labels in it"):
        convert_detector(file, recipe(), tmp_path / "model")
