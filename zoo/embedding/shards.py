"""Embedding in shards: any number of workers, each output whole or absent, none done twice."""

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from torch import nn

from zoo.data.dataset import ImageDataset, OnBadImage
from zoo.data.packed import unpacked
from zoo.data.validation import checked
from zoo.embedding.identity import ModelIdentity, refuse_other_model
from zoo.embedding.options import EmbedOptions
from zoo.embedding.rows import ITEMS, write_rows
from zoo.embedding.sides import dim_of
from zoo.embedding.sources import embed_distinct, part_work, refuse_uncaptioned
from zoo.embedding.vector_file import VECTORS, write_vectors
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.files import Blame, Facts, read_sealed, staged_folder, straight, typed, write_sealed

RECEIPT = "shard.json"
AGAIN = "remove it and embed it again"


@dataclass(frozen=True)
class Shard:
    """Part `number` of `total`, counted from 0, as array jobs count."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `3/8`.

        Raises:
            UsageError: it is not 0 <= i < n.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not int(found[1]) < int(found[2]):
            raise UsageError(f"--shard {text!r} is none", "the shards of 8 are 0/8 to 7/8")
        return cls(int(found[1]), int(found[2]))

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"shard-{self.number:05d}-of-{self.total:05d}"

    def of(self, count: int) -> range:
        """Return its places among `count`: neighbours, so that the shards in order are all."""
        return range(*(count * n // self.total for n in (self.number, self.number + 1)))


@dataclass(frozen=True, eq=False)
class Packs:
    """Packed files (`zoo.data.packed`): a shard unpacks its own, one after another."""

    files: tuple[Path, ...]
    on_bad_image: OnBadImage = "fail"


@dataclass(frozen=True, eq=False)
class Source:
    """What shards are made of: a dataset, its images or captions, and the model that embeds."""

    model: nn.Module
    identity: ModelIdentity
    dataset: ImageDataset | Packs
    modality: str = "images"

    def print_of(self, shard: Shard) -> str:
        """Return a hash of what a shard is made of."""
        if isinstance(self.dataset, Packs):
            files = [self.dataset.files[n] for n in shard.of(len(self.dataset.files))]
            return _hash([(file.name, file.stat().st_size) for file in files])
        return fingerprint(self.dataset.subset(shard.of(len(self.dataset))))

    def refuse_empty(self) -> None:
        """Raise where no shard of the set would hold an item, as far as is known before unpacking.

        Raises:
            DataError: captions are wanted, and there are none.
        """
        if self.modality == "captions" and not isinstance(self.dataset, Packs):
            refuse_uncaptioned(self.dataset)

    @contextmanager
    def part(self, shard: Shard) -> Iterator[tuple[ImageDataset, Path]]:
        """Yield the items of a shard and the folder that they lie in, for the block's length.

        Raises:
            DataError: a packed file, or an image in it, cannot be read.
        """
        if not isinstance(self.dataset, Packs):
            part = self.dataset.subset(shard.of(len(self.dataset)))
            yield part, self.root
            return
        files = [self.dataset.files[n] for n in shard.of(len(self.dataset.files))]
        with TemporaryDirectory(prefix="rankzoo-shard-") as scratch:
            root = Path(scratch)
            found = [unpacked(file, root / file.name) for file in files]
            levels = {levels for _, levels in found}
            if len(levels) > 1:
                raise DataError(f"{files[0].parent}: some packed files have labels, others none")
            items, skipped = checked(
                [item for items, _ in found for item in items],
                on_bad_image=self.dataset.on_bad_image,
                of_more=True,
            )
            yield ImageDataset("", root, tuple(items), levels.pop(), skipped=tuple(skipped)), root

    @property
    def root(self) -> Path:
        """The folder that the records' paths start from."""
        found = self.dataset
        root = found.files[0].parent if isinstance(found, Packs) else found.root
        return straight(root.absolute())


def embed_shard(
    out: Path,
    shard: Shard,
    source: Source,
    options: EmbedOptions = EmbedOptions(),
) -> bool:
    """Embed one shard into `out`; return False when it was there already, whole, and of the same.

    A shard of nothing (there are more shards than items, or none of its items has a caption) is
    written too: whoever runs one of many cannot know which of them are.

    Raises:
        UsageError: the shard there was made of other images, or with another model.
        DataError: there is nothing in the whole set.
    """
    home = out / shard.name
    print_of_part = source.print_of(shard)
    if home.exists():
        receipt = read_receipt(home)
        made_with = ModelIdentity(**receipt["model"])
        hint = f"embed with {made_with.name!r}, or choose another --out"
        refuse_other_model(made_with, source.identity, f"{home} was embedded", hint=hint)
        if receipt["source"] != print_of_part:
            raise UsageError(f"{home} was made of other images", "choose another --out")
        return False
    for leftover in out.glob(f".{shard.name}.*"):  # of a worker that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with source.part(shard) as (part, lies_in), staged_folder(home) as staged:
        records, embed = part_work(source.model, part, lies_in, source.modality, options)
        if records:
            vectors = embed_distinct(records, embed)
        else:
            source.refuse_empty()
            vectors = np.empty((0, dim_of(source.model)), np.float32)
        write_vectors(staged / VECTORS, [vectors], *vectors.shape)
        write_rows(staged / ITEMS, records)
        receipt = {
            "model": asdict(source.identity),
            "modality": source.modality,
            "root": str(source.root),
            "levels": list(part.levels),
            "count": len(records),
            "dim": vectors.shape[1],
            "source": print_of_part,
            "files": {n: asdict(Facts.of(staged / n)) for n in (VECTORS, ITEMS)},
        }
        write_sealed(staged / RECEIPT, receipt)
    return True


def complete(embedded: Path) -> list[Path]:
    """Return the folders of all shards, in order.

    Raises:
        DataError: none, or not all, or of different divisions.
    """
    found = sorted(path.name for path in embedded.glob("shard-?????-of-?????"))
    if not found:
        raise DataError(f"{embedded} holds no shard", "rankzoo embed makes them")
    total = int(found[0][-5:])
    wanted = [Shard(number, total).name for number in range(total)]
    if found != wanted:
        missing = sorted(set(wanted) - set(found))
        what = f"lacks {missing[0]}" if missing else f"mixes divisions: {found[-1]}"
        raise DataError(f"{embedded} {what}", "run the missing shards, or use one --out a division")
    return [embedded / name for name in wanted]


@dataclass(frozen=True)
class Receipt:
    """The content of `shard.json`; `files` are the vectors and rows beside it."""

    model: ModelIdentity
    modality: str
    root: str
    levels: tuple[str, ...]
    count: int
    dim: int
    source: str
    files: Mapping[str, Facts]


def read_receipt(home: Path) -> dict[str, Any]:
    """Return what a shard says of itself, after checking its files against it.

    Raises:
        IntegrityError: a file is missing or is not what the receipt says.
    """
    blame = Blame(hint=AGAIN)
    try:
        receipt = read_sealed(home / RECEIPT, blame)
        checked = typed(Receipt, receipt, home / RECEIPT, blame)
        sound = all(Facts.of(home / name) == checked.files.get(name) for name in (VECTORS, ITEMS))
    except OSError as error:
        raise IntegrityError(f"{home} is damaged ({error.strerror})", AGAIN) from error
    needed = checked.count * checked.dim * 4  # bytes, before anything so large is mapped
    if not sound or checked.count < 0 or checked.dim < 1 or checked.files[VECTORS].size < needed:
        raise IntegrityError(f"{home} is damaged", AGAIN)
    return receipt


def fingerprint(dataset: ImageDataset) -> str:
    """Hash which files a shard is made of: paths from the root, sizes, labels and captions."""
    lines: Sequence[object] = [
        (str(item.path.absolute()), item.path.stat().st_size, item.labels, item.captions)
        for item in dataset.items
    ]
    return _hash(lines)


def _hash(lines: Sequence[object]) -> str:
    return hashlib.sha256(repr(lines).encode("utf-8", "surrogateescape")).hexdigest()
