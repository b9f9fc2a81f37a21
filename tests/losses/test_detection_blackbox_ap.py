import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.detection_blackbox_ap import DetectionBlackboxAP, detection_blackbox_ap

TARGETS = torch.tensor([0, 1, 2, 0, 3, 3, 1, 3, 3, 0])  # 3 is the background of three labels
POSITIVE = torch.nn.functional.one_hot(TARGETS, 5)[:, [0, 1, 2, 4]].bool()  # the last never occurs


def scores() -> Tensor:
    return torch.randn(10, 4, dtype=torch.float64, requires_grad=True)


def test_the_value_is_two_parts_map_and_one_part_ap_across_labels() -> None:
    logits = scores()
    per_label = [
        average_precision_score(POSITIVE[:, label], logits[:, label].detach()) for label in range(3)
    ]
    across = average_precision_score(POSITIVE.flatten(), logits.detach().flatten())
    expected = (2 * (1 - sum(per_label) / 3) + (1 - across)) / 3
    loss = detection_blackbox_ap(logits, POSITIVE, margin=0.0)
    assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_the_margin_handicaps_positives() -> None:
    logits = torch.tensor([[1.0], [0.9], [0.0]], requires_grad=True)
    positive = torch.tensor([[True], [False], [False]])
    assert detection_blackbox_ap(logits, positive, margin=0.0).item() == 0
    assert detection_blackbox_ap(logits, positive, margin=0.2).item() == 0.5


@pytest.mark.parametrize("gap", [0.05, 0.3, 2.0])
def test_the_whole_margin_stands_between_a_positive_and_a_negative(gap: float) -> None:
    logits = torch.tensor([[gap], [0.0]], dtype=torch.float64)
    positive = torch.tensor([[True], [False]])
    for margin, expected in ((0.99 * gap, 0), (1.01 * gap, 0.5)):
        assert detection_blackbox_ap(logits, positive, margin=margin).item() == expected


def test_lambda_is_the_published_one_for_ranks_divided_by_their_number() -> None:
    logits = torch.tensor([[0.5], [0.7], [0.1]], dtype=torch.float64, requires_grad=True)
    positive = torch.tensor([[True], [False], [False]])
    lam = 0.4
    loss = detection_blackbox_ap(logits, positive, lam, margin=0.0, inter_class=0.0)
    # AP = 1/rank and rank = 3 r: d(1 - AP)/dr = 1 / (3 r^2) = 3/4 at r = 2/3; the positive moves
    # to 0.5 + 0.4 * 0.75 = 0.8 and to rank 1/3; the returned gradient is (1/3 - 2/3) / 0.4.
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.flatten().tolist() == pytest.approx([-1 / 1.2, 1 / 1.2, 0])


def test_descending_the_gradient_lowers_the_loss() -> None:
    logits = scores()
    before = detection_blackbox_ap(logits, POSITIVE, lam=5.0)
    (gradient,) = torch.autograd.grad(before, logits)
    after = detection_blackbox_ap(logits - 2 * gradient, POSITIVE, lam=5.0)
    assert after.item() < before.item()


def test_tied_scores_cannot_exceed_a_precision_of_one() -> None:
    loss = detection_blackbox_ap(torch.zeros(6, 2), torch.ones(6, 2).bool(), margin=0.0)
    assert loss.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("boxes", [0, 5])
def test_a_batch_without_positives_gives_a_zero_that_back_propagates(boxes: int) -> None:
    logits = torch.randn(boxes, 3, requires_grad=True)
    loss = DetectionBlackboxAP()(logits, torch.zeros(boxes, 3).bool())
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, logits)[0].any()


def test_the_memory_lengthens_each_labels_ranking_by_the_last_batches_only() -> None:
    module = DetectionBlackboxAP(memory=2, inter_class=0.0)
    batches = [scores() for _ in range(4)]
    values = [module(batch, POSITIVE).item() for batch in batches]
    remembered = torch.cat([batches[3], batches[1], batches[2]])
    alone = detection_blackbox_ap(batches[0], POSITIVE, inter_class=0.0)
    longer = detection_blackbox_ap(remembered, POSITIVE.repeat(3, 1), inter_class=0.0)
    assert values[0] == pytest.approx(alone.item())
    assert values[3] == pytest.approx(longer.item())


def test_the_list_across_labels_holds_the_current_batch_alone() -> None:
    module = DetectionBlackboxAP(memory=2, inter_class=1.0)
    for batch in (scores(), scores(), scores()):
        expected = detection_blackbox_ap(batch, POSITIVE, inter_class=1.0)
        assert module(batch, POSITIVE).item() == pytest.approx(expected.item())


def test_remembered_scores_carry_no_gradient() -> None:
    module, first, second = DetectionBlackboxAP(lam=50.0), scores(), scores()
    module(first, POSITIVE)
    gradients = torch.autograd.grad(module(second, POSITIVE), [first, second], allow_unused=True)
    assert gradients[0] is None
    assert gradients[1].any()


def test_the_memory_travels_with_the_state() -> None:
    module, copy = DetectionBlackboxAP(memory=2), DetectionBlackboxAP(memory=2)
    for _ in range(3):
        module(scores(), POSITIVE)
    copy.load_state_dict(module.state_dict())
    for logits in (scores(), scores(), scores()):
        assert copy(logits, POSITIVE).item() == module(logits, POSITIVE).item()


def test_an_empty_memory_travels_too() -> None:
    module, copy = DetectionBlackboxAP(), DetectionBlackboxAP()
    copy(scores(), POSITIVE)
    copy.load_state_dict(module.state_dict())
    logits = scores()
    assert copy(logits, POSITIVE).item() == module(logits, POSITIVE).item()


def test_without_memory_every_batch_stands_alone() -> None:
    module, logits = DetectionBlackboxAP(memory=0), scores()
    assert module(logits, POSITIVE).item() == module(logits, POSITIVE).item()


def test_evaluation_uses_neither_margin_nor_memory() -> None:
    module, logits = DetectionBlackboxAP(margin=5.0), scores()
    module(logits, POSITIVE)
    expected = detection_blackbox_ap(logits, POSITIVE, margin=0.0)
    assert module.eval()(logits, POSITIVE).item() == expected.item()


def test_bad_options_are_refused() -> None:
    with pytest.raises(UsageError, match="lam 0"):
        DetectionBlackboxAP(lam=0.0)
    with pytest.raises(UsageError, match="memory -1"):
        DetectionBlackboxAP(memory=-1)
    with pytest.raises(UsageError, match="inter_class 2.0"):
        DetectionBlackboxAP(inter_class=2.0)
    for edge in (0.0, 1.0):
        assert DetectionBlackboxAP(inter_class=edge).inter_class == edge
