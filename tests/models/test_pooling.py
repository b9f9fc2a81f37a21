"""GeM lies between the average and the maximum."""

import torch

from zoo.models.pooling import AveragePooling, GeM, MaxPooling, gem


def test_gem_with_exponent_one_is_the_average_and_with_a_large_one_the_maximum() -> None:
    maps = torch.rand(2, 3, 4, 5, dtype=torch.float64) + 0.1
    torch.testing.assert_close(gem(maps, torch.tensor(1.0)), AveragePooling()(maps))
    torch.testing.assert_close(
        gem(maps, torch.tensor(400.0)), MaxPooling()(maps), rtol=0.01, atol=0
    )


def test_gem_equals_its_formula_on_a_hand_made_map() -> None:
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    torch.testing.assert_close(GeM()(maps), torch.tensor([[(100 / 4) ** (1 / 3)]]))


def test_the_exponent_of_gem_is_learned() -> None:
    layer = GeM()
    layer(torch.rand(1, 2, 3, 3)).sum().backward()
    assert layer.p.grad is not None
    assert layer.p.grad.abs() > 0
