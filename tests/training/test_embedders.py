"""`rankzoo train` from flags to run folder."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from zoo.data.dataset import ImageDataset
from zoo.data.item import Item
from zoo.errors import DataError, UsageError
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.models import Embedder, EmbedderConfig, load_embedder, save_embedder
from zoo.recipes.changes import override
from zoo.recipes.find import Choice
from zoo.recipes.find import find_embedder_recipe as find_recipe
from zoo.recipes.own_images import own_pairs
from zoo.runs.options import TrainOptions
from zoo.training import loop, validator
from zoo.training.embedders import _fitted, plan, prepare, train
from zoo.training.setup import build_network

ROOT = Path(__file__).parents[2]


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    """A local model folder to start from."""
    folder = tmp_path / "backbone"
    save_embedder(Embedder(EmbedderConfig("test_resnet").at_size(24)), folder)
    return folder


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", "train", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_model_and_a_loss_on_a_folder_of_photos_make_a_run(
    photos: Path, backbone: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    recipe = find_recipe(
        Choice(
            model=str(backbone), loss="recall_at_k", changes=["schedule.steps=3", "loss.ks=[1,2]"]
        )
    )
    found = train(recipe, TrainOptions(run, photos))
    assert found is not None
    assert found.run == run
    assert 0 <= found.metrics["recall_at_1"] <= 1
    assert load_embedder(run).dim == load_embedder(backbone).dim


def test_the_start_is_measured_on_what_the_end_is_and_changes_nothing(
    photos: Path, backbone: Path, tmp_path: Path
) -> None:
    recipe = find_recipe(Choice(model=str(backbone), changes=["schedule.steps=2", "network.dim=8"]))
    found = train(recipe, TrainOptions(tmp_path / "run", photos))
    assert found is not None
    fitted, dataset = prepare(recipe, TrainOptions(tmp_path / "run", photos))
    start = build_network(fitted)
    held = [i for i, item in enumerate(dataset.items) if item.split != "train"]
    assert found.before == evaluate_retrieval(start, dataset.subset(held)).metrics
    assert found.metrics == json.loads((tmp_path / "run/results.json").read_text())["metrics"]
    assert found.measured_on == "8 queries among 8 held-out images"
    loop.train(fitted, dataset, start, tmp_path / "other")
    ours, theirs = (load_embedder(tmp_path / name).state_dict() for name in ("run", "other"))
    assert all(ours[name].equal(theirs[name]) for name in ours)


def test_label_levels_that_are_no_tree_are_said_before_training(
    photos: Path, backbone: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = sorted(photos.glob("*/*.png"))
    rows = [f"{p},{p.parent.name},group {n % 2}" for n, p in enumerate(images)]
    (tmp_path / "m.csv").write_text("\n".join(["path,label,label_level_2", *rows]))
    recipe = find_recipe(Choice(model=str(backbone), loss="sup_hap"))
    prepare(recipe, TrainOptions(tmp_path / "run", tmp_path / "m.csv"))
    assert "of label in several of label_level_2, such as" in caplog.text
    caplog.clear()
    flat = replace(recipe, data=replace(recipe.data, levels=1))
    prepare(flat, TrainOptions(tmp_path / "run", tmp_path / "m.csv"))
    assert "no tree" not in caplog.text


def test_a_dry_run_is_told_in_the_letters_of_its_names(
    photos: Path, backbone: Path, tmp_path: Path
) -> None:
    line = ["train", "--model", str(backbone), "--data", str(photos), "--dry-run", "--out"]
    told = CliRunner().invoke(app, [*line, str(tmp_path / "größe 写真")])
    assert f"run: {tmp_path}/größe 写真\n" in told.stdout


def test_a_dry_run_refuses_what_the_run_would(
    photos: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/recipe.json").write_text("{}")
    line = ["train", "--model", str(backbone), "--data", str(photos), "--dry-run", "--out"]
    taken = CliRunner().invoke(app, [*line, str(tmp_path / "run")]).exception
    assert "already exists: a run is in it" in str(taken)
    monkeypatch.setenv("HOME", str(tmp_path))
    taken = CliRunner().invoke(app, [*line[:-1], "--out=~/run"]).exception
    assert f"{tmp_path}/run already exists" in str(taken)
    frozen = [*line, str(tmp_path / "free"), "--set", 'network.frozen=["nothing"]']
    unknown = CliRunner().invoke(app, frozen).exception
    assert "network.frozen: the backbone has no part 'nothing'" in str(unknown)
    pairs = [*line, str(tmp_path / "free"), "--loss", "info_nce"]
    bare = CliRunner().invoke(app, pairs).exception
    assert "the image has no caption" in str(bare)
    rows = "".join(f"{path},{path.stem} of a class\n" for path in photos.rglob("*.png"))
    (tmp_path / "pairs.csv").write_text(f"path,caption\n{rows}")
    blind = CliRunner().invoke(app, [*pairs, "--data", str(tmp_path / "pairs.csv")]).exception
    assert "reads no text" in str(blind)


def test_a_taken_folder_is_refused_before_the_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/notes.txt").touch()
    line = ["train", "emoji-sup_hap", "--data", str(tmp_path / "emoji"), "--out"]
    taken = CliRunner().invoke(app, [*line, str(tmp_path / "run")]).exception
    assert "already exists" in str(taken)
    assert not (tmp_path / "emoji").exists(), "the set was drawn for a run that could not begin"


def test_what_could_not_be_measured_before_or_after_is_said(
    photos: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = find_recipe(Choice(model=str(backbone), changes=["schedule.steps=1"]))
    rows = "".join(f"{path},{path.parent.name},train\n" for path in photos.rglob("*.png"))
    (tmp_path / "all.csv").write_text(f"path,label,split\n{rows}")
    found = train(recipe, TrainOptions(tmp_path / "run", tmp_path / "all.csv"))
    assert found is not None
    assert (found.before, found.metrics) == ({}, {})
    assert found.gain() == "no image is held out: nothing was measured"

    monkeypatch.setattr(validator, "CHEAP", 5)
    monkeypatch.setattr(validator, "SHARE", 100)
    found = train(recipe, TrainOptions(tmp_path / "large", photos))
    assert found is not None
    assert not found.before
    assert "->" not in found.gain()
    assert found.gain().endswith(
        "8 queries among 8 held-out images (the start was not measured: that are many, "
        "compare with rankzoo eval)"
    )


def test_a_plan_counts_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    recipe = find_recipe(Choice(model="timm/resnet50.tv_in1k", loss="sup_ap"))
    found = plan(recipe, TrainOptions(tmp_path / "run", photos))
    assert found["training_images"] + found["evaluation_images"] == 40
    assert found["training_classes"] == 8
    assert found["batch"] == 32  # eight classes of four
    assert found["steps"] == 20
    assert not (tmp_path / "run").exists()


def test_without_a_loss_a_model_is_trained_with_sup_ap_and_calibration() -> None:
    recipe = find_recipe(Choice(model="timm/resnet50.tv_in1k"))
    assert recipe.extra_loss is not None
    assert (recipe.loss.name, recipe.extra_loss.name) == ("sup_ap", "calibration")
    assert (recipe.loss.weight, recipe.extra_loss.weight) == (0.5, 0.5)
    assert find_recipe(Choice(model="timm/resnet50.tv_in1k", loss="smooth_ap")).extra_loss is None


def test_no_model_no_recipe_no_data_and_bad_flags_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give --model"):
        find_recipe(Choice(loss="sup_ap"))
    with pytest.raises(UsageError, match="unknown") as caught:
        find_recipe(Choice("sop-resnet50-supaap"))
    assert "sop-resnet50-supap" in caught.value.hint
    with pytest.raises(UsageError, match="no value"):
        find_recipe(Choice("sop-resnet50-supap", changes=["batch.size"]))
    recipe = find_recipe(Choice("sop-resnet50-supap"))
    with pytest.raises(UsageError, match="no data"):
        train(recipe, TrainOptions(tmp_path / "run"))
    with pytest.raises(UsageError, match="--resume sometimes"):
        TrainOptions(tmp_path / "run", resume="sometimes")


def test_two_classes_of_photos_are_too_few_to_hold_one_out(photos: Path, tmp_path: Path) -> None:
    for name in ("class0", "class1"):
        (tmp_path / "few" / name).mkdir(parents=True)
        for path in (photos / name).iterdir():
            (tmp_path / "few" / name / path.name).write_bytes(path.read_bytes())
    recipe = find_recipe(Choice(model="timm/resnet50.tv_in1k", loss="sup_ap"))
    with pytest.raises(DataError, match="found 1"):
        plan(recipe, TrainOptions(tmp_path / "run", tmp_path / "few"))


def test_a_recipe_takes_another_backbone_loss_and_batch() -> None:
    recipe = find_recipe(
        Choice("cub-resnet50-supap", "timm/resnet18.a1_in1k", "fast_ap", batch_size=64)
    )
    assert recipe.network.backbone == "timm/resnet18.a1_in1k"
    assert recipe.loss.name == "fast_ap"
    assert recipe.batch.size == 64


@pytest.mark.slow
def test_the_command_line_shows_trains_and_fails_in_one_line(
    photos: Path, backbone: Path, tmp_path: Path
) -> None:
    shown = cli("emoji-recall_at_k", "--set", "loss.tau_rank=0.02", "--show-config", "--json")
    assert json.loads(shown.stdout)["loss"]["options"] == {"tau_rank": 0.02}

    flags = ["--data", str(photos), "--out", str(tmp_path / "run"), "--workers", "0"]
    trained = cli(
        "--model",
        str(backbone),
        "--loss",
        "smooth_ap",
        "--set",
        "schedule.steps=2",
        *flags,
        "--json",
    )
    assert trained.returncode == 0, trained.stderr
    told = json.loads(trained.stdout)
    wanted = {"schema_version", "run", "before", "metrics", "measured_on", "seconds"}
    assert set(told) == wanted
    *_, gain, follows = trained.stderr.splitlines()
    before, after = (told[when]["recall_at_1"] for when in ("before", "metrics"))
    assert gain.startswith(f"before -> after: recall_at_1 {before:.4g} -> {after:.4g}, ")
    assert gain.endswith("; 8 queries among 8 held-out images")
    assert follows.startswith(f"next: rankzoo index build --model {tmp_path}/run --images ")

    wrong = cli("emoji-recall_at_k", "--set", "optimiser.learning=1")
    assert wrong.returncode == 2
    assert "optimiser.learning" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(("there", "size"), [(10, 10), (64, 64), (100, 64)])
def test_ones_own_batch_of_pairs_is_as_large_as_there_are_pairs(
    there: int, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    items = tuple(Item(Path(f"{n}.png"), split="train", captions=("a",)) for n in range(there))
    training = ImageDataset("photos", Path(), items, ())
    pairs = override(own_pairs("a-clip", "info_nce"), "batch.size", "64")
    with caplog.at_level("INFO", logger="rankzoo"):
        assert _fitted(pairs, training).batch == replace(pairs.batch, size=size)
    said = [f"a batch is {size} pairs: 64 were asked for"] if size < 64 else []
    assert caplog.messages == said
    published = replace(pairs, name="somebody's")
    assert _fitted(published, training) is published
