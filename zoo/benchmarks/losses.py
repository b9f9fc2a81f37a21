"""Every rank loss against the floor: the similarity product's own forward and backward.

The textbook forms below are written as the papers' formulas read, and checked to give the value
of ours; they and pytorch-metric-learning's versions are timed in the same run.
"""

import inspect
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from zoo.device import memory_held, memory_peak, restart_memory_peak
from zoo.errors import UsageError
from zoo.losses import LOSSES, PNP, FastAP, RecallAtK, SmoothAP
from zoo.losses.baselines import metric_learning_loss
from zoo.losses.pnp import VARIANTS
from zoo.losses.rank_loss import RankLoss
from zoo.progress import Track, silent
from zoo.ranking.compilation import can_compile, compiling

Loss = Callable[[Tensor, Tensor], Tensor]
Row = dict[str, float | str | None]

EAGER = {"eager": "never"}


@dataclass(frozen=True)
class Timing:
    """Best seconds of forward and backward, the ratio to the floor, memory above the inputs."""

    value: float
    seconds: float
    ratio: float
    extra_mb: float | None


@dataclass(frozen=True)
class Toy:
    """Unit vectors around one random centre per class."""

    count: int = 4096
    dim: int = 512
    per_class: int = 4
    seed: int = 0

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return the vectors (count, dim), and their labels."""
        generator = torch.Generator().manual_seed(self.seed)
        labels = torch.arange(self.count) // self.per_class
        centres = torch.randn(int(labels.max()) + 1, self.dim, generator=generator)
        noise = torch.randn(self.count, self.dim, generator=generator)
        return normalize(centres[labels] + 1.5 * noise), labels


def benchmark_losses(
    toy: Toy = Toy(), repeats: int = 3, only: tuple[str, ...] = (), track: Track = silent
) -> list[Row]:
    """Time each rank loss of LOSSES (or `only` those named) on random classes of unit vectors.

    Compiled, where there is a compiler, and eager. The floor is timed again before each, so that
    both see the same machine. Super-classes of eight classes are the second label level, which the
    losses over a hierarchy take.
    """
    vectors, labels = toy.draw()
    levels = torch.stack([labels, labels // 8], dim=1)
    unknown = [name for name in only if name not in LOSSES]
    if unknown:
        raise UsageError(f"no loss is called {unknown[0]!r}", f"choose from {', '.join(LOSSES)}")
    names = only or tuple(n for n, kind in LOSSES.items() if issubclass(kind, RankLoss))
    modes = {"compiled": "always", "eager": "never"} if can_compile(vectors.device) else EAGER
    rows = []
    for name in track(names, "losses", total=len(names)):
        loss = build_loss(name, toy.count)
        row: Row = {"loss": name}
        for mode, setting in modes.items():
            with compiling(setting):
                found = asdict(_timing(loss, vectors, levels, repeats))
            row |= {"value": found.pop("value")}
            row |= {f"{mode}_{measure}": number for measure, number in found.items()}
        rows.append(row)
    return rows


def benchmark_rivals(
    toy: Toy = Toy(),
    repeats: int = 3,
    only: tuple[str, ...] = (),
    track: Track = silent,
    *,
    small: int = 384,
) -> list[Row]:
    """Compare with the textbook loop on the whole toy, forms that take cubic memory at `small`.

    The packaged FastAP, whose memory is quadratic times its bins, is compared at a quarter. Each
    rival is timed once, ours as often as asked; `only` names whose rivals.

    Raises:
        UsageError: none of these losses has a rival.
    """
    rivals: list[tuple[str, int, Loss, Loss]] = [
        ("RS@k, looped", toy.count, recall_loop, RecallAtK()),
        ("Smooth-AP, cubic", small, smooth_ap_cubic, SmoothAP()),
    ]
    if find_spec("pytorch_metric_learning") is not None:
        rivals += [
            (f"{name}, PML", toy.count // 4 if name == "FastAP" else small, theirs, ours)
            for name, (theirs, ours) in packaged_pairs().items()
        ]
    kinds = tuple(LOSSES[name] for name in only)
    rivals = [rival for rival in rivals if not only or isinstance(rival[3], kinds)]
    if not rivals:
        raise UsageError(f"--rivals: {', '.join(only)} has none", "leave it out, or --loss")
    rows = []
    for name, size, theirs, ours in track(rivals, "rivals", total=len(rivals)):
        vectors, labels = replace(toy, count=size).draw()
        rival = _timing(theirs, vectors, labels, repeats=1, warm=False)
        mine = _timing(ours, vectors, labels, repeats)
        row: Row = {"rival": name, "n": size, "seconds": rival.seconds, "our_seconds": mine.seconds}
        row |= {"times_faster": rival.seconds / mine.seconds}
        row |= {"mb": rival.extra_mb, "our_mb": mine.extra_mb}
        rows.append(row | {"value": rival.value, "our_value": mine.value})
    return rows


def packaged_pairs() -> dict[str, tuple[Loss, Loss]]:
    """Return pytorch-metric-learning's rank losses, each with ours under the same options.

    Its Smooth-AP (2.9) mistakes the number of items of a class for the number of classes, so its
    value is the formula's, and ours, only where the two are equal.
    """
    pairs: dict[str, tuple[Loss, Loss]] = {
        "FastAP": (metric_learning_loss("FastAPLoss"), FastAP()),
        "Smooth-AP": (metric_learning_loss("SmoothAPLoss"), SmoothAP(query="positive")),
    }
    for variant in VARIANTS:
        theirs = metric_learning_loss("PNPLoss", b=2, alpha=4, variant=variant)
        pairs[f"PNP {variant}"] = theirs, PNP(variant, query="positive")
    return pairs


def recall_loop(vectors: Tensor, labels: Tensor, ks: tuple[int, ...] = (1, 2, 4, 8, 16)) -> Tensor:
    """RS@k one query at a time, `tau_rank` 0.01, `tau_k` 1, the query left out of its gallery."""
    scores = vectors @ vectors.T
    total = vectors.new_zeros(())
    for q in range(len(labels)):
        others = torch.arange(len(labels)) != q
        row, positive = scores[q][others], labels[others] == labels[q]
        gap = row[None, :] - row[positive][:, None]
        rank = 0.5 + torch.sigmoid(gap / 0.01).sum(dim=1)
        for k in ks:
            within = torch.sigmoid(k - rank).sum().clamp(max=k)
            total = total + within / min(k, int(positive.sum()))
    return 1 - total / (len(ks) * len(labels))


def smooth_ap_cubic(vectors: Tensor, labels: Tensor) -> Tensor:
    """Smooth-AP over every (query, item, rival) at once, the query left out of its ranking."""
    scores = vectors @ vectors.T
    own = torch.eye(len(labels), dtype=torch.bool)
    positive = (labels[:, None] == labels) & ~own
    ahead = torch.sigmoid((scores[:, None, :] - scores[:, :, None]) / 0.01) * ~own[:, None, :]
    rank = 0.5 + ahead.sum(dim=-1)
    rank_plus = 0.5 + (ahead * positive[:, None, :]).sum(dim=-1)
    return 1 - ((positive * rank_plus / rank).sum(dim=1) / positive.sum(dim=1)).mean()


def floor(vectors: Tensor, upstream: Tensor) -> float:
    """Return the seconds of `vectors @ vectors.T`, forward and backward."""
    leaf = vectors.clone().requires_grad_()
    start = time.perf_counter()
    torch.autograd.backward(leaf @ leaf.T, upstream)
    return time.perf_counter() - start


def build_loss(name: str, count: int) -> nn.Module:
    """Build a rank loss with the ranks that `count` items have."""
    kind = LOSSES[name]
    ks = {"ks": tuple(k for k in (1, 2, 4, 8, 16) if k <= count)}
    loss: nn.Module = kind(**(ks if "ks" in inspect.signature(kind).parameters else {}))
    return loss


def _timing(loss: Loss, vectors: Tensor, labels: Tensor, repeats: int, warm: bool = True) -> Timing:
    upstream = torch.ones(len(vectors), len(vectors))
    bound = min(floor(vectors, upstream) for _ in range(repeats))
    del upstream
    if warm:
        _once(loss, vectors, labels)  # compiles, where that pays
    restart_memory_peak()
    before = memory_held()
    runs = [_once(loss, vectors, labels) for _ in range(repeats)]
    extra = None if before is None else max(0.0, (memory_peak() - before) / 2**20)
    seconds = min(run[1] for run in runs)
    return Timing(runs[0][0], seconds, seconds / bound, extra)


def _once(loss: Loss, vectors: Tensor, labels: Tensor) -> tuple[float, float]:
    leaf = vectors.clone().requires_grad_()
    start = time.perf_counter()
    value = loss(leaf, labels)
    torch.autograd.backward(value)
    return value.item(), time.perf_counter() - start
