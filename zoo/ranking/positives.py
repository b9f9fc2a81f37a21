"""Labels to lists: which gallery columns are the positives of each query."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Scores = Float[Tensor, "query gallery"]
Levels = Int[Tensor, "query gallery"]  # label levels shared, 0 to L
PerQuery = Float[Tensor, " query"]


@dataclass(frozen=True)
class Items:
    """The ranked items of each query, as a rectangle: `columns` where `listed`, padding elsewhere.

    Padding repeats the row's first column, so that hiding a row's columns hides nothing else.
    """

    columns: Int[Tensor, "query item"]
    listed: Bool[Tensor, "query item"]

    def __getitem__(self, rows: slice) -> "Items":
        """Return some rows, without the columns that only longer rows needed."""
        listed = self.listed[rows]
        width = max(1, int(listed.sum(dim=1).max())) if len(listed) else 1
        return Items(self.columns[rows, :width], listed[:, :width])


def positives(
    query_labels: Int[Tensor, " query"],
    gallery_labels: Int[Tensor, " gallery"],
    own: Int[Tensor, " query"] | None = None,
) -> Items:
    """List the gallery items that share each query's label; `own` names a column to leave out.

    >>> labels = torch.tensor([5, 7, 5, 5])
    >>> positives(labels, labels, own=torch.arange(4)).columns.tolist()
    [[2, 3], [0, 0], [0, 3], [0, 2]]
    """
    order = gallery_labels.argsort(stable=True)
    ordered = gallery_labels[order]
    wanted = query_labels.contiguous()
    start = torch.searchsorted(ordered, wanted)
    count = torch.searchsorted(ordered, wanted, right=True) - start
    width = max(1, int(count.max())) if len(count) else 1
    place = torch.arange(width, device=order.device)
    listed = place < count[:, None]
    columns = order[(start[:, None] + place).clamp(max=len(order) - 1)]
    if own is not None:
        columns, listed = _without(columns, listed, own)
    first = columns[:, :1].where(listed[:, :1], 0)
    return Items(columns.where(listed, first), listed)


def items_where(mask: Bool[Tensor, "query gallery"]) -> Items:
    """List the true columns of each row.

    >>> items_where(torch.tensor([[False, True, True], [True, False, False]])).columns.tolist()
    [[1, 2], [0, 0]]
    """
    rows, columns = mask.nonzero(as_tuple=True)
    count = torch.bincount(rows, minlength=len(mask))
    width = max(1, int(count.max()))
    place = torch.arange(len(rows), device=mask.device) - (count.cumsum(0) - count)[rows]
    table = torch.zeros(len(mask), width, dtype=torch.int64, device=mask.device)
    table[rows, place] = columns
    listed = torch.arange(width, device=mask.device) < count[:, None]
    return Items(table.where(listed, table[:, :1]), listed)


def count_positives(
    query_labels: Int[Tensor, " query"],
    gallery_labels: Int[Tensor, " gallery"],
    own: Int[Tensor, " query"] | None = None,
) -> Int[Tensor, " query"]:
    """Count the gallery items that share each query's label, itself left out where `own` >= 0.

    >>> labels = torch.tensor([5, 7, 5])
    >>> count_positives(labels, labels, own=torch.arange(3))
    tensor([1, 0, 1])
    """
    ordered = gallery_labels.sort().values
    wanted = query_labels.contiguous()
    count = torch.searchsorted(ordered, wanted, right=True) - torch.searchsorted(ordered, wanted)
    return count if own is None else count - (own >= 0).to(count.dtype)


def _without(columns: Tensor, listed: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Drop one column from each list, keeping the others packed to the left."""
    kept = listed & (columns != own[:, None])
    width = max(1, int(kept.sum(dim=1).max()))
    packed = (~kept).to(torch.uint8).argsort(dim=1, stable=True)[:, :width]
    return columns.gather(1, packed), kept.gather(1, packed)
