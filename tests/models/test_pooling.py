"""GeM lies between the average and the maximum; WILDCAT and WELDON look at both ends of a map."""

import pytest
import torch

from zoo.models.pooling import (
    AveragePooling,
    GeM,
    MaxPooling,
    WeldonPooling,
    WildcatPooling,
    gem,
)


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


def test_wildcat_scores_a_class_by_its_highest_and_lowest_places() -> None:
    maps = torch.randn(2, 3 * 8, 14, 14, dtype=torch.float64)
    found = WildcatPooling()(maps)
    for image in range(2):
        for label in range(3):
            values = maps[image, 8 * label : 8 * label + 8].mean(dim=0).flatten().sort().values
            expected = (values[-39:].mean() + 0.7 * values[:39].mean()) / 2  # 39 of 196 places
            assert found[image, label].item() == pytest.approx(expected.item())


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 4), (3, 3), (1, 1)])
def test_weldon_sums_the_means_of_the_fifteen_highest_and_lowest_places(
    height: int, width: int
) -> None:
    maps = torch.randn(2, 3, height, width, dtype=torch.float64)
    found = WeldonPooling()(maps)
    for image in range(2):
        for channel in range(3):
            values = sorted(maps[image, channel].flatten().tolist())
            few = min(15, len(values))
            expected = sum(values[-few:]) / few + sum(values[:few]) / few
            assert found[image, channel].item() == pytest.approx(expected)
