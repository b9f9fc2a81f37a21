"""A whitening lives with the index: learned once, applied to all that is stored and asked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor

from zoo.data.dataset import read_dataset
from zoo.embedding.vectors import whitening_of
from zoo.embedding.whitening import load_whitening
from zoo.errors import DataError, IntegrityError, UsageError
from zoo.index import Index, ModelIdentity, Plan, Record
from zoo.index.changes import WHITENING

Points = Callable[..., Tensor]


@pytest.fixture
def stretched(points: Points) -> Points:
    """Unit vectors that mostly differ along few directions, away from the origin."""

    def draw(count: int, seed: int = 0) -> Float[Tensor, "item 16"]:
        wide = points(count, seed) * torch.linspace(3, 0.2, 16) + 0.5
        return torch.nn.functional.normalize(wide, dim=1)

    return draw


def whitened_by_hand(
    vectors: Float[np.ndarray, "item dim"], train: Float[np.ndarray, "train dim"], kept: int
) -> Float[np.ndarray, "item kept"]:
    """PCA whitening by singular values: another way to the same place, up to signs."""
    mean = train.mean(axis=0)
    _, sizes, axes = np.linalg.svd(train - mean, full_matrices=False)
    flat = (vectors - mean) @ (axes[:kept].T / sizes[:kept])
    unit: Float[np.ndarray, "item kept"] = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return unit


def build(
    folder: Path, vectors: Tensor, records: list[Record], identity: ModelIdentity, kept: int | None
) -> Index:
    whitening = whitening_of(vectors.numpy(), kept)
    return Index.from_vectors(folder, vectors, records, identity, whitening=whitening)


@pytest.mark.parametrize("kept", [16, 5])
def test_a_whitened_index_ranks_as_brute_force_on_whitened_vectors(
    kept: int,
    tmp_path: Path,
    stretched: Points,
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> None:
    vectors, queries = stretched(300), stretched(20, seed=1)
    index = build(tmp_path / "idx", vectors, records(300), identity, kept)
    train = vectors.double().numpy()
    ours = whitened_by_hand(queries.double().numpy(), train, kept)
    scores = ours @ whitened_by_hand(train, train, kept).T
    expected = np.argsort(-scores, axis=1)[:, :7]
    for reopened in (index, Index.open(index.folder)):
        found = reopened.search(queries, 7)
        assert [[hit.record.id for hit in hits] for hits in found] == expected.tolist()
        assert found[0][0].score == pytest.approx(scores[0].max(), abs=1e-4)
    assert (index.info()["dim"], index.info()["whitened"]) == (kept, True)
    plain = Index.from_vectors(tmp_path / "plain", vectors, records(300), identity)
    assert [h.record.id for h in plain.search(queries, 7)[0]] != expected[0].tolist()


def test_what_is_added_and_merged_is_whitened_alike(
    tmp_path: Path,
    stretched: Points,
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> None:
    vectors, rows = stretched(90), records(90)
    index = build(tmp_path / "idx", vectors[:60], rows[:60], identity, 8)
    shard = Index.from_vectors(
        tmp_path / "shard", vectors[60:], rows[60:], identity, like=index.folder
    )
    merged = Index.merge(tmp_path / "merged", [index.folder, shard.folder])
    index.add_vectors(vectors[60:], rows[60:])
    answers = [
        [[(h.record.id, round(h.score, 5)) for h in hits] for hits in i.search(vectors[50:70], 3)]
        for i in (index, merged)
    ]
    assert answers[0] == answers[1]
    assert [hits[0][0] for hits in answers[0]] == list(range(50, 70))
    index.compact()
    assert index.search(vectors[:1], 1)[0][0].score == pytest.approx(1, abs=1e-5)
    other = Index.from_vectors(tmp_path / "plain", vectors[:, :8], rows, identity)
    with pytest.raises(UsageError, match="not whitened alike"):
        Index.merge(tmp_path / "none", [index.folder, other.folder])


def test_a_whitening_is_guarded_like_every_file(
    tmp_path: Path,
    stretched: Points,
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> None:
    index = build(tmp_path / "idx", stretched(60), records(60), identity, 8)
    with pytest.raises(UsageError, match="8 dimensions, the index's model makes 16"):
        index.search(stretched(1)[:, :8])
    path = index.folder / WHITENING
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="whitening"):
        Index.open(index.folder)


def test_too_few_vectors_cannot_be_whitened(points: Points) -> None:
    with pytest.raises(DataError, match="cannot be whitened"):
        whitening_of(points(1).numpy())


def test_building_learns_the_whitening_before_the_plan_is_tuned(
    tmp_path: Path, photos: Path, colour_model: Callable[..., torch.nn.Module]
) -> None:
    dataset = read_dataset(photos, require_labels=False)
    index = Index.build(tmp_path / "idx", colour_model(), dataset, whiten=True, whitening_dim=2)
    assert index.manifest == replace(index.manifest, dim=2, plan=Plan("Flat"))
    (hits,) = index.search(colour_model().embed_images(dataset.paths[5:6]), 4)  # type: ignore[operator]
    assert {hit.label for hit in hits} == {"green"}
    assert hits[0].score == pytest.approx(1, abs=1e-5)
    assert index.add(colour_model(), dataset).kept == len(dataset)


def test_a_whitening_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    save_file({"mean": torch.zeros(3), "projection": torch.eye(4)}, tmp_path / "w.safetensors")
    with pytest.raises(IntegrityError, match="do not fit"):
        load_whitening(tmp_path / "w.safetensors")
