"""Fashion-MNIST: 70,000 product photos of 28 pixels in 10 classes, for retrieval.

Debian's `dataset-fashion-mnist` (MIT, Zalando SE) holds the four original idx files. Half of the
classes are held out: there the 10,000's images ask and the 60,000's answer. The other half trains,
both parts together. The second label level is ours: tops, legs, shoes, bags.
"""

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.data.dataset import ImageDataset, Item
from zoo.data.drawn import Drawing, Drawn, held_out_classes, installed
from zoo.errors import DataError

SOURCE = Path("/usr/share/datasets/fashion-mnist")
PACKAGE = "dataset-fashion-mnist"
# In the order of the set's label numbers.
CLASSES = {
    "T-shirt/top": "tops",
    "Trouser": "legs",
    "Pullover": "tops",
    "Dress": "tops",
    "Coat": "tops",
    "Sandal": "shoes",
    "Shirt": "tops",
    "Sneaker": "shoes",
    "Bag": "bags",
    "Ankle boot": "shoes",
}
HELD_OUT = {"t10k": "query", "train": "gallery"}
_KINDS = {"images": 3, "labels": 1}  # the number of dimensions, in the file's name and header


def build_fashion_mnist(
    folder: Path, *, source: Path = SOURCE, seed: int = 0, limit: int | None = None
) -> ImageDataset:
    """Write the images as PNG into `folder`, or take them from there.

    `seed` chooses the half of the classes that is held out; `limit` keeps the first so many images
    of each file.

    Raises:
        DataError: the package is not installed, or a file of it is damaged.
        UsageError: `folder` holds something else.
    """
    names = [f"{part}-{kind}-idx{n}-ubyte.gz" for part in HELD_OUT for kind, n in _KINDS.items()]
    files = [installed(source / name, "it comes with Debian's package", PACKAGE) for name in names]
    known = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    drawn = Drawn("fashion-mnist", {"seed": seed, "limit": limit, "source": known}, levels=2)
    return drawn.into(folder, lambda out: _draw(out, source, seed, limit))


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the bytes of a gzipped idx-ubyte file as an array.

    Raises:
        DataError: it is no such file, or holds fewer or more bytes than its header promises.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: not a gzip file: {error}", f"reinstall {PACKAGE}") from error
    header = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, 8, dimensions)) or len(content) < header:
        raise DataError(f"{path}: no idx file of {dimensions} dimensions of bytes")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, offset=4))
    if len(content) - header != int(np.prod(shape)):
        raise DataError(f"{path}: {len(content) - header} bytes, its header says {shape}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _draw(out: Path, source: Path, seed: int, limit: int | None) -> Drawing:
    names = list(CLASSES)
    held_out = held_out_classes(names, seed=seed)
    items = []
    for part, split in HELD_OUT.items():
        images = read_idx(source / f"{part}-images-idx3-ubyte.gz", 3)
        labels = read_idx(source / f"{part}-labels-idx1-ubyte.gz", 1)
        if len(images) != len(labels) or labels.max(initial=0) >= len(names):
            raise DataError(f"{source}: {part}: its labels do not fit its images")
        (out / part).mkdir()
        for number, (pixels, label) in enumerate(zip(images[:limit], labels, strict=False)):
            path = out / part / f"{number:05}.png"
            Image.fromarray(pixels).save(path)
            name = names[label]
            where = split if name in held_out else "train"
            items.append(Item(path, (name, CLASSES[name]), where))
    return items, ()
