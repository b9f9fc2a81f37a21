"""Where a card's weights come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AT_FIRST_DOWNLOAD = "at-first-download"  # a card's revision when it could not name a commit


@dataclass(frozen=True)
class FileRecord:
    """A file and what it must be: its name inside the source, size in bytes and sha256."""

    name: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """Return the record with the keys `rankzoo download --json` prints."""
        return {"name": self.name, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True)
class HubSource:
    """A repository of the Hub; without a revision, the first download pins one locally.

    `prefer`: how the name of the weights begins that are taken where there are several.
    """

    repo: str
    revision: str | None = None
    prefer: str = ""

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


@dataclass(frozen=True)
class PackageSource:
    """Weights inside an installed pip package: its distribution, pinned, and import name."""

    distribution: str
    version: str
    module: str
    folder: str = ""

    def __str__(self) -> str:
        return f"pip package {self.distribution}=={self.version}"


@dataclass(frozen=True)
class BundledSource:
    """Weights that travel inside rankzoo itself, in a folder of `zoo/`."""

    folder: str

    def __str__(self) -> str:
        return "inside rankzoo"


@dataclass(frozen=True)
class FolderSource:
    """Weights that lie beside the card, as in a run or in a repository of the Hub."""

    def __str__(self) -> str:
        return "beside the card"


Source = HubSource | PackageSource | BundledSource | FolderSource


def read_source(value: Mapping[str, Any]) -> Source | None:
    """Read a card's `source`; `None` when the card has a recipe and no weights yet.

    Raises:
        KeyError: a kind of source lacks one of its keys.
    """
    if "repo" in value:
        revision = value.get("revision")
        return HubSource(value["repo"], None if revision == AT_FIRST_DOWNLOAD else revision)
    if "package" in value:
        distribution, _, version = str(value["package"]).partition("==")
        return PackageSource(distribution, version, value["module"], value.get("folder", ""))
    if "bundled" in value:
        return BundledSource(value["bundled"])
    if "folder" in value:
        return FolderSource()
    return None
