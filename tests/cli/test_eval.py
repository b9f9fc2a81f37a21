"""`rankzoo eval` from the outside."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from cli.main import main
from tests.models.tiny_clip import tiny_clip
from tests.models.tiny_text import tiny_text
from zoo.data.dataset import hold_out, read_dataset
from zoo.data.preprocessing import Preprocessing
from zoo.models import Embedder, EmbedderConfig, build_embedder, save_embedder
from zoo.models.two_towers import TwoTowers, save_two_towers

Run = Callable[..., tuple[int, dict[str, object]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=64, resize=64))
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


def test_two_models_are_compared_query_by_query_on_one_page(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    report = tmp_path / "page"
    arguments = [model, model, "--data", photos, "--split", "all", "--report", report]
    code, value = run(*arguments, "--confidence")
    assert code == 0
    rows = value["comparison"]
    assert isinstance(rows, list)
    assert {row["verdict"] for row in rows} == {"no clear difference"}
    intervals = value["intervals"]
    assert isinstance(intervals, dict)
    assert intervals["recall_at_1"]["low"] <= intervals["recall_at_1"]["high"]
    page = (report / "index.html").read_text()
    images = ("data:image/webp", "data:image/svg")
    for part in ("Comparison", "queries that fail most", *images, "itself taken"):
        assert part in page
    assert json.loads((report / "result.json").read_text())["comparison"] == rows
    code, value = run(*arguments)
    assert code == 2
    assert "already exists" in str(value["error"])


def test_refinement_shows_its_effect_beside_the_plain_result(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    white, others = tmp_path / "white.safetensors", tmp_path / "others"
    shutil.copytree(photos, others)
    common = [model, "--data", photos, "--split", "all", "--embeddings", tmp_path / "kept"]
    learn = ["--whiten-on", others, "--whitening", white, "--whitening-dim", 4]
    _, value = run(*common, *learn, "--expand", 2, "--augment", 1, "--rerank")
    assert value["unrefined"] != value["metrics"]
    options = value["options"]
    assert isinstance(options, dict)
    assert [*options] == ["input", "whitening", "augmentation", "expansion", "reranking"]
    pairs = [*common, "--whiten-on", others, "--whiten-by", "pairs"]
    assert "from matching pairs to 96" in str(run(*pairs)[1]["options"])
    _, again = run(*common, "--whitening", white)
    assert again["unrefined"] == value["unrefined"]
    options = again["options"]
    assert isinstance(options, dict)
    assert [*options] == ["input", "whitening"]


def test_whitening_learns_on_none_of_the_classes_that_are_measured(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    training = hold_out(read_dataset(photos)).split("train")
    assert 0 < len(training) < 16
    rows = [f"{path.absolute()},{path.parent.name}" for path in training.paths]
    (tmp_path / "training.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    learned = []
    for name, learn_on in (("a", photos), ("b", tmp_path / "training.csv")):
        white = tmp_path / f"{name}.safetensors"
        run(model, "--data", photos, "--whiten-on", learn_on, "--whitening", white)
        learned.append(load_file(white))
    assert all(torch.allclose(learned[0][name], learned[1][name]) for name in learned[1])


def test_a_result_is_kept_in_the_run_folder_for_its_card(
    run: Run, model: Path, photos: Path
) -> None:
    _, value = run(model, "--data", photos, "--split", "all", "--scales", "1,0.5", "--save")
    kept = json.loads((model / "results.json").read_text())
    assert kept["metrics"] == value["metrics"]
    assert kept["definition"]
    assert kept["options"] == {"input": "shorter side 64, centre 64 x 64", "scales": "1, 0.5"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--protocol", "oxford"], "no protocol is called 'oxford'"),
        (["--distractors", "nowhere"], "labels makes no use of --distractors"),
        (["--query-image", "whole"], "labels makes no use of --distractors, --query-image"),
        (["--text-model", "x"], "labels makes no use of --text-model"),
        (["--alpha", "2"], "--alpha weighs the neighbours"),
        (["--scales", "one"], "not numbers"),
        (["--scales", "9"], "between 0.1 and 4"),
        (["--protocol", "coco-5k"], "no text side"),
    ],
)
def test_options_that_cannot_be_are_usage_errors(
    run: Run, model: Path, photos: Path, arguments: list[str], said: str
) -> None:
    code, value = run(model, "--data", photos, *arguments)
    assert code == 2
    assert said in str(value["error"])


@pytest.mark.parametrize("kind", ["clip", "two towers"])
def test_a_model_of_both_towers_is_measured_on_images_with_captions_alone(
    kind: str, run: Run, photos: Path, tmp_path: Path
) -> None:
    if kind == "clip":
        tiny_clip(tmp_path / "model")
    else:
        image = Embedder(EmbedderConfig("test_resnet", pooling="avg", dim=32))
        save_two_towers(TwoTowers(image, tiny_text()), tmp_path / "model")
    pairs = tmp_path / "pairs.csv"
    rows = [f"{path},a {path.parent.name}" for path in sorted(photos.rglob("*.png"))]
    pairs.write_text("\n".join(["path,caption", *rows]) + "\n")
    code, value = run(tmp_path / "model", "--data", pairs, "--split", "all")
    assert code == 0, value
    assert value["protocol"] == "captions"
    assert value["gallery"] == 16
    metrics = value["metrics"]
    assert isinstance(metrics, dict)
    assert 0 <= metrics["rsum"] <= 600
    for asked in (["--rerank"], ["--expand", 3], ["--augment", 2], ["--whiten-on", photos]):
        code, value = run(tmp_path / "model", "--data", pairs, "--split", "all", *asked)
        assert code == 2
        assert "captions makes no use of --whiten-on" in str(value["error"])
