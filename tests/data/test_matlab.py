"""MATLAB files: what is sound is read; what ends or confuses their reader is one line."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from zoo.data.matlab import read_matlab
from zoo.errors import DataError

SOURCE = "download it again"


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    path = tmp_path / "a.mat"
    names = np.empty((1, 4), dtype=object)
    names[0] = ["0badc0ffee", "00deadbeef", "0123456789", "abcdefabcd"]
    savemat(path, {"cids": names, "cluster": np.array([[7, 7, 9, 9]])})
    return path


def test_cells_and_numbers_are_read(cells: Path) -> None:
    found = read_matlab(cells, ("cids", "cluster"), SOURCE)
    assert list(found["cids"]) == ["0badc0ffee", "00deadbeef", "0123456789", "abcdefabcd"]
    assert found["cluster"].tolist() == [7, 7, 9, 9]


def test_a_variable_that_is_not_there_and_a_cut_file_are_named(cells: Path) -> None:
    with pytest.raises(DataError, match=r"a\.mat: holds no b"):
        read_matlab(cells, ("b",), SOURCE)
    cells.write_bytes(cells.read_bytes()[:150])
    with pytest.raises(DataError, match=r"a\.mat: not a MATLAB file"):
        read_matlab(cells, ("cids",), SOURCE)


@pytest.mark.parametrize(("place", "bit"), [(144, 2), (204, 0)])
def test_a_flipped_bit_that_ends_the_reader_does_not_end_us(
    place: int, bit: int, cells: Path
) -> None:
    content = bytearray(cells.read_bytes())
    content[place] ^= 1 << bit  # SciPy's reader dies of SIGSEGV
    cells.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mat: not a MATLAB file"):
        read_matlab(cells, ("cids", "cluster"), SOURCE)
