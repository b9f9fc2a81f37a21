"""Our sorter: exact forward, and a Jacobian that no other can beat."""

import pytest
import torch

from zoo.errors import UsageError
from zoo.sorters import GaussianSorter, exact_ranks
from zoo.sorters import gaussian as module


def smoothed(scores: torch.Tensor, resolution: float) -> torch.Tensor:
    """E[rank(y + d)] / L, by the formula, all pairs at once."""
    width = 2**0.5 * resolution * scores.detach().std(1, keepdim=True).unsqueeze(2)
    above = (scores[:, None] - scores[..., None]) / width
    return torch.as_tensor((0.5 + torch.special.ndtr(above).sum(2)) / scores.shape[1])


def gradient(sorter: object, scores: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    leaf = scores.clone().requires_grad_()
    assert callable(sorter)
    (found,) = torch.autograd.grad((sorter(leaf) * weight).sum(), leaf)
    return torch.as_tensor(found)


@pytest.mark.parametrize("resolution", [0.01, 0.1, 0.3])
def test_backward_is_the_gradient_of_the_smoothed_rank(resolution: float) -> None:
    scores, weight = torch.randn(2, 4, 30, dtype=torch.float64)
    ours = gradient(GaussianSorter(resolution), scores, weight)
    torch.testing.assert_close(ours, gradient(lambda y: smoothed(y, resolution), scores, weight))


# The first use of forward mode makes torch script its own rules.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")
def test_forward_mode_agrees_with_backward() -> None:
    scores, weight, along = torch.randn(3, 4, 30, dtype=torch.float64)
    sorter = GaussianSorter()
    change = torch.func.jvp(sorter, (scores,), (along,))[1]
    pulled = gradient(sorter, scores, weight)
    torch.testing.assert_close((change * weight).sum(), (pulled * along).sum())


def test_the_jacobian_is_the_regression_of_rank_changes_on_score_changes() -> None:
    scores = torch.tensor([[-0.7, -0.1, 0.05, 0.3, 1.2]], dtype=torch.float64)
    noise = 0.3 * scores.std() * torch.randn(400_000, 5, dtype=torch.float64)
    changes = exact_ranks(scores + noise) - exact_ranks(scores)
    regression = torch.linalg.lstsq(noise, changes).solution.T
    sorter = GaussianSorter(0.3)
    jacobian = torch.cat([gradient(sorter, scores, row[None]) for row in torch.eye(5).double()])
    torch.testing.assert_close(jacobian, regression, atol=0.01, rtol=0)


def test_slices_do_not_change_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, weight = torch.randn(2, 3, 50, dtype=torch.float64)
    whole = gradient(GaussianSorter(), scores, weight)
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", 3 * 50 * 7)
    torch.testing.assert_close(gradient(GaussianSorter(), scores, weight), whole)


@pytest.mark.parametrize("length", [2, 11, 2000])
def test_ranks_and_gradients_follow_a_permutation_even_with_ties(length: int) -> None:
    scores = torch.randn(2, length, dtype=torch.float64).mul(50).round().div(50)
    weight, order = torch.randn(2, length, dtype=torch.float64), torch.randperm(length)
    sorter = GaussianSorter()
    torch.testing.assert_close(sorter(scores[:, order]), sorter(scores)[:, order])
    permuted = gradient(sorter, scores[:, order], weight[:, order])
    torch.testing.assert_close(permuted, gradient(sorter, scores, weight)[:, order])


def test_a_finer_resolution_forgets_far_rivals() -> None:
    scores, weight = torch.tensor([[0.0, 0.1, 5.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    fine = gradient(GaussianSorter(0.01), scores, weight)
    coarse = gradient(GaussianSorter(1.0), scores, weight)
    assert fine[0, 2] == 0
    assert coarse[0, 2] > 0


def test_equal_scores_get_the_mean_rank_and_a_finite_gradient() -> None:
    scores, weight = torch.zeros(1, 4), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert GaussianSorter()(scores).eq(2.5 / 4).all()
    assert gradient(GaussianSorter(), scores, weight).isfinite().all()


@pytest.mark.parametrize("resolution", [0.0, -1.0, float("nan"), float("inf")])
def test_a_resolution_must_be_a_positive_number(resolution: float) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        GaussianSorter(resolution)
