"""What a download would do."""

from typing import Any

from zoo.cards.sources import BundledSource, HubSource
from zoo.hub.client import snapshot_folder
from zoo.hub.download import plan_download
from zoo.hub.package import bundled_folder, package_folder
from zoo.hub.resolve import look_up


def plan(
    name: str, *, revision: str | None = None, offline: bool = False, refresh: bool = False
) -> dict[str, Any]:
    """Return path, revision and files of a download that does not happen.

    Raises:
        UnavailableError: no such name, or the Hub cannot be asked.
        UsageError: a revision of what has none.
    """
    card, source = look_up(name, revision)
    if isinstance(source, HubSource):
        commit, files = plan_download(source, offline=offline, refresh=refresh)
        listed = [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in files]
        path = snapshot_folder(source.repo, commit)
        return {"path": str(path), "revision": commit, "files": listed}
    assert card is not None
    inside = bundled_folder(source) if isinstance(source, BundledSource) else package_folder(source)
    records = [record.as_json() for record in card.files]
    return {"path": str(inside), "revision": str(source), "files": records}
