"""LaMem on a miniature of its layout."""

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.data.datasets.lamem import is_lamem, read_lamem
from zoo.errors import DataError

Lay = Callable[..., Path]
TEXTS = {
    "splits/train_1.txt": "a.jpg 0.75\nb.jpg 0.5\n",
    "splits/test_1.txt": "c.jpg 0.25\nd.jpg 1\n",
}
IMAGES = [f"images/{name}.jpg" for name in "abcd"]


def test_the_first_split_gives_images_and_their_memorability(lay: Lay) -> None:
    root = lay(TEXTS, IMAGES)
    assert is_lamem(root)
    train, test = read_lamem(root, "train"), read_lamem(root, "test")
    assert [path.name for path in train.paths] == ["a.jpg", "b.jpg"]
    assert train.targets.tolist() == [[0.75], [0.5]]
    assert train.outputs == ("memorability",)
    assert test.targets.tolist() == [[0.25], [1.0]]
    assert not test.ignored.any()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg high", r"train_1\.txt line 1: 'high' is no number"),
        ("a.jpg nan", "cannot be ranked"),
        ("z.jpg 0.5", r"z\.jpg: missing"),
        ("a.jpg 0.5", "no two different values"),
        ("a.jpg", "is not `image memorability`"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(lay: Lay, line: str, message: str) -> None:
    root = lay({**TEXTS, "splits/train_1.txt": f"{line}\n"}, IMAGES)
    with pytest.raises(DataError, match=message):
        read_lamem(root, "train")


def test_other_folders_are_not_taken_for_it(tmp_path: Path) -> None:
    assert not is_lamem(tmp_path)
