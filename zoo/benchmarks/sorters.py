"""Where every sorter stands: exact ranks against useful gradients, by length and kind of input."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from zoo.errors import UsageError
from zoo.sorters import SORTERS, GaussianSorter
from zoo.sorters.front import RESOLUTIONS, judging_vectors, validator
from zoo.sorters.sorter import Sorter
from zoo.sorters.store import load_sorter, shipped_sorters

Candidate = Callable[[float], Sorter]  # a sorter for a resolution
Shift = Callable[[Tensor, Generator], Tensor]


@dataclass(frozen=True)
class Place:
    """One sorter on one kind of input: L1 rank error and R² of rank changes at each resolution."""

    sorter: str
    inputs: str
    length: int
    l1: tuple[float, ...]
    r2: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def to_row(self) -> dict[str, Any]:
        """Return one flat row: the largest L1, and R² by resolution."""
        shares = {f"r2_at_{e:g}": r2 for e, r2 in zip(RESOLUTIONS, self.r2, strict=True)}
        return {"sorter": self.sorter, "l1": max(self.l1), **shares}


def candidates(
    trained: Sequence[Path] = (), length: int | None = None
) -> dict[str, tuple[Candidate, bool]]:
    """Return every sorter to compare, and whether scores are standardised before it.

    trained: folders of more sorters, each named by its folder. length: of the vectors, where known.

    Raises:
        DataError, IntegrityError, UnavailableError: a folder holds no sorter.
        UsageError: one is tied to another length, or has the name of another sorter.
    """
    found: dict[str, tuple[Candidate, bool]] = {"gaussian": (GaussianSorter, False)}
    for slope in (10.0, 100.0):
        found[f"sigmoid {slope:g}"] = (_fixed("sigmoid", slope=slope), False)
    for slope in (4.0, 10.0, 20.0, 50.0, 100.0):
        found[f"scaled sigmoid {slope:g}"] = (_fixed("scaled_sigmoid", slope=slope), False)
    found["straight-through 10"] = (_fixed("straight_through", slope=10.0), False)
    found["adaptive (exa)"] = (_fixed("exa"), False)
    for name in ("soft_rank_l2", "soft_rank_kl", "neural_sort"):
        found[name] = (_fixed(name), True)
    for name in shipped_sorters():
        if any(True for _ in load_sorter(name).parameters()):
            found[name] = (_loaded(name), True)
    for folder in trained:
        name = folder.resolve().name
        if name in found:
            hint = "give its folder another name"
            raise UsageError(f"{folder}: two sorters would be called {name}", hint)
        tied = load_sorter(folder).length
        if length is not None and tied not in (None, length):
            hint = f"--length {tied}"
            raise UsageError(f"{folder} ranks vectors of {tied} scores, not of {length}", hint)
        found[name] = (_loaded(folder), True)
    return found


def shifts() -> dict[str, Shift]:
    """Return the changes of input that sorters are tried on: what training never showed."""
    return {
        "mixture": lambda scores, _: scores,
        "times 1000, plus 5": lambda scores, _: 1000 * scores + 5,
        "heavy-tailed": lambda scores, generator: _cauchy(scores, generator),
        "two clusters": lambda scores, generator: _clusters(scores, generator),
    }


@dataclass(frozen=True)
class Vectors:
    """Which vectors are ranked: their length, their kind (of `shifts`), how many, the seed."""

    length: int = 100
    inputs: str = "mixture"
    count: int = 500
    seed: int = 0


def compare_sorters(
    sorters: Mapping[str, tuple[Candidate, bool]],
    asked: Vectors = Vectors(),
    scores: Float[Tensor, "vector length"] | None = None,
) -> list[Place]:
    """Measure sorters on the same vectors and noise: synthetic ones, or the `scores` of a model.

    Those tied to another length are left out.

    Raises:
        UsageError: there is no such kind of input.
    """
    inputs = asked.inputs
    drawn, generator = judging_vectors(asked.length, asked.count, asked.seed)
    if scores is None and inputs not in shifts():
        raise UsageError(f"inputs {inputs!r}: unknown", f"one of {', '.join(shifts())}")
    vectors = scores.double() if scores is not None else shifts()[inputs](drawn, generator)
    state = generator.get_state()
    places = []
    for name, (build, standardised) in sorters.items():
        if build(RESOLUTIONS[0]).length not in (None, vectors.shape[1]):
            continue
        noise = Generator().set_state(state)
        front = validator(build, vectors, noise, standardised=standardised)
        l1, r2 = tuple(front.l1.values()), tuple(front.r2.values())
        places.append(Place(name, inputs, vectors.shape[1], l1, r2))
    return places


def _fixed(name: str, **options: float) -> Candidate:
    return lambda _: SORTERS[name](**options)


def _loaded(source: str | Path) -> Candidate:
    sorter = load_sorter(source)
    return lambda _: sorter


def _normal(count: int, length: int, generator: Generator) -> Tensor:
    return torch.randn(count, length, generator=generator, dtype=torch.float64)


def _cauchy(scores: Tensor, generator: Generator) -> Tensor:
    count, length = scores.shape
    return _normal(count, length, generator) / _normal(count, length, generator)


def _clusters(scores: Tensor, generator: Generator) -> Tensor:
    """A tenth of the scores, matches say, stands eight deviations above the rest."""
    lifted = torch.rand(scores.shape, generator=generator) < 0.1
    return _normal(len(scores), scores.shape[1], generator) + 8 * lifted
