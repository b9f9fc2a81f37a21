"""`rankzoo eval` from the outside."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cli.main import main
from zoo.data.preprocessing import Preprocessing
from zoo.models import EmbedderConfig, build_embedder, save_embedder

Run = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    config = EmbedderConfig("test_vit", pooling="token", preprocessing=Preprocessing(size=160))
    save_embedder(build_embedder(config), folder)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for place, label in enumerate(["ant", "bee", "cat", "dog", "emu", "fox", "gnu", "hen"]):
        for n in range(2):
            path = root / label / f"{n}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (40, 40), (30 * place, 250 - 30 * place, 100 + 5 * n)).save(path)
    return root


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, dict[str, object]]:
        monkeypatch.setattr(sys, "argv", ["rankzoo", "eval", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as stopped:
            main()
        value: dict[str, object] = json.loads(capsys.readouterr().out)
        return int(stopped.value.code or 0), value

    return call


def test_a_model_is_measured_and_the_protocol_is_said(run: Run, model: Path, photos: Path) -> None:
    code, value = run(model, "--data", photos, "--split", "all")
    assert code == 0
    assert value["protocol"] == "self-retrieval"
    assert value["queries"] == value["gallery"] == 16
    metrics = value["metrics"]
    assert isinstance(metrics, dict)
    assert 0 < metrics["recall_at_1"] <= 1


def test_without_splits_the_classes_that_training_holds_out_are_measured(
    run: Run, model: Path, photos: Path
) -> None:
    _, value = run(model, "--data", photos)
    assert value["queries"] == 4  # two of the eight classes
    assert "split test" in str(value["definition"])


def test_a_missing_folder_is_bad_data(run: Run, model: Path, tmp_path: Path) -> None:
    code, value = run(model, "--data", tmp_path / "nothing")
    assert (code, value["code"]) == (3, 3)
    assert "nothing: no such file" in str(value["error"])
