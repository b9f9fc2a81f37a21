"""What is asked of faiss, held against faiss itself and against numpy."""

import builtins
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from zoo.embedding.vector_file import map_vectors, write_vectors
from zoo.errors import IntegrityError, UsageError
from zoo.index import Index, Plan, engine


def test_our_vector_file_is_the_one_faiss_writes(
    points: Callable[..., Tensor], tmp_path: Path
) -> None:
    vectors = points(37).numpy()
    write_vectors(tmp_path / "ours", [vectors[:20], vectors[20:]], 37, 16)
    flat = engine.make("Flat", 16)
    flat.add(vectors)
    engine.write(flat, tmp_path / "theirs")
    ours, theirs = (tmp_path / "ours").read_bytes(), (tmp_path / "theirs").read_bytes()
    assert ours == theirs
    assert (map_vectors(tmp_path / "theirs", 37, 16) == vectors).all()


SEARCH_BESIDE_TORCH_UTILS = """
import faiss.contrib.torch_utils
import numpy as np
from zoo.index import Plan, engine

flat = engine.make("Flat", 4)
flat.add(np.eye(4, dtype=np.float32))
alive = np.array([True, False, True, True])
queries = np.eye(4, dtype=np.float32)[1:3]
print(engine.search(flat, flat, Plan("Flat"), queries, 1, alive)[1].tolist())
"""


def test_a_filtered_search_works_where_another_package_patched_faiss() -> None:
    command = [sys.executable, "-c", SEARCH_BESIDE_TORCH_UTILS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (_, second) = json.loads(done.stdout)
    assert second == [2]


def test_vectors_of_another_shape_are_not_mapped(
    points: Callable[..., Tensor], tmp_path: Path
) -> None:
    write_vectors(tmp_path / "v", [points(5).numpy()], 5, 16)
    for count, dim in ((4, 16), (6, 16), (5, 15), (10, 8)):
        with pytest.raises(IntegrityError, match="does not hold"):
            map_vectors(tmp_path / "v", count, dim)


def test_a_file_of_another_kind_is_refused(points: Callable[..., Tensor], tmp_path: Path) -> None:
    index = engine.train("IVF2,Flat", points(100).numpy())
    engine.write(index, tmp_path / "trained")
    assert engine.open_trained(tmp_path / "trained", "IVF2,Flat", 16).ntotal == 0
    for kind, dim in (("IVF2,SQ8", 16), ("IVF2,Flat", 8), ("HNSW8", 16)):
        with pytest.raises(IntegrityError, match="holds IndexIVFFlat"):
            engine.open_trained(tmp_path / "trained", kind, dim)


def test_cells_found_by_a_graph_are_searched_as_hard_as_cells_are_visited(
    points: Callable[..., Tensor],
) -> None:
    vectors, queries = points(2000).numpy(), points(50, seed=1).numpy()
    index = engine.train("IVF64_HNSW8,Flat", vectors)
    engine.add(index, vectors)
    flat = engine.make("Flat", 16)
    flat.add(vectors)
    found = {n: engine.search(index, flat, Plan(nprobe=n), queries, 10)[1] for n in (1, 64)}
    assert (found[64] == engine.exact(vectors, queries, 10)[1]).all()
    assert (found[1] != found[64]).any()


def test_training_draws_a_bounded_fixed_sample(points: Callable[..., Tensor]) -> None:
    assert [engine.training_size(k) for k in ("Flat", "HNSW32", "IVF8,SQ8", "IVF8,PQ4")] == [
        *(0, 0),
        *(512, 25_600),
    ]
    first, second = (engine.train("IVF8,Flat", points(700).numpy()) for _ in range(2))
    faiss = engine.faiss()
    assert (faiss.serialize_index(first) == faiss.serialize_index(second)).all()


def test_a_forked_process_can_search_after_its_parent_has(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    engine.set_threads(2)  # the pool that a child inherits without its threads
    index = make_index(5000, plan=Plan("IVF8,Flat"))
    expected = index.search(points(2000), 3)
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a hang ends in a signal
        os._exit(0 if index.search(points(2000), 3) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_without_faiss_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "faiss":
            raise ImportError(name)
        return honest(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    engine.faiss.cache_clear()
    with pytest.raises(UsageError, match="indexes need faiss") as refusal:
        engine.make("Flat", 4)
    assert "rankzoo[cpu]" in refusal.value.hint


def test_brute_force_agrees_with_numpy(points: Callable[..., Tensor]) -> None:
    candidates, queries = points(50).numpy(), points(7, seed=1).numpy()
    scores, rows = engine.exact(candidates, queries, 4)
    expected = np.argsort(-(queries @ candidates.T), axis=1)[:, :4]
    assert (rows == expected).all()
    assert np.allclose(scores, np.take_along_axis(queries @ candidates.T, expected, 1), atol=1e-6)
