"""One image of emoji on a textured background, with the true box of every emoji in it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image

Sprites = Mapping[str, Sequence[Image.Image]]
_OPAQUE = 128  # of 255: an edge pixel belongs to a glyph when at least half of it does


@dataclass(frozen=True)
class SceneStyle:
    """What scenes look like; lengths are shares of the image's side, angles are degrees."""

    objects: tuple[int, int] = (1, 6)
    scale: tuple[float, float] = (0.15, 0.45)
    rotation: float = 30.0
    hard_to_see: float = 0.35  # an object with a smaller visible share is marked difficult


@dataclass(frozen=True)
class SceneObject:
    """An emoji in a scene: the box of its visible pixels, right and bottom exclusive."""

    name: str
    box: tuple[int, int, int, int]
    area: int
    visible: float
    truncated: bool
    difficult: bool


@dataclass(frozen=True)
class Scene:
    """An image, and its objects from the back to the front."""

    image: Image.Image
    objects: tuple[SceneObject, ...]

    @property
    def coverage(self) -> float:
        """The share of the image that emoji cover."""
        return sum(thing.area for thing in self.objects) / (self.image.width * self.image.height)


def draw_scene(rng: np.random.Generator, sprites: Sprites, size: int, style: SceneStyle) -> Scene:
    """Return a square scene: each object a random sprite of a random name, later ones in front."""
    image = Image.fromarray(background(rng, size))
    owner = np.full((size, size), -1)  # which object each pixel shows
    placed: list[tuple[str, int, bool]] = []
    names = sorted(sprites)
    for number in range(int(rng.integers(*style.objects, endpoint=True))):
        name = names[int(rng.integers(len(names)))]
        drawing = sprites[name][int(rng.integers(len(sprites[name])))]
        sprite = _turned(rng, drawing, size, style)
        left, top = (_corner(rng, size, side) for side in sprite.size)
        image.paste(sprite, (left, top), sprite)
        solid = np.asarray(sprite.getchannel("A")) >= _OPAQUE
        inside = _stamp(owner, solid, left, top, number)
        whole = int(solid.sum())
        placed.append((name, whole, inside < whole))
    objects = (_seen(owner == n, *facts, style) for n, facts in enumerate(placed))
    return Scene(image, tuple(thing for thing in objects if thing is not None))


def background(rng: np.random.Generator, size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Return a texture: noise at four scales between two colours, with a little grain."""
    waves = np.zeros((size, size))
    for octave, cells in enumerate((3, 7, 17, 41)):
        noise = Image.fromarray(rng.random((cells, cells), dtype=np.float32))
        waves += np.asarray(noise.resize((size, size), Image.Resampling.BICUBIC)) / 2**octave
    share = ((waves - waves.min()) / np.ptp(waves))[..., None]
    dark, light = rng.uniform(0, 255, (2, 3))
    grain = rng.normal(0, 6, (size, size, 1))
    texture: np.ndarray = np.clip(dark + share * (light - dark) + grain, 0, 255)
    return texture.astype(np.uint8)


def _turned(
    rng: np.random.Generator, sprite: Image.Image, size: int, style: SceneStyle
) -> Image.Image:
    low, high = style.scale
    side = round(size * math.exp(rng.uniform(math.log(low), math.log(high))))
    angle = rng.uniform(-style.rotation, style.rotation)
    turned = sprite.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    ratio = side / max(sprite.size)
    width, height = (max(1, round(length * ratio)) for length in turned.size)
    return turned.resize((width, height), Image.Resampling.LANCZOS)


def _corner(rng: np.random.Generator, size: int, side: int) -> int:
    # A quarter of an object may lie outside the image.
    return int(rng.integers(-side // 4, max(size - side * 3 // 4, 1)))


def _stamp(
    owner: Int[np.ndarray, "height width"],
    solid: Bool[np.ndarray, "rows columns"],
    left: int,
    top: int,
    number: int,
) -> int:
    """Write `number` where the glyph is solid, and return how many of its pixels are inside."""
    rows, columns = solid.shape
    part = solid[max(0, -top) : owner.shape[0] - top, max(0, -left) : owner.shape[1] - left]
    owner[max(0, top) : top + rows, max(0, left) : left + columns][part] = number
    return int(part.sum())


def _seen(
    mask: Bool[np.ndarray, "height width"], name: str, full: int, truncated: bool, style: SceneStyle
) -> SceneObject | None:
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    visible = int(mask.sum()) / full
    difficult = visible < style.hard_to_see
    return SceneObject(name, box, int(mask.sum()), visible, truncated, difficult)
