"""Recipes of sorters: Adam on the L1 error of the ranks of synthetic vectors, drawn at each step.

rankzoo train sorter-grus --out runs/sorter
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zoo.recipes.recipe import Published


@dataclass(frozen=True)
class SorterNetwork:
    """A sorter of `zoo.sorters.SORTERS`; the vectors it learns from have `length` scores.

    `half` stores its weights as float16.
    """

    sorter: str
    length: int = 100
    half: bool = False


@dataclass(frozen=True)
class SorterBatch:
    """Vectors of an update."""

    size: int = 256


@dataclass(frozen=True)
class SorterOptimiser:
    """Adam."""

    lr: float = 1e-3
    clip_norm: float = 1.0


@dataclass(frozen=True)
class SorterSchedule:
    """Linear warm-up, then half a cosine to zero."""

    steps: int = 10_000
    warmup_steps: int = 100


@dataclass(frozen=True)
class SorterEngine:
    """How often the error is measured and a checkpoint written, in steps."""

    checkpoint_every: int = 50


@dataclass(frozen=True)
class SorterRecipe:
    """How a sorter is trained. The vectors are standardised first, as the SoDeep losses do.

    `deviates` says what is deliberately not as in the source that it follows, and why.
    """

    name: str
    about: str
    network: SorterNetwork
    batch: SorterBatch = SorterBatch()
    optimiser: SorterOptimiser = SorterOptimiser()
    schedule: SorterSchedule = SorterSchedule()
    engine: SorterEngine = SorterEngine()
    hardware: str = ""
    published: Published | None = None
    deviates: Mapping[str, str] = field(default_factory=dict)


def _recipe(
    sorter: str, steps: int, batch: int = 256, lr: float = 1e-3, half: bool = False
) -> SorterRecipe:
    return SorterRecipe(
        name=f"sorter-{sorter}",
        about=f"the sorter {sorter} on synthetic vectors of 100 scores",
        network=SorterNetwork(sorter, half=half),
        batch=SorterBatch(batch),
        optimiser=SorterOptimiser(lr),
        schedule=SorterSchedule(steps),
    )


# The authors' own sorter, for a GPU: L1 of the ranks as published, .0033.
_AUTHORS = replace(
    _recipe("lstmla", 156_000),
    hardware="one GPU",
    deviates={
        "schedule": "half a cosine to zero after 100 updates; theirs halves every 70 epochs",
        "updates": "156,000; theirs are 400 epochs of 360,000 sequences, 562,500 updates",
        "selection": "the last weights are kept; theirs are the best on validation sequences",
    },
)

# `grus` is sized for a CPU core.
RECIPES = (
    _recipe("gruc", 3000, batch=128, lr=3e-3),
    _recipe("cnn", 4000, batch=128, half=True),
    _recipe("grus", 1500, batch=128, lr=1e-2),
    _recipe("lstm", 30_000),
    _AUTHORS,
    _recipe("grup", 30_000),
    _recipe("lstme", 30_000),
    _recipe("mlp", 10_000),
)
