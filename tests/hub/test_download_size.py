"""What a dry run says of weights that need no download: where they lie, which, and how large."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from zoo.cards.shelf import all_cards
from zoo.cards.sources import BundledSource, PackageSource
from zoo.errors import UnavailableError
from zoo.files import sha256_of
from zoo.hub.download_size import plan
from zoo.hub.resolve import resolve

INSIDE = [n for n, card in all_cards().items() if isinstance(card.source, BundledSource)]
PACKAGED = [n for n, card in all_cards().items() if isinstance(card.source, PackageSource)]


def assert_files_lie_there(told: dict[str, object]) -> None:
    folder, files = Path(str(told["path"])), told["files"]
    assert isinstance(files, list)
    assert files
    for file in files:
        there = folder / file["name"]
        assert (there.stat().st_size, sha256_of(there)) == (file["size"], file["sha256"])


@pytest.mark.parametrize("name", INSIDE)
def test_weights_inside_rankzoo_are_told_as_resolving_finds_them(name: str) -> None:
    told = plan(name)
    assert told["path"] == str(resolve(name).path)
    assert told["revision"] == "inside rankzoo"
    assert_files_lie_there(told)


@pytest.mark.parametrize("name", PACKAGED)
def test_weights_of_a_package_are_told_where_it_is_installed(name: str) -> None:
    source = all_cards()[name].source
    assert isinstance(source, PackageSource)
    if find_spec(source.module) is None:  # no extra of rankzoo brings it
        with pytest.raises(UnavailableError, match=f"{source.distribution}.* is not installed"):
            plan(name)
        return
    told = plan(name)
    assert told["revision"] == f"pip package {source.distribution}=={source.version}"
    assert_files_lie_there(told)
