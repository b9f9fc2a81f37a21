"""Where a card's weights are right now, told without opening a connection."""

from importlib.util import find_spec
from typing import Literal

from zoo.cards.shelf import Card
from zoo.cards.sources import HubSource, PackageSource
from zoo.hub.cache import Pin, pin_path, read_pin

Availability = Literal["here", "package", "hub", "recipe"]


def availability(card: Card) -> Availability:
    """Return `here` (loads without a network), `package` (pip brings it), `hub`, or `recipe`.

    A Hub repository counts as here once a download of it was verified and pinned.
    """
    source = card.source
    if source is None:
        return "recipe"
    if isinstance(source, PackageSource):
        return "here" if find_spec(source.module) is not None else "package"
    if isinstance(source, HubSource):
        return "here" if pin_path(source.repo, source.revision).is_file() else "hub"
    return "here"


def pinned(card: Card) -> Pin | None:
    """Return the commit that the first download of a card's weights pinned, and its files."""
    source = card.source
    return (
        read_pin(pin_path(source.repo, source.revision)) if isinstance(source, HubSource) else None
    )


def pin_facts(card: Card) -> list[tuple[str, str]]:
    """Return the lines that tell what this machine pinned, or that it will."""
    if not isinstance(card.source, HubSource) or card.source.revision is not None:
        return []  # the card itself names the commit, or there is none
    pin = pinned(card)
    if pin is None:
        return [("pinned", "not yet: the first download pins a commit and checks each file's hash")]
    files = [(f.name, f"{f.size:,} bytes, sha256 {f.sha256[:16]}…") for f in pin.files]
    return [("pinned here", f"commit {pin.commit}"), *files]
