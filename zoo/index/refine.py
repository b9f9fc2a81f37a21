"""What the hits say together: the voted landmark, α query expansion, k-reciprocal re-ranking."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.index.hits import Hit
from zoo.index.index import Index
from zoo.search.reranking import Reranking, reranked_blocks

POWER = 3.0  # a hit's say is its similarity to this power: near hits outvote many far ones


@dataclass(frozen=True)
class Vote:
    """The winner at one level; confidence is its share of all say, support its number of hits."""

    level: str
    label: str
    confidence: float
    support: int


def vote(hits: Sequence[Hit], power: float = POWER) -> list[Vote]:
    """Let `hits` elect a label at every level, finest first.

    A hit says max(score, 0) ** power for its labels; hits without a label at a level abstain.
    """
    levels = dict.fromkeys(name for hit in hits for name in hit.record.labels)
    votes: list[Vote] = []
    for level in levels:
        say: dict[str, float] = defaultdict(float)
        support: dict[str, int] = defaultdict(int)
        for hit in hits:
            label = hit.record.labels.get(level)
            if label is not None:
                say[label] += max(hit.score, 0.0) ** power
                support[label] += 1
        winner = max(say, key=lambda label: (say[label], label))
        total = sum(say.values())
        share = say[winner] / total if total else 0.0
        votes.append(Vote(level, winner, share, support[winner]))
    return votes


def expand(
    index: Index,
    queries: Float[Tensor, "query dim"],
    neighbours: int = 10,
    power: float = POWER,
    where: str | None = None,
) -> Float[Tensor, "query dim"]:
    """α query expansion: each query plus its neighbours' vectors, weighted by similarity ** α.

    Takes and returns queries as `Index.prepare` makes them: search them with `prepared=True`.
    Radenovic, Tolias and Chum, TPAMI 2019, section 5.3 (α = 3).
    """
    found = index.search(queries, neighbours, where=where, prepared=True)
    vectors = index.vectors_of([hit.record.id for hits in found for hit in hits])
    expanded = []
    for query, hits in zip(
        torch.nn.functional.normalize(queries.float(), dim=1), found, strict=True
    ):
        weights = torch.tensor([max(hit.score, 0.0) ** power for hit in hits])
        rows = [vectors[hit.record.id] for hit in hits]
        expanded.append(query + weights @ torch.stack(rows) if rows else query)
    return torch.nn.functional.normalize(torch.stack(expanded), dim=1)


def rerank(
    index: Index,
    queries: Float[Tensor, "query dim"],
    k: int = 10,
    *,
    among: int = 100,
    options: Reranking = Reranking(),
    where: str | None = None,
) -> list[list[Hit]]:
    """Search, and order each query's first `among` hits by their k-reciprocal neighbourhoods.

    Zhong et al., CVPR 2017, inside the shortlist of each query: its cost does not grow with the
    index. `queries` are as `Index.prepare` makes them; a hit keeps its similarity as its score.

    Raises:
        UsageError: the shortlist is shorter than `k`.
    """
    if among < k:
        raise UsageError(f"{among} hits re-ranked cannot give {k}", "re-rank at least k of them")
    found = index.search(queries, among, where=where, prepared=True)
    unit = torch.nn.functional.normalize(queries.float(), dim=1)
    return [_reordered(index, q, hits, options)[:k] for q, hits in zip(unit, found, strict=True)]


def _reordered(
    index: Index, query: Float[Tensor, " dim"], hits: list[Hit], options: Reranking
) -> list[Hit]:
    if not hits:
        return []
    vectors = index.vectors_of(hit.record.id for hit in hits)
    gallery = torch.stack([vectors[hit.record.id] for hit in hits])
    ((_, scores),) = reranked_blocks(query[None], gallery, options, itself=False)
    order = scores[0].argsort(descending=True, stable=True).tolist()
    return [replace(hits[place], rank=rank) for rank, place in enumerate(order, start=1)]
