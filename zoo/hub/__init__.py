"""Cards, names, downloads and uploads: where weights come from and where they go."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.hub.resolve import resolve_model as resolve_model

__all__ = ["resolve_model"]


def __getattr__(name: str) -> Any:
    """Import on first use: `rankzoo list` reads cards and must not wait for torch."""
    if name != "resolve_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from zoo.hub.resolve import resolve_model

    return resolve_model
