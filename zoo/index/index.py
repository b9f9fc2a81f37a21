"""`Index`: build, open, search, change and verify a folder of embeddings."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.identity import ModelIdentity, at_scales, identify, refuse_other_model
from zoo.embedding.options import EmbedOptions
from zoo.embedding.rows import Record
from zoo.embedding.sources import as_dataset, embed_distinct, query_like, work_for
from zoo.embedding.vectors import unit_rows, whitened, whitening_of
from zoo.errors import DataError
from zoo.files import refuse_to_overwrite, staged_folder, straight
from zoo.index import changes
from zoo.index.manifest import Manifest
from zoo.index.merging import merge
from zoo.index.options import IndexOptions, StoreOptions, with_settings
from zoo.index.reader import Reader
from zoo.index.tune import tune
from zoo.index.update import Update, update


class Index(Reader):
    """An index folder that can be built and changed as well as read; see `Reader`."""

    @classmethod
    def build(
        cls,
        folder: Path | str,
        model: nn.Module,
        dataset: ImageDataset | Path | str,
        options: IndexOptions = IndexOptions(),
        **settings: Any,
    ) -> "Index":
        """Embed a dataset (or the images in a folder) and create the index `folder` from it.

        settings: fields of `IndexOptions`, and of the `EmbedOptions` in them, by name.

        Raises:
            UsageError: the folder exists, the model lacks that side, or a setting is unknown.
            DataError: an image cannot be read, or there is nothing to index.
        """
        folder, options = Path(folder), with_settings(options, settings)
        refuse_to_overwrite(folder)
        dataset = as_dataset(dataset)
        model = at_scales(model, options.scales)
        root = straight(dataset.root.absolute())
        records, embed = work_for(model, dataset, root, options.modality, options.embed)
        matrix = embed_distinct(records, embed)
        whiten = options.whiten or options.whitening_dim is not None
        whitening = whitening_of(matrix, options.whitening_dim) if whiten else None
        plan, tuning = options.plan, list[dict[str, Any]]()
        if options.target is not None:
            asked = query_like(model, dataset, options.modality)
            queries = None if asked is None else whitened(asked, whitening)
            white = whitened(matrix, whitening)
            plan, rows = tune(white, queries, options.target, options.embed.track)
            tuning = [row.to_json() for row in rows]
        kept = StoreOptions(plan, options.modality, root, options.like, whitening, tuning)
        made_by = identify(model, options.name)
        return cls.from_vectors(folder, torch.from_numpy(matrix), records, made_by, kept)

    @classmethod
    def from_vectors(
        cls,
        folder: Path | str,
        vectors: Float[Tensor, "item dim"],
        records: Sequence[Record],
        model: ModelIdentity,
        options: StoreOptions = StoreOptions(),
        **settings: Any,
    ) -> "Index":
        """Create the index `folder` from embeddings; they are brought to unit length.

        settings: fields of `StoreOptions` by name.

        Raises:
            UsageError: the folder exists, or the plan does not fit the vectors.
            DataError: there is no vector, or one that is not finite or zero.
        """
        folder, options = Path(folder), with_settings(options, settings)
        matrix = unit_rows(vectors, "embedding")
        if len(matrix) == 0:
            raise DataError("there is nothing to index", "give at least one image")
        if options.like is not None:
            options = replace(options, whitening=Reader.open(options.like).whitening)
        matrix = whitened(matrix, options.whitening)
        manifest = Manifest(
            model,
            matrix.shape[1],
            options.plan,
            options.modality,
            str(options.root or ""),
            tuning=tuple(options.tuning),
        )
        with staged_folder(folder) as staged:
            changes.create(staged, manifest, matrix, records, options)
        return cls.open(folder)

    @classmethod
    def merge(cls, folder: Path | str, sources: Sequence[Path | str]) -> "Index":
        """Create the index `folder` from all items of other indexes (see zoo/index/merging.py).

        Raises:
            UsageError: they do not belong together, or the folder exists.
        """
        merge(Path(folder), [Path(source) for source in sources])
        return cls.open(folder)

    def add(
        self,
        model: nn.Module,
        dataset: ImageDataset | Path | str,
        options: EmbedOptions = EmbedOptions(),
        **settings: Any,
    ) -> Update:
        """Bring the index up to date with a dataset; only content never seen is embedded.

        settings: fields of `EmbedOptions` by name.

        Raises:
            UsageError: it is not the index's model.
            RankzooError: another process is writing.
        """
        options = with_settings(options, settings)
        hint = "add with the index's own model, or build another index"
        made_with = identify(model, "this model")
        refuse_other_model(self.manifest.model, made_with, hint=hint)
        modality = self.manifest.modality
        records, embed = work_for(model, as_dataset(dataset), self.root, modality, options)
        done = update(self.folder, records, lambda chosen: self.prepare(embed(chosen)))
        self._refresh()
        return done

    def add_vectors(self, vectors: Float[Tensor, "item dim"], records: Sequence[Record]) -> int:
        """Add items at once or not at all; return how many.

        Raises:
            RankzooError: another process is writing. UsageError, DataError: see `from_vectors`.
        """
        matrix = self.prepare(vectors).numpy()
        changes.append(self.folder, matrix, records)
        self._refresh()
        return len(matrix)

    def remove(
        self, *, ids: Iterable[int] = (), paths: Iterable[str] = (), where: str | None = None
    ) -> int:
        """Remove every item that any of the three names; return how many.

        Raises:
            UnavailableError: an id or a path is not in the index; nothing was removed.
        """
        count = changes.remove(self.folder, list(ids), list(paths), where)
        self._refresh()
        return count

    def relocate(self, root: Path | str) -> int:
        """Say where the images are now; return how many of them are not there.

        Those outside of the index's folder (`outside`) did not move with it.

        Raises:
            DataError: it is no folder, or none of them is there; nothing was changed.
        """
        missing = changes.relocate(self.folder, Path(root))
        self._refresh()
        return missing

    def outside(self) -> int:
        """Return how many items lie outside of the index's folder, and do not move with it."""
        return sum(map(changes.lies_outside, changes.LivingRecords(self.segments)))

    def compact(self) -> None:
        """Rewrite the index as one segment without the removed items."""
        changes.compact(self.folder)
        self._refresh()

    def _refresh(self) -> None:
        self.close()
        fresh = type(self).open(self.folder)
        self.manifest, self.segments = fresh.manifest, fresh.segments
