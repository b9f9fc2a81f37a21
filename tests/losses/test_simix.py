"""SiMix: the virtual items of a batch."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from zoo.losses import simix

LABELS = torch.tensor([7, 3, 7, 7, 3, 5])


def vectors() -> Tensor:
    return normalize(torch.randn(6, 4, dtype=torch.float64), dim=1)


def test_every_unordered_pair_of_a_class_is_mixed_once() -> None:
    mixed, labels = simix(torch.eye(6), LABELS)
    parents = [tuple(row.nonzero()[:, 0].tolist()) for row in mixed[6:]]
    assert sorted(parents) == [(0, 2), (0, 3), (1, 4), (2, 3)]
    assert labels[6:].tolist() == [int(LABELS[first]) for first, _ in parents]
    torch.testing.assert_close(mixed[6:].sum(dim=1), torch.ones(4))


def test_mixing_vectors_is_mixing_their_similarities() -> None:
    points = vectors()
    mixed, _ = simix(points, LABELS, torch.Generator().manual_seed(3))
    shares, _ = simix(torch.eye(6, dtype=torch.float64), LABELS, torch.Generator().manual_seed(3))
    torch.testing.assert_close(mixed @ mixed.T, shares @ (points @ points.T) @ shares.T)


def test_levels_are_kept_and_the_finest_pairs() -> None:
    levels = torch.stack([LABELS, LABELS // 4], dim=1)
    _, mixed = simix(vectors(), levels)
    assert mixed.shape == (10, 2)
    assert (mixed[:, 1] == mixed[:, 0] // 4).all()


def test_a_batch_without_pairs_stays_as_it_is() -> None:
    points = vectors()
    mixed, labels = simix(points, torch.arange(6))
    assert torch.equal(mixed, points)
    assert torch.equal(labels, torch.arange(6))
