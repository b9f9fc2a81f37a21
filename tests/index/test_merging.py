"""Train once, add per shard, merge: the same index as on one machine."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.errors import UsageError
from zoo.index import Index, ModelIdentity, Plan, Record, engine
from zoo.index.lists import write_lists

PLANS = [
    Plan("Flat"),
    Plan("HNSW16", ef_search=400),
    Plan("IVF8,Flat", nprobe=3),
    Plan("IVF8,SQ8", nprobe=3),
    Plan("IVF8,PQ8x4fs", nprobe=3),
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_merged_shards_answer_as_the_index_of_everything(
    plan: Plan,
    tmp_path: Path,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> None:
    vectors, rows = points(600), records(600)
    whole = Index.from_vectors(tmp_path / "whole", vectors, rows, identity, plan=plan)
    shards = []
    for number in range(3):
        part = slice(200 * number, 200 * (number + 1))
        shards.append(tmp_path / f"shard{number}")
        Index.from_vectors(
            shards[-1], vectors[part], rows[part], identity, plan=plan, like=tmp_path / "whole"
        )
    merged = Index.merge(tmp_path / "merged", shards)
    queries = points(40, seed=1)
    assert merged.search(queries, 10) == whole.search(queries, 10)
    assert merged.verify() > 0
    assert len(merged) == 600


CODED = ["IVF8,Flat", "IVF8,SQ8", "OPQ2_16,IVF8,PQ2", "IVF8,PQ8x4fs", "IVF8_HNSW4,PQ8x4fs"]


@pytest.mark.parametrize("kind", CODED)
def test_lists_are_written_as_faiss_writes_the_index_of_what_is_kept(
    kind: str, tmp_path: Path, points: Callable[..., Tensor]
) -> None:
    engine.write(engine.train(kind, points(1000).numpy()), tmp_path / "trained")
    pieces = [points(count, seed=count).numpy() for count in (300, 1, 200)]
    kept = [np.ones(300, bool), np.ones(1, bool), np.random.default_rng(0).random(200) < 0.6]
    empty, whole, *parts = (engine.open_trained(tmp_path / "trained", kind, 16) for _ in range(5))
    for part, piece in zip(parts, pieces, strict=True):
        part.add(piece)
    whole.add(np.concatenate([piece[mask] for piece, mask in zip(pieces, kept, strict=True)]))
    engine.write(whole, tmp_path / "whole")
    write_lists(tmp_path / "merged", empty, list(zip(parts, kept, strict=True)))
    assert (tmp_path / "merged").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_list_that_ends_with_a_block_is_continued(
    tmp_path: Path, points: Callable[..., Tensor]
) -> None:
    kind, trained = "IVF1,PQ8x4fs", tmp_path / "trained"
    engine.write(engine.train(kind, points(1000).numpy()), trained)
    empty, whole, *parts = (engine.open_trained(trained, kind, 16) for _ in range(4))
    vectors = points(512).numpy()
    whole.add(vectors)
    for part, half in zip(parts, (vectors[:256], vectors[256:]), strict=True):
        part.add(half)
    masks = [np.ones(256, bool)] * 2
    write_lists(tmp_path / "merged", empty, list(zip(parts, masks, strict=True)))
    engine.write(whole, tmp_path / "whole")
    assert (tmp_path / "merged").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_two_indexes_hold_is_taken_once_and_removed_items_stay_behind(
    make_index: Callable[..., Index], points: Callable[..., Tensor], tmp_path: Path
) -> None:
    first, second = make_index(30, name="a"), make_index(50, name="b")
    first.remove(ids=[3])
    second.remove(ids=[40])
    merged = Index.merge(tmp_path / "merged", [first.folder, second.folder])
    found = {hit.record.path for hit in merged.search(points(1), 100)[0]}
    assert found == {f"p{i}.png" for i in range(50)} - {"p40.png"}
    assert len(merged) == 49  # number 3 is alive in the second


def test_indexes_of_different_folders_keep_their_images_places(
    make_index: Callable[..., Index], points: Callable[..., Tensor], tmp_path: Path
) -> None:
    make_index(3, name="a", root=Path("/one"))
    make_index(3, name="b", root=Path("/two"), seed=1)
    merged = Index.merge(tmp_path / "merged", [tmp_path / "a", tmp_path / "b"])
    assert merged.search(points(3)[1:2], 1)[0][0].path == Path("/one/p1.png")
    assert merged.search(points(3, seed=1)[2:], 1)[0][0].path == Path("/two/p2.png")


def test_indexes_of_different_models_are_not_merged(
    make_index: Callable[..., Index],
    tmp_path: Path,
    records: Callable[..., list[Record]],
    identity: ModelIdentity,
) -> None:
    make_index(3, name="a")
    other = replace(identity, weights_sha256="1" * 64)
    Index.from_vectors(tmp_path / "b", torch.eye(16)[:3], records(3), other)
    said = f"^{tmp_path / 'a'} was built with other weights: .*, {tmp_path / 'b'} with"
    with pytest.raises(UsageError, match=said) as caught:
        Index.merge(tmp_path / "merged", [tmp_path / "a", tmp_path / "b"])
    assert caught.value.hint == "merge indexes of one model"
    assert not (tmp_path / "merged").exists()
