"""The kernel's sums and gradients, against the gaps written out."""

import pytest
import torch
from torch import Tensor

from zoo.ranking import step_sums as kernel
from zoo.ranking.positives import Items
from zoo.ranking.step_sums import step_sums, threshold_sums, without_items
from zoo.ranking.steps import LowerStep, RampStep, SigmoidStep, Step, SupRankStep

ITEMS = Items(
    torch.tensor([[1, 4, 5], [2, 2, 2], [0, 0, 0]]),
    torch.tensor([[True, True, True], [True, False, False], [False, False, False]]),
)


def written_out(step: Step, gap: Tensor) -> Tensor:
    """The steps as the papers write them, for autograd."""
    if isinstance(step, LowerStep):
        above = (step.beta * gap + step.gamma).clamp(max=1)
        return torch.where(gap > 0, above, step.leak * gap)
    assert isinstance(step, SigmoidStep | SupRankStep)
    sigmoid = torch.sigmoid(gap / step.tau)
    if isinstance(step, SigmoidStep):
        return sigmoid
    reached = torch.sigmoid(torch.tensor(step.delta / step.tau, dtype=gap.dtype))
    start = step.start + reached if step.offset is None else step.offset
    line = step.rho * (gap - step.delta) + start
    return torch.where(gap > step.delta, line, sigmoid + step.start * (gap > 0))


STEPS: dict[str, Step] = {
    "sigmoid": SigmoidStep(0.05),
    "three pieces": SupRankStep(0.02, 30.0, 0.1),
    "continuous": SupRankStep(offset=None),
    "from zero": SupRankStep(start=0.0, offset=1.0),
    "lower bound": LowerStep(),
}


def scores(width: float = 0.3) -> Tensor:
    return torch.randn(3, 9, dtype=torch.float64) * width


@pytest.mark.parametrize("few", [1, 100], ids=["roots", "exponentials"])
@pytest.mark.parametrize("gaps", [5, 30, 200_000])
@pytest.mark.parametrize("width", [0.01, 0.3, 5.0])
@pytest.mark.parametrize("name", STEPS)
def test_sums_and_gradient_are_those_of_the_gaps_whatever_the_block(
    name: str, width: float, gaps: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A width of 5 puts rows 1000 tau apart, and gaps of 0.9, where odds would be denormal."""
    monkeypatch.setattr(kernel, "EAGER", gaps)
    monkeypatch.setattr(kernel, "FEW", few)
    step, leaf = STEPS[name], scores(width).requires_grad_()
    plain = leaf.detach().clone().requires_grad_()
    weights = torch.rand(3, 3, dtype=torch.float64) * ITEMS.listed
    sums, own = step_sums(leaf, without_items(leaf, ITEMS), ITEMS, step)
    torch.autograd.backward(((sums + own.where(ITEMS.listed, 0) ** 2) * weights).sum())
    own = plain.gather(1, ITEMS.columns)
    rival = torch.ones_like(plain, dtype=torch.bool).scatter(1, ITEMS.columns, False)
    steps = written_out(step, plain[:, None, :] - own[:, :, None]) * rival[:, None, :]
    torch.autograd.backward((weights * (steps.sum(dim=-1) + own**2)).sum())
    torch.testing.assert_close(sums * ITEMS.listed, steps.sum(dim=-1) * ITEMS.listed)
    torch.testing.assert_close(leaf.grad, plain.grad)


@pytest.mark.parametrize("edge", [1.3, 2.0], ids=["within reach", "out of reach"])
def test_float32_roots_are_right_as_far_as_they_reach(
    edge: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items at -edge and edge at tau 0.01: the odds between them are e^260, no float32."""
    monkeypatch.setattr(kernel, "FEW", 1)
    row = torch.tensor([[-edge, edge, 0.0, -0.01, edge - 0.02, -3.0, 3.0, -torch.inf]])
    items = Items(torch.tensor([[0, 1, 2]]), torch.ones(1, 3, dtype=torch.bool))
    step = SigmoidStep()
    assert (kernel.roots_of_odds(row, row[:, :3], step) is None) == (edge == 2.0)
    gaps = row[:, None, :].double() - row[:, :3, None].double()
    torch.testing.assert_close(
        step_sums(row, row, items, step)[0], torch.sigmoid(gaps / 0.01).sum(dim=-1).float()
    )


def test_columns_out_of_the_ranking_and_padding_count_nothing() -> None:
    hidden = scores()
    hidden[:, 7] = -torch.inf
    for step in STEPS.values():
        with_hidden, _ = step_sums(hidden, without_items(hidden, ITEMS), ITEMS, step)
        seen = hidden[:, torch.arange(9) != 7]
        without, _ = step_sums(seen, without_items(seen, ITEMS), ITEMS, step)
        torch.testing.assert_close(with_hidden, without)
        assert with_hidden[~ITEMS.listed].abs().max() < 1e-15


@pytest.mark.parametrize("bins", [1, 10])
def test_threshold_sums_are_those_of_a_ramp(bins: int) -> None:
    leaf = scores().clamp(-1, 1).requires_grad_()
    plain = leaf.detach().clone().requires_grad_()
    edges = torch.linspace(-1, 1, bins + 1, dtype=torch.float64)
    weights = torch.rand(3, bins + 1, dtype=torch.float64)
    sums = threshold_sums(leaf, edges, RampStep(0.2))
    ramps = ((plain[:, None, :] - edges[:, None]) / 0.2).clamp(0, 1).sum(dim=-1)
    torch.autograd.backward((sums * weights).sum())
    torch.autograd.backward((ramps * weights).sum())
    torch.testing.assert_close(sums, ramps)
    torch.testing.assert_close(leaf.grad, plain.grad)
