"""One update's gradient: embed, rank the whole batch, send the gradient back chunk by chunk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.samplers import mixed_seed

Points = Float[Tensor, "batch dim"]


def accumulate_gradient(
    model: nn.Module,
    embed: Callable[[int], Points],
    chunks: int,
    objective: Callable[[Points], Float[Tensor, ""]],
    scale: float = 1.0,
) -> Float[Tensor, ""]:
    """Add the gradient of `objective(all embeddings)` to the parameters; return the loss.

    With one chunk this is ordinary back-propagation cut at the embeddings. With more, the chunks
    are embedded without a graph, the loss gives the gradient at every embedding, and each chunk is
    embedded again to receive its part (Patel et al., RS@k, CVPR 2022, section 4; GradCache):
    activations of one chunk at a time. Exact when `embed(i)` is deterministic; batch-norm
    statistics advance once. `scale` multiplies the embeddings' gradient after the loss, so that a
    rank loss never sees the scaling of half precision.
    """
    two_passes = chunks > 1
    with torch.set_grad_enabled(not two_passes), _statistics_paused(model, two_passes):
        found = [embed(number) for number in range(chunks)]
    points = torch.cat(found).detach().requires_grad_()
    loss = objective(points)
    torch.autograd.backward(loss)
    assert points.grad is not None
    gradients = torch.split(points.grad * scale, [len(part) for part in found])
    for number, gradient in enumerate(gradients):
        part = embed(number) if two_passes else found[number]
        torch.autograd.backward(part, gradient)
    return loss.detach()


@contextmanager
def replayable(*parts: int) -> Iterator[None]:
    """Give dropout and other global-generator draws inside the block a seed of their own.

    The caller's generators are put back afterwards: nothing outside is disturbed.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(mixed_seed(*parts))
        yield


@contextmanager
def _statistics_paused(model: nn.Module, paused: bool) -> Iterator[None]:
    """Normalise by the chunk as in training, but leave running statistics as they are."""
    norms = [
        module
        for module in model.modules()
        if paused and isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training
    ]
    tracked = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, was in zip(norms, tracked, strict=True):
            norm.track_running_stats = was
