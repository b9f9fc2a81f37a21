"""The configuration of a run in mmdetection's language, and what it makes of rates and files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.boxes.boxed import BoxedSet
from zoo.data.synthetic.scenes import build_scenes
from zoo.detection import runner as room
from zoo.detection.annotations import find_part
from zoo.detection.bridge import require_mmdet
from zoo.detection.runner import runner_of, training_config
from zoo.errors import DataError, UsageError
from zoo.recipes.detector import DetectionRecipe
from zoo.runs.options import RunOptions
from zoo.training.distributed import World

require_mmdet()

MakeRecipe = Callable[..., DetectionRecipe]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[BoxedSet]:
    scenes = build_scenes(tmp_path_factory.mktemp("data"), count=10, classes=2, size=64)
    return [find_part(scenes.folder, "coco", name) for name in ("train", "test")]


@pytest.fixture
def configured(recipe: MakeRecipe, parts: list[BoxedSet], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that configures a training on both parts."""

    def configure(world: World = World(), how: RunOptions = RunOptions(), **changes: Any) -> Any:
        asked = recipe(**changes)
        return training_config(asked, parts, parts[0].labels, tmp_path / "work", how, world)

    return configure


def test_every_part_is_written_and_read_with_all_the_labels(
    configured: Callable[..., Any], parts: list[BoxedSet], tmp_path: Path
) -> None:
    loader = configured(how=RunOptions(workers=3))["train_dataloader"]
    files = [tmp_path / f"work/annotations/train-{number}.json" for number in range(2)]
    assert [each["ann_file"] for each in loader["dataset"]["datasets"]] == list(map(str, files))
    for file, part in zip(files, parts, strict=True):
        value = json.loads(file.read_text())
        assert len(value["images"]) == part.count
        assert [row["name"] for row in value["categories"]] == list(parts[0].labels)
    assert (loader["num_workers"], loader["persistent_workers"]) == (3, True)
    assert configured()["train_dataloader"]["persistent_workers"] is False


def test_a_run_lasts_its_epochs_and_keeps_the_last_two(configured: Callable[..., Any]) -> None:
    config = configured(how=RunOptions(seed=5), schedule__epochs=7)
    assert config["train_cfg"] == {"type": "EpochBasedTrainLoop", "max_epochs": 7}
    kept = {"type": "CheckpointHook", "interval": 1, "max_keep_ckpts": 2}
    assert config["default_hooks"]["checkpoint"] == kept
    assert config["default_hooks"]["param_scheduler"] == {"type": "ParamSchedulerHook"}
    assert config["default_hooks"]["sampler_seed"] == {"type": "DistSamplerSeedHook"}
    hooks = [hook["type"] for hook in config["custom_hooks"]]
    assert hooks == ["EpochSeedHook", "PlainCheckpointHook"]
    assert config["randomness"] == {"seed": 5}
    assert config["default_scope"] == "mmdet"
    assert config["env_cfg"]["mp_cfg"]["opencv_num_threads"] == 0


def test_each_process_takes_its_share_and_ranks_alone(configured: Callable[..., Any]) -> None:
    alone = configured(batch__size=6)
    assert alone["train_dataloader"]["batch_size"] == 6
    assert not {"launcher", "model_wrapper_cfg"} & alone.keys()
    shared = configured(World(1, 2), batch__size=6)
    assert shared["train_dataloader"]["batch_size"] == 3
    assert shared["launcher"] == "pytorch"
    # a loss's memory of its own list is a buffer, which nobody else may overwrite
    assert shared["model_wrapper_cfg"]["broadcast_buffers"] is False
    assert shared["model_wrapper_cfg"]["device_ids"] is None
    with pytest.raises(UsageError, match="a batch of 6 cannot be shared by 4"):
        configured(World(0, 4), batch__size=6)


def test_an_optimiser_is_the_recipes(configured: Callable[..., Any]) -> None:
    own = {"optimiser__lr": 0.25, "optimiser__weight_decay": 0.125, "optimiser__momentum": 0.5}
    sgd = configured(**own)["optim_wrapper"]
    rates = {"lr": 0.25, "weight_decay": 0.125}
    assert sgd["optimizer"] == {"type": "SGD", "momentum": 0.5, **rates}
    assert (sgd["type"], sgd["clip_grad"]) == ("OptimWrapper", None)
    adamw = configured(**own, optimiser__name="adamw", optimiser__clip_norm=3.0)["optim_wrapper"]
    assert adamw["optimizer"] == {"type": "AdamW", **rates}
    assert adamw["clip_grad"] == {"max_norm": 3.0, "norm_type": 2}


def rates(schedules: list[dict[str, Any]], lr: float, epochs: int, steps: int) -> list[list[float]]:
    """The rate of every update, epoch by epoch, as mmengine's hook moves it."""
    import mmengine.optim  # noqa: F401  registers them
    from mmengine.registry import PARAM_SCHEDULERS

    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    made = [PARAM_SCHEDULERS.build({**each, "optimizer": optimiser}) for each in schedules]
    found = []
    for _ in range(epochs):
        epoch = []
        for _ in range(steps):
            epoch.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            for each in made:
                if not each.by_epoch:
                    each.step()
        for each in made:
            if each.by_epoch:
                each.step()
        found.append(epoch)
    return found


def test_a_rate_rises_from_a_thousandth_and_falls_after_epochs(
    configured: Callable[..., Any],
) -> None:
    plan = {"schedule__epochs": 6, "schedule__decay_at": (3, 5), "schedule__decay": 0.5}
    config = configured(**plan, schedule__warmup_steps=5, optimiser__lr=0.8)
    first, *later = rates(config["param_scheduler"], 0.8, epochs=6, steps=4)
    assert first == pytest.approx([0.8 * (0.001 + 0.999 * step / 4) for step in range(4)])
    assert later[0] == pytest.approx([0.8] * 4)
    wanted = [[rate] * 4 for rate in (0.8, 0.4, 0.4, 0.2)]
    assert [pytest.approx(each) for each in wanted] == later[1:]
    calm = configured(**plan, schedule__warmup_steps=0, optimiser__lr=0.8)["param_scheduler"]
    assert rates(calm, 0.8, epochs=1, steps=2) == [[0.8, 0.8]]


def test_a_part_is_measured_by_its_protocol_and_its_best_f1(
    recipe: MakeRecipe, parts: list[BoxedSet], tmp_path: Path
) -> None:
    labels = parts[1].labels
    config = room.testing_config(recipe(), parts[1], labels, work=tmp_path, workers=2)
    file = tmp_path / "annotations/test.json"
    assert len(json.loads(file.read_text())["images"]) == parts[1].count
    coco, best = config["test_evaluator"]
    assert coco == {"type": "CocoMetric", "ann_file": str(file), "metric": "bbox"}
    assert best == {"type": "BestF1"}
    assert config["test_cfg"] == {"type": "TestLoop"}
    assert config["test_dataloader"]["num_workers"] == 2
    assert config["randomness"] == {"seed": 0}
    assert config["work_dir"] == str(tmp_path)


def test_an_image_that_cannot_be_read_is_one_line_and_all_is_as_before(
    recipe: MakeRecipe, parts: list[BoxedSet], tmp_path: Path
) -> None:
    import mmdet.evaluation.functional.mean_ap as mean_ap
    import mmengine.device.utils as devices

    before = devices.DEVICE, mean_ap.Pool
    config = room.testing_config(recipe(), parts[1], parts[1].labels, work=tmp_path, workers=0)
    said = "Caught DataError in worker 0.\nTraceback:\n  x\nzoo.errors.DataError: a.png: no image"

    def failing(error: DataError) -> None:
        with runner_of(config, "cpu:0") as runner:
            assert devices.DEVICE == "cpu"
            assert len(runner.test_dataloader.dataset) == parts[1].count
            raise error

    with pytest.raises(DataError, match=r"^a\.png: no image(\n.*)?$") as caught:
        failing(DataError(said))
    assert "--on-bad-image skip" in caught.value.hint
    assert (devices.DEVICE, mean_ap.Pool) == before
    config["experiment_name"] += "-again"  # mmengine keeps runners by their names
    with pytest.raises(DataError, match=r"^a\.png: no image(\n.*)?$") as caught:
        failing(DataError("a.png: no image", "draw it"))
    assert caught.value.hint == "draw it"


def test_runs_in_two_folders_have_two_names(
    recipe: MakeRecipe, parts: list[BoxedSet], tmp_path: Path
) -> None:
    def named(name: str, work: str) -> object:
        asked, labels = replace(recipe(), name=name), parts[1].labels
        config = room.testing_config(asked, parts[1], labels, work=tmp_path / work, workers=0)
        return config["experiment_name"]

    assert len({named("one", "a"), named("one", "b"), named("two", "a")}) == 3
