"""Names as open_clip spells them, `ViT-B-32/laion2b_s34b_b79k`: its table says which repository.

An owner of the Hub may be called as a model is: `hf-hub:` before a name leaves this table aside.
"""

from importlib.util import find_spec
from pathlib import Path

from zoo.cards.names import one_revision
from zoo.cards.sources import HubSource
from zoo.errors import UsageError

THEIRS = "open_clip_"  # how their weights' names begin


def open_clip_source(name: str, revision: str | None = None) -> HubSource | None:
    """Return the repository of `model/tag[@revision]`; `None` when no such model is known.

    Where open_clip is not installed, none is known: its own table is what is asked.

    Raises:
        UsageError: the model has no such weights, or they are in no folder that is read here; two
            revisions.
    """
    stated, _, inline = name.partition("@")
    model, _, tag = stated.partition("/")
    if not _is_model(model) or "/" in tag:
        return None
    from open_clip import get_pretrained_cfg, list_pretrained_tags_by_model

    found = get_pretrained_cfg(model, tag)
    if not found:
        tags = ", ".join(list_pretrained_tags_by_model(model)) or "none"
        raise UsageError(f"open_clip has no weights {tag!r} of {model}", f"it has {tags}")
    owner, repo, *file = str(found.get("hf_hub", "")).split("/")
    if any(file):
        hint = "choose weights that lie in a repository as open_clip writes them"
        raise UsageError(f"{name}: its weights are {owner}/{repo}/{file[0]}, not read here", hint)
    # timm's repositories hold the image tower alone beside both towers of open_clip.
    prefer = THEIRS if owner == "timm" else ""
    return HubSource(f"{owner}/{repo}", one_revision(name, inline, revision), prefer)


def _is_model(name: str) -> bool:
    """Whether open_clip describes a model of this name; nothing is imported to see."""
    package = find_spec("open_clip") if name else None
    places = (package and package.submodule_search_locations) or []
    return any((Path(place) / "model_configs" / f"{name}.json").is_file() for place in places)
