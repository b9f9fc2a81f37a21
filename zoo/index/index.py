"""`Index`: build, open, search, change and verify a folder of embeddings."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.whitening import Whitening
from zoo.errors import DataError
from zoo.files import refuse_to_overwrite, staged_folder
from zoo.index import changes
from zoo.index.identity import identify, refuse_other_model
from zoo.index.layout import Plan
from zoo.index.manifest import Manifest, ModelIdentity
from zoo.index.measure import Wish
from zoo.index.merging import merge
from zoo.index.reader import Reader
from zoo.index.rows import Record
from zoo.index.sources import Means, query_like, work_for
from zoo.index.tune import tune
from zoo.index.update import Update, embed_distinct, update
from zoo.index.vectors import unit_rows, whitened, whitening_of
from zoo.progress import Track, silent


class Index(Reader):
    """An index folder that can be built and changed as well as read; see `Reader`."""

    @classmethod
    def build(
        cls,
        folder: Path,
        model: nn.Module,
        dataset: ImageDataset,
        *,
        name: str = "",
        modality: str = "images",
        plan: Plan = Plan(),
        wish: Wish | None = None,
        like: Path | None = None,
        whiten: bool = False,
        whitening_dim: int | None = None,
        batch_size: int = 64,
        workers: int = 0,
        device: str = "cpu",
        track: Track = silent,
    ) -> "Index":
        """Embed a dataset and create the index `folder` from it.

        name: what `zoo.load` will be given to find the model again when somebody searches.
        modality: index the dataset's `images`, or its `captions`.
        wish: choose the plan by measuring, with text queries where the model reads text and the
            dataset has captions (zoo/index/tune.py); `plan` is not looked at then.
        whiten: learn PCA whitening from the embeddings and keep it with the index, with all
            directions or the `whitening_dim` of largest variance. like: see `from_vectors`.

        Raises:
            UsageError: the folder exists, or the model lacks that side.
            DataError: an image cannot be read, or there is nothing to index.
        """
        refuse_to_overwrite(folder)
        root = dataset.root.absolute()
        means = Means(batch_size, workers, device, track)
        records, embed = work_for(model, dataset, root, modality, means)
        matrix = embed_distinct(records, embed)
        whitening = whitening_of(matrix, whitening_dim) if whiten else None
        tuning: list[dict[str, Any]] = []
        if wish is not None:
            asked = query_like(model, dataset, modality)
            queries = None if asked is None else whitened(asked, whitening)
            plan, rows = tune(whitened(matrix, whitening), queries, wish, track)
            tuning = [row.to_json() for row in rows]
        return cls.from_vectors(
            folder,
            torch.from_numpy(matrix),
            records,
            identify(model, name),
            plan=plan,
            modality=modality,
            root=root,
            like=like,
            whitening=whitening,
            tuning=tuning,
        )

    @classmethod
    def from_vectors(
        cls,
        folder: Path,
        vectors: Float[Tensor, "item dim"],
        records: Sequence[Record],
        model: ModelIdentity,
        *,
        plan: Plan = Plan(),
        modality: str = "images",
        root: Path | None = None,
        like: Path | None = None,
        whitening: Whitening | None = None,
        tuning: Sequence[dict[str, Any]] = (),
    ) -> "Index":
        """Create the index `folder` from embeddings; they are brought to unit length.

        like: an index whose trained codes and whitening to share, so that the two can be merged
            exactly. whitening: applied to the embeddings, kept, and applied to every query.

        Raises:
            UsageError: the folder exists, or the plan does not fit the vectors.
            DataError: there is no vector, or one that is not finite or zero.
        """
        matrix = unit_rows(vectors, "embedding")
        if len(matrix) == 0:
            raise DataError("there is nothing to index", "give at least one image")
        if like is not None:
            whitening = Reader.open(like).whitening
        matrix = whitened(matrix, whitening)
        manifest = Manifest(
            model, matrix.shape[1], plan, modality, str(root or ""), tuning=tuple(tuning)
        )
        with staged_folder(folder) as staged:
            changes.create(staged, manifest, matrix, records, like, whitening)
        return cls.open(folder)

    @classmethod
    def merge(cls, folder: Path, sources: Sequence[Path]) -> "Index":
        """Create the index `folder` from all items of other indexes (see zoo/index/merging.py).

        Raises:
            UsageError: they do not belong together, or the folder exists.
        """
        merge(folder, sources)
        return cls.open(folder)

    def add(
        self,
        model: nn.Module,
        dataset: ImageDataset,
        *,
        batch_size: int = 64,
        workers: int = 0,
        device: str = "cpu",
        track: Track = silent,
    ) -> Update:
        """Bring the index up to date with a dataset; only content never seen is embedded.

        Raises:
            UsageError: it is not the index's model.
            RankzooError: another process is writing.
        """
        refuse_other_model(self.manifest.model, identify(model, "this model"))
        means = Means(batch_size, workers, device, track)
        records, embed = work_for(model, dataset, self.root, self.manifest.modality, means)
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

    def compact(self) -> None:
        """Rewrite the index as one segment without the removed items."""
        changes.compact(self.folder)
        self._refresh()

    def _refresh(self) -> None:
        self.close()
        fresh = type(self).open(self.folder)
        self.manifest, self.segments = fresh.manifest, fresh.segments
