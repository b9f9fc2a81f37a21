"""Small indexes of seeded points."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from tests.tiny_model import model as model
from zoo.index import Index, ModelIdentity, Plan, Record

MakeIndex = Callable[..., Index]


@pytest.fixture
def identity() -> ModelIdentity:
    return ModelIdentity("a-model", "0" * 64, {"size": 8})


@pytest.fixture
def points() -> Callable[..., Float[Tensor, "item 16"]]:
    def draw(count: int, seed: int = 0) -> Float[Tensor, "item 16"]:
        generator = torch.Generator().manual_seed(seed)
        return nn.functional.normalize(torch.randn(count, 16, generator=generator), dim=1)

    return draw


@pytest.fixture
def records() -> Callable[..., list[Record]]:
    def make(count: int, prefix: str = "p") -> list[Record]:
        return [
            Record(
                f"{prefix}{i}.png",
                f"{prefix}-{i}",
                labels={"label": f"class {i % 5}", "label_level_2": f"group {i % 2}"},
                extra={"year": str(2000 + i % 10)},
            )
            for i in range(count)
        ]

    return make


@pytest.fixture
def make_index(
    tmp_path: Path,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> MakeIndex:
    def make(count: int = 200, *, plan: Plan = Plan(), name: str = "idx", **options: Any) -> Index:
        vectors = points(count, options.pop("seed", 0))
        rows = records(count, options.pop("prefix", "p"))
        return Index.from_vectors(tmp_path / name, vectors, rows, identity, plan=plan, **options)

    return make
