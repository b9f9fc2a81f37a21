"""What the hits say together: the voted landmark and its place in the hierarchy; α-QE."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.index.hits import Hit
from zoo.index.index import Index

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

    Radenovic, Tolias and Chum, TPAMI 2019, section 5.3 (α = 3).
    """
    found = index.search(queries, neighbours, where=where)
    vectors = index.vectors_of([hit.record.id for hits in found for hit in hits])
    expanded = []
    for query, hits in zip(
        torch.nn.functional.normalize(queries.float(), dim=1), found, strict=True
    ):
        weights = torch.tensor([max(hit.score, 0.0) ** power for hit in hits])
        rows = [vectors[hit.record.id] for hit in hits]
        expanded.append(query + weights @ torch.stack(rows) if rows else query)
    return torch.nn.functional.normalize(torch.stack(expanded), dim=1)
