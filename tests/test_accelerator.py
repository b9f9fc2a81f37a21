"""The pretended accelerator keeps CUDA's rules, and computes what the CPU computes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.accelerator import DEVICE, accelerator, on_cpu, on_device, same_on_both


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    with accelerator():
        yield


REFUSED: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "a sum": lambda ours, cpu: ours + cpu,
    "a product": lambda ours, cpu: cpu @ ours,
    "an einsum": lambda ours, cpu: torch.einsum("ab,bc->ac", ours, cpu),
    "an update in place": lambda ours, cpu: ours.mul_(cpu),
    "a list": lambda ours, cpu: torch.cat([ours, cpu]),
    "a condition": lambda ours, cpu: torch.where(cpu > 0, ours, 0.0),
    "an index into a CPU tensor": lambda ours, cpu: cpu[(ours[0] > 9).long()],
    "a mask of a CPU tensor": lambda ours, cpu: cpu[ours > 0],
    "values assigned at an index": lambda ours, cpu: ours.__setitem__([0, 1], cpu[:2]),
    "a comparison": lambda ours, cpu: torch.equal(ours, cpu),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_cpu_tensor_beside_one_of_the_device_is_refused(name: str) -> None:
    ours = torch.ones(3, 3, device=DEVICE)
    with pytest.raises(RuntimeError, match="same device"):
        REFUSED[name](ours, torch.ones(3, 3))


@pytest.mark.parametrize("convert", [lambda t: t.numpy(), np.asarray])
def test_numpy_is_refused(convert: Callable[[Tensor], Any]) -> None:
    with pytest.raises(TypeError, match="to numpy"):
        convert(torch.ones(2, device=DEVICE))
    assert convert(torch.ones(2, device=DEVICE).cpu()).tolist() == [1, 1]


def test_a_generator_of_the_cpu_is_refused() -> None:
    with pytest.raises(RuntimeError, match="generator"):
        torch.rand(2, device=DEVICE, generator=torch.Generator())


def test_what_cuda_allows_is_allowed() -> None:
    ours = torch.arange(4.0, device=DEVICE)
    assert (ours * torch.tensor(2.0)).tolist() == [0, 2, 4, 6]  # a CPU number
    assert ours[torch.tensor([1, 3])].tolist() == [1, 3]  # a CPU index into the device
    assert torch.zeros(4).copy_(ours).tolist() == [0, 1, 2, 3]
    assert float(ours.sum()) == 6


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor([1.0, 2.0], device=DEVICE),
        lambda: torch.as_tensor([1.0, 2.0], device=torch.device(DEVICE)),
        lambda: torch.tensor([1.0, 2.0]).to(DEVICE),
        lambda: torch.arange(1.0, 3.0, device=DEVICE),
        lambda: torch.zeros(3, device=DEVICE).new_tensor([1.0, 2.0]),
        lambda: torch.zeros(2, device=DEVICE).new_ones(2).cumsum(0),
    ],
)
def test_factories_make_tensors_of_the_device(make: Callable[[], Tensor]) -> None:
    made = make()
    assert made.device.type == DEVICE
    assert made.tolist() == [1, 2]


def test_views_and_updates_in_place_share_what_they_hold() -> None:
    ours = torch.zeros(2, 3, device=DEVICE)
    ours[1].add_(1)
    ours.T[0, 0] = 5
    assert ours.tolist() == [[5, 0, 0], [1, 1, 1]]
    assert ours.unsqueeze_(0).shape == (1, 2, 3)


def test_a_network_moves_there_and_back_and_learns_as_on_the_cpu() -> None:
    def learned(device: str) -> dict[str, Tensor]:
        torch.manual_seed(3)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        net = nn.Sequential(net, nn.Linear(4 * 36, 2)).to(device)
        images = torch.rand(5, 3, 8, 8).to(device)
        optimiser = torch.optim.AdamW(net.parameters(), 0.1)
        for _ in range(3):
            optimiser.zero_grad()
            net(images).square().mean().backward()
            optimiser.step()
        assert {p.device.type for p in net.parameters()} == {device}
        found: dict[str, Tensor] = on_cpu(net.to("cpu").state_dict())
        return found

    torch.testing.assert_close(learned(DEVICE), learned("cpu"), rtol=0, atol=0)


def test_autocast_casts_as_on_the_cpu() -> None:
    net, points = nn.Linear(4, 4), torch.rand(3, 4)

    def product(device: str) -> Tensor:
        with torch.autocast(device, torch.bfloat16):
            return on_cpu(net.to(device)(points.to(device)))  # type: ignore[no-any-return]

    assert product(DEVICE).dtype == torch.bfloat16
    assert torch.equal(product(DEVICE), product("cpu"))


def test_a_result_left_on_the_cpu_is_found_out() -> None:
    with pytest.raises(AssertionError):
        same_on_both(lambda points: points.cpu(), torch.ones(3))
    same_on_both(lambda points: points * 2, torch.ones(3))
    assert on_device([torch.ones(2), 3])[0].device.type == DEVICE
