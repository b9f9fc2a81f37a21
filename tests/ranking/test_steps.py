"""The steps at the points where their pieces meet."""

import math

import pytest
import torch

from zoo.ranking.steps import (
    FAR,
    HardStep,
    HingeStep,
    LowerStep,
    RampStep,
    SigmoidStep,
    SupRankStep,
)

Point = tuple[float, float, float]  # gap, value, slope


def check(step: object, points: list[Point]) -> None:
    gap = torch.tensor([p[0] for p in points], dtype=torch.float64)
    value, slope = step.value_and_slope(gap.clone())  # type: ignore[attr-defined]
    torch.testing.assert_close(value, torch.tensor([p[1] for p in points]).double())
    torch.testing.assert_close(slope, torch.tensor([p[2] for p in points]).double())
    torch.testing.assert_close(step.slope(gap.clone()), slope)  # type: ignore[attr-defined]


def test_the_lower_bound_leaks_at_a_tie_and_is_flat_at_one() -> None:
    check(
        LowerStep(),
        [(-0.1, -1, 10), (0, 0, 10), (0.01, 0.75, 25), (0.02, 1, 0), (1, 1, 0), (-math.inf, 0, 0)],
    )


def test_sup_rank_s_step_is_a_sigmoid_at_a_tie_and_at_delta() -> None:
    at_delta = 1 / (1 + math.exp(-5))
    check(
        SupRankStep(),
        [
            (-math.inf, 0, 0),
            (0, 0.5, 25),
            (0.05, 0.5 + at_delta, at_delta * (1 - at_delta) / 0.01),
            (0.06, 1.44 + 1, 100),
        ],
    )
    check(SupRankStep(offset=None), [(0.06, 0.5 + at_delta + 1, 100)])


def test_a_sigmoid_is_constant_where_nothing_is_left_of_it() -> None:
    far = FAR * math.log(2)
    assert far == pytest.approx(40)
    value = SigmoidStep(1.0).value_and_slope(torch.tensor([-41.0, -1000.0]).double())[0]
    assert value[0] == value[1] == pytest.approx(math.exp(-40))
    check(SigmoidStep(0.1), [(0, 0.5, 2.5)])


def test_a_ramp_is_flat_at_both_ends() -> None:
    ramp, gap = RampStep(0.5), torch.tensor([-0.1, 0.0, 0.25, 0.5, 0.6])
    assert ramp.value(gap).tolist() == [0, 0, 0.5, 1, 1]
    assert ramp.slope(gap).tolist() == [0, 0, 2, 0, 0]
    assert HardStep().value(torch.tensor([-0.1, 0.0, 0.1])).tolist() == [0, 0, 1]


@pytest.mark.parametrize("step", [RampStep(0.5), HingeStep()], ids=repr)
def test_a_slope_is_the_derivative_of_its_value(step: RampStep | HingeStep) -> None:
    gap = torch.tensor([-0.3, -0.01, 0.01, 0.2, 0.49, 0.7], dtype=torch.float64)
    rise = (step.value(gap + 1e-6) - step.value(gap - 1e-6)) / 2e-6
    torch.testing.assert_close(step.slope(gap), rise)
    assert step.slope(torch.zeros(1)).item() == 0


STEPS = [
    HardStep(),
    HingeStep(),
    LowerStep(),
    RampStep(0.5),
    SigmoidStep(0.1),
    SupRankStep(),
    SupRankStep(offset=None),
]


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_what_is_compiled_and_what_is_not_agree_at_a_tie_and_beside_it(
    step: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = torch.tensor([-math.inf, -1, -0.02, 0, 0.02, 0.05, 1, math.inf], dtype=torch.float64)
    kinds = [
        getattr(step, name) for name in ("value", "slope", "value_and_slope") if hasattr(step, name)
    ]
    eager = [kind(gap.clone()) for kind in kinds]
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    compiled = [kind(gap.clone()) for kind in kinds]
    torch.testing.assert_close(compiled, eager, equal_nan=True)
