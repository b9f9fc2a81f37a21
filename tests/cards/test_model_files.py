"""A folder without a model says which it is: none at all, or a run that is not finished."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from zoo.cards.model_files import CONFIG, check_model_folder, read_config
from zoo.errors import UnavailableError


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """What a run leaves that was interrupted."""
    run = tmp_path / "my run"
    (run / "checkpoints" / "step-00000010").mkdir(parents=True)
    for name in ("recipe.json", "metrics.jsonl"):
        (run / name).write_text("{}\n")
    return run


@pytest.mark.parametrize(
    "line",
    [
        "eval RUN --data PHOTOS",
        "card new RUN",
        "push RUN me/photos --dry-run",
        "export RUN --out onnx",
        "embed --model RUN --images PHOTOS --out vectors",
        "index build --model RUN --images PHOTOS --out index",
        "detect RUN PHOTOS --out found",
        "download RUN",
        "train --model RUN --data PHOTOS --out again",
    ],
)
def test_every_command_says_that_a_run_is_not_finished_and_how_it_goes_on(
    line: str, unfinished: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(unfinished.parent)
    given = {"RUN": str(unfinished), "PHOTOS": str(photos)}
    words = [given.get(word, word) for word in line.split()]
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, UnavailableError)
    assert f"{unfinished}: a run that is not finished" in str(error)
    assert f"--out '{unfinished}' --resume auto" in error.hint
    assert "best" not in error.hint


def test_the_best_model_so_far_is_named_where_there_is_one(unfinished: Path) -> None:
    (unfinished / "best").mkdir()
    (unfinished / "best" / CONFIG).write_text("{}")
    with pytest.raises(UnavailableError) as caught:
        read_config(unfinished)
    assert caught.value.hint.endswith(f"the best model so far is {unfinished / 'best'}")


def test_any_other_folder_is_no_model_folder(unfinished: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no config\.json, so it is not a model folder"):
        check_model_folder(tmp_path)
    (unfinished / CONFIG).write_text("{}")  # what is left of it has lost its weights
    with pytest.raises(UnavailableError, match=r"no model\.safetensors, so"):
        check_model_folder(unfinished)
