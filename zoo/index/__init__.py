"""Indexes: folders of embeddings that can be searched, changed and trusted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.embedding.identity import ModelIdentity as ModelIdentity
    from zoo.embedding.rows import Record as Record
    from zoo.index.index import Index as Index
    from zoo.index.layout import Plan as Plan
    from zoo.index.update import Update as Update
    from zoo.search.hits import Hit as Hit

_PLACES = {
    "Hit": "zoo.search.hits",
    "Index": "zoo.index.index",
    "ModelIdentity": "zoo.embedding.identity",
    "Plan": "zoo.index.layout",
    "Record": "zoo.embedding.rows",
    "Update": "zoo.index.update",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use: `rankzoo --help` must not wait for torch."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
