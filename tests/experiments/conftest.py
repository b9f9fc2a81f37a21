"""What comparison tests share: labelled images, a tiny network, and runs without a process."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from zoo.data.preprocessing import Preprocessing
from zoo.experiments.candidate import Candidate, choose
from zoo.experiments.launch import job_of
from zoo.experiments.outcome import write_outcome
from zoo.experiments.plan import Method, Place, Plan, Trial
from zoo.experiments.run_store import RunStore
from zoo.experiments.schedule import Launch
from zoo.experiments.trial import perform
from zoo.models import Embedder, EmbedderConfig, save_embedder
from zoo.recipes import Recipe
from zoo.recipes.changes import override
from zoo.recipes.own_images import own_recipe


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen classes of four 24 x 20 images, in four groups: a colour each, with noise."""
    folder: Path = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    rows = []
    for number in range(16):
        colour = generator.integers(0, 256, 3)
        for copy in range(4):
            pixels = colour + generator.integers(-40, 41, (20, 24, 3))
            path = folder / f"{number}-{copy}.png"
            PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
            rows.append([path.name, f"class{number:02}", f"group{number % 4}", path.stem])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "label_level_2", "caption"], *rows])
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of a tiny network with random weights."""
    folder: Path = tmp_path_factory.mktemp("backbone")
    torch.manual_seed(7)
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=24, resize=24))
    save_embedder(Embedder(config), folder)
    return folder


@pytest.fixture
def base(backbone: Path) -> Recipe:
    """Four classes by two, from the tiny network."""
    recipe = own_recipe(str(backbone), "smooth_ap")
    for key, value in (
        ("batch.size", "8"),
        ("batch.per_class", "2"),
        ("data.levels", "2"),
        ("optimiser.lr", "1e-3"),
    ):
        recipe = override(recipe, key, value)
    return replace(recipe, batch=replace(recipe.batch, chunk=None))


@pytest.fixture
def plan_of(base: Recipe) -> Callable[..., Plan]:
    """Build a plan of a few steps: `plan_of("smooth_ap,triplet", seeds=2)`."""

    def build(
        losses: str = "smooth_ap",
        *more: Candidate,
        rates: tuple[float, ...] = (1e-3,),
        steps: int = 10,
        seeds: int = 1,
        method: Method = "grid",
        trials: int = 1,
    ) -> Plan:
        candidates = (*choose(losses, captions=False), *more) if losses else more
        return Plan(
            base,
            candidates,
            seeds=seeds,
            rates=rates,
            steps=steps,
            tuning_steps=4,
            method=method,
            trials=trials,
        )

    return build


@pytest.fixture
def place_at(photos: Path) -> Callable[[Path], Place]:
    return lambda folder: Place(folder, photos)


@dataclass
class Ended:
    """A process that is over."""

    code: int = 0

    def poll(self) -> int:
        return self.code

    def terminate(self) -> None:
        pass

    def kill(self) -> None:
        pass


@pytest.fixture
def in_process() -> Callable[[RunStore, Place], Launch]:
    """Carry out runs at once, here: no process of their own."""

    def build(store: RunStore, place: Place) -> Launch:
        def launch(trial: Trial) -> Ended:
            job = replace(job_of(store, place, trial, 1), parent=0)
            write_outcome(Path(job.run), job.recipe, perform(job))
            return Ended()

        return launch

    return build


@pytest.fixture
def ended() -> Callable[[int], Ended]:
    return Ended
