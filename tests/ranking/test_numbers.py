"""Which number is not one, by the names that a person would use."""

import pytest
import torch

from zoo.errors import DataError
from zoo.ranking.numbers import check_finite_numbers, check_numbers

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("shape", "where"),
    [((4,), "item 2"), ((2, 4), "row 0, column 2"), ((1, 2, 4), "axis 0, axis 0, axis 2")],
)
@pytest.mark.parametrize("check", [check_numbers, check_finite_numbers])
def test_the_first_nan_is_named(check: object, shape: tuple[int, ...], where: str) -> None:
    assert callable(check)
    values = torch.zeros(shape)
    values.view(-1)[2:] = NAN
    with pytest.raises(DataError) as error:
        check(good=torch.ones(3), logits=values)
    assert str(error.value) == f"logits {where}: nan cannot be ranked"
    assert "diverged" in error.value.hint


def test_infinities_have_a_rank_and_cannot_be_computed_with() -> None:
    for bad in (INF, -INF):
        check_numbers(scores=torch.tensor([1.0, bad]))
        with pytest.raises(DataError, match=f"scores item 1: {bad} cannot"):
            check_finite_numbers(scores=torch.tensor([1.0, bad]))


def test_nothing_and_whole_numbers_are_fine() -> None:
    for values in (torch.empty(0), torch.empty(2, 0), torch.tensor([3, 1])):
        check_numbers(values=values)
        check_finite_numbers(values=values)
