"""Where training images come from: memory when they are small, worker processes when not."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from zoo.data.images import image_size, open_image
from zoo.data.workers import start_method
from zoo.errors import RankzooError
from zoo.progress import Track, silent
from zoo.recipes.recipe import Augmentation
from zoo.training.augment import crop_boxes, cropped

CACHE_BYTES = 1 << 30
Crops = UInt8[Tensor, "batch 3 size size"]
Plan = tuple[Int64[Tensor, " batch"], Float[Tensor, "batch draws"]]  # which items, their draws


class CachedImages:
    """All images decoded once, as one square uint8 tensor; crops are cut by whole batches.

    A path that comes several times, with captions of its own, is one image.

    An image is squeezed into the square of the largest side, so that no pixel is lost, and its
    aspect ratio is remembered: crops have the shape they would have on the original.
    """

    def __init__(self, paths: Sequence[Path], side: int, track: Track = silent) -> None:
        distinct = {path: place for place, path in enumerate(dict.fromkeys(paths))}
        self.places = torch.tensor([distinct[path] for path in paths])
        self.images = torch.empty(len(distinct), 3, side, side, dtype=torch.uint8)
        self.aspect = torch.empty(len(distinct))

        def load(path: Path) -> None:
            image, place = open_image(path), distinct[path]
            self.aspect[place] = image.width / image.height
            self.images[place] = _pixels(image.resize((side, side)))

        with ThreadPoolExecutor(2) as pool:
            for _ in track(pool.map(load, distinct), "decode", len(distinct)):
                pass

    def crops(
        self, plans: Iterator[Plan], augmentation: Augmentation, size: int
    ) -> Iterator[Crops]:
        """Yield the random crops of each plan."""
        for items, draws in plans:
            places = self.places[items]
            boxes = crop_boxes(draws, self.aspect[places], augmentation)
            yield cropped(self.images[places], boxes, size).round_().to(torch.uint8)


class StreamedImages:
    """Images decoded on demand by `workers` processes that live as long as the run."""

    def __init__(self, paths: Sequence[Path], workers: int) -> None:
        self.paths, self.workers = paths, workers

    def crops(
        self, plans: Iterator[Plan], augmentation: Augmentation, size: int
    ) -> Iterator[Crops]:
        """Yield the random crops of each plan."""
        loader = DataLoader(
            _CropsOfFiles(self.paths, augmentation, size),
            batch_sampler=_Requests(plans),
            num_workers=self.workers,
            prefetch_factor=2 if self.workers else None,
            multiprocessing_context=start_method() if self.workers else None,
            collate_fn=_stacked,
        )
        for batch in loader:
            if isinstance(batch, RankzooError):
                raise batch
            yield batch


def open_images(
    paths: Sequence[Path], size: int | None, workers: int, track: Track = silent
) -> CachedImages | StreamedImages:
    """Return cached images when all are small (at most 1.5 x `size`) and fit in 1 GiB.

    None: the images are wanted in their own shape, which the cache does not keep.
    """
    distinct = set(paths)
    if size is not None and 3 * len(distinct) * size**2 <= CACHE_BYTES:
        side = max(_longer_side(path) for path in distinct)
        if side <= 1.5 * size and 3 * len(distinct) * side**2 <= CACHE_BYTES:
            return CachedImages(paths, side, track)
    return StreamedImages(paths, workers)


class _Requests:
    """A batch sampler whose items carry their draws to the worker."""

    def __init__(self, plans: Iterator[Plan]) -> None:
        self.plans = plans

    def __iter__(self) -> Iterator[list[tuple[int, list[float]]]]:
        for items, draws in self.plans:
            yield list(zip(items.tolist(), draws.tolist(), strict=True))


class _CropsOfFiles(Dataset[Tensor | RankzooError]):
    """Crops; a file that cannot be read comes back as its error.

    An exception would cross the border of a worker process as a traceback.
    """

    def __init__(self, paths: Sequence[Path], augmentation: Augmentation, size: int) -> None:
        self.paths, self.augmentation, self.size = paths, augmentation, size

    def __getitem__(self, request: tuple[int, list[float]]) -> Tensor | RankzooError:
        try:
            return self._crop(*request)
        except RankzooError as error:
            return error

    def _crop(self, place: int, draws: list[float]) -> Tensor:
        # Draft mode may halve a JPEG until its shorter side is at least this: the smallest crop
        # of the recipe still has `size` pixels.
        shorter = self.augmentation.resize
        share = min(self.augmentation.scale[0] ** 0.5, self.augmentation.window or 1.0)
        wanted = shorter or round(self.size / share)
        image = open_image(self.paths[place], wanted)
        if shorter is not None:
            image = v2.functional.resize(image, [shorter], antialias=True)
        aspect = torch.tensor([image.width / image.height])
        box = crop_boxes(torch.tensor([draws]), aspect, self.augmentation)[0].tolist()
        left, top = box[0] * image.width, box[1] * image.height
        right, bottom = left + box[2] * image.width, top + box[3] * image.height
        crop = image.resize(
            (self.size, self.size),
            PIL.Image.Resampling.BILINEAR,
            (left, top, min(right, image.width), min(bottom, image.height)),
        )
        return _pixels(crop)


def _stacked(crops: list[Tensor | RankzooError]) -> Tensor | RankzooError:
    found = []
    for crop in crops:
        if isinstance(crop, RankzooError):
            return crop
        found.append(crop)
    return torch.stack(found)


def _pixels(image: PIL.Image.Image) -> UInt8[Tensor, "3 height width"]:
    return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).contiguous()


def _longer_side(path: Path) -> int:
    try:
        return max(image_size(path))
    except RankzooError:
        return 0  # `open_image` says what is wrong with it when its turn comes
