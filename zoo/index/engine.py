"""The one place that imports faiss: making, filling, writing, opening and searching its indexes.

Everything here works on numpy arrays of unit float32 vectors and compares by inner product.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from zoo.embedding.vector_file import map_vectors
from zoo.errors import IntegrityError, UsageError
from zoo.index.layout import Plan

KINDS = re.compile(
    r"Flat|HNSW\d+|(OPQ\d+(_\d+)?,)?IVF\d+(_HNSW\d+)?,(Flat|SQ8|SQ4|PQ\d+(x4fs|x8)?)"
)
TRAIN_PER_CELL = 64  # k-means needs 39 points a centroid to be quiet; 64 is past the knee
TRAIN_FOR_CODES = 25_600  # 256 centroids a sub-quantiser, 100 points each
CHUNK = 65_536  # vectors added at once: 64 MiB at 256 dimensions

Vectors = Float32[np.ndarray, "item dim"]
Queries = Float32[np.ndarray, "query dim"]
Found = tuple[Float32[np.ndarray, "query found"], Int64[np.ndarray, "query found"]]


@cache
def faiss() -> Any:
    """Import faiss; a process forked later searches on one thread, since its OpenMP pool is gone.

    Raises:
        UsageError: no faiss is installed.
    """
    try:
        import faiss as module
    except ImportError as error:
        raise UsageError("indexes need faiss", "pip install 'rankzoo[cpu]'") from error
    os.register_at_fork(after_in_child=lambda: module.omp_set_num_threads(1))
    return module


def check_kind(kind: str) -> None:
    """Refuse a factory string this room does not open safely.

    Raises:
        UsageError: with examples of what is known.
    """
    if not KINDS.fullmatch(kind):
        raise UsageError(
            f"index kind {kind!r} is unknown", "try Flat, HNSW32, IVF1024,SQ8 or IVF1024,PQ64x4fs"
        )


def make(kind: str, dim: int) -> Any:
    """Make an empty, untrained faiss index.

    Raises:
        UsageError: faiss cannot make this kind in this dimension.
    """
    check_kind(kind)
    try:
        return faiss().index_factory(dim, kind, faiss().METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise UsageError(
            f"index kind {kind!r} cannot hold {dim} dimensions: {_reason(error)}",
            "the PQ and OPQ numbers must divide the dimension",
        ) from error


def training_size(kind: str) -> int:
    """How many vectors training wants; 0 for a kind that needs none."""
    cells = re.search(r"IVF(\d+)", kind)
    wanted = TRAIN_PER_CELL * int(cells[1]) if cells else 0
    return max(wanted, TRAIN_FOR_CODES) if "PQ" in kind else wanted


def train(kind: str, vectors: Vectors) -> Any:
    """Make an index and train it on at most `training_size` of `vectors`, drawn with a fixed seed.

    Raises:
        UsageError: there are fewer vectors than cells or code words.
    """
    index = make(kind, vectors.shape[1])
    wanted = training_size(kind)
    if wanted:
        try:
            index.train(np.ascontiguousarray(vectors[drawn(len(vectors), wanted)]))
        except RuntimeError as error:
            raise UsageError(
                f"{len(vectors)} vectors are too few to train {kind!r}: {_reason(error)}",
                "use Flat, or fewer cells",
            ) from error
    return index


def drawn(count: int, wanted: int) -> Int64[np.ndarray, " row"]:
    """Return, ascending, which `wanted` of `count` rows are learnt from: always the same."""
    return np.sort(np.random.default_rng(0).permutation(count)[:wanted])


def add(index: Any, vectors: Vectors) -> None:
    """Add `vectors` in chunks, so that a memory-mapped matrix is never copied whole."""
    for start in range(0, len(vectors), CHUNK):
        index.add(np.ascontiguousarray(vectors[start : start + CHUNK]))


def write(index: Any, path: Path) -> None:
    """Write an index; HNSW graphs without their vectors, which lie beside it already.

    Raises:
        OSError: the disk is full, or cannot be written.
    """
    flags = faiss().IO_FLAG_SKIP_STORAGE if isinstance(index, faiss().IndexHNSW) else 0
    try:
        faiss().write_index(index, _text(path), flags)
    except RuntimeError as error:
        raise OSError(None, _reason(error), str(path)) from error


def open_flat(path: Path, count: int, dim: int) -> Any:
    """Open an exact index over a file that `map_vectors` accepts, memory-mapped.

    Raises:
        IntegrityError: see `map_vectors`.
    """
    map_vectors(path, count, dim)
    return _read(path, "Flat", faiss().IO_FLAG_MMAP_IFC)


def open_trained(path: Path, kind: str, dim: int) -> Any:
    """Open a trained index that holds nothing yet.

    Raises:
        IntegrityError: the file holds another kind or dimension.
    """
    return _checked(_read(path, kind, 0), path, kind, dim, 0)


def open_part(path: Path, kind: str, dim: int, count: int) -> Any:
    """Open, memory-mapped, the lists of some of an index's vectors, which are not beside them.

    Raises:
        IntegrityError: the file holds another kind, dimension or number of vectors.
    """
    return _checked(_read(path, kind, faiss().IO_FLAG_MMAP_IFC), path, kind, dim, count)


def open_coded(path: Path, kind: str, flat: Any) -> Any:
    """Open, memory-mapped, the approximate index that stands beside the exact one `flat`.

    Raises:
        IntegrityError: the file holds another kind, dimension or number of vectors.
    """
    graph = kind.startswith("HNSW")
    flags = faiss().IO_FLAG_SKIP_STORAGE if graph else 0
    index = _read(path, kind, faiss().IO_FLAG_MMAP_IFC | flags)
    _checked(index, path, kind, flat.d, flat.ntotal)
    if graph:
        index.storage, index.own_fields = flat, False  # the caller keeps `flat` as long
    return index


def search(
    index: Any,
    flat: Any,
    plan: Plan,
    queries: Queries,
    k: int,
    alive: Bool[np.ndarray, " item"] | None = None,
) -> Found:
    """Return scores and rows of the `k` best among the `alive`; missing ones have row -1.

    alive: None for all.

    With `plan.refine`, `k * refine` candidates of `index` are ranked again by `flat`, exactly.
    """
    bits = None if alive is None else np.packbits(alive, bitorder="little")
    selector = None if bits is None else faiss().IDSelectorBitmap(bits)
    parameters = _parameters(index, plan, selector)
    if plan.refine and index is not flat:
        parameters = faiss().IndexRefineSearchParameters(
            k_factor=float(plan.refine), base_index_params=parameters
        )
        index = faiss().IndexRefine(index, flat)
    # faiss.contrib.torch_utils, which pytorch-metric-learning imports, puts a `search` without
    # `params` in the place of this one, for the whole process, and keeps it as `search_numpy`.
    ask = getattr(index, "search_numpy", index.search)
    scores, rows = ask(np.ascontiguousarray(queries), k, params=parameters)
    return scores, rows


def exact(candidates: Vectors, queries: Queries, k: int) -> Found:
    """Return the `k` best of `candidates` by brute force."""
    scores, rows = faiss().knn(
        np.ascontiguousarray(queries),
        np.ascontiguousarray(candidates),
        min(k, len(candidates)),
        metric=faiss().METRIC_INNER_PRODUCT,
    )
    return scores, rows


def set_threads(count: int) -> None:
    """Let faiss use `count` threads from now on."""
    faiss().omp_set_num_threads(count)


def _parameters(index: Any, plan: Plan, selector: Any) -> Any:
    module = faiss()
    if isinstance(index, module.IndexPreTransform):
        inner = _parameters(module.downcast_index(index.index), plan, selector)
        return module.SearchParametersPreTransform(index_params=inner)
    if isinstance(index, module.IndexIVF):
        graph = isinstance(module.downcast_index(index.quantizer), module.IndexHNSW)
        beam = module.SearchParametersHNSW(efSearch=2 * plan.nprobe) if graph else None
        return module.SearchParametersIVF(nprobe=plan.nprobe, sel=selector, quantizer_params=beam)
    if isinstance(index, module.IndexHNSW):
        return module.SearchParametersHNSW(efSearch=plan.ef_search, sel=selector)
    return module.SearchParameters(sel=selector)


def _read(path: Path, kind: str, flags: int) -> Any:
    """Read a file whose content was verified, allowing no array larger than the file itself."""
    module = faiss()
    before = module.get_deserialization_vector_byte_limit()  # of the process, and others read too
    module.set_deserialization_vector_byte_limit(path.stat().st_size + 1 + _table_bytes(kind))
    flags |= module.IO_FLAG_SKIP_PRECOMPUTE_TABLE  # those tables serve Euclidean distances only
    try:
        return module.read_index(_text(path), flags)
    except (RuntimeError, MemoryError) as error:
        raise IntegrityError(f"{path} is no faiss index: {_reason(error)}") from error
    finally:
        module.set_deserialization_vector_byte_limit(before)


def _table_bytes(kind: str) -> int:
    """Size of the tables that faiss wants to be allowed, though it is told not to make them."""
    cells, codes = re.search(r"IVF(\d+)", kind), re.search(r",PQ(\d+)(x4)?", kind)
    if not cells or not codes:
        return 0
    return 4 * int(cells[1]) * int(codes[1]) * (16 if codes[2] else 256)


def _text(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def _checked(index: Any, path: Path, kind: str, dim: int, count: int) -> Any:
    expected = make(kind, dim)
    found = (type(index), index.d, index.ntotal, index.metric_type, index.is_trained)
    if found != (type(expected), dim, count, faiss().METRIC_INNER_PRODUCT, True):
        raise IntegrityError(
            f"{path} holds {type(index).__name__} with {index.ntotal} x {index.d} vectors,"
            f" not {kind} with {count} x {dim}"
        )
    return index


def _reason(error: BaseException) -> str:
    """Faiss's own words without the C++ signature in front of them."""
    return str(error).split("Error: ")[-1].split(" at ")[0].strip() or type(error).__name__
