"""Checkpoints appear whole, are kept two at a time, and are read only when they are sound."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zoo.errors import IntegrityError
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint


def weights(value: float) -> dict[str, dict[str, torch.Tensor]]:
    return {"model": {"weight": torch.full((3,), value)}}


def test_the_last_two_checkpoints_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, weights(step), {"optimiser": {"lr": 0.1}})
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000002", "step-00000003"]
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[0]["model"]["weight"].tolist() == [3, 3, 3]
    assert found[1] == {"optimiser": {"lr": 0.1}, "step": 3}


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("state.pt", lambda path: path.write_bytes(path.read_bytes()[:100])),
        ("state.pt", lambda path: path.unlink()),
        ("model.safetensors", lambda path: save_file({"weight": torch.zeros(3)}, path)),
        ("manifest.json", lambda path: path.write_text("{")),
    ],
)
def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(
    file: str, harm: Callable[[Path], object], tmp_path: Path
) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, weights(step), {})
    harm(tmp_path / "step-00000002" / file)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1


def test_checkpoints_that_are_all_damaged_are_an_integrity_error(tmp_path: Path) -> None:
    (save_checkpoint(tmp_path, 1, weights(1), {}) / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="every checkpoint is damaged"):
        load_checkpoint(tmp_path)


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "nothing") is None


def test_a_half_written_checkpoint_is_not_seen(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, weights(1), {})
    (tmp_path / ".step-00000002.abc").mkdir()
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1


class Malicious:
    """What a pickle could do: write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.path,))  # type: ignore[return-value]


def test_a_checkpoint_that_holds_code_is_refused(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    save_checkpoint(tmp_path / "run", 1, weights(1), {"optimiser": Malicious(trap)})
    with pytest.raises(IntegrityError, match=r"state\.pt"):
        load_checkpoint(tmp_path / "run")
    assert not trap.exists()
