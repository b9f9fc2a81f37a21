import math

import pytest

from zoo.experiments.pull import GAPS, pull, pulls
from zoo.losses import SmoothAP, SupAP


def test_smooth_ap_lets_go_of_bad_mistakes_and_sup_ap_does_not() -> None:
    assert pull(SmoothAP(), 0.0) > 1
    assert pull(SmoothAP(), 0.3) < 1e-9
    assert pull(SupAP(), 0.3) > 0.01


def test_the_pull_of_smooth_ap_is_its_derivative() -> None:
    """One positive: AP = 1 / (1 + sigmoid(gap / tau)), whose slope is known."""
    for gap in (0.0, 0.01, 0.05):
        step = 1 / (1 + math.exp(-gap / 0.01))
        slope = step * (1 - step) / 0.01 / (1 + step) ** 2
        assert pull(SmoothAP(), gap) == pytest.approx(slope, rel=1e-6)


def test_every_loss_gets_a_curve() -> None:
    curves = pulls({"smooth_ap": SmoothAP(), "sup_ap": SupAP()})
    assert [gap for gap, _ in curves["sup_ap"]] == list(GAPS)
