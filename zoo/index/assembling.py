"""One index of all the shards that many workers embedded."""

from pathlib import Path

import torch

from zoo.embedding.identity import ModelIdentity, refuse_other_model
from zoo.embedding.rows import ITEMS, Record, Rows
from zoo.embedding.shards import complete, read_receipt
from zoo.embedding.vector_file import VECTORS, map_vectors
from zoo.index.index import Index
from zoo.index.layout import Plan
from zoo.index.options import StoreOptions


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
    kept = StoreOptions(plan, receipts[0]["modality"], Path(receipts[0]["root"]), like)
    return Index.from_vectors(out, torch.cat(pieces), records, first, kept)
