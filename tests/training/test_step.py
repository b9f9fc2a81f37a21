"""The two-pass update is the one-pass update: same gradient, same statistics, less memory."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from zoo.losses import LOSSES
from zoo.training.step import accumulate_gradient, replayable

CHUNK = 6
LABELS = torch.arange(24) // 4
Embed = Callable[[int], Tensor]


class Net(nn.Module):
    """Convolution, batch norm, dropout, projection: everything that makes replay delicate."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.3), nn.Flatten()
        )
        self.head = nn.Linear(8 * 36, 5)

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.normalize(self.head(self.body(images)), dim=1)


def network(batch_norm_trains: bool) -> Net:
    net = Net().double().train()
    net.body[1].train(batch_norm_trains)
    return net


def embedding(net: Net, images: Tensor) -> Embed:
    """Chunk i of `images`, noise added as augmentation would, dropout on, seeds of its own."""

    def embed(number: int) -> Tensor:
        chunk = images[number * CHUNK : (number + 1) * CHUNK]
        with replayable(5, number):
            noisy: Tensor = net(chunk + 0.1 * torch.randn_like(chunk))
        return noisy

    return embed


def one_pass(net: Net, images: Tensor, loss: nn.Module) -> Tensor:
    """The oracle: one graph over all chunks, plain back-propagation."""
    embed = embedding(net, images)
    value: Tensor = loss(torch.cat([embed(i) for i in range(len(images) // CHUNK)]), LABELS)
    value.backward()  # type: ignore[no-untyped-call]
    return value.detach()


def relative_difference(one: nn.Module, other: nn.Module) -> float:
    ours = torch.cat([p.grad.flatten() for p in one.parameters() if p.grad is not None])
    theirs = torch.cat([p.grad.flatten() for p in other.parameters() if p.grad is not None])
    assert theirs.norm() > 1e-3
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("name", ["recall_at_k", "smooth_ap"])
@pytest.mark.parametrize("batch_norm_trains", [False, True])
def test_two_passes_give_the_gradient_of_one_with_augmentation_and_dropout_on(
    batch_norm_trains: bool, name: str
) -> None:
    images = torch.randn(24, 3, 8, 8, dtype=torch.float64)
    loss = LOSSES[name]()
    two = network(batch_norm_trains)
    one = copy.deepcopy(two)
    expected = one_pass(one, images, loss)
    value = accumulate_gradient(two, embedding(two, images), 4, lambda v: loss(v, LABELS))
    assert torch.equal(value, expected)
    assert relative_difference(two, one) <= 1e-12


def test_running_statistics_advance_exactly_once_as_over_the_same_ghost_batches() -> None:
    images = torch.randn(24, 3, 8, 8, dtype=torch.float64)
    loss = LOSSES["smooth_ap"]()
    two = network(batch_norm_trains=True)
    one = copy.deepcopy(two)
    one_pass(one, images, loss)
    accumulate_gradient(two, embedding(two, images), 4, lambda v: loss(v, LABELS))
    for (name, ours), theirs in zip(two.named_buffers(), one.buffers(), strict=True):
        assert torch.equal(ours, theirs), name
    assert int(dict(two.named_buffers())["body.1.num_batches_tracked"]) == 4


def test_the_scale_of_half_precision_reaches_the_weights_and_not_the_loss() -> None:
    images = torch.randn(24, 3, 8, 8, dtype=torch.float64)
    seen: list[Tensor] = []

    def objective(points: Tensor) -> Tensor:
        points.register_hook(seen.append)  # type: ignore[no-untyped-call]
        value: Tensor = LOSSES["smooth_ap"]()(points, LABELS)
        return value

    plain, scaled = network(False), network(False)
    scaled.load_state_dict(plain.state_dict())
    accumulate_gradient(plain, embedding(plain, images), 4, objective)
    accumulate_gradient(scaled, embedding(scaled, images), 4, objective, scale=1024.0)
    assert torch.equal(seen[0], seen[1])
    for ours, theirs in zip(scaled.parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad, 1024 * theirs.grad)


def test_a_step_leaves_the_callers_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with replayable(1, 2):
        inside = torch.rand(4)
    assert torch.equal(torch.rand(4), expected)
    with replayable(1, 2):
        assert torch.equal(torch.rand(4), inside)


class Held:
    """A tensor kept for the backward pass, counted while it lives."""

    alive = 0
    peak = 0

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        Held.alive += tensor.numel()
        Held.peak = max(Held.peak, Held.alive)

    def __del__(self) -> None:
        Held.alive -= self.tensor.numel()


def peak_of_kept_activations(count: int, chunks: int) -> int:
    net = network(batch_norm_trains=False)
    images = torch.randn(count, 3, 8, 8, dtype=torch.float64)
    parts = torch.split(images, count // chunks)
    Held.alive = Held.peak = 0
    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
        accumulate_gradient(net, lambda i: net(parts[i]), chunks, lambda v: v.sum(dim=1).mean())
    return Held.peak


def test_kept_activations_are_those_of_one_chunk_whatever_the_batch() -> None:
    small = peak_of_kept_activations(count=64, chunks=4)
    large = peak_of_kept_activations(count=640, chunks=40)
    whole = peak_of_kept_activations(count=640, chunks=1)
    assert large < 1.1 * small
    assert whole > 30 * large
