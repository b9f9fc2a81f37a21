"""Two processes train a detector as one does, each on its share of a batch with its own list."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
CHANGES = (
    "data.scale=[64,64]",
    "optimiser.name=sgd",
    "optimiser.lr=0.001",
    "schedule.epochs=2",
    "schedule.decay_at=[]",
    "schedule.warmup_steps=0",
)
Train = Callable[..., subprocess.CompletedProcess[str]]


def lay_copies(folder: Path, count: int) -> Path:
    """Write so many copies of one image, which a flip leaves as it is, to train and measure on."""
    image = Image.new("RGB", (64, 64), (90, 120, 30))
    ImageDraw.Draw(image).rectangle((16, 10, 47, 50), fill=(250, 30, 30))
    for split, copies in (("train", count), ("test", 1)):
        (folder / split).mkdir(parents=True)
        for number in range(copies):
            image.save(folder / split / f"{number}.png")
        of = [
            {"id": n + 1, "file_name": f"{n}.png", "width": 64, "height": 64} for n in range(copies)
        ]
        box = {"category_id": 1, "bbox": [16, 10, 32, 41], "area": 32 * 41, "iscrowd": 0}
        boxes = [{"id": n + 1, "image_id": n + 1, **box} for n in range(copies)]
        value = {"images": of, "annotations": boxes, "categories": [{"id": 1, "name": "red"}]}
        (folder / "annotations").mkdir(exist_ok=True)
        (folder / f"annotations/instances_{split}.json").write_text(json.dumps(value))
    return folder


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Return a function that trains by the command line, in so many processes."""

    def run(out: str, processes: int, *words: str) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable]
        if processes > 1:
            launcher += ["-m", "torch.distributed.run", "--standalone"]
            launcher += [f"--nproc-per-node={processes}"]
        data = tmp_path / f"data-{out}"
        if not data.exists():
            lay_copies(data, 2 * processes)
        line = ["-m", "cli", "train", "scenes-retinanet-r18-ap", "--data", str(data)]
        line += ["--out", str(tmp_path / out), "--device", "cpu", "--workers", "0", "--json"]
        line += [word for change in CHANGES for word in ("--set", change)]
        line += ["--batch-size", str(processes), *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [*launcher, *line], capture_output=True, text=True, env=environment, check=False
        )

    return run


@pytest.mark.long  # three trainings, two of them of two processes
def test_two_processes_rank_apart_and_average_their_gradients(train: Train, tmp_path: Path) -> None:
    for out, processes in (("one", 1), ("two", 2)):
        done = train(out, processes)
        assert done.returncode == 0, done.stderr[-3000:]
        told = json.loads(done.stdout)  # once, by the first process
        assert told["metrics"].keys() >= {"ap", "ap_50"}
        assert json.loads((tmp_path / out / "results.json").read_text())["steps"] == 4
    one, two = (load_file(tmp_path / out / "model.safetensors") for out in ("one", "two"))
    assert one.keys() == two.keys()
    for name, ours in one.items():
        torch.testing.assert_close(two[name], ours, rtol=1e-4, atol=1e-5, msg=name)
    odd = train("three", 2, "--batch-size", "3")
    assert odd.returncode != 0
    assert "a batch of 3 cannot be shared by 2 processes" in odd.stdout
    assert not (tmp_path / "three").exists()
