"""Embeddings on disk survive interruption and refuse to be mixed up."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.embedding import store
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.embedding.store import Identity, embed_to_store, identity_of, open_store
from zoo.errors import IntegrityError, RankzooError, UsageError

Scene = Callable[..., ImageDataset]


@pytest.fixture
def dataset(squares: Scene) -> ImageDataset:
    return squares(4)


@pytest.fixture
def identity(dataset: ImageDataset) -> Identity:
    return identity_of("weights", dataset.paths, dim=3)


class Interrupted(nn.Module):
    """A model that is killed at its third batch."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.transform = model.transform
        self.batches = 0

    def forward(self, images: Tensor) -> Tensor:
        self.batches += 1
        if self.batches == 3:
            raise KeyboardInterrupt
        vectors: Tensor = self.model(images)
        return vectors


def interrupted(model: nn.Module, dataset: ImageDataset, identity: Identity, out: Path) -> Path:
    """Begin a store whose extraction is interrupted; return the file of its vectors."""
    with pytest.raises(KeyboardInterrupt):
        embed_to_store(Interrupted(model), dataset.paths, out, identity, EmbedOptions(2))
    return out / store.VECTORS


def test_a_finished_store_holds_the_embeddings_in_order(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    stored = embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity, EmbedOptions(5))
    torch.testing.assert_close(stored, embed_dataset(colour_model, dataset))


def test_an_interrupted_extraction_goes_on_and_computes_nothing_twice(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    vectors = interrupted(colour_model, dataset, identity, tmp_path / "e")
    assert vectors.stat().st_size == 4 * 12
    vectors.write_bytes(vectors.read_bytes() + b"torn")  # killed while a row was written
    colour_model.calls = 0  # type: ignore[assignment]
    stored = embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity, EmbedOptions(2))
    assert colour_model.calls == 4
    torch.testing.assert_close(stored, embed_dataset(colour_model, dataset))


def test_a_disk_that_fills_up_stops_in_one_line_and_loses_nothing(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="Windows limits no file")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow over 57 bytes: four rows of 12 and a torn one.
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    (tmp_path / "e" / store.VECTORS).write_bytes(b"")
    resource.setrlimit(resource.RLIMIT_FSIZE, (57, hard))
    try:
        with pytest.raises(RankzooError, match="File too large after 4 images") as caught:
            embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity, EmbedOptions(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.hint == "make room; the same command goes on from there"
    stored = embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    torch.testing.assert_close(stored, embed_dataset(colour_model, dataset))


def test_a_finished_store_is_not_computed_again(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    colour_model.calls = 0  # type: ignore[assignment]
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    assert colour_model.calls == 0


def test_another_model_or_other_images_are_refused(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    stranger = identity_of("other weights", dataset.paths, dim=3)
    with pytest.raises(UsageError, match="embeddings of another model"):
        embed_to_store(colour_model, dataset.paths, tmp_path / "e", stranger)
    fewer = identity_of("weights", dataset.paths[1:], dim=3)
    with pytest.raises(UsageError, match="embeddings of other images"):
        embed_to_store(colour_model, dataset.paths[1:], tmp_path / "e", fewer)


def test_an_image_that_changed_on_disk_changes_the_identity(
    dataset: ImageDataset, identity: Identity
) -> None:
    dataset.paths[0].write_bytes(dataset.paths[0].read_bytes() + b"\0")
    assert identity_of("weights", dataset.paths, dim=3) != identity


def test_a_store_cut_short_is_refused(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    with (tmp_path / "e" / store.VECTORS).open("r+b") as file:
        file.truncate(60)
    with pytest.raises(IntegrityError, match="5 rows, the manifest says 12"):
        open_store(tmp_path / "e")


def test_a_folder_without_embeddings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of embeddings"):
        open_store(tmp_path)


def test_a_full_disk_is_told_before_the_work_starts(
    colour_model: nn.Module,
    dataset: ImageDataset,
    identity: Identity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RankzooError, match="GB free on the disk"):
        embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    assert colour_model.calls == 0


def test_reading_a_store_never_changes_it(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity).zero_()
    assert open_store(tmp_path / "e").norm(dim=1).allclose(torch.ones(12))


def test_every_flipped_bit_of_a_store_is_seen(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    home = tmp_path / "e"
    embed_to_store(colour_model, dataset.paths, home, identity)
    for name in (store.VECTORS, store.SUMS, store.MANIFEST):
        content = (home / name).read_bytes()
        for bit in range(0, 8 * len(content), 1 if name == store.VECTORS else 3):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            (home / name).write_bytes(flipped)
            with pytest.raises((IntegrityError, UsageError)):  # the manifest's may be another model
                embed_to_store(colour_model, dataset.paths, home, identity)
        (home / name).write_bytes(content)
    embed_to_store(colour_model, dataset.paths, home, identity)


def test_a_damaged_beginning_is_not_gone_on_from(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    vectors = interrupted(colour_model, dataset, identity, tmp_path / "e")
    vectors.write_bytes(b"\1" + vectors.read_bytes()[1:])
    with pytest.raises(IntegrityError, match="row 0 is damaged"):
        embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)


def test_embeddings_without_their_hashes_are_refused(
    colour_model: nn.Module, dataset: ImageDataset, identity: Identity, tmp_path: Path
) -> None:
    embed_to_store(colour_model, dataset.paths, tmp_path / "e", identity)
    (tmp_path / "e" / store.SUMS).unlink()
    with pytest.raises(IntegrityError, match="not every embedding has its hash"):
        open_store(tmp_path / "e")
