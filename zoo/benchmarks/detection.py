"""The detection losses against the published algorithm: one pass over all logits per positive.

The loops below are the definition, written plainly; they are the reference of the benchmark and
of the tests.
"""

import time
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.losses.detection_alrp import detection_alrp
from zoo.losses.detection_ap import detection_ap
from zoo.losses.rank_sort import rank_sort
from zoo.progress import Track, silent

Result = tuple[float, Tensor]  # the classification value, its gradient in the logits


def ramp(x: Tensor, delta: float) -> Tensor:
    """Return the step's piecewise-linear replacement, `clamp(x / (2 delta) + 1/2, 0, 1)`."""
    return (x / (2 * delta) + 0.5).clamp(0, 1)


def ap_loop(
    logits: Float[Tensor, " anchor"], positive: Bool[Tensor, " anchor"], delta: float = 1.0
) -> Result:
    """AP-loss, one positive at a time in ascending order of score."""
    ups, downs = logits[positive], logits[~positive]
    on_ups, on_downs = torch.zeros_like(ups), torch.zeros_like(downs)
    best, total = torch.zeros(()), torch.zeros(())
    for i in ups.argsort():
        above, false = ramp(ups - ups[i], delta).sum() + 0.5, ramp(downs - ups[i], delta)
        rank = above + false.sum()
        precision = above / rank
        share = false / rank
        if precision < best:
            share = share * (1 - best) / (1 - precision)
        best = torch.maximum(best, precision)
        on_downs += share
        on_ups[i] = best - 1
        total = total + 1 - best
    return float(total) / len(ups), _assemble(positive, on_ups, on_downs)


def alrp_loop(
    logits: Float[Tensor, " anchor"],
    positive: Bool[Tensor, " anchor"],
    error: Float[Tensor, " positive"],
    delta: float = 1.0,
) -> Result:
    """The classification part of aLRP, one positive at a time."""
    ups, downs = logits[positive], logits[~positive]
    on_ups, on_downs = torch.zeros_like(ups), torch.zeros_like(downs)
    total = torch.zeros(())
    for i in range(len(ups)):
        above, false = ramp(ups - ups[i], delta), ramp(downs - ups[i], delta)
        above[i] = 0
        count = false.sum()
        rank = 1 + above.sum() + count
        total = total + count / rank
        if count > 1e-5:
            on_ups[i] = -((above * error).sum() + count) / rank
            on_downs -= false * on_ups[i] / count
    return float(total) / len(ups), _assemble(positive, on_ups, on_downs)


def rank_sort_loop(
    logits: Float[Tensor, " anchor"], iou: Float[Tensor, " anchor"], delta: float = 0.5
) -> Result:
    """Rank & Sort, one positive at a time; the value is ranking plus sorting error."""
    positive = iou > 0
    ups, downs, quality = logits[positive], logits[~positive], iou[positive]
    on_ups, on_downs = torch.zeros_like(ups), torch.zeros_like(downs)
    total = torch.zeros(())
    for i in range(len(ups)):
        above, false = ramp(ups - ups[i], delta), ramp(downs - ups[i], delta)
        rank, count = above.sum() + false.sum(), false.sum()
        right, wrong = above * (quality >= quality[i]), above * (quality < quality[i])
        sorting = (above * (1 - quality)).sum() / above.sum()
        sorting = sorting - (right * (1 - quality)).sum() / right.sum()
        total = total + count / rank + sorting
        if count > 1e-10:
            on_ups[i] -= count / rank
            on_downs += false / rank
        if wrong.sum() > 1e-10:
            on_ups[i] -= sorting
            on_ups += wrong * sorting / wrong.sum()
    return float(total) / len(ups), _assemble(positive, on_ups, on_downs)


def _assemble(positive: Tensor, on_ups: Tensor, on_downs: Tensor) -> Tensor:
    gradient = torch.empty(len(positive), dtype=on_ups.dtype)
    gradient[positive], gradient[~positive] = on_ups, on_downs
    return gradient / len(on_ups)


def example(negatives: int, positives: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return (logits, is positive, IoU targets): overlapping scores, as early in training."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(negatives + positives, generator=generator)
    positive = torch.zeros(negatives + positives, dtype=torch.bool)
    positive[torch.randperm(len(logits), generator=generator)[:positives]] = True
    logits[positive] += 1
    iou = torch.rand(len(logits), generator=generator).mul(0.5).add(0.5) * positive
    return logits, positive, iou


def compare_detection_losses(
    negatives: int = 200_000, positives: int = 2_000, repeats: int = 3, track: Track = silent
) -> list[dict[str, float | str]]:
    """Time value and gradient of each loss against its loop, and say how far the two differ.

    Each row holds the best of `repeats` seconds of the loop and of the loss, their ratio, and the
    largest absolute differences of value and gradient, both computed in float64.
    """
    logits, positive, iou = example(negatives, positives)
    error = 1 - iou[positive]
    pairs: dict[str, tuple[Callable[[Tensor], Result], Callable[[Tensor], Tensor]]] = {
        "detection_ap": (lambda z: ap_loop(z, positive), lambda z: detection_ap(z, positive)),
        "detection_alrp": (
            lambda z: alrp_loop(z, positive, error.to(z.dtype)),
            lambda z: detection_alrp(z, positive, error.to(z.dtype))[0],
        ),
        "rank_sort": (
            lambda z: rank_sort_loop(z, iou.to(z.dtype)),
            lambda z: sum(rank_sort(z, iou.to(z.dtype)), torch.zeros(())),
        ),
    }
    rows: list[dict[str, float | str]] = []
    for name, (loop, loss) in track(pairs.items(), "detection losses", len(pairs)):
        slow = _best_of(repeats, lambda loop=loop: loop(logits))  # type: ignore[misc]
        fast = _best_of(repeats, lambda loss=loss: _backward(loss, logits))  # type: ignore[misc]
        value, gradient = loop(logits.double())
        ours, ours_gradient = _backward(loss, logits.double())
        rows.append(
            {
                "loss": name,
                "loop_seconds": slow,
                "seconds": fast,
                "ratio": slow / fast,
                "value_difference": abs(value - ours),
                "gradient_difference": float((gradient - ours_gradient).abs().max()),
            }
        )
    return rows


def _backward(loss: Callable[[Tensor], Tensor], logits: Tensor) -> Result:
    leaf = logits.clone().requires_grad_()
    value = loss(leaf)
    (gradient,) = torch.autograd.grad(value, leaf)
    return float(value.detach()), gradient


def _best_of(repeats: int, work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
