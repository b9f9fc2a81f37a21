"""What of a set a run reads, which labels it has, and what tells one run's data from another's."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from zoo.detection import launch, training
from zoo.detection.bridge import require_mmdet
from zoo.detection.network import build_network
from zoo.detection.storage import keep_threshold, load_detector, save_detector
from zoo.detection.training import read_parts, with_backbone_there
from zoo.errors import InterruptedRunError, UnavailableError, UsageError
from zoo.recipes.detector import DetectionRecipe
from zoo.recipes.own_boxes import own_detector
from zoo.runs.folder import RunResult
from zoo.runs.options import TrainOptions
from zoo.training.distributed import World

require_mmdet()

MakeRecipe = Callable[..., DetectionRecipe]


def coco(folder: Path, split: str, labels: list[str], sizes: list[tuple[int, int]]) -> None:
    """A part of images of these sizes, each with one box; the labels take turns."""
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    images, boxes = [], []
    for n, (width, height) in enumerate(sizes):
        Image.new("RGB", (width, height)).save(folder / split / f"{n}.png")
        images.append({"id": n, "file_name": f"{n}.png", "width": width, "height": height})
        box = {"bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
        boxes.append({"id": n, "image_id": n, "category_id": n % len(labels), **box})
    named = [{"id": n, "name": name} for n, name in enumerate(labels)]
    value = {"images": images, "annotations": boxes, "categories": named}
    (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(value))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    coco(tmp_path, "train", ["dog", "cat"], [(32, 24), (16, 40)])
    coco(tmp_path, "more", ["emu", "cat"], [(8, 8)] * 3)
    coco(tmp_path, "test", ["cat", "emu"], [(20, 20)])
    return tmp_path


def test_labels_are_those_of_the_training_parts_as_they_are_met(
    recipe: MakeRecipe, data: Path
) -> None:
    found = read_parts(recipe(data__train=("train", "more")), data)
    assert found.labels == ("dog", "cat", "emu")
    assert [part.count for part in (*found.training, found.test)] == [2, 3, 1]
    assert found.sizes == [(32, 24), (16, 40), (8, 8), (8, 8), (8, 8)]
    assert found.skipped == []


def test_images_that_are_left_out_are_told_of_every_part(recipe: MakeRecipe, data: Path) -> None:
    for name in ("train/1.png", "more/2.png"):
        (data / name).write_bytes(b"")
    found = read_parts(recipe(data__train=("train", "more")), data, "skip")
    assert [Path(one.path).parent.name for one in found.skipped] == ["train", "more"]
    assert [part.count for part in found.training] == [1, 2]


def test_a_plan_counts_the_images_of_every_part(recipe: MakeRecipe, data: Path) -> None:
    asked = recipe(data__train=("train", "more"))
    facts = launch.plan(asked, TrainOptions(data / "run", data))
    counted = {name: value for name, value in facts.items() if name.startswith("images of")}
    assert counted == {"images of train": 2, "images of more": 3, "images of test": 1}
    assert facts["run"] == str(data / "run")
    assert facts["schedule"]["epochs"] == 1
    assert not (data / "run").exists()
    with pytest.raises(UsageError, match="no data") as refused:
        launch.plan(asked, TrainOptions(data / "run"))
    assert "COCO" in refused.value.hint


def test_other_boxes_labels_names_or_seeds_are_another_runs(recipe: MakeRecipe, data: Path) -> None:
    found = read_parts(recipe(), data)
    whole = training._fingerprint(found, 3)
    assert whole == {**training._fingerprint(read_parts(recipe(), data), 3), "seed": 3, "items": 2}
    (part,), image = found.training, found.training[0].images[0]
    changes = [
        replace(image, path=image.path.with_name("z.png")),
        replace(image, edges=image.edges + 1),
        replace(image, labels=image.labels + 1),
    ]
    others = [
        replace(found, training=(replace(part, images=(changed, *part.images[1:])),))
        for changed in changes
    ]
    others.append(replace(found, labels=found.labels[::-1]))
    digests = [training._fingerprint(other, 3)["data"] for other in others]
    assert len({whole["data"], *digests}) == 5


def test_a_backbone_that_cannot_be_had_is_random_for_own_boxes_and_said(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[Any] = []

    def nowhere(name: str, *, offline: bool) -> Path:
        asked.append((name, offline))
        raise UnavailableError("it is not there")

    monkeypatch.setattr(training, "resolve_model", nowhere)
    own = own_detector("retinanet")
    with caplog.at_level(logging.WARNING, "rankzoo"):
        found = with_backbone_there(own, offline=True)
    assert found == replace(own, network=replace(own.network, backbone=None))
    assert asked == [(own.network.backbone, True)]
    assert caplog.messages == [
        "it is not there; the backbone starts from random weights and needs many more epochs"
    ]
    published = recipe(network__backbone="resnet18-a1")
    assert with_backbone_there(published) is published  # a paper's needs its own: an error later
    assert with_backbone_there(found) is found
    monkeypatch.setattr(training, "resolve_model", lambda *_, **__: Path())
    assert with_backbone_there(own) is own


@pytest.mark.parametrize("leads", [True, False])
def test_training_is_told_the_options_and_only_the_first_process_has_a_result(
    leads: bool, recipe: MakeRecipe, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}
    left: list[bool] = []

    done = RunResult(data / "run", {"ap": 0.5}, 1.0)

    def train(asked: Any, where: Path, out: Path, **options: Any) -> RunResult:
        told.update(options, where=where, out=out)
        return done

    monkeypatch.setattr(launch, "train_detector", train)
    monkeypatch.setattr(launch, "join_world", lambda device: SimpleNamespace(leads=leads))
    monkeypatch.setattr(launch, "leave_world", lambda: left.append(True))
    options = TrainOptions(
        data / "run", data, seed=4, device="cpu", workers=2, offline=True, on_bad_image="skip"
    )
    assert launch.train(recipe(), options) is (done if leads else None)
    assert (told["where"], told["out"], told["seed"]) == (data, data / "run", 4)
    assert (told["device"], told["workers"], told["resume"]) == ("cpu", 2, False)
    assert (told["offline"], told["on_bad_image"]) == (True, "skip")
    assert left == [True]


def test_no_process_trains_before_the_first_has_made_the_folder(
    recipe: MakeRecipe, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []

    class Waiting(World):
        def wait(self) -> None:
            events.append(("waits", (data / "run").is_dir()))

    def fit(*_: object) -> None:
        events.append("trains")
        raise InterruptedRunError("enough")

    monkeypatch.setattr(training, "join_world", lambda device: Waiting())
    monkeypatch.setattr(training, "_fit", fit)
    with pytest.raises(InterruptedRunError):
        training.train_detector(recipe(), data, data / "run")
    assert events == [("waits", True), "trains"]


def test_a_model_folder_leaves_out_what_a_loss_remembers_and_names_its_network(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    made = recipe("retinanet", "ap")
    state = build_network(made, labels=2).state_dict()
    save_detector(tmp_path, made, ("cat", "dog"), {**state, "x._extra_state": torch.zeros(1)})
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["architecture"], config["labels"]) == ("retinanet-r18", ["cat", "dog"])
    detector: Any = load_detector(tmp_path)
    assert detector.threshold == 0.3
    assert not detector.training
    for asked, kept in ((0.0, 0.3), (0.45678, 0.456), (0.0009, 0.0), (1.0, 1.0)):
        keep_threshold(tmp_path, asked)
        again: Any = load_detector(tmp_path)
        assert again.threshold == kept


def test_a_result_is_a_table_in_percent_with_the_objects_of_each_label() -> None:
    found = {
        "protocol": "coco-bbox",
        "images": 3,
        "metrics": {"ap": 0.5, "ap_50": 0.25},
        "classes": {"cat": {"ap_50": 0.125, "objects": 7}},
    }
    result = launch.DetectorResult("mine", found)
    assert result.as_json() == {"model": "mine", **found}
    title, table = result.table().renderables
    assert title == "mine: coco-bbox, 3 images"
    cells: Any = [list(column.cells) for column in table.columns]  # type: ignore[union-attr]
    assert cells == [
        ["ap", "ap_50", "ap_50 of cat"],
        ["50.0 %", "25.0 %", "12.5 % of 7 objects"],
    ]
