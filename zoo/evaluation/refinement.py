"""What may be done to embeddings between the network and the ranking."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo.embedding.extract import Extractor
from zoo.embedding.whitening import Whitening
from zoo.errors import UsageError
from zoo.evaluation.queries import Task
from zoo.search.expansion import Pull, expanded
from zoo.search.options import ALPHA, Reranking
from zoo.search.reranking import reranked_blocks, shortlisted_blocks
from zoo.search.scan import PLAIN, Scan, score_blocks


@dataclass(frozen=True, eq=False)
class Refinement:
    """Post-processing, in the order it is applied; nothing by default.

    whitening: applied to every vector; `whitened_by` says where it is from.
    augmentation: neighbours each gallery vector is moved towards (database augmentation).
    expansion: neighbours each query is moved towards (query expansion).
    alpha: exponent of the similarity that weighs a neighbour; 0 weighs all alike.
    reranking: k-reciprocal re-ranking of the whole gallery, or of each query's first items.
    """

    whitening: Whitening | None = None
    augmentation: int = 0
    expansion: int = 0
    alpha: float = ALPHA
    reranking: Reranking | None = None
    whitened_by: str = ""

    def __post_init__(self) -> None:
        if min(self.augmentation, self.expansion) < 0 or self.alpha < 0:
            raise UsageError("neighbour counts and alpha are zero or more")

    @property
    def described(self) -> dict[str, str]:
        """What is done, for the result; empty when nothing is."""
        steps: dict[str, str] = {}
        weights = f" weighted by similarity^{self.alpha:g}" if self.alpha else ""
        if self.whitening is not None:
            kept = self.whitening.projection.shape[1]
            how = {"pca": "PCA whitening"}.get(self.whitening.by, "whitening from matching pairs")
            origin = f", {self.whitened_by}" if self.whitened_by else ""
            steps["whitening"] = f"{how} to {kept} dimensions{origin}"
        if self.augmentation:
            steps["augmentation"] = f"gallery vectors + {self.augmentation} neighbours{weights}"
        if self.expansion:
            steps["expansion"] = f"queries + {self.expansion} neighbours{weights}"
        if self.reranking is not None:
            r = self.reranking
            steps["reranking"] = f"k-reciprocal, k1={r.k1}, k2={r.k2}, lambda={r.plain:g}" + (
                f", among the first {r.among}" if r.among else ""
            )
        return steps


NOTHING = Refinement()


def refined_blocks(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    task: Task,
    refinement: Refinement = NOTHING,
    scan: Scan = PLAIN,
) -> Iterator[tuple[slice, Float[Tensor, "block gallery"]]]:
    """Yield blocks of scores after the post-processing; with none, those of `score_blocks`."""
    if refinement.whitening is not None:
        queries, gallery = refinement.whitening(queries), refinement.whitening(gallery)
    if refinement.augmentation:
        own = torch.arange(len(gallery))
        pull = Pull(refinement.augmentation, refinement.alpha)
        gallery = expanded(gallery, gallery, pull, own, scan=scan)
    if refinement.expansion:
        own_place = _own_places(task) if task.itself else None
        pull = Pull(refinement.expansion, refinement.alpha)
        queries = expanded(queries, gallery, pull, own_place, scan=scan)
    if refinement.reranking is None:
        return score_blocks(queries, gallery, scan=scan)
    options = refinement.reranking
    if options.among is not None:
        places = _own_places(task) if task.itself else None
        return shortlisted_blocks(queries, gallery, options, own=places, scan=scan)
    same = task.itself and not (refinement.augmentation or refinement.expansion)
    return reranked_blocks(queries, gallery, options, itself=same, scan=scan)


def scan_of(extract: Extractor) -> Scan:
    """Return where vectors are compared: where they were made."""
    return Scan(extract.options.device, extract.options.track)


def _own_places(task: Task) -> Int64[Tensor, " query"]:
    order = task.gallery.argsort()
    return order[torch.searchsorted(task.gallery[order], task.queries)]
