"""Embedding in shards: any number of workers, each output whole or absent, none done twice."""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.files import staged_folder, write_json
from zoo.index.engine import map_vectors
from zoo.index.identity import refuse_other_model
from zoo.index.index import Index
from zoo.index.layout import Plan
from zoo.index.manifest import Facts, ModelIdentity
from zoo.index.rows import Record, Rows, write_rows
from zoo.index.segment import ITEMS, VECTORS, write_vectors
from zoo.index.sources import Means, work_for
from zoo.index.update import embed_distinct

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

    def of(self, dataset: ImageDataset) -> ImageDataset:
        """Return its items: a run of neighbours, so that the shards in order are the whole."""
        start, end = (len(dataset) * n // self.total for n in (self.number, self.number + 1))
        return dataset.subset(range(start, end))


def embed_shard(
    out: Path,
    shard: Shard,
    model: nn.Module,
    identity: ModelIdentity,
    dataset: ImageDataset,
    means: Means = Means(),
    modality: str = "images",
) -> bool:
    """Embed one shard into `out`; return False when it was there already, whole, and of the same.

    Raises:
        UsageError: the shard there was made of other images, or with another model.
    """
    home = out / shard.name
    part = shard.of(dataset)
    source = fingerprint(part)
    if home.exists():
        receipt = read_receipt(home)
        refuse_other_model(ModelIdentity(**receipt["model"]), identity)
        if receipt["source"] != source:
            raise UsageError(f"{home} was made of other images", "choose another --out")
        return False
    for leftover in out.glob(f".{shard.name}.*"):  # of a worker that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    root = dataset.root.absolute()
    records, embed = work_for(model, part, root, modality, means)
    with staged_folder(home) as staged:
        vectors = embed_distinct(records, embed)
        write_vectors(staged / VECTORS, [vectors], *vectors.shape)
        write_rows(staged / ITEMS, records)
        receipt = {
            "model": asdict(identity),
            "modality": modality,
            "root": str(root),
            "levels": list(dataset.levels),
            "count": len(records),
            "dim": vectors.shape[1],
            "source": source,
            "files": {n: asdict(Facts.of(staged / n)) for n in (VECTORS, ITEMS)},
        }
        write_json(staged / RECEIPT, receipt)
    return True


def assemble(out: Path, embedded: Path, *, plan: Plan = Plan(), like: Path | None = None) -> Index:
    """Create the index `out` from all the shards in `embedded`.

    Raises:
        DataError: a shard is missing. IntegrityError: one is damaged.
        UsageError: they were made with different models.
    """
    homes = complete(embedded)
    receipts = [read_receipt(home) for home in homes]
    first = ModelIdentity(**receipts[0]["model"])
    records: list[Record] = []
    pieces: list[torch.Tensor] = []
    for home, receipt in zip(homes, receipts, strict=True):
        refuse_other_model(first, ModelIdentity(**receipt["model"]))
        rows = Rows(home / ITEMS, receipt["levels"])
        records += [record for _, record in sorted(rows.records(range(len(rows))).items())]
        mapped = map_vectors(home / VECTORS, receipt["count"], receipt["dim"])
        pieces.append(torch.from_numpy(mapped.copy()))
    return Index.from_vectors(
        out,
        torch.cat(pieces),
        records,
        first,
        plan=plan,
        modality=receipts[0]["modality"],
        root=Path(receipts[0]["root"]),
        like=like,
    )


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


def read_receipt(home: Path) -> dict[str, Any]:
    """Return what a shard says of itself, after checking its files against it.

    Raises:
        IntegrityError: a file is missing or is not what the receipt says.
    """
    try:
        receipt: dict[str, Any] = json.loads((home / RECEIPT).read_text(encoding="utf-8"))
        promised = {name: Facts(**facts) for name, facts in receipt["files"].items()}
        sound = all(Facts.of(home / name) == promised[name] for name in (VECTORS, ITEMS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{home} is damaged ({error!r})", AGAIN) from error
    if not sound:
        raise IntegrityError(f"{home} is damaged", AGAIN)
    return receipt


def fingerprint(dataset: ImageDataset) -> str:
    """Hash which files a shard is made of: paths from the root, sizes, labels and captions."""
    lines: Sequence[object] = [
        (str(item.path.absolute()), item.path.stat().st_size, item.labels, item.captions)
        for item in dataset.items
    ]
    return hashlib.sha256(repr(lines).encode("utf-8", "surrogateescape")).hexdigest()
