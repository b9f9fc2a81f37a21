"""Two pretended processes, as threads: every loss of the whole batch, in the fast tests.

Real ones, over gloo, are in test_distributed.
"""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from tests.process_threads import Group
from zoo.losses import LOSSES
from zoo.losses import distributed as module
from zoo.losses.distributed import AcrossProcesses, gathered


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    pretended = Group(2)
    monkeypatch.setattr(module, "distributed", pretended)
    return pretended


def build(name: str) -> nn.Module:
    parameters = inspect.signature(LOSSES[name]).parameters
    options: dict[str, Any] = {"classes": 3, "dim": 8} if "classes" in parameters else {}
    if "ks" in parameters:
        options["ks"] = (1, 2, 4)
    torch.manual_seed(0)
    loss: nn.Module = LOSSES[name](**options).double()
    return loss


@pytest.mark.parametrize("name", LOSSES)
def test_each_process_returns_the_whole_loss_and_w_times_its_gradient(
    name: str, group: Group
) -> None:
    vectors = normalize(torch.randn(13, 8, dtype=torch.float64))
    labels = torch.randint(3, (13,))
    shares, losses = [slice(0, 5), slice(5, 13)], [build(name), build(name)]
    whole = vectors.clone().requires_grad_()
    expected = build(name)(whole, labels)
    expected.backward()
    assert whole.grad is not None

    def work(rank: int) -> tuple[Tensor, Tensor | None]:
        mine = vectors[shares[rank]].clone().requires_grad_()
        value = AcrossProcesses(losses[rank])(mine, labels[shares[rank]])
        value.backward()
        return value.detach(), mine.grad

    for rank, (value, gradient) in enumerate(group.run(work)):
        torch.testing.assert_close(value, expected.detach())
        torch.testing.assert_close(gradient, 2 * whole.grad[shares[rank]])


def test_rows_come_in_the_order_of_ranks_and_as_constants(group: Group) -> None:
    def work(rank: int) -> list[Tensor]:
        mine = torch.full((1 + 2 * rank, 2), float(rank), requires_grad=True)
        return gathered(mine, [1, 3])

    for parts in group.run(work):
        assert [part.tolist() for part in parts] == [[[0.0, 0.0]], [[1.0, 1.0]] * 3]
        assert not any(part.requires_grad for part in parts)


def test_one_process_keeps_its_own_rows_as_constants() -> None:
    (mine,) = gathered(torch.ones(2, 3, requires_grad=True), [2])
    assert mine.tolist() == torch.ones(2, 3).tolist()
    assert not mine.requires_grad
