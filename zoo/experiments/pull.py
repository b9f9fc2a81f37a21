"""Why a loss corrects bad mistakes, or does not: its gradient on a positive that is far behind."""

import torch

from zoo.losses.rank_loss import RankLoss
from zoo.ranking.positives import Items

GAPS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5)


def pull(loss: RankLoss, gap: float) -> float:
    """Return how strongly a loss lifts one positive whose single rival scores `gap` more.

    It is minus the derivative of the query's loss in the positive's score.

    >>> from zoo.losses import SmoothAP, SupAP
    >>> pull(SmoothAP(), 0.3) < 1e-9 < pull(SupAP(), 0.3)
    True
    """
    scores = torch.tensor([[0.0, gap]], dtype=torch.float64, requires_grad=True)
    only = Items(torch.tensor([[0]]), torch.tensor([[True]]))
    torch.autograd.backward(loss.values(scores, only).sum())
    assert scores.grad is not None
    return -float(scores.grad[0, 0])


def pulls(losses: dict[str, RankLoss]) -> dict[str, list[tuple[float, float]]]:
    """Return (gap, pull) of each loss, from a tie to a rival half a cosine ahead."""
    return {name: [(gap, pull(loss, gap)) for gap in GAPS] for name, loss in losses.items()}
