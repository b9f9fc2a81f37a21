"""The one search: behind `rankzoo search`, the server, and whoever searches from Python."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.errors import UsageError
from zoo.search.expansion import moved
from zoo.search.hits import Hit, Hits
from zoo.search.options import Reranking, SearchOptions
from zoo.search.parts import together
from zoo.search.reranking import reranked_shortlist
from zoo.search.voting import Vote, vote

MOST = 20_000  # items re-ranked for a query at most: their neighbourhoods take about a minute

# The query as an item: its content's sha256 (its start), its id, unknown, or those of its parts.
Copy = str | int | tuple[Any, ...] | None
Masks = Sequence[Bool[np.ndarray, " _"]]  # one a segment, of any lengths


@runtime_checkable
class Searchable(Protocol):
    """An index, as a search needs it."""

    def candidates(self, where: str | None = None) -> Masks:
        """Return which items may be found."""
        ...

    def prepare(
        self, embeddings: Float[Tensor, "item _"], what: str = "embedding"
    ) -> Float[Tensor, "item dim"]:
        """Return a model's embeddings as the index keeps them."""
        ...

    def search(
        self,
        queries: Float[Tensor, "query dim"],
        k: int = 10,
        *,
        candidates: Masks | None = None,
        prepared: bool = False,
    ) -> Sequence[Sequence[Hit]]:
        """Return the nearest items of each query, by their inner products."""
        ...

    def vectors_of(self, ids: Iterable[int]) -> dict[int, Float[Tensor, " dim"]]:
        """Return vectors by id."""
        ...


@dataclass(frozen=True)
class Answer:
    """What one query found: hits in the order of their scores, and the labels they elect.

    missing: parts of the index that gave no answer in time.
    """

    hits: list[Hit]
    votes: list[Vote]
    missing: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        return Hits(self.hits)._repr_html_()

    def to_json(self, votes: bool = True) -> dict[str, Any]:
        """Return plain values; `votes` are left out when nobody asked for them."""
        plain = {"hits": [hit.to_json() for hit in self.hits]}
        return {**plain, "votes": [vars(v) for v in self.votes]} if votes else plain


def search(
    index: Searchable,
    queries: Float[Tensor, "query _"],
    options: SearchOptions = SearchOptions(),
    copies: Sequence[Copy] | None = None,
    masks: Masks | None = None,
) -> list[Answer]:
    """Search an index with embeddings of its model, one answer a query; one in all if `together`.

    copies: how the query itself is known, where it may be in the index: it is found, but neither
        votes nor moves the query nor takes part in re-ranking; see `itself`. masks: what
        `index.candidates(options.where)` returned, for those who ask it more than once.

    Raises:
        UsageError: the condition, the queries' width or the options cannot be.
        DataError: a query is zero or not finite.
    """
    own = list[Copy](copies or [None] * len(queries))
    masks = index.candidates(options.where) if masks is None else masks
    vectors = index.prepare(queries, "query")
    if options.together:
        vectors, own = together(vectors)[None], [tuple(own)]
    return search_prepared(index, vectors, options, own, masks)


def search_prepared(
    index: Searchable,
    vectors: Float[Tensor, "query dim"],
    options: SearchOptions,
    own: Sequence[Copy],
    masks: Masks,
) -> list[Answer]:
    """Search with vectors as the index keeps them (`prepare`, `vectors_of`); see `search`."""
    if options.expansion:
        vectors = _expanded(index, vectors, options, own, masks)
    if options.reranking is None:
        found = index.search(vectors, options.k + _copies(own), candidates=masks, prepared=True)
    else:
        found = _reranked(index, vectors, options.reranking, own, masks)
    return [_answer(hits, copy, options) for hits, copy in zip(found, own, strict=True)]


def itself(hits: Sequence[Hit], copy: Copy) -> set[int]:
    """Return the ids of those hits that are the query itself, one a part of it at most.

    It is the item of that id, or the first of that content: other items of the same content are
    its neighbours, as they are to a protocol that takes a query out of its ranking by position.
    """
    if isinstance(copy, tuple):
        return {found for part in copy for found in itself(hits, part)}
    if isinstance(copy, str):
        same = [hit for hit in hits if copy and hit.record.sha256.startswith(copy)]
    else:
        same = [hit for hit in hits if copy is not None and hit.record.id == copy]
    return {hit.record.id for hit in same[:1]}


def _copies(own: Sequence[Copy]) -> int:
    """Return how many of one query's hits may be itself."""
    parts = (copy if isinstance(copy, tuple) else (copy,) for copy in own)
    return max((sum(part is not None for part in each) for each in parts), default=0)


def _answer(hits: Sequence[Hit], copy: Copy, options: SearchOptions) -> Answer:
    """Number the first hits, without the query itself if so asked, and let the others vote.

    As many vote whether or not the query itself stands among the hits.
    """
    if options.threshold is not None:
        hits = [hit for hit in hits if hit.score >= options.threshold]
    own = itself(hits, copy)
    others = [hit for hit in hits if hit.record.id not in own][: options.k]
    shown = others if options.without_copy else hits[: options.k]
    return Answer([replace(hit, rank=n) for n, hit in enumerate(shown, start=1)], vote(others))


def _expanded(
    index: Searchable,
    vectors: Float[Tensor, "query dim"],
    options: SearchOptions,
    copies: Sequence[Copy],
    masks: Masks,
) -> Float[Tensor, "query dim"]:
    """α query expansion: each query moves towards its neighbours (see `moved`)."""
    more = _copies(copies)
    found = index.search(vectors, options.expansion + more, candidates=masks, prepared=True)
    places = index.vectors_of(hit.record.id for hits in found for hit in hits)
    rows = []
    for vector, hits, copy in zip(vectors, found, copies, strict=True):
        own = itself(hits, copy)
        near = [hit for hit in hits if hit.record.id not in own][: options.expansion]
        scores = torch.tensor([[hit.score for hit in near]])
        stacked = (
            torch.stack([places[hit.record.id] for hit in near]) if near else vector[None, :][:0]
        )
        rows.append(moved(vector[None], scores, stacked[None], options.alpha))
    return torch.cat(rows)


def _reranked(
    index: Searchable,
    vectors: Float[Tensor, "query dim"],
    options: Reranking,
    copies: Sequence[Copy],
    masks: Masks,
) -> list[list[Hit]]:
    """Order each query's first hits by their reciprocal neighbourhoods, itself in front."""
    among = options.among or sum(int(mask.sum()) for mask in masks)
    if among > MOST:
        hint = f"give --rerank a number up to {MOST:,}"
        raise UsageError(f"{among:,} items are too many to re-rank for a query", hint)
    more = _copies(copies)
    found = index.search(vectors, max(1, among + more), candidates=masks, prepared=True)
    return [
        _reordered(index, vector, hits, copy, options)
        for vector, hits, copy in zip(vectors, found, copies, strict=True)
    ]


def _reordered(
    index: Searchable,
    vector: Float[Tensor, " dim"],
    hits: Sequence[Hit],
    copy: Copy,
    options: Reranking,
) -> list[Hit]:
    ids = itself(hits, copy)
    own = [replace(hit, score=1.0, cosine=hit.score) for hit in hits if hit.record.id in ids]
    others = [hit for hit in hits if hit.record.id not in ids][: options.among]
    if not others:
        return own
    places = index.vectors_of(hit.record.id for hit in others)
    items = torch.stack([places[hit.record.id] for hit in others])
    scores = reranked_shortlist(vector, items, options)
    order = scores.argsort(descending=True, stable=True).tolist()
    return own + [replace(others[i], score=float(scores[i]), cosine=others[i].score) for i in order]
