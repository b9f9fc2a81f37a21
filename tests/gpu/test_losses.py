"""Losses on CUDA: the CPU's values, Triton's compiled ones, and their time beside the product's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.cuda import Event

from tests.gpu.conftest import Note
from tests.losses.test_contract import RANKING, build
from zoo.benchmarks.losses import Toy, build_loss
from zoo.losses import LOSSES
from zoo.ranking.compilation import can_compile, compiling

TIMED = ("smooth_ap", "sup_ap", "recall_at_k", "blackbox_ap", "fast_ap", "sup_hap", "sup_ndcg")
SIZES = (4096, 16_384, 65_536)


def value_and_gradient(loss: Callable[..., Tensor], points: Tensor, labels: Tensor) -> list[Tensor]:
    leaf = points.clone().requires_grad_()
    value = loss(leaf, labels)
    return [value.detach().cpu(), torch.autograd.grad(value, leaf)[0].cpu()]


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_are_the_cpus(name: str, note: Note) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.nn.functional.normalize(torch.randn(512, 6, generator=generator))
    labels = torch.arange(512) % 4
    expected = value_and_gradient(build(name).float(), points, labels)
    found = value_and_gradient(build(name).float().cuda(), points.cuda(), labels.cuda())
    error = (found[1] - expected[1]).norm() / expected[1].norm().clamp(min=1e-12)
    note(f"{name}: gradient, CUDA against CPU", f"{float(error):.1e}", "under 1e-3")
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-6)
    assert error < 1e-3


@pytest.mark.parametrize("name", RANKING)
def test_triton_gives_the_eager_value(
    name: str, note: Note, caplog: pytest.LogCaptureFixture
) -> None:
    assert can_compile(torch.device("cuda")), "install triton: it comes with torch on Linux"
    vectors, labels = Toy(2048, 64).draw()
    found = []
    for mode in ("never", "always"):
        with compiling(mode):
            found.append(value_and_gradient(build_loss(name, 2048), vectors.cuda(), labels.cuda()))
    error = (found[1][1] - found[0][1]).norm() / found[0][1].norm()
    note(f"{name}: gradient, Triton against eager", f"{float(error):.1e}", "under 1e-3")
    assert error < 1e-3
    said = [record.getMessage() for record in caplog.records if record.name == "rankzoo"]
    assert said == []  # "not compiled": eager would have been compared with eager


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("name", TIMED)
def test_time_beside_the_product(name: str, count: int, note: Note) -> None:
    vectors, labels = (part.cuda() for part in Toy(count, 512).draw())
    shaped = torch.stack([labels, labels // 8], 1) if name in ("sup_hap", "sup_ndcg") else labels
    loss = build_loss(name, count).cuda()
    what, wanted = f"{name}, N = {count}, D = 512: times the product", "at most 1.5"
    try:
        upstream = torch.ones(count, count, device="cuda")
        bound = best_of(lambda leaf: torch.autograd.backward(leaf @ leaf.T, upstream), vectors)
        del upstream
        taken = best_of(lambda leaf: torch.autograd.backward(loss(leaf, shaped)), vectors)
    except torch.OutOfMemoryError:
        note(what, "out of memory", wanted)
        pytest.fail(f"{what}: out of memory")
    note(what, f"{taken / bound:.2f} ({taken:.2f} ms)", wanted)
    assert taken > 0


def best_of(work: Callable[[Tensor], None], vectors: Tensor, repeats: int = 5) -> float:
    """Return the best milliseconds of `work` by the card's own clock, once warm."""
    work(vectors.clone().requires_grad_())
    times = []
    for _ in range(repeats):
        leaf = vectors.clone().requires_grad_()
        start, end = (Event(enable_timing=True) for _ in range(2))
        start.record()
        work(leaf)
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return min(times)
