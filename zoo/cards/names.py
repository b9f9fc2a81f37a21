"""Names from outside: `owner/name[@revision]`, and file names that must stay in their folder."""

import re
from pathlib import PurePosixPath

from zoo.cards.sources import HubSource
from zoo.errors import IntegrityError, UsageError

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_REPO = re.compile(rf"^({_PART}/{_PART})(?:@([A-Za-z0-9][A-Za-z0-9._/-]*))?$")
COMMIT = re.compile(r"^[0-9a-f]{40}$")


def parse_hub_name(name: str, revision: str | None = None) -> HubSource | None:
    """Read `owner/name[@revision]`; `None` when `name` has another shape.

    `hf-hub:` may stand before it, as timm and open_clip write it.

    Raises:
        UsageError: the revision is given twice and differs.

    >>> parse_hub_name("timm/resnet50.tv_in1k@main")
    HubSource(repo='timm/resnet50.tv_in1k', revision='main', prefer='')
    """
    match = _REPO.match(name.removeprefix("hf-hub:"))
    if match is None or ".." in name:
        return None
    repo, inline = match.groups()
    return HubSource(repo, one_revision(name, inline, revision))


def one_revision(name: str, inline: str | None, revision: str | None) -> str | None:
    """Return the revision in a name, or the one beside it.

    Raises:
        UsageError: they are two.
    """
    if inline and revision and inline != revision:
        raise UsageError(f"two revisions: {inline} in {name!r} and --revision {revision}")
    return inline or revision


def checked_file_name(name: str, where: str) -> str:
    """Return `name` when it stays inside the folder it is written to.

    Raises:
        IntegrityError: absolute, with `..`, a drive, a backslash or a control character.
    """
    path = PurePosixPath(name)
    odd = not name or "\\" in name or ":" in name or any(ord(c) < 32 for c in name)
    if odd or path.is_absolute() or ".." in path.parts or path.as_posix() != name:
        raise IntegrityError(
            f"{where}: file name {name!r} leaves its folder",
            "nothing was written; report it to whoever owns that repository",
        )
    return name
