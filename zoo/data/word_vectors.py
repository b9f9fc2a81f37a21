"""Vectors of words from the files that people have: GloVe, word2vec, fastText, skip-thoughts."""

import gzip
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from zoo.errors import DataError, UsageError
from zoo.files import is_there, one_line

UNKNOWN = ("UNK", "<unk>", "<UNK>", "unk", "[UNK]")  # what files call the word that stands for any
WIDEST = 4096  # numbers a word; published files have 50 to 620
FORMS = "lines of a word and its numbers (GloVe, word2vec, fastText), word2vec's .bin, or .npy"
Rows = tuple[list[str], np.ndarray]


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words, none twice, and the vector of each; one of them is in `UNKNOWN`."""

    words: tuple[str, ...]
    table: Float[Tensor, "word width"]


def read_word_vectors(path: Path, most: int | None = None) -> WordVectors:
    """Read the first `most` words of a file, or all; a word that comes twice has its first vector.

    Text is a word and its numbers a line, with or without word2vec's line of two counts before.
    `.bin` is word2vec's binary form; both may be packed (`.gz`). `.npy` is an array of a row a
    word, whose words lie beside it, one a line, in a text of its name or in `dictionary.txt`
    (skip-thoughts). Where no word stands for unknown ones, `<unk>` is added: the mean of all.

    Raises:
        UsageError: `most` is below 1.
        DataError: there is no such file, or it is of another form; the line is named.
    """
    require_vectors(path, most)
    kind = Path(path.name.removesuffix(".gz")).suffix
    try:
        words, rows = {".npy": _array, ".bin": _binary}.get(kind, _text)(path, most)
    except (OSError, EOFError) as error:  # gzip's word for a file that is cut, or none of its own
        raise DataError(f"{path}: {error}", f"give a file of {FORMS}") from error
    if not words:
        raise DataError(f"{path}: holds no word", f"give a file of {FORMS}")
    first: dict[str, int] = {}
    for place, word in enumerate(words):
        first.setdefault(word, place)
    table = torch.from_numpy(rows)[list(first.values())]
    if not (finite := table.isfinite().all(dim=1)).all():
        word = list(first)[int((~finite).nonzero()[0])]
        raise DataError(f"{path}: the vector of {word!r} is not finite", "take that word out")
    if not first.keys() & set(UNKNOWN):
        first["<unk>"] = len(first)
        table = torch.cat([table, table.mean(dim=0, keepdim=True)])
    return WordVectors(tuple(first), table)


def require_vectors(path: Path, most: int | None = None) -> None:
    """Raise unless there is such a file, and a word of it is wanted.

    Raises:
        UsageError: `most` is below 1. DataError: there is no file.
    """
    if most is not None and most < 1:
        raise UsageError(f"captions.most_words={most}: no word is kept", "1 or more, or null")
    if not is_there(path, file=True):
        raise DataError(f"{path}: there are no word vectors", f"give a file of {FORMS}")


def _text(path: Path, most: int | None) -> Rows:
    words, values, width = list[str](), array("f"), 0
    with _opened(path) as file:
        for number, line in _counted(file, most):
            parts = line.decode(errors="replace").rstrip().split(" ")
            width = width or _checked(path, len(parts) - 1)
            if len(parts) <= width:
                problem = f"{len(parts) - 1} numbers, and the first word has {width}"
                raise DataError(f"{path}:{number}: {problem}", FORMS)
            try:
                values.extend(map(float, parts[-width:]))
            except ValueError as error:
                raise DataError(f"{path}:{number}: {error}", FORMS) from error
            words.append(" ".join(parts[:-width]))  # a few of GloVe's hold blanks
    return words, np.frombuffer(values, dtype=np.float32).reshape(len(words), width).copy()


def _counted(file: BufferedIOBase, most: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines, at most so many, without the line of two counts."""
    lines = enumerate(file, start=1)
    head = list(islice(lines, 1))
    counts = head[0][1].split() if head else []
    counted = len(counts) == 2 and all(part.isdigit() for part in counts)
    yield from islice(lines if counted else chain(head, lines), most)


def _binary(path: Path, most: int | None) -> Rows:
    words, values = list[str](), bytearray()
    with _opened(path) as file:
        head = file.readline(64).split()
        if len(head) != 2 or not all(part.isdigit() for part in head):
            raise DataError(f"{path}: does not begin with word2vec's two counts", FORMS)
        count, width = int(head[0]), _checked(path, int(head[1]))
        for number in range(count if most is None else min(count, most)):
            word = b"".join(iter(lambda: file.read(1) or b" ", b" "))
            vector = file.read(4 * width)
            if len(vector) < 4 * width:
                raise DataError(f"{path}: ends at word {number} of {count}", "download it again")
            words.append(word.decode(errors="replace").lstrip("\n"))
            values += vector
    return words, np.frombuffer(values, dtype="<f4").reshape(len(words), width).astype(np.float32)


def _array(path: Path, most: int | None) -> Rows:
    names = [path.with_suffix(".txt"), path.with_name("dictionary.txt")]
    named = next((name for name in names if name.is_file()), None)
    if named is None:
        raise DataError(f"{path}: its words are missing", f"one a line, in {names[0]}")
    words = [line.strip() for line in named.read_text("utf-8", errors="replace").split("\n")]
    try:
        rows = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # whatever the tokenizer and dtypes of NumPy's headers raise
        raise DataError(f"{path}: no array of numbers ({one_line(error)})", FORMS) from error
    words = words[:-1] if words[-1] == "" else words
    if rows.ndim != 2 or rows.dtype.kind != "f" or len(rows) != len(words):
        shape = " x ".join(map(str, rows.shape))
        raise DataError(f"{path}: {shape} of {rows.dtype}, and {named} has {len(words)} words")
    _checked(path, rows.shape[1])
    return words[:most], rows[:most].astype(np.float32)


def _opened(path: Path) -> BufferedIOBase:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _checked(path: Path, width: int) -> int:
    if not 1 <= width <= WIDEST:
        raise DataError(f"{path}: {width} numbers a word, 1 to {WIDEST} can be", FORMS)
    return width
