"""Checkpoints that unpack to more than they are, and pickles made to crash their reader."""

import pickle
import random
import zipfile
from pathlib import Path

import pytest
import torch

from zoo.errors import IntegrityError, RankzooError
from zoo.hub.conversion.convert import convert
from zoo.hub.pickles import foreign_classes, read_state_dict


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A sound checkpoint of two tensors."""
    path = tmp_path / "model.pth"
    torch.save({"a.weight": torch.ones(16, 16), "b.bias": torch.zeros(16)}, path)
    return path


def test_a_compressed_checkpoint_is_refused_before_it_is_unpacked(
    checkpoint: Path, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.pth"
    with (
        zipfile.ZipFile(checkpoint) as old,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            content = old.read(entry.filename)
            grown = b"\0" * 50_000_000 if "/data/" in entry.filename else content
            new.writestr(entry.filename, grown, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 200_000
    for read in (read_state_dict, foreign_classes):
        with pytest.raises(IntegrityError, match="larger unpacked"):
            read(bomb)
    with pytest.raises(IntegrityError, match="larger unpacked"):
        convert(bomb, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(1).expand(10**6, 10**6),
        torch.zeros(4).as_strided((10**5, 4), (0, 1)),
        torch.sparse_coo_tensor(
            torch.tensor([[0]]), torch.ones(1), (10**9,), check_invariants=True
        ),
    ],
)
def test_a_tensor_larger_than_what_it_is_made_of_is_refused(
    tensor: torch.Tensor, tmp_path: Path
) -> None:
    torch.save({"a": tensor}, tmp_path / "x.pth")
    with pytest.raises(IntegrityError, match="x.pth"):
        read_state_dict(tmp_path / "x.pth")


def test_one_storage_under_a_thousand_names_is_refused(tmp_path: Path) -> None:
    shared = torch.zeros(100_000)
    torch.save({f"t{number}": shared for number in range(1_000)}, tmp_path / "x.pth")
    with pytest.raises(IntegrityError, match="share storage"):
        read_state_dict(tmp_path / "x.pth")


def test_tied_weights_are_read(tmp_path: Path) -> None:
    tied = torch.zeros(10)
    torch.save({"a": tied, "b": tied}, tmp_path / "x.pth")
    assert set(read_state_dict(tmp_path / "x.pth")) == {"a", "b"}


@pytest.mark.parametrize(
    "code",
    [b".", b"0.", b"]K\x05e.", b"h\x05.", b"}(K\x01u.", b"c\n\n.", b"]R.", b"\x80\x02}b.", b""],
)
def test_a_crafted_pickle_is_one_line(code: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(code)
    with pytest.raises(IntegrityError, match="x.pth") as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)


def test_pickles_with_any_bytes_changed_are_read_or_one_line(
    checkpoint: Path, tmp_path: Path
) -> None:
    dice = random.Random(0)
    sound, path = checkpoint.read_bytes(), tmp_path / "x.pth"
    plain = pickle.dumps({"a": [1, (2, 3)], "b": "text"})
    for number in range(200):
        content = bytearray(sound if number % 2 else plain)
        for _ in range(dice.randint(1, 8)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        path.write_bytes(content)
        try:
            read_state_dict(path, foreign_classes(path))
        except RankzooError as error:
            assert "\n" not in str(error)  # noqa: PT017
