"""The revisited Oxford and Paris protocol (Radenovic et al., CVPR 2018)."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from zoo.device import with_doubles
from zoo.ranking.numbers import check_numbers

Protocol = Literal["easy", "medium", "hard"]
KAPPAS = (1, 5, 10)


class Revisited(NamedTuple):
    """Mean average precision, and mean precision at 1, 5 and 10, over queries with a positive."""

    mean_average_precision: float
    mean_precision: dict[int, float]


def revisited_map(
    ranks: Int64[Tensor, "query gallery"],
    easy: Sequence[Sequence[int]],
    hard: Sequence[Sequence[int]],
    junk: Sequence[Sequence[int]],
    protocol: Protocol = "medium",
) -> Revisited:
    """Score ranked gallery ids (a row a query, best first) under one of the three set-ups.

    Easy: easy images are positive, hard and junk ones leave the ranking. Medium: both are
    positive, junk leaves. Hard: hard ones are positive, easy and junk leave. AP is the area under
    the precision-recall curve by the trapezium rule, not the sum of precisions.

    Raises:
        ValueError: not one row a query (the benchmark's own code keeps a column a query).

    >>> revisited_map(torch.tensor([[2, 0, 1]]), [[0]], [[1]], [[2]], "medium")[0]
    1.0
    """
    if not len(ranks) == len(easy) == len(hard) == len(junk):
        raise ValueError(
            f"ranks has {len(ranks)} rows for {len(easy)} queries: one row a query is wanted"
        )
    rows = [
        revisited_query(row, *judged(e, h, j, protocol))
        for row, e, h, j in zip(ranks, easy, hard, junk, strict=True)
    ]
    scored = torch.tensor([row for row in rows if row is not None], dtype=torch.float64)
    if not len(scored):
        return Revisited(float("nan"), dict.fromkeys(KAPPAS, float("nan")))
    means = scored.mean(dim=0).tolist()
    return Revisited(means[0], dict(zip(KAPPAS, means[1:], strict=True)))


def judged(
    easy: Sequence[int], hard: Sequence[int], junk: Sequence[int], protocol: Protocol
) -> tuple[list[int], list[int]]:
    """Return (positive ids, ids taken out of the ranking) of one query under a set-up."""
    match protocol:
        case "easy":
            return [*easy], [*hard, *junk]
        case "medium":
            return [*easy, *hard], [*junk]
        case "hard":
            return [*hard], [*easy, *junk]


def revisited_query(
    row: Int64[Tensor, " gallery"], positives: Sequence[int], ignored: Sequence[int]
) -> tuple[float, ...] | None:
    """Return (AP, P@1, P@5, P@10) of one query, None when nothing is positive."""
    if not positives:
        return None
    (row,) = with_doubles(row)
    kept = row[~torch.isin(row, row.new_tensor(ignored))]
    found = torch.isin(kept, row.new_tensor(positives))
    places = found.nonzero()[:, 0].double()  # from 0
    if not len(places):
        return (0.0,) * (1 + len(KAPPAS))
    return trapezium_ap(places, len(positives)), *(precision_of(places + 1, k) for k in KAPPAS)


def trapezium_ap(places: Tensor, count: int) -> float:
    """Return AP by the trapezium rule from the places (0 = best) of the positives found.

    At each of them the mean of the precisions just before and just after it is added; the
    precision before the very first item is 1.
    """
    check_numbers(places=places)
    before = torch.arange(len(places), dtype=torch.float64, device=places.device)
    left = torch.where(places == 0, 1.0, before / places.clamp(min=1))
    right = (before + 1) / (places + 1)
    return float((left + right).sum() / 2 / count)


def precision_of(ranks: Tensor, k: int) -> float:
    """Return the share of positives (given by their ranks from 1) among the first `k`."""
    check_numbers(ranks=ranks)
    depth = min(float(ranks.max()), k)  # the benchmark never looks past the last positive
    return int((ranks <= depth).sum()) / depth
