"""Inverted lists of several files written as one, a list at a time.

Where faiss's `merge_from` holds the whole merged index, this holds one list and 8 bytes an item.
"""

import struct
from collections.abc import Iterator, Sequence
from io import BufferedWriter
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from zoo.index.engine import faiss

Mask = Bool[np.ndarray, " _"]  # one entry an item of a part
Numbers = Int64[np.ndarray, " _"]  # new number of each item, -1 for those left out
Codes = UInt8[np.ndarray, "_ byte"]


def write_lists(path: Path, empty: Any, parts: Sequence[tuple[Any, Mask]]) -> None:
    """Write the index that holds the chosen items of `parts`, in order and numbered anew.

    parts: indexes trained as one with `empty`, best mapped, each with which of its items to take.

    The file is what faiss writes: the empty index with another count, then the lists; those of
    fast-scan codes stand in blocks of 32 entries, the others as they are.
    """
    module = faiss()
    inner = module.extract_index_ivf(empty)
    empty.ntotal = inner.ntotal = sum(int(mask.sum()) for _, mask in parts)
    head = module.serialize_index(empty).tobytes()
    numbers = list(_numbers([mask for _, mask in parts]))
    lists = [_Lists(index) for index, _ in parts]
    with path.open("wb") as file:
        if hasattr(lists[0].lists, "packer"):
            file.write(head[: -16 * inner.nlist])  # an empty list is two counts of zero
            _write_blocks(file, inner.nlist, lists, numbers)
        else:
            file.write(head[:-12])  # "sprs", sparse sizes, and how many: none
            _write_arrays(file, inner.nlist, lists, numbers)


class _Lists:
    """The inverted lists of one index."""

    def __init__(self, index: Any) -> None:
        self.index = index  # owns the lists
        self.lists = faiss().downcast_InvertedLists(faiss().extract_index_ivf(index).invlists)

    def items(self, number: int) -> Int64[np.ndarray, " _"]:
        """Which items a list holds."""
        size = self.lists.list_size(number)
        if not size:
            return np.empty(0, np.int64)
        found: Int64[np.ndarray, " _"] = faiss().rev_swig_ptr(self.lists.get_ids(number), size)
        return found

    def codes(self, number: int) -> Codes:
        """Their codes, one row each."""
        size = self.lists.list_size(number)
        packer = getattr(self.lists, "packer", None)
        each = self.lists.code_size if packer is None else packer.code_size
        if not size:
            return np.empty((0, each), np.uint8)
        start = self.lists.get_codes(number)
        if packer is None:
            plain: Codes = faiss().rev_swig_ptr(start, size * each).reshape(size, each)
            return plain
        blocks = -(-size // packer.nvec)
        packed = faiss().rev_swig_ptr(start, blocks * packer.block_size).reshape(blocks, -1)
        flat = np.empty((blocks, packer.nvec * each), np.uint8)
        for block, row in zip(packed, flat, strict=True):
            packer.unpack_all(faiss().swig_ptr(block), faiss().swig_ptr(row))
        return flat.reshape(-1, each)[:size]


def _numbers(masks: Sequence[Mask]) -> Iterator[Numbers]:
    first = 0
    for mask in masks:
        yield np.where(mask, first + np.cumsum(mask) - 1, -1)
        first += int(mask.sum())


def _merged(
    number: int, lists: Sequence[_Lists], numbers: Sequence[Numbers]
) -> tuple[Codes, Int64[np.ndarray, " _"]]:
    """Return the codes and new item numbers of one list."""
    renumbered = [new[one.items(number)] for one, new in zip(lists, numbers, strict=True)]
    pairs = zip(lists, renumbered, strict=True)
    codes = np.concatenate([one.codes(number)[items >= 0] for one, items in pairs])
    return codes, np.concatenate([items[items >= 0] for items in renumbered])


def _write_arrays(
    file: BufferedWriter, count: int, lists: Sequence[_Lists], numbers: Sequence[Numbers]
) -> None:
    sizes = np.zeros(count, np.uint64)
    for one, new in zip(lists, numbers, strict=True):
        sizes += np.array([(new[one.items(n)] >= 0).sum() for n in range(count)], np.uint64)
    file.write(b"full" + struct.pack("<Q", count) + sizes.tobytes())
    for number in range(count):
        codes, items = _merged(number, lists, numbers)
        file.write(codes.tobytes() + items.tobytes())


def _write_blocks(
    file: BufferedWriter, count: int, lists: Sequence[_Lists], numbers: Sequence[Numbers]
) -> None:
    packer = lists[0].lists.packer
    for number in range(count):
        codes, items = _merged(number, lists, numbers)
        blocks = -(-len(items) // packer.nvec)
        flat = np.zeros((blocks * packer.nvec, packer.code_size), np.uint8)
        flat[: len(codes)] = codes
        packed = np.zeros((blocks, packer.block_size), np.uint8)
        for rows, block in zip(flat.reshape(blocks, -1), packed, strict=True):
            packer.pack_all(faiss().swig_ptr(rows), faiss().swig_ptr(block))
        for values in (items, packed.reshape(-1)):
            file.write(struct.pack("<Q", len(values)) + values.tobytes())
