"""What the losses on several label levels share: every common level counts, not the finest only."""

import torch
from torch import Tensor

from zoo.losses.rank_loss import RankLoss
from zoo.ranking.levels import common_levels
from zoo.ranking.positives import Levels, PerQuery, Scores, count_positives
from zoo.ranking.sweep import RowLoss


class HierarchicalLoss(RankLoss):
    """A rank loss on graded relevance: the number of label levels shared with the query.

    A query without any related item is dropped. (N,) labels are one level.
    """

    def graded_values(self, scores: Scores, level: Levels, levels: int) -> PerQuery:
        """Return the loss of each query; columns at `-inf` are out of the ranking, at level -1."""
        raise NotImplementedError

    def rankings(
        self, labels: Tensor, gallery_labels: Tensor, own: Tensor | None
    ) -> tuple[RowLoss, Tensor]:
        """Return the loss of a chunk of scores, and which queries have a related item."""
        mine, theirs = _columns(labels), _columns(gallery_labels)
        apart = None if self.query == "positive" else own
        related = [
            count_positives(m, t, own=apart) > 0 for m, t in zip(mine.T, theirs.T, strict=True)
        ]

        def row_loss(scores: Tensor, rows: slice) -> Tensor:
            level = common_levels(mine[rows], theirs)
            if apart is not None:
                present = (apart[rows] >= 0).nonzero()[:, 0]
                level[present, apart[rows][present]] = -1 if self.query == "exclude" else 0
            return self.graded_values(scores, level, mine.shape[1])

        return row_loss, torch.stack(related).any(dim=0)


def _columns(labels: Tensor) -> Tensor:
    return labels[:, None] if labels.ndim == 1 else labels
