import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import zoo.tasks
from cli.main import app
from zoo.data.synthetic.scenes import SceneSet, build_scenes
from zoo.detection.detect import DetectOptions, detect_images
from zoo.detection.evaluation import evaluate_detector
from zoo.detection.network import build_network
from zoo.detection.storage import (
    keep_threshold,
    load_detector,
    read_detector_config,
    save_detector,
)
from zoo.detection.training import load_backbone, train_detector
from zoo.errors import DataError, IntegrityError, RankzooError, UsageError
from zoo.files import FOLDER_SEAL, write_json
from zoo.hub.run_card import run_card
from zoo.progress import T
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.values import to_json
from zoo.runs.reading import read_run

MakeRecipe = Callable[..., DetectionRecipe]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> SceneSet:
    folder = tmp_path_factory.mktemp("data") / "scenes"
    return build_scenes(folder, count=10, classes=2, size=64)


@pytest.fixture
def folder(recipe: MakeRecipe, scenes: SceneSet, tmp_path: Path) -> Path:
    """An untrained detector's model folder."""
    made = recipe(network__score_threshold=0.0)
    torch.manual_seed(0)
    model: Any = build_network(made, labels=2)
    model.init_weights()
    save_detector(tmp_path / "model", made, scenes.classes, model.state_dict())
    return tmp_path / "model"


def stop_after(steps: int) -> Any:
    def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        for number, item in enumerate(items):
            if number == steps:
                raise KeyboardInterrupt
            yield item

    return track


@pytest.mark.slow
def test_an_interrupted_run_goes_on_after_its_last_epoch(
    recipe: MakeRecipe, scenes: SceneSet, tmp_path: Path
) -> None:
    small, out = recipe(schedule__epochs=2, batch__size=3), tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train_detector(small, scenes.folder, out, track=stop_after(3))
    kept = torch.load(out / "checkpoints" / "epoch_1.pth", weights_only=True)
    assert kept["meta"]["epoch"] == 1
    steps: list[int] = []

    def counting(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        for item in items:
            steps.append(0)
            yield item

    run = train_detector(small, scenes.folder, out, resume=True, track=counting)
    assert len(steps) == 4  # all of the progress, two of them caught up with
    rows = [json.loads(row) for row in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [4, 4]  # losses, then metrics
    assert {"ap", "ap_50"} <= run.metrics.keys()
    results = json.loads((out / "results.json").read_text())
    assert results["protocol"] == "coco-bbox"
    assert results["metrics"] == run.metrics
    assert evaluate_detector(out, scenes.folder)["metrics"] == run.metrics
    with pytest.raises(UsageError, match="schedule.epochs: 2 -> 3"):
        train_detector(recipe(schedule__epochs=3, batch__size=3), scenes.folder, out, resume=True)
    with pytest.raises(UsageError, match="already exists"):
        train_detector(small, scenes.folder, out)


@pytest.mark.slow
def test_a_run_that_goes_on_ends_with_the_bits_of_one_that_was_not_stopped(
    recipe: MakeRecipe, scenes: SceneSet, tmp_path: Path
) -> None:
    """Regions are sampled, images flipped, and the loss remembers scores of earlier batches."""
    remembering = recipe("faster_rcnn", "blackbox_ap", schedule__epochs=2, batch__size=3)
    train_detector(remembering, scenes.folder, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_detector(remembering, scenes.folder, tmp_path / "parts", track=stop_after(3))
    train_detector(remembering, scenes.folder, tmp_path / "parts", resume=True)
    one, other = (load_file(tmp_path / run / "model.safetensors") for run in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_the_command_line_trains_and_measures_on_voc(scenes: SceneSet, tmp_path: Path) -> None:
    run, resnet = tmp_path / "run", timm.create_model("resnet18").state_dict()
    write_json(tmp_path / "resnet/config.json", {"architecture": "resnet18"})
    save_file(resnet, tmp_path / "resnet/model.safetensors")
    data = ["layout=voc", 'train=["VOC2007/trainval"]', "test=VOC2007/test", "scale=[64,64]"]
    plain = [f"data.{change}" for change in data]
    short = [f"schedule.{change}" for change in ("epochs=1", "decay_at=[]", "warmup_steps=0")]
    small = [f"network.{change}" for change in ("proposals=20", "regions=32")]
    small.append(f"network.backbone={tmp_path / 'resnet'}")
    changes = [part for change in plain + short + small for part in ("--set", change)]
    name = "scenes-faster-rcnn-r18-blackbox"
    command = ["train", name, "--data", str(scenes.folder), "--out", str(run), "--device", "cpu"]
    trained = CliRunner().invoke(app, [*command, *changes, "--workers", "0", "--json"])
    assert trained.exit_code == 0, trained.exception
    metrics = json.loads(trained.stdout)["metrics"]
    assert list(metrics) == ["ap_50"]
    kept, stem = load_file(run / "model.safetensors"), "layer1.1.conv2.weight"
    assert torch.equal(kept[f"backbone.{stem}"], resnet[stem])  # the first stage stays as it came
    where = ["--data", str(scenes.folder), "--device", "cpu"]
    measured = CliRunner().invoke(app, ["eval", str(run), *where, "--json"])
    assert json.loads(measured.stdout) | {"metrics": metrics, "images": 3} == json.loads(
        measured.stdout
    )
    assert json.loads(measured.stdout)["protocol"] == "voc-11-point"


def test_a_saved_detector_is_the_same_detector(folder: Path, scenes: SceneSet) -> None:
    model: Any = zoo.tasks.load(str(folder))
    assert model.labels == scenes.classes
    state = load_file(folder / "model.safetensors")
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_detect_writes_images_and_json(folder: Path, scenes: SceneSet, tmp_path: Path) -> None:
    images = [scenes.images / "000001.jpg", scenes.images / "000002.jpg"]
    out = tmp_path / "found"
    arguments = ["detect", str(folder), *map(str, images), "--out", str(out)]
    arguments += ["--threshold", "0", "--device", "cpu", "--on-bad-image", "skip"]
    done = CliRunner().invoke(app, [*arguments, "--json", "--offline"])
    assert done.exit_code == 0, done.exception
    results = json.loads(done.stdout)["results"]
    assert [row["image"] for row in results] == list(map(str, images))
    assert json.loads((out / "detections.json").read_text()) == results
    first = results[0]["detections"]
    assert first[0]["label"] in scenes.classes
    assert [d["score"] for d in first] == sorted((d["score"] for d in first), reverse=True)
    with Image.open(out / "000001.png") as drawn, Image.open(images[0]) as original:
        assert drawn.size == original.size
        assert drawn.tobytes() != original.tobytes()


def test_a_detector_makes_a_sound_card(folder: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    write_json(folder / "recipe.json", to_json(recipe()))
    results = {"protocol": "coco-bbox", "metrics": {"ap": 0.5}, "seed": 0}
    write_json(folder / "results.json", results)
    card = run_card(read_run(folder), "mine", licence="mit")
    assert "pipeline_tag: object-detection" in card
    assert "type: ap" in card


def test_a_folder_is_detected_in_and_the_kept_threshold_counts(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("x/a.jpg", "y/a.jpg"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        Image.new("RGB", (64, 64), "teal").save(tmp_path / "in" / name)
    (tmp_path / "in" / "y" / "b.png").write_bytes(b"no image")
    detector = load_detector(folder)
    with pytest.raises(DataError, match=r"b\.png: not an image"):
        detect_images(detector, [tmp_path / "in"], tmp_path / "out")
    keep_threshold(folder, 0.99987)
    detector = load_detector(folder)
    assert detector.threshold == 0.999
    skipping = DetectOptions(on_bad_image="skip")
    found = detect_images(detector, [tmp_path / "in"], tmp_path / "out", skipping)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        *("detections.json", "skipped.json", "x-a.jpg.png", "y-a.jpg.png")
    ]
    assert [row["detections"] for row in found] == [[], []]
    assert all(0 < row["best"] < 0.999 for row in found)


@pytest.mark.parametrize("value", ["high", 2, -0.1, True, None])
def test_a_threshold_that_is_none_is_an_error(value: object, folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / FOLDER_SEAL).unlink()
    write_json(folder / "config.json", {**config, "threshold": value})
    with pytest.raises(IntegrityError, match="not between 0 and 1"):
        load_detector(folder)


def test_weights_that_do_not_fit_are_named(folder: Path) -> None:
    weights = folder / "model.safetensors"
    (folder / FOLDER_SEAL).unlink()
    state = load_file(weights)
    save_file({**state, "extra": torch.zeros(1)}, weights)
    with pytest.raises(IntegrityError, match="unknown tensor extra"):
        load_detector(folder)
    name = "bbox_head.retina_cls.weight"
    save_file({key: tensor for key, tensor in state.items() if key != name}, weights)
    with pytest.raises(IntegrityError, match=f"{name} is missing"):
        load_detector(folder)
    save_file({**state, name: torch.zeros(1)}, weights)
    with pytest.raises(IntegrityError, match=rf"{name} has the shape \(1,\)"):
        load_detector(folder)


def test_a_configuration_cannot_name_code_to_run(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["detector"]["loss"]["name"] = "os.system"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(IntegrityError, match="loss.name='os.system'"):
        read_detector_config(folder)
    (folder / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(IntegrityError, match="is not a detector's"):
        read_detector_config(folder)


def test_labels_that_were_not_learnt_are_refused(folder: Path, tmp_path: Path) -> None:
    other = build_scenes(tmp_path / "other", count=10, classes=3, size=64)
    with pytest.raises(DataError, match="a box is labelled .* not among the labels"):
        evaluate_detector(folder, other.folder)


def test_a_classifiers_resnet_is_the_backbone(recipe: MakeRecipe) -> None:
    import timm

    source = timm.create_model("resnet18", pretrained=False)
    model: Any = build_network(recipe(), labels=2)
    load_backbone(model, source.state_dict(), Path("resnet18"))
    model.init_weights()  # mmengine's Runner does so before the first update
    torch.testing.assert_close(model.backbone.layer4[1].conv2.weight, source.layer4[1].conv2.weight)
    with pytest.raises(DataError, match="no tensor"):
        load_backbone(model, {"conv1.weight": source.conv1.weight}, Path("resnet18"))


def test_bad_data_reaches_the_command_line_as_code_three(tmp_path: Path) -> None:
    arguments = ["train", "scenes-retinanet-r18-ap", "--data", str(tmp_path), "--dry-run"]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, RankzooError)
    assert done.exception.code == 3
    assert "instances_train.json is missing" in str(done.exception)


@pytest.mark.parametrize(("groups", "deformable"), [((32, 4), False), (None, True)])
def test_a_resnext_and_a_deformable_resnet_start_from_an_image_classifier(
    recipe: Callable[..., DetectionRecipe], groups: tuple[int, int] | None, deformable: bool
) -> None:
    asked = recipe("retinanet", "focal")
    network = replace(asked.network, depth=50, groups=groups, deformable=deformable)
    model: Any = build_network(replace(asked, network=network), labels=2).eval()
    classifier = timm.create_model("resnext50_32x4d" if groups else "resnet50").eval()
    load_backbone(model, classifier.state_dict(), Path("there"))
    model.init_weights()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found, wanted = model.backbone(images)[-1], classifier.forward_features(images)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)  # offsets start at zero
