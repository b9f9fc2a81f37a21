"""Small indexes of seeded points, and a model that sees nothing but mean colours."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from zoo.index import Index, ModelIdentity, Plan, Record

MakeIndex = Callable[..., Index]


@dataclass(frozen=True)
class ColourConfig:
    """Stands for an embedder's configuration."""

    size: int = 8

    def to_json(self) -> dict[str, Any]:
        return {"size": self.size}


class ColourModel(nn.Module):
    """Embeds a picture as a linear map of its mean colour, and a text as the colour it names."""

    dim = 3

    def __init__(self, gain: float = 1.0, size: int = 8) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3) * gain)
        self.config = ColourConfig(size)
        self.looked_at = 0

    @property
    def transform(self) -> Callable[[Image.Image], Float[Tensor, "3 size size"]]:
        return self._pixels

    def _pixels(self, picture: Image.Image) -> Float[Tensor, "3 size size"]:
        side = self.config.size
        data = bytearray(picture.resize((side, side)).tobytes())
        return (
            torch.frombuffer(data, dtype=torch.uint8).reshape(side, side, 3).permute(2, 0, 1) / 255
        )

    def forward(self, images: Float[Tensor, "batch 3 size size"]) -> Float[Tensor, "batch 3"]:
        self.looked_at += len(images)
        colours = images.mean(dim=(2, 3)) @ self.weight + 0.01
        return nn.functional.normalize(colours, dim=1)

    @torch.inference_mode()
    def embed_images(self, images: list[Path]) -> Float[Tensor, "image 3"]:
        return self(torch.stack([self._pixels(Image.open(path)) for path in images]))  # type: ignore[no-any-return]

    def embed_texts(self, texts: list[str]) -> Float[Tensor, "text 3"]:
        self.looked_at += len(texts)
        names = ("red", "green", "blue")
        found = torch.tensor([[float(name in text) for name in names] for text in texts])
        return nn.functional.normalize(found + 0.01, dim=1)


@pytest.fixture
def colour_model() -> Callable[..., ColourModel]:
    return ColourModel


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


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve one-coloured pictures in three classes, each a little different."""
    folder = tmp_path / "photos"
    for label, channel in (("red", 0), ("green", 1), ("blue", 2)):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            colour = [10 * number] * 3
            colour[channel] = 200 + 10 * number
            Image.new("RGB", (8, 8), tuple(colour)).save(folder / label / f"{number}.png")
    return folder
