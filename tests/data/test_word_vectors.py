"""Vectors of words in the forms that people have them."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.data.word_vectors import WordVectors, read_word_vectors
from zoo.errors import DataError

WORDS = ("a", "red", "UNK", "naïve", "n't")
TABLE = np.arange(15, dtype=np.float32).reshape(5, 3) / 8 - 1


def lines(words: tuple[str, ...] = WORDS, head: str = "") -> str:
    rows = zip(words, TABLE, strict=False)
    return head + "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows)


def write_text(folder: Path) -> Path:
    (folder / "glove.txt").write_text(lines(), encoding="utf-8")
    return folder / "glove.txt"


def write_counted(folder: Path) -> Path:
    (folder / "wiki.vec").write_text(lines(head="5 3\n"), encoding="utf-8")
    return folder / "wiki.vec"


def write_packed(folder: Path) -> Path:
    (folder / "glove.txt.gz").write_bytes(gzip.compress(lines().encode()))
    return folder / "glove.txt.gz"


def write_binary(folder: Path) -> Path:
    rows = zip(WORDS, TABLE, strict=True)
    body = b"".join(w.encode() + b" " + struct.pack("<3f", *row) + b"\n" for w, row in rows)
    (folder / "news.bin").write_bytes(b"5 3\n" + body)
    return folder / "news.bin"


def write_array(folder: Path) -> Path:
    np.save(folder / "utable.npy", TABLE)
    (folder / "dictionary.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return folder / "utable.npy"


FORMS = (write_text, write_counted, write_packed, write_binary, write_array)
each_form = pytest.mark.parametrize("write", FORMS, ids=lambda write: write.__name__)


@each_form
def test_every_form_says_the_same(write: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read_word_vectors(write(tmp_path))
    assert found.words == WORDS
    assert torch.equal(found.table, torch.from_numpy(TABLE))


@each_form
def test_the_first_words_can_be_enough(write: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read_word_vectors(write(tmp_path), most=3)
    assert found.words == WORDS[:3]
    assert torch.equal(found.table, torch.from_numpy(TABLE[:3]))


def read(folder: Path, text: str) -> WordVectors:
    (folder / "own.txt").write_text(text, encoding="utf-8")
    return read_word_vectors(folder / "own.txt")


def test_where_no_word_stands_for_unknown_ones_the_mean_does(tmp_path: Path) -> None:
    found = read(tmp_path, "a 1 2\nb 3 6\n")
    assert found.words == ("a", "b", "<unk>")
    assert found.table[2].tolist() == [2.0, 4.0]


def test_a_word_that_comes_twice_has_its_first_vector(tmp_path: Path) -> None:
    found = read(tmp_path, "a 1 2\nunk 0 0\na 9 9\n")
    assert (found.words, found.table.tolist()) == (("a", "unk"), [[1.0, 2.0], [0.0, 0.0]])


def test_a_word_may_hold_blanks(tmp_path: Path) -> None:
    assert read(tmp_path, "a 1 2\n. . . 3 4\n").words[1] == ". . ."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a 1 2\nb 3\n", r"own.txt:2: 1 numbers, and the first word has 2"),
        ("a 1 2\nb 3 four\n", r"own.txt:2: could not convert"),
        ("a 1 2\nb 3 nan\n", "the vector of 'b' is not finite"),
        ("", "holds no word"),
        ("2 3\n", "holds no word"),
        ("word\n", "0 numbers a word"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_line(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said):
        read(tmp_path, text)


def break_binary(folder: Path) -> Path:
    path = write_binary(folder)
    path.write_bytes(path.read_bytes()[:-9])
    return path


def break_head(folder: Path) -> Path:
    path = write_binary(folder)
    path.write_bytes(path.read_bytes()[4:])
    return path


def break_packed(folder: Path) -> Path:
    path = write_packed(folder)
    path.write_bytes(path.read_bytes()[:20])
    return path


def lose_words(folder: Path) -> Path:
    path = write_array(folder)
    (folder / "dictionary.txt").unlink()
    return path


def add_word(folder: Path) -> Path:
    path = write_array(folder)
    (folder / "utable.txt").write_text("\n".join([*WORDS, "more"]))
    return path


def write_pickle(folder: Path) -> Path:
    path = write_array(folder)
    np.save(path, np.array([{"a": 1}], dtype=object))
    return path


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda folder: folder / "none.txt", "there are no word vectors"),
        (break_binary, "ends at word 4 of 5"),
        (break_head, "does not begin with word2vec's two counts"),
        (break_packed, "glove.txt.gz"),
        (lose_words, "its words are missing"),
        (add_word, "5 x 3 of float32, and .*utable.txt has 6 words"),
        (write_pickle, "no array of numbers"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    write: Callable[[Path], Path], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said) as problem:
        read_word_vectors(write(tmp_path))
    assert "\n" not in str(problem.value)


SOUND = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3), }"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(5, 3), }", "(5, 3"),  # the tokenizer's own kind of error
        ("'<f4'", "'<f4"),
        ("{", "  {\n {"),
        ("{", "{" * 999),
        ("'<f4'", "()"),
        ("'<f4'", "[('a', 9)]"),
        ("'<f4'", "{'a': 1}"),
        ("(5, 3)", "(9**99, 3)"),
        ("(5, 3)", f"({9**30}, 3)"),
        ("(5, 3)", "(-5, -3)"),
        ("(5, 3)", "(5, 'L')"),
        ("False", "1"),
    ],
)
def test_no_header_of_an_array_is_a_traceback(before: str, after: str, tmp_path: Path) -> None:
    header = SOUND.replace(before, after).encode() + b"\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
    path = write_array(tmp_path)
    path.write_bytes(start + header + TABLE.tobytes())
    with pytest.raises(DataError, match=r"utable\.npy: ") as problem:
        read_word_vectors(path)
    assert "\n" not in str(problem.value)
