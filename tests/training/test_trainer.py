"""An update among processes, the rows it leaves, and which network is kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.errors import DivergedError
from zoo.models import Embedder
from zoo.recipes import Recipe
from zoo.recipes.recipe import LossTerm, Optimiser
from zoo.runs.options import RunOptions
from zoo.training.distributed import World
from zoo.training.loader import Loader
from zoo.training.loop import build_objective
from zoo.training.optimise import batch_norms
from zoo.training.trainer import Trainer

Build = Callable[..., Embedder]
Make = Callable[..., Trainer]


@dataclass(frozen=True)
class Another(World):
    """A world with another process, whose every gradient is three times ours."""

    size: int = 2
    shared: list[nn.Module] = field(default_factory=list)

    def sum_gradients(self, parameters: Iterable[nn.Parameter], scale: float = 1.0) -> None:
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad *= (1 + 3) * scale

    def share_buffers(self, module: nn.Module) -> None:
        self.shared.append(module)


@pytest.fixture
def make(recipe: Recipe, dataset: ImageDataset, network: Build) -> Make:
    """Make the trainer of a small run of SGD with class proxies; the same weights every time."""

    def build(world: World = World(), **changes: object) -> Trainer:
        proxies = LossTerm("cluster_proxy", optimiser="sgd", lr=0.1)
        plain = replace(recipe, optimiser=Optimiser("sgd", lr=0.01), extra_loss=proxies)
        chosen = replace(plain, **changes)  # type: ignore[arg-type]
        model = network()
        objective = build_objective(chosen, dataset, World(), model.dim, None)
        shape, how = model.config.preprocessing, RunOptions(seed=3)
        trainer = Trainer(
            model, Loader(chosen, dataset, shape, World(), how), objective, torch.device("cpu")
        )
        trainer.world = world
        return trainer

    return build


def moved(trainer: Trainer) -> tuple[Tensor, Tensor]:
    """Return how far one update moves the network's weights, and the proxies."""

    def weights() -> tuple[Tensor, Tensor]:
        both = (trainer.model, trainer.objective)
        one, other = (torch.cat([p.detach().flatten() for p in each.parameters()]) for each in both)
        return one.clone(), other.clone()

    before = weights()
    trainer.update(1, next(trainer.loader.batches()))
    network, proxies = (a - b for a, b in zip(weights(), before, strict=True))
    return network, proxies


def test_gradients_of_a_share_are_summed_and_those_of_the_whole_averaged(make: Make) -> None:
    """A process back-propagates its own images alone, but proxies meet every image in each."""
    network, proxies = moved(make())
    with_another = moved(make(Another()))
    assert min(network.norm(), proxies.norm()) > 1e-4
    torch.testing.assert_close(with_another[0], 4 * network, rtol=1e-2, atol=1e-6)
    torch.testing.assert_close(with_another[1], 2 * proxies, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("mode", ["frozen", "fixed", "train"])
def test_statistics_that_move_are_the_first_process_s_in_all(
    mode: str, make: Make, recipe: Recipe
) -> None:
    trainer = make(world := Another(), network=replace(recipe.network, batch_norm=mode))  # type: ignore[arg-type]
    moved(trainer)
    norms = list(batch_norms(trainer.model))
    assert norms
    assert world.shared == (norms if mode == "train" else [])


def test_every_tenth_update_leaves_a_row_of_mean_loss_rate_and_speed(
    make: Make, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    fake = SimpleNamespace(perf_counter=lambda: clock.now)
    monkeypatch.setattr("zoo.training.trainer.time", fake)
    window, size = make().window, recipe.batch.size
    for first, seconds in ((0, 4.0), (10, 5.0)):
        for step in range(first + 1, first + 10):
            assert window.row(step, torch.tensor(float(step)), 0.1) is None
        clock.now += seconds
        assert window.row(first + 10, torch.tensor(first + 10.0), 0.1) == {
            "step": first + 10,
            "loss": first + 5.5,
            "learning_rate": 0.1,
            "images_per_second": 10 * size / seconds,
        }
    with pytest.raises(DivergedError, match="near step 30"):
        window.row(30, torch.tensor(torch.nan), 0.1)


def test_one_process_alone_writes_rows(make: Make) -> None:
    for rank in (0, 1):
        trainer = make(Another(rank))
        row = trainer.update(10, next(trainer.loader.batches()))
        assert (row is not None) == (rank == 0)


def test_the_average_is_kept_where_there_is_one(make: Make) -> None:
    trainer = make()
    assert trainer.judged is trainer.model
    trainer = make(optimiser=Optimiser("sgd", lr=0.01, ema=0.75))
    for step, batch in zip((1, 2), trainer.loader.batches(), strict=False):
        first = [p.detach().clone() for p in trainer.model.parameters()]
        trainer.update(step, batch)
    kept = trainer.judged.parameters()
    for average, one, two in zip(kept, first, trainer.model.parameters(), strict=True):
        torch.testing.assert_close(average, 0.75 * one + 0.25 * two)


def test_an_image_that_the_network_gives_nothing_for_stops_the_run_by_name_of_the_step(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a row is not the caller's mistake: the network made it."""
    trainer = make()
    seen = trainer.points

    def one_dead(images: Tensor, start: int) -> Tensor:
        alive = torch.ones(len(images), 1)
        alive[0] = float(start != 0)
        return seen(images, start) * alive

    monkeypatch.setattr(trainer, "points", one_dead)
    with pytest.raises(DivergedError, match="1 of 8 embeddings are zero at step 5") as caught:
        trainer.update(5, next(trainer.loader.batches()))
    assert "optimiser.lr" in caught.value.hint
