"""Memories of past batches: embeddings (XBM), and scores (blackbox)."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from zoo.errors import UsageError
from zoo.losses import BlackboxAP, BlackboxRecall, CrossBatchMemory, SmoothAP
from zoo.losses.memory import MemoryOptions


def batches(count: int, size: int = 6) -> list[tuple[Tensor, Tensor]]:
    labels = torch.tensor([0, 0, 1, 1, 2, 2])[:size]
    return [
        (normalize(torch.randn(size, 4, dtype=torch.float64), dim=1), labels) for _ in range(count)
    ]


def test_memory_joins_the_gallery_after_the_first_batch() -> None:
    (first, labels), (second, _) = batches(2)
    loss, memory = SmoothAP(), CrossBatchMemory(SmoothAP(), size=20, dim=4, weight=0.25).double()
    torch.testing.assert_close(memory(first, labels), loss(first, labels))
    gallery, theirs = torch.cat([second, first]), torch.cat([labels, labels])
    across = loss(second, labels, gallery, theirs, torch.arange(6))
    expected = 0.75 * loss(second, labels) + 0.25 * across
    torch.testing.assert_close(memory(second, labels), expected)


def test_the_oldest_embeddings_leave_a_full_memory() -> None:
    made, memory = batches(3), CrossBatchMemory(SmoothAP(), size=8, dim=4).double()
    for vectors, labels in made:
        memory(vectors, labels)
    kept = torch.cat([vectors for vectors, _ in made])[-8:]
    held = memory.embeddings
    assert all(bool((held == row).all(dim=1).any()) for row in kept)


def test_a_restored_memory_goes_on_and_evaluation_writes_nothing() -> None:
    (first, labels), (second, _) = batches(2)
    memory, restored = (CrossBatchMemory(SmoothAP(), 20, 4).double() for _ in range(2))
    memory(first, labels)
    restored.load_state_dict(memory.state_dict())
    restored.eval()
    value = restored(second, labels)
    assert int(restored.written) == 6
    torch.testing.assert_close(memory(second, labels), value)


def test_memory_carries_no_gradient_but_the_batch_does() -> None:
    (first, labels), (second, _) = batches(2)
    memory = CrossBatchMemory(SmoothAP(tau=0.1), 20, 4).double()
    leaf, later = first.requires_grad_(), second.requires_grad_()
    memory(leaf, labels)
    memory(later, labels).backward()
    assert leaf.grad is None
    assert later.grad is not None
    assert later.grad.any()


@pytest.mark.parametrize("weight", [0, 1])
def test_the_weight_may_leave_out_the_batch_or_the_memory(weight: int) -> None:
    (first, labels), (second, _) = batches(2)
    loss = SmoothAP(tau=1.0)
    memory = CrossBatchMemory(loss, size=6, dim=4, weight=weight).double()
    memory(first, labels)
    gallery, theirs = torch.cat([second, first]), torch.cat([labels, labels])
    whole = loss(second, labels, gallery, theirs, torch.arange(6))
    alone = loss(second, labels)
    torch.testing.assert_close(memory(second, labels), whole if weight else alone)
    assert not torch.isclose(whole, alone)


def test_impossible_memories_are_refused_by_name() -> None:
    for weight in (-0.01, 1.01, 2):
        with pytest.raises(UsageError, match=f"weight is {weight}"):
            CrossBatchMemory(SmoothAP(), 4, 4, weight=weight)
    with pytest.raises(UsageError, match="join is 'max'"):
        CrossBatchMemory(SmoothAP(), 4, 4, options=MemoryOptions(join="max"))
    with pytest.raises(UsageError, match="size is 0"):
        CrossBatchMemory(SmoothAP(), 0, 4)
    memory = CrossBatchMemory(SmoothAP(), 4, dim=5).double()
    with pytest.raises(UsageError, match="embeddings of dimension 4"):
        memory(*batches(1)[0])


@pytest.mark.parametrize(("join", "share"), [("sum", 1.0), ("average", 0.5)])
def test_a_batch_is_written_before_the_memory_is_read(join: str, share: float) -> None:
    (first, labels), (second, _) = batches(2)
    loss = SmoothAP(query="positive")
    memory = CrossBatchMemory(loss, 20, 4, options=MemoryOptions(join=join)).double()
    memory(first, labels)
    leaf = second.clone().requires_grad_()
    value = memory(leaf, labels)
    own = loss(leaf, labels)
    gallery, theirs = torch.cat([first, second]), torch.cat([labels, labels])
    across = loss(leaf, labels, gallery, theirs, torch.arange(6) + 6)
    torch.testing.assert_close(value, share * (own + across))
    assert torch.autograd.grad(value, leaf)[0].any()


def test_a_unique_memory_keeps_the_latest_embedding_of_each_image() -> None:
    (first, labels), (second, _) = batches(2)
    options = MemoryOptions(unique=True, join="sum")
    memory = CrossBatchMemory(SmoothAP(), 9, 4, options=options).double()
    memory(first, labels, torch.tensor([8, 1, 2, 3, 4, 5]))
    value = memory(second, labels, torch.tensor([1, 0, 2, 3, 4, 6]))
    kept = torch.tensor([0, 1, 2, 3, 4, 5, 6, 8])
    assert memory.seen.nonzero()[:, 0].tolist() == kept.tolist()
    torch.testing.assert_close(memory.embeddings[8], first[0])
    torch.testing.assert_close(memory.embeddings[1], second[0])
    across = SmoothAP()(
        second,
        labels,
        memory.embeddings[kept],
        memory.labels[kept, 0],
        torch.tensor([1, 0, 2, 3, 4, 6]),
    )
    torch.testing.assert_close(value, SmoothAP()(second, labels) + across)


def test_a_unique_memory_needs_to_know_the_images() -> None:
    memory = CrossBatchMemory(SmoothAP(), 9, 4, options=MemoryOptions(unique=True)).double()
    for items in (None, torch.arange(5), torch.arange(7)):
        with pytest.raises(UsageError, match="needs items"):
            memory(*batches(1)[0], items)
    memory(*batches(1)[0], torch.arange(6))


def test_a_memory_that_is_not_used_yet_is_filled() -> None:
    (first, labels), (second, _) = batches(2)
    memory = CrossBatchMemory(SmoothAP(), 20, 4, options=MemoryOptions(join="average")).double()
    torch.testing.assert_close(memory(first, labels, use=False), SmoothAP()(first, labels))
    assert int(memory.written) == 6
    assert not torch.isclose(memory(second, labels), SmoothAP()(second, labels))


def test_a_batch_larger_than_the_memory_leaves_its_last_rows() -> None:
    (first, _), labels = batches(1)[0], torch.tensor([0, 1, 0, 1, 2, 2])
    loss = SmoothAP(tau=1.0)  # so soft that every item counts, wherever it stands
    memory = CrossBatchMemory(loss, 4, 4, options=MemoryOptions(join="sum")).double()
    value = memory(first, labels)
    positions, rows = torch.tensor([-1, -1, 0, 1, 2, 3]), torch.tensor([2, 3, 4, 5])
    torch.testing.assert_close(memory.embeddings, first[rows])
    across = loss(first, labels, first[rows], labels[rows], positions)
    torch.testing.assert_close(value, loss(first, labels) + across)


@pytest.mark.parametrize("kind", [BlackboxAP, BlackboxRecall])
def test_score_memory_averages_over_the_last_batches(
    kind: type[BlackboxAP] | type[BlackboxRecall],
) -> None:
    made = batches(4)
    remembering, plain = kind(memory=2), kind()
    values = [plain(*batch).item() for batch in made]
    got = [remembering(*batch).item() for batch in made]
    expected = [values[0], sum(values[:2]) / 2, sum(values[:3]) / 3, sum(values[1:]) / 3]
    assert got == pytest.approx(expected)
    assert remembering.eval()(*made[0]).item() == pytest.approx(values[0])


def test_a_batch_without_positives_adds_nothing_to_the_score_memory() -> None:
    loss, (vectors, labels) = BlackboxAP(memory=3), batches(1)[0]
    assert loss(vectors, torch.arange(6)).item() == 0
    torch.testing.assert_close(loss(vectors, labels), BlackboxAP()(vectors, labels))
