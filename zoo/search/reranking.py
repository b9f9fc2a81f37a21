"""k-reciprocal re-ranking (Zhong et al., CVPR 2017) on neighbour lists, never N x N."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo.search.options import Reranking
from zoo.search.scan import PLAIN, Scan, score_blocks

Row = tuple[Tensor, Tensor]  # the items of a neighbourhood, and their weights


def reranked_blocks(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    options: Reranking,
    *,
    itself: bool,
    scan: Scan = PLAIN,
) -> Iterator[tuple[slice, Float[Tensor, "block gallery"]]]:
    """Yield (rows, scores) as `score_blocks` does, with re-ranked scores (higher is closer).

    score = -(plain * d + (1 - plain) * Jaccard distance of the encoded neighbourhoods), where d is
    the squared distance divided by that of the farthest item. `itself`: the queries are the
    gallery, in the same order. Memory is that of the vectors and their neighbour lists.
    """
    everything = gallery if itself else torch.cat([queries, gallery])
    first = 0 if itself else len(queries)
    places, farthest = _neighbourhoods(everything, options.k1 + 1, scan)
    encoded = _encoded(everything, places, farthest, options)
    columns = _columns(encoded, first, len(gallery))
    for rows, scores in score_blocks(queries, gallery, scan=scan):
        distances = (2 - 2 * scores.cpu()).clamp(min=0) / farthest[rows, None]
        jaccard = torch.stack(
            [
                1 - _overlap(encoded[query], columns, len(gallery))
                for query in range(rows.start, rows.stop)
            ]
        )
        yield rows, -(options.plain * distances + (1 - options.plain) * jaccard).to(scan.device)


def shortlisted_blocks(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    options: Reranking,
    *,
    own: Int64[Tensor, " query"] | None = None,
    scan: Scan = PLAIN,
) -> Iterator[tuple[slice, Float[Tensor, "block gallery"]]]:
    """Yield (rows, scores) as `score_blocks` does, each query's first `among` items re-ranked.

    They score 2 and more, so all others, which keep their similarity, stay behind them. `own` is
    a gallery position per query that takes no part (the query itself).
    """
    among = options.among or len(gallery)
    for rows, scores in score_blocks(queries, gallery, scan=scan):
        plain = (
            scores
            if own is None
            else scores.scatter(1, own[rows, None].to(scan.device), -torch.inf)
        )
        first = plain.topk(min(among, len(gallery) - (own is not None)), dim=1).indices
        for row, places in enumerate(first):
            found = reranked_shortlist(queries[rows.start + row], gallery[places.cpu()], options)
            scores[row, places] = 2 + found.to(scan.device)
        yield rows, scores


def reranked_shortlist(
    query: Float[Tensor, " dim"], items: Float[Tensor, "item dim"], options: Reranking
) -> Float[Tensor, " item"]:
    """Return 1 - the re-ranked distance, between 0 and 1, of a query's first items.

    Neighbours are sought among these items: the cost does not grow with the gallery.
    """
    ((_, scores),) = reranked_blocks(query[None], items, options, itself=False)
    return 1 + scores[0]


def _neighbourhoods(
    vectors: Tensor, k: int, scan: Scan
) -> tuple[Int64[Tensor, "item k"], Float[Tensor, " item"]]:
    """Return each item's `k` nearest items, itself first, and its largest squared distance."""
    places, farthest = [], []
    for _, scores in score_blocks(vectors, vectors, scan=scan):
        places.append(scores.topk(min(k, len(vectors)), dim=1).indices.cpu())
        farthest.append((2 - 2 * scores.amin(dim=1)).clamp(min=1e-12).cpu())
    return torch.cat(places), torch.cat(farthest)


def _encoded(vectors: Tensor, places: Tensor, farthest: Tensor, options: Reranking) -> list[Row]:
    """Return each item's neighbourhood as weights over items, averaged over its k2 neighbours."""
    half = round(options.k1 / 2) + 1
    mutual = [reciprocal(places, i, options.k1 + 1) for i in range(len(places))]
    narrow = [reciprocal(places, i, half) for i in range(len(places))]
    rows = [
        _weights(vectors, i, _extended(mutual[i], narrow), float(farthest[i]))
        for i in range(len(places))
    ]
    if options.k2 == 1:
        return rows
    return [_mean([rows[n] for n in near]) for near in places[:, : options.k2].tolist()]


def reciprocal(places: Int64[Tensor, "item k"], item: int, k: int) -> Int64[Tensor, " found"]:
    """Return those of an item's first `k` neighbours that have the item among their first `k`."""
    mine = places[item, :k]
    found: Tensor = mine[(places[mine, :k] == item).any(dim=1)]
    return found


def _extended(mine: Tensor, narrow: list[Tensor]) -> Tensor:
    """Add the neighbours' own neighbourhoods where two thirds of them are already mine."""
    found = mine
    for candidate in mine.tolist():
        theirs = narrow[candidate]
        if torch.isin(theirs, mine).sum() > 2 / 3 * len(theirs):
            found = torch.cat([found, theirs])
    every: Tensor = torch.unique(found)
    return every


def _weights(vectors: Tensor, item: int, members: Tensor, scale: float) -> Row:
    distances = (2 - 2 * vectors[members] @ vectors[item]).clamp(min=0) / scale
    weights = torch.exp(-distances)
    return members, weights / weights.sum()


def _mean(rows: list[Row]) -> Row:
    members = torch.cat([row[0] for row in rows])
    weights = torch.cat([row[1] for row in rows]) / len(rows)
    found, place = torch.unique(members, return_inverse=True)
    return found, torch.zeros(len(found)).index_add_(0, place, weights)


def _columns(encoded: list[Row], first: int, count: int) -> dict[int, Row]:
    """Turn the gallery's rows round: for each member, which gallery items have it, how much."""
    owners = torch.cat([torch.full_like(encoded[first + i][0], i) for i in range(count)])
    members = torch.cat([encoded[first + i][0] for i in range(count)])
    weights = torch.cat([encoded[first + i][1] for i in range(count)])
    order = members.argsort(stable=True)
    names, sizes = torch.unique_consecutive(members[order], return_counts=True)
    parts = zip(
        torch.split(owners[order], sizes.tolist()),
        torch.split(weights[order], sizes.tolist()),
        strict=True,
    )
    return dict(zip(names.tolist(), parts, strict=True))


def _overlap(row: Row, columns: dict[int, Row], count: int) -> Float[Tensor, " gallery"]:
    """Return sum of minima over sum of maxima with every gallery item (rows sum to 1)."""
    shared = torch.zeros(count)
    for member, weight in zip(row[0].tolist(), row[1], strict=True):
        if member in columns:
            owners, weights = columns[member]
            shared.index_add_(0, owners, torch.minimum(weights, weight))
    return shared / (2 - shared)
