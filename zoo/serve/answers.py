"""What the API takes and gives, as the OpenAPI document says it."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from zoo.index import Hit
from zoo.search.options import ALPHA, Reranking, SearchOptions
from zoo.search.voting import Vote
from zoo.serve.refusal import RefusedError

MOST_RERANKED = 1_000  # hits: their neighbourhoods take about a second
LARGEST_ID = 2**63 - 1  # what SQLite stores

Plain = str | int | float | bool | None


class Problem(BaseModel):
    """Why a request was refused, and what to do."""

    error: str
    code: int
    hint: str


class Page(BaseModel):
    """A stretch of items, perhaps only those that fulfil a condition."""

    model_config = ConfigDict(extra="forbid")

    where: Annotated[str, Field(description="SQL condition: label = 'cat' and year > 2010.")] = ""
    offset: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    limit: Annotated[int, Field(ge=1, le=200, description="Items in one answer.")] = 24


class Wanted(Page):
    """Which hits to find, and which of them to send."""

    k: Annotated[int, Field(ge=1, description="Hits to find; they vote.")] = 24
    threshold: Annotated[
        float, Field(ge=-1, le=1, allow_inf_nan=False, description="Lowest score of a hit.")
    ] = -1.0
    expand: Annotated[
        int, Field(ge=0, le=100, description="Move the query towards so many neighbours.")
    ] = 0
    alpha: Annotated[
        float,
        Field(ge=0, le=100, allow_inf_nan=False, description="Weigh them by similarity^alpha."),
    ] = ALPHA
    rerank: Annotated[
        int,
        Field(ge=0, le=MOST_RERANKED, description="Re-rank so many hits by their neighbours."),
    ] = 0

    def options(self, without_copy: bool) -> SearchOptions:
        """Return how to search; the condition is evaluated elsewhere.

        Raises:
            RefusedError: fewer hits are re-ranked than wanted, or no neighbour is weighed.
        """
        if self.alpha != ALPHA and not self.expand:
            problem = "alpha weighs the neighbours of expand, and none is asked for"
            raise RefusedError(400, problem, "add expand=N")
        if 0 < self.rerank < self.k:
            problem = f"{self.rerank} hits re-ranked cannot give {self.k}"
            raise RefusedError(400, problem, "re-rank at least k of them")
        return SearchOptions(
            k=self.k,
            expansion=self.expand,
            alpha=self.alpha,
            reranking=Reranking(among=self.rerank) if self.rerank else None,
            threshold=self.threshold,
            without_copy=without_copy,
        )


class Asked(Wanted):
    """A search by text, items and images; several are one query, the mean of their unit vectors."""

    text: str | None = None
    like: Annotated[
        list[Annotated[int, Field(ge=0, le=LARGEST_ID)]],
        Field(description="Ids of items; may be given again."),
    ] = []
    picture: Annotated[
        list[str], Field(description="`picture` of an image sent before; may be given again.")
    ] = []


class Item(BaseModel):
    """An indexed picture or caption; `picture` is the address of its image, made small."""

    id: int
    path: str
    label: str
    labels: dict[str, str]
    caption: str
    extra: dict[str, Plain]
    picture: str

    @classmethod
    def of(cls, hit: Hit, index: str) -> "Item":
        """Describe an item of the index called `index`."""
        return cls(**_described(hit, index))


class Ranked(Item):
    """A hit; rank 1 is the best. The score, which orders, is a cosine, or 1 - a re-ranked distance.

    similarity: the cosine, whatever ordered the hits.
    """

    rank: int
    score: float
    similarity: float

    @classmethod
    def of(cls, hit: Hit, index: str) -> "Ranked":
        """Describe a hit."""
        return cls(
            **_described(hit, index),
            rank=hit.rank,
            score=min(1.0, hit.score),
            similarity=min(1.0, hit.similarity),
        )


class Ballot(BaseModel):
    """The label elected at a level; confidence is its share of all say."""

    level: str
    label: str
    confidence: float
    support: int


class Query(BaseModel):
    """What was asked; a `picture` asks the same again for as long as the server remembers it.

    kind: text, like or picture, or `together` for a query of several parts. like, picture: the
    first of their kind.
    """

    kind: str
    text: str | None = None
    like: int | None = None
    picture: str | None = None
    likes: list[int] = []
    pictures: list[str] = []


class Sent(BaseModel):
    """What the server calls an image that was sent."""

    picture: str


class Found(BaseModel):
    """The answer to a search; `total` hits reach the threshold, `hits` are some of them.

    missing: shards of the index that gave no answer in time: their items are not among the hits.
    """

    index: str
    generation: int
    query: Query
    total: int
    offset: int
    hits: list[Ranked]
    votes: list[Ballot]
    milliseconds: float
    missing: list[str] = []


class Items(BaseModel):
    """A stretch of an index in the order it was filled."""

    index: str
    generation: int
    total: int
    offset: int
    items: list[Item]


class IndexInfo(BaseModel):
    """An index as clients need to know it.

    architecture: of the model, or empty. no_images, no_text: why it cannot be asked so, or empty.
    """

    name: str
    count: int
    dim: int
    kind: str
    modality: str
    model: str
    architecture: str
    levels: list[str]
    columns: list[str]
    generation: int
    sees: bool
    reads: bool
    no_images: str
    no_text: str
    problem: str


class Indexes(BaseModel):
    """Everything served here, and the limits."""

    indexes: list[IndexInfo]
    detector: str | None
    limits: dict[str, int | float]
    version: str


class Values(BaseModel):
    """The most frequent values of a column, and how many items have each of them."""

    column: str
    values: list[Plain]
    counts: list[int]


class Box(BaseModel):
    """A thing in an image: left, top, right, bottom in pixels."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class Boxes(BaseModel):
    """What a detector found in an image of that size."""

    width: int
    height: int
    detections: list[Box]


class Health(BaseModel):
    """`ok`, or `degraded` when an index cannot be served as it is on disk, and why not."""

    status: str
    problems: list[str] = []


def ballots(votes: Sequence[Vote]) -> list[Ballot]:
    """Describe the elected labels."""
    return [Ballot(**asdict(elected)) for elected in votes]


def _described(hit: Hit, index: str) -> dict[str, Any]:
    record = hit.record
    address = f"/api/indexes/{quote(index, safe='')}/items/{record.id}/picture"
    return {
        "id": record.id,
        "path": record.path,
        "label": hit.label,
        "labels": dict(record.labels),
        "caption": record.caption,
        "extra": {name: plain(value) for name, value in record.extra.items()},
        "picture": f"{address}?v={record.sha256[:16]}",
    }


def plain(value: Any) -> Plain:
    """Return a value of SQLite as JSON can say it: no infinity, no bytes."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | None) else str(value)
