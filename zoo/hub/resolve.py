"""From any name of a model to a verified local folder."""

import logging
from pathlib import Path

from zoo.cards.licences import licence_warning
from zoo.cards.model_files import check_model_folder, record_of
from zoo.cards.names import parse_hub_name
from zoo.cards.shelf import Card, all_cards, find_card
from zoo.cards.sources import BundledSource, FolderSource, HubSource, PackageSource
from zoo.errors import IntegrityError, UnavailableError, UsageError
from zoo.files import looks_like_path
from zoo.hub.converted import (
    from_package,
    with_card_architecture,
    with_open_clip,
    with_safe_weights,
)
from zoo.hub.download import Snapshot, download
from zoo.hub.open_clip_names import open_clip_source
from zoo.hub.package import bundled_folder, verified_files
from zoo.progress import Track, silent

LOG = logging.getLogger("rankzoo")


def resolve_model(
    name: str,
    *,
    revision: str | None = None,
    offline: bool = False,
    track: Track = silent,
) -> Path:
    """Return a verified local model folder (config.json, model.safetensors) for any name.

    `name` is an existing folder, a card of `rankzoo list`, `owner/name[@revision]`, or, with
    open_clip installed, its `model/tag`.

    Raises:
        UnavailableError: no such name, or it cannot be reached (exit code 4).
        IntegrityError: content that is not what was promised (exit code 5).
    """
    folder = Path(name).expanduser()
    if folder.is_dir():  # nothing was promised of its files, so none is hashed
        _refuse_revision(name, revision, "a folder")
        return check_model_folder(folder)
    return resolve(name, revision=revision, offline=offline, track=track).path


def resolve(
    name: str,
    *,
    revision: str | None = None,
    offline: bool = False,
    refresh: bool = False,
    track: Track = silent,
) -> Snapshot:
    """Return what `resolve_model` returns, with the revision and the files of the folder."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        _refuse_revision(name, revision, "a folder")
        return local_snapshot(check_model_folder(folder), name)
    if "/" in name and "@" not in name and revision is None and looks_like_path(name):
        problem = "is no model folder" if folder.exists() else "does not exist"
        raise UnavailableError(
            f"{name} {problem}", "name a folder, a card of rankzoo list, or owner/name@revision"
        )
    card, source = look_up(name, revision)
    if card is not None and (warning := licence_warning(card)):
        LOG.warning(warning)
    if isinstance(source, HubSource):
        found = download(source, offline=offline, refresh=refresh, track=track)
        found = with_safe_weights(with_open_clip(_compared_with(card, found)))
        return with_card_architecture(card, found)
    assert card is not None
    if isinstance(source, PackageSource):
        return from_package(card, source)
    return _from_bundle(card, source)


def look_up(
    name: str, revision: str | None = None
) -> tuple[Card | None, HubSource | PackageSource | BundledSource]:
    """Return the card behind a name, if any, and where its weights are.

    Raises:
        UnavailableError: no such card, or the card has a recipe and no weights.
        UsageError: a name as open_clip spells them, of weights that it does not have; a revision
            of weights that lie in no repository.
    """
    named = open_clip_source(name, revision) or parse_hub_name(name, revision)
    if named is not None:
        return _card_of_repo(named.repo), named
    card = find_card(name)
    match card.source:
        case None:
            raise UnavailableError(
                f"{name} has a recipe and no published weights",
                f"train it: rankzoo train {card.block.get('recipe', name)} --data FOLDER",
            )
        case FolderSource():
            raise UnavailableError(f"the weights of {name} lie beside its card", "name the folder")
        case HubSource(repo, pinned):
            return card, HubSource(repo, revision or pinned)
        case source:
            _refuse_revision(name, revision, str(source))
            return card, source


def _refuse_revision(name: str, revision: str | None, where: str) -> None:
    """Raise where a revision is asked of what lies in no repository of the Hub."""
    if revision is not None:
        problem = f"--revision {revision}: the weights of {name} are {where}, which has no other"
        raise UsageError(problem, "leave it out")


def local_snapshot(folder: Path, name: str) -> Snapshot:
    """Describe a local model folder; its revision is `local`."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix in {".json", ".safetensors"})
    return Snapshot(folder, name, "local", tuple(record_of(folder / n, n) for n in names))


def _card_of_repo(repo: str) -> Card | None:
    cards = all_cards().values()
    return next(
        (c for c in cards if isinstance(c.source, HubSource) and c.source.repo == repo), None
    )


def _compared_with(card: Card | None, found: Snapshot) -> Snapshot:
    promised = {record.name: record for record in card.files} if card else {}
    pinned = card is not None and isinstance(card.source, HubSource) and card.source.revision
    for record in found.files if found.revision == pinned else ():
        if promised.get(record.name, record) != record:
            raise IntegrityError(
                f"{found.repo}@{found.revision[:8]} {record.name}: not what the card promises"
            )
    return found


def _from_bundle(card: Card, source: BundledSource) -> Snapshot:
    folder = bundled_folder(source)
    verified_files(folder, card.files, card.name)
    return Snapshot(folder, card.name, "bundled", card.files)
