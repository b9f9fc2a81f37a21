"""What the checks let through and refuse, at their edges."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.checks import (
    NORM_TOLERANCE,
    check_choice,
    check_classes,
    check_embeddings,
    check_finite,
    check_gallery,
    check_labels,
    check_positions,
    check_positive,
    check_whole,
    checked_ks,
)

UNIT = torch.eye(3)
INF, NAN = float("inf"), float("nan")


def accepts(check: Callable[..., object], *values: object, **named: object) -> bool:
    try:
        check(*values, **named)
    except UsageError:
        return False
    return True


def test_positive_means_above_zero_and_finite() -> None:
    allowed = [1e-30, 1, 2.5]
    refused = [0, 0.0, -1e-30, INF, NAN]
    assert [accepts(check_positive, a=v) for v in allowed] == [True] * 3
    assert [accepts(check_positive, a=v) for v in refused] == [False] * 5


def test_finite_means_any_number_but_infinities() -> None:
    assert all(accepts(check_finite, a=v) for v in (0, -3.5, 1e300))
    assert not any(accepts(check_finite, a=v) for v in (INF, -INF, NAN, "1", None))


def test_whole_starts_at_the_least_allowed() -> None:
    assert accepts(check_whole, a=1)
    assert accepts(check_whole, least=2, a=2)
    assert not any(accepts(check_whole, a=v) for v in (0, -1, 1.0, True, "1"))
    assert not accepts(check_whole, least=2, a=1)


def test_a_choice_names_what_is_allowed() -> None:
    check_choice("a", "x", ("x", "y"))
    with pytest.raises(UsageError, match="a is 'z'") as error:
        check_choice("a", "z", ("x", "y"))
    assert error.value.hint == "allowed: x, y"


def test_ks_are_whole_numbers_above_zero() -> None:
    assert checked_ks([1, 4]) == (1, 4)
    assert not any(accepts(checked_ks, v) for v in ([], [0], [1, -2], [1.5], 4))


@pytest.mark.parametrize("dtype", NORM_TOLERANCE)
def test_norms_may_be_off_by_rounding_only(dtype: torch.dtype) -> None:
    """Half of the published tolerance passes, twice of it does not, on either side of 1."""
    tolerance = {torch.float16: 1e-2, torch.bfloat16: 2e-2}.get(dtype, 1e-3)
    for share, fine in ((0.5, True), (2.0, False)):
        long = (torch.eye(3, dtype=torch.float64) * (1 + share * tolerance)).to(dtype)
        assert accepts(check_embeddings, "v", long) is fine
        short = torch.eye(3, dtype=torch.float64)
        short[0] *= share * 2 * tolerance  # a mixture may be short, yet not nothing
        assert accepts(check_embeddings, "v", short.to(dtype)) is True
    nothing = torch.eye(3, dtype=torch.float64)
    nothing[0] *= tolerance / 2
    assert not accepts(check_embeddings, "v", nothing.to(dtype))
    assert not accepts(check_embeddings, "v", (UNIT * (1 - 2 * tolerance)).to(dtype))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[1.0, 0.0]], "v is a list"),
        (torch.ones(3), r"v is torch.float32 of shape \(3,\)"),
        (torch.empty(0, 3), r"shape \(0, 3\)"),
        (torch.eye(2).long(), "v is torch.int64"),
        (torch.eye(2).index_fill(0, torch.tensor(1), INF), "v row 1 is not finite"),
        (torch.eye(2) * 2, "v has rows of norm 2 to 2"),
    ],
)
def test_embeddings_are_floats_of_unit_rows(bad: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_embeddings("v", bad)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0, 1, 2], "y is a list"),
        (torch.ones(3), "y is torch.float32"),
        (torch.ones(3).bool(), "y is torch.bool"),
        (torch.ones(3).to(torch.complex64), "y is torch.complex64"),
        (torch.ones(2).long(), r"y is torch.int64 of shape \(2,\)"),
        (torch.ones(3, 1, 1).long(), r"of shape \(3, 1, 1\)"),
        (torch.ones(3, 0).long(), "y has no level"),
    ],
)
def test_labels_are_whole_numbers_one_row_an_embedding(bad: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_labels("y", bad, UNIT)
    check_labels("y", torch.ones(3, 2).long(), UNIT)


def test_classes_go_from_zero_to_one_less_than_their_number() -> None:
    assert accepts(check_classes, torch.tensor([0, 3]), 4)
    assert not accepts(check_classes, torch.tensor([0, 4]), 4)
    assert not accepts(check_classes, torch.tensor([-1, 3]), 4)


def test_a_gallery_matches_its_queries() -> None:
    labels, levels = torch.arange(3), torch.arange(3)[:, None]
    check_gallery(UNIT, labels, None, None)
    check_gallery(UNIT, labels, torch.eye(4)[:, :3][:3], labels)
    check_gallery(UNIT, levels, UNIT, levels)
    for gallery, theirs in (
        (UNIT, None),
        (None, labels),
        (torch.eye(2), labels[:2]),
        (UNIT, levels),
        (UNIT, labels[:2]),
        (UNIT, labels.double()),
    ):
        assert not accepts(check_gallery, UNIT, labels, gallery, theirs)


def test_positions_are_columns_of_the_gallery_or_minus_one() -> None:
    gallery = torch.eye(4)

    def of(values: list[int]) -> Tensor:
        return torch.tensor(values)

    assert accepts(check_positions, of([-1, 0, 3]), UNIT, gallery)
    assert not accepts(check_positions, of([-2, 0, 3]), UNIT, gallery)
    assert not accepts(check_positions, of([0, 1, 4]), UNIT, gallery)
    assert not accepts(check_positions, of([0, 1]), UNIT, gallery)
    assert not accepts(check_positions, of([0, 1, 2]).int(), UNIT, gallery)
    assert not accepts(check_positions, of([0, 1, 2]), UNIT, None)
