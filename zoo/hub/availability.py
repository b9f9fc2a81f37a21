"""Where a card's weights are right now, told without opening a connection."""

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from zoo.cards.shelf import Card
from zoo.cards.sources import HubSource, PackageSource
from zoo.hub.cache import pin_path

Availability = Literal["here", "package", "hub", "recipe"]


def availability(card: Card) -> Availability:
    """Return `here` (loads without a network), `package` (pip brings it), `hub`, or `recipe`.

    A Hub repository counts as here once a download of it was verified and pinned.
    """
    source = card.source
    if source is None:
        return "recipe"
    if isinstance(source, PackageSource):
        return "here" if _installed(source.distribution) else "package"
    if isinstance(source, HubSource):
        return "here" if pin_path(source.repo, source.revision).is_file() else "hub"
    return "here"


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
