"""Queries whose relevant items are listed one by one, as the landmark benchmarks do."""

from collections.abc import Callable, Iterable, Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from zoo.errors import DataError
from zoo.metrics import per_query
from zoo.metrics.landmarks import KAPPAS, Protocol, judged, precision_of, trapezium_ap
from zoo.metrics.ranks import positive_ranks

Blocks = Iterable[tuple[slice, Float[Tensor, "block gallery"]]]
Places = Sequence[Sequence[int]]
PerQuery = dict[str, Float64[Tensor, " query"]]


def measure_lists(
    blocks: Blocks, judgements: dict[str, tuple[Places, Places]], values_of: Callable[..., PerQuery]
) -> PerQuery:
    """Return every metric of every query, for each named judgement.

    A judgement holds, query by query, the gallery places that are right and those that leave the
    ranking. `values_of(name, ranks)` turns the ranks of a block into metrics.
    """
    parts: list[PerQuery] = []
    for rows, scores in blocks:
        values: PerQuery = {}
        for name, (right, gone) in judgements.items():
            kept, relevant = scores.clone(), torch.zeros_like(scores, dtype=torch.bool)
            for row, query in enumerate(range(rows.start, rows.stop)):
                kept[row, list(gone[query])] = -torch.inf
                relevant[row, list(right[query])] = True
            values |= values_of(name, positive_ranks(kept, relevant).cpu())
        parts.append(values)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def revisited_values(name: str, ranks: Float64[Tensor, "query positive"]) -> PerQuery:
    """Return trapezium AP and precision at 1, 5 and 10, named after the set-up."""
    rows = []
    for row in ranks:
        found = row[row.isfinite()]
        precisions = [precision_of(found, k) for k in KAPPAS] if len(found) else []
        rows.append(
            [trapezium_ap(found - 1, len(found)), *precisions] if len(found) else [torch.nan] * 4
        )
    columns = torch.tensor(rows, dtype=torch.float64).T
    names = [f"map_{name}", *(f"mp_at_{k}_{name}" for k in KAPPAS)]
    return dict(zip(names, columns, strict=True))


def revisited_judgements(
    easy: Places, hard: Places, junk: Places
) -> dict[str, tuple[Places, Places]]:
    """Return what is right and what leaves the ranking under the three set-ups."""
    names: tuple[Protocol, ...] = ("easy", "medium", "hard")
    found: dict[str, tuple[Places, Places]] = {}
    for name in names:
        pairs = [judged(e, h, j, name) for e, h, j in zip(easy, hard, junk, strict=True)]
        found[name] = ([right for right, _ in pairs], [gone for _, gone in pairs])
    return found


def at_100_values(_: str, ranks: Float64[Tensor, "query positive"]) -> PerQuery:
    """Return Google Landmarks v2's AP@100 (divided by min(R, 100)) and what goes with it."""
    return {
        "map_at_100": per_query.average_precision(ranks, 100, "min(R, k)"),
        "map_at_100_over_r": per_query.average_precision(ranks, 100, "R"),
        "recall_at_1": per_query.hit_at_k(ranks, 1),
        "recall_at_10": per_query.hit_at_k(ranks, 10),
    }


def listed_places(lists: Sequence[str], names: Sequence[str], where: str) -> list[list[int]]:
    """Turn blank-separated names into places in the gallery.

    Raises:
        DataError: a query lists an image that is not in the gallery.
    """
    place = {name: i for i, name in enumerate(names)}
    found = []
    for query, words in enumerate(lists):
        missing = next((word for word in words.split() if word not in place), None)
        if missing is not None:
            raise DataError(
                f"{where}: query {query} lists {missing}, which is not in the gallery",
                "give the whole gallery the ground truth was made for",
            )
        found.append([place[word] for word in words.split()])
    return found
